"""Files that we write ourselves: unfinished ones, their final names, and copies that leave the machine."""
