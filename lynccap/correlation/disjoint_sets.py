"""Things that belong together, joined pair by pair."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class DisjointSets(Generic[Member]):
    """Groups of which no two share a member (union-find); a member nobody joined is a group of its own."""

    def __init__(self) -> None:
        """No groups."""
        self._parent: dict[Member, Member] = {}

    def find(self, member: Member) -> Member:
        """The member that stands for a group, the same for all of it until the group is joined."""
        parent = self._parent
        while (above := parent.setdefault(member, member)) != member:
            parent[member] = parent[above]
            member = parent[member]
        return member

    def join(self, member: Member, into: Member) -> bool:
        """Put the group of `member` into that of `into`, whose own goes on standing for it; False: it was there."""
        below, above = self.find(member), self.find(into)
        self._parent[below] = above
        return below != above

    def leaders(self) -> dict[Member, Member]:
        """Every member ever asked for, in that order, with the one that stands for its group."""
        return {member: self.find(member) for member in list(self._parent)}
