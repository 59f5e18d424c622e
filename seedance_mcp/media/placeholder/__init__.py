"""Draws the sandbox's placeholder videos."""
