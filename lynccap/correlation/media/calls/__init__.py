"""Calls: who talked with whom, by which way, after what was tried, and whether it went both ways."""
