"""Bytes read as decisions, so that any bytes are a valid input of a structured target."""


class Tape:
    """Reads bytes from their beginning; behind their end, everything is 0."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def number(self, limit: int = 65_536) -> int:
        """A number below `limit`, out of two bytes."""
        return int.from_bytes(self.take(2), "big") % limit


def number(value: int) -> bytes:
    """What a tape reads as this number."""
    return value.to_bytes(2, "big")


def piece(data: bytes) -> bytes:
    """What a tape reads as a number and so many bytes."""
    return number(len(data)) + data
