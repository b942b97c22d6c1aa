"""Several capture points: the same conversation at each of them, their clocks, and what changed on the way."""
