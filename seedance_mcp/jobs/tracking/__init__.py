"""What becomes of a submitted task, and of a purchase whose outcome is unknown."""
