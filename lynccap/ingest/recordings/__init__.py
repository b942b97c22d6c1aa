"""Files that are pieces of one recording, read as one."""
