"""Where media went and how well: relays and allocations, connectivity checks, paths, quality of speech."""
