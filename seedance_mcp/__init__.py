"""Make Seedance videos from an AI assistant, through the Model Context Protocol."""
