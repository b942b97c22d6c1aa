"""What connection attempts may be for, subject by subject; `meanings` asks one after the other."""
