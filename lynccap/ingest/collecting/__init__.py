"""What a command line names: files, folders, patterns, and the captures in archives."""
