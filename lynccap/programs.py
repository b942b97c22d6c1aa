"""Where programs are that lynccap can make use of."""

import shutil
from collections.abc import Iterable

WIRESHARK_FOLDERS = (
    "C:/Program Files/Wireshark",
    "C:/Program Files (x86)/Wireshark",
    "/Applications/Wireshark.app/Contents/MacOS",
)
"""Where Wireshark's installers put tshark without adding it to the search path."""


def tshark() -> str:
    """The path of tshark, "" when it is not installed."""
    return program(("tshark",), WIRESHARK_FOLDERS)


def program(names: Iterable[str], folders: Iterable[str] = ()) -> str:
    """The path of the first of `names` that is on the search path or in one of the folders, "" without any."""
    for name in names:
        found = shutil.which(name) or next(filter(None, (shutil.which(name, path=one) for one in folders)), None)
        if found:
            return found
    return ""
