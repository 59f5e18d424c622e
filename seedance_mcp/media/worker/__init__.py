"""
What runs confined, in a process of its own: decoders and parsers of files that may be hostile.

Imports nothing else of the package but `cuts`, `fitting` and `frames` beside it, so that it starts fast.
"""
