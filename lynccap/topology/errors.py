"""What goes wrong when a topology is read."""


class UnreadableTopology(ValueError):
    """Nothing can be read; the text is one line: which file, where, what, and what to do."""
