"""What is spent and what may be: the ledger, the caps with their breakers, and purchases of unknown price."""
