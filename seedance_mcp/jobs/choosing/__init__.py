"""Which offer a request goes to, and what it costs there and elsewhere."""
