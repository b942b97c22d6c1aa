"""Capture file formats: each reader yields frames, window by window."""
