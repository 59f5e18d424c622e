"""What comes out: videos downloaded, saved and shown, and the command at the end of a job."""
