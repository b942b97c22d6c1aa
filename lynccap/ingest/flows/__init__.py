"""Packets added up to flows, exactly and on columns."""
