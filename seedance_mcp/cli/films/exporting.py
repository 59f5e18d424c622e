"""Writes an example of a document, and copies a film out for an editor."""
