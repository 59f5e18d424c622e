"""What the command `film` does with a document: plan it, make it, look at it, export it."""
