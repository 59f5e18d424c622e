"""One purchase, from the request to its recorded outcome."""
