"""Who ended a connection: one of its hosts, or a box in between."""
