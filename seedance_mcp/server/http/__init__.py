"""How assistants reach it over HTTP; only `serve` imports it."""
