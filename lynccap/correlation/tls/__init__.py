"""TLS connections: how far handshakes came, who ended them, whose certificates belong above whose."""
