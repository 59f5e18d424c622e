"""Atlas Cloud: one call for status and result, a history with what was ordered, quotes before buying."""
