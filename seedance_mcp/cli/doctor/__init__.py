"""The check-up: what making a video needs, looked at one finding at a time."""
