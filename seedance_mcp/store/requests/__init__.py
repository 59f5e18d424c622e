"""What is known of a request before it is bought: questions to a person, idempotency keys, and the same asked before."""
