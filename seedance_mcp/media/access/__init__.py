"""May this file be read: how a path may be written, which folders are open, and opening without being led astray."""
