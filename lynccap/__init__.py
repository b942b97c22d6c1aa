"""Explains Lync and Skype for Business Server failures from packet captures."""

from typing import TYPE_CHECKING, Any

from lynccap.version import __version__

if TYPE_CHECKING:
    from lynccap.results import Analysis, analyze

__all__ = ["Analysis", "__version__", "analyze"]


def __getattr__(name: str) -> Any:
    """`analyze` and `Analysis` when they are first used: pandas takes longer to load than `lynccap --version` may."""
    if name in ("Analysis", "analyze"):
        from lynccap import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
