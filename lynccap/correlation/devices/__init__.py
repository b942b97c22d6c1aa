"""Which devices there are, what kind each is, and on which side of the firewall."""
