"""TLS sessions read with their keys: which can be, their bytes through tshark, what was said in them."""
