"""Which providers can be reached, with whose key, how often, and by what way files get there."""
