"""HTTP for all adapters: which addresses may be reached, one paid request, free ones that repeat, and what an answer means."""
