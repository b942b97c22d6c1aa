"""An exact hash table on numpy columns: numbers pairs of 64-bit keys, whole arrays at a time."""

import os

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.frames import Ints

Keys = NDArray[np.uint64]

FIRST_SLOTS = 1 << 12
_FACTORS = np.frombuffer(os.urandom(16), np.uint64) | np.uint64(1)  # nobody can prepare keys that collide
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_DOWN = np.uint64(31)


class HashTable:
    """Open addressing with linear probing, at most half full; pairs are equal only when all 128 bits are."""

    def __init__(self) -> None:
        """An empty table."""
        self.size = 0
        self._first = np.zeros(FIRST_SLOTS // 2, np.uint64)
        self._second = np.zeros(FIRST_SLOTS // 2, np.uint64)
        self._slots = np.full(FIRST_SLOTS, -1, np.int32)
        self._claims = np.zeros(FIRST_SLOTS, np.int32)

    def number(self, first: Keys, second: Keys) -> Ints:
        """The number of each pair; new pairs get the next ones."""
        self._reserve(self.size + len(first))
        return self._probe(first, second, True)

    def find(self, first: Keys, second: Keys) -> Ints:
        """The number of each pair, -1 where it is not in the table."""
        return self._probe(first, second, False)

    def keys(self) -> tuple[Keys, Keys]:
        """Both keys of every number."""
        return self._first[: self.size], self._second[: self.size]

    def _probe(self, first: Keys, second: Keys, insert: bool) -> Ints:
        mask = len(self._slots) - 1
        found = np.full(len(first), -1, np.int64)
        pending = np.arange(len(first))
        slot = _hash(first, second, mask)
        while pending.size:
            held = self._slots[slot]
            empty = held < 0
            if empty.any():
                if insert:
                    self._insert(pending[empty], slot[empty], first, second)
                    held = self._slots[slot]
                else:
                    pending, slot, held = pending[~empty], slot[~empty], held[~empty]
            same = (self._first[held] == first[pending]) & (self._second[held] == second[pending])
            found[pending[same]] = held[same]
            pending = pending[~same]
            slot = (slot[~same] + 1) & mask
        return found

    def _insert(self, rows: Ints, slots: Ints, first: Keys, second: Keys) -> None:
        # Of rows that want one slot the last one written holds it: writing backwards lets the first row win.
        self._claims[slots[::-1]] = rows[::-1]
        won = self._claims[slots] == rows
        rows, slots = rows[won], slots[won]
        numbers = np.arange(self.size, self.size + len(rows))
        self._first[numbers] = first[rows]
        self._second[numbers] = second[rows]
        self._slots[slots] = numbers
        self.size += len(rows)

    def _reserve(self, count: int) -> None:
        if count * 2 <= len(self._slots):
            return
        slots = len(self._slots)
        while slots < count * 2:
            slots *= 2
        first, second = self.keys()
        self._first = np.zeros(slots // 2, np.uint64)
        self._second = np.zeros(slots // 2, np.uint64)
        self._first[: self.size], self._second[: self.size] = first, second
        self._slots = np.full(slots, -1, np.int32)
        self._claims = np.zeros(slots, np.int32)
        _place(self._slots, self._claims, _hash(first, second, slots - 1))


def _hash(first: Keys, second: Keys, mask: int) -> Ints:
    mixed = (first ^ (first >> _DOWN)) * _FACTORS[0] + (second ^ (second >> _DOWN)) * _FACTORS[1]
    mixed ^= mixed >> _DOWN
    mixed *= _MIX
    mixed ^= mixed >> _DOWN
    slots: Ints = (mixed & np.uint64(mask)).astype(np.int64)
    return slots


def _place(slots: NDArray[np.int32], claims: NDArray[np.int32], wanted: Ints) -> None:
    """Put the numbers 0, 1, … into the slots they want, or the next free ones."""
    mask = len(slots) - 1
    pending = np.arange(len(wanted))
    while pending.size:
        at = wanted[pending]
        free = slots[at] < 0
        claims[at[free]] = pending[free]
        won = free.copy()
        won[free] = claims[at[free]] == pending[free]
        slots[at[won]] = pending[won]
        pending = pending[~won]
        wanted[pending] = (wanted[pending] + 1) & mask
