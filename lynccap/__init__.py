"""Explains Lync and Skype for Business Server failures from packet captures."""

__version__ = "0.1.0"
