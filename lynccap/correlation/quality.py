"""What each capture cannot show, and what may therefore not be concluded from it."""

from typing import Any

import pandas as pd

from lynccap.correlation.case import Case
from lynccap.document import Quality

ANSWERS = "that an answer was never sent"
MESSAGES = "that a message was not sent"
BEGINNINGS = "how connections began that were already open"


def read_quality(case: Case) -> tuple[Quality, ...]:
    """The quality entries of the case's capture; one without any is as good as captures get."""
    row = next(case.tables.captures.itertuples())
    entries = [*_file(row), *_flows(case.flows)]
    if not any(case.roles.is_lync(one) for one in case.roles.claims):
        says = "Nothing in this capture shows a Lync or Skype for Business server."
        entries.append(Quality("no-lync", says, ("that Lync works or does not work",)))
    return tuple(entries)


def _file(row: Any) -> list[Quality]:
    entries = []
    if row.damage:
        rest = "What came before was read." if row.packets else "Nothing of it could be read."
        says = f"The file is damaged: {row.damage}. {rest}"
        entries.append(Quality("damaged", says, ("what happened after the damage",)))
    if row.snapped:
        says = f"{row.snapped} of {row.packets} frames were cut by a snap length; record whole packets (tcpdump -s 0)."
        entries.append(Quality("snapped", says, (MESSAGES, "what certificates and error texts say")))
    if row.undecoded:
        says = f"{row.undecoded} of {row.packets} frames are of a kind that is not read"
        why = ", ".join(f"{reason}: {count}" for reason, count in row.undecoded_reasons)
        entries.append(Quality("undecoded", f"{says} ({why})." if why else f"{says}."))
    return entries + _fragments(row)


def _fragments(row: Any) -> list[Quality]:
    entries = []
    if row.fragments_incomplete:
        says = (
            f"{_datagrams(row.fragments_incomplete)} not whole: fragments are missing or cut short. "
            "At most the first fragment of each was read."
        )
        entries.append(Quality("fragments-missing", says, (MESSAGES,)))
    if row.fragments_overlapping:
        says = f"{_datagrams(row.fragments_overlapping)} not read, because their fragments overlap."
        entries.append(Quality("fragments-overlapping", says, (MESSAGES,)))
    return entries


def _datagrams(count: int) -> str:
    return f"{count} IP datagrams are" if count != 1 else "1 IP datagram is"


def _flows(flows: pd.DataFrame) -> list[Quality]:
    entries = []
    talking = flows[flows["transport"].isin(("tcp", "udp"))]
    both = (talking["frames_client"] > 0) & (talking["frames_server"] > 0)
    if len(talking) and not both.any():
        says = (
            "Only one direction of every conversation is in this capture. "
            "Check that the mirror port copies both directions, then record again."
        )
        entries.append(Quality("one-sided", says, (ANSWERS, "who closed a connection")))
    lost = int((flows["lost_client"] + flows["lost_server"]).sum())
    if lost:
        says = f"The capture lacks {lost} bytes that the receivers acknowledged: it dropped packets while recording."
        entries.append(Quality("lossy", says, (ANSWERS, MESSAGES)))
    late = int((flows["opening"] == "midstream").sum())
    if late:
        noun = "connections were" if late != 1 else "connection was"
        says = f"{late} TCP {noun} already open when the capture began."
        entries.append(Quality("started-late", says, (BEGINNINGS,)))
    return entries
