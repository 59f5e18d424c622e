"""What goes in: the files and addresses of a request, checked, fitted and sent."""
