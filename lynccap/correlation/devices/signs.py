"""What tells the kind of a device: each sign with its strength, its words and the frame that shows it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from re import IGNORECASE, Pattern, compile, escape

import pandas as pd

from lynccap import reference
from lynccap.correlation.devices.leases import Leases
from lynccap.correlation.names import resolvers_of
from lynccap.tables import Tables

MAX_WORDS = 120  # of a program's or class's own name that is told again
BROWSER = "Mozilla/"  # the same web services are spoken by the web app in a browser
UCWA_PATHS = ("/ucwa/", "/mcx/")


class Strength(IntEnum):
    """How much a sign says, weakest first."""

    HABIT = 1
    """It does what such devices do."""
    NEIGHBOUR = 2
    """It tells the switch what it is."""
    QUESTION = 3
    """It asks for what only such devices ask."""
    SERVICE = 4
    """It uses a service made for such devices."""
    VENDOR_CLASS = 5
    PROGRAM = 6
    """It names its program in HTTP."""
    SIP_PROGRAM = 7


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason to take a device for a kind."""

    kind: str
    strength: Strength
    says: str
    frame: int


Signs = dict[str, list[Sign]]
"""By address; the first of each kind and strength."""
Questions = list[tuple[str, str, int]]
"""Who asked DNS for what, and the first frame of it."""


def read_signs(tables: Tables, flows: pd.DataFrame, leases: Leases, asked: Questions) -> Signs:
    """The signs of all addresses, strongest first."""
    found: dict[str, dict[tuple[str, Strength], Sign]] = defaultdict(dict)
    for address, sign in (
        *_by_program(tables, flows, "sip", Strength.SIP_PROGRAM),
        *_by_program(tables, flows, "http", Strength.PROGRAM),
        *_by_class(tables, leases),
        *_by_root_chain(tables, flows),
        *_by_question(asked),
        *_by_ucwa(tables, flows),
    ):
        found[address].setdefault((sign.kind, sign.strength), sign)
    return {address: sorted(ones.values(), key=lambda one: -one.strength) for address, ones in found.items()}


def _by_program(tables: Tables, flows: pd.DataFrame, protocol: str, strength: Strength) -> Iterator[tuple[str, Sign]]:
    rows = tables[protocol]
    forwarded = rows["hops"] > 1 if protocol == "sip" else rows["via"].notna()
    named = rows["user_agent"].notna() & (rows["kind"] == "request") & ~forwarded
    rows = rows.loc[named, ["flow", "from_client", "user_agent", "frame"]]
    rows = rows.drop_duplicates(["flow", "from_client", "user_agent"])
    rows = rows.assign(sender=_sender(rows, flows)).drop_duplicates(["sender", "user_agent"])
    for sender, agent, frame in zip(rows["sender"], rows["user_agent"], rows["frame"], strict=True):
        if kind := _kind_of_agent(agent):
            yield sender, Sign(kind, strength, f"User-Agent {agent[:MAX_WORDS]}", int(frame))


def _sender(rows: pd.DataFrame, flows: pd.DataFrame) -> pd.Series:
    client, server = rows["flow"].map(flows["client"]), rows["flow"].map(flows["server"])
    return client.where(rows["from_client"], server)


@cache
def _agents() -> tuple[tuple[Pattern[str], str], ...]:
    rows = (row for row in reference.device_signs() if row.sign == "user-agent")
    return tuple((compile(rf"\b{escape(row.pattern)}", IGNORECASE), row.kind) for row in rows)


@lru_cache(maxsize=4096)
def _kind_of_agent(user_agent: str) -> str | None:
    return next((kind for pattern, kind in _agents() if pattern.search(user_agent)), None)


@lru_cache(maxsize=4096)
def kind_by_start(sign: str, text: str) -> tuple[str, str] | None:
    """Kind and product of the first row of a sign whose pattern a text begins with."""
    rows = (row for row in reference.device_signs() if row.sign == sign)
    return next(((row.kind, row.product) for row in rows if text.lower().startswith(row.pattern.lower())), None)


def _by_class(tables: Tables, leases: Leases) -> Iterator[tuple[str, Sign]]:
    """The class a MAC tells is that of all addresses it was given."""
    dhcp = tables["dhcp"]
    held: dict[str, list[str]] = defaultdict(list)
    for address, ones in leases.items():
        for one in ones:
            held[one.mac].append(address)
    said = dhcp[dhcp["from_client"] & dhcp["vendor_class"].notna()].drop_duplicates(["mac", "vendor_class"])
    for mac, vendor_class, frame in zip(said["mac"], said["vendor_class"], said["frame"], strict=True):
        if told := kind_by_start("vendor-class", vendor_class):
            says = f"DHCP vendor class {vendor_class[:MAX_WORDS]}"
            for address in dict.fromkeys(held.get(mac, ())):
                yield address, Sign(told[0], Strength.VENDOR_CLASS, says, int(frame))


def _by_root_chain(tables: Tables, flows: pd.DataFrame) -> Iterator[tuple[str, Sign]]:
    certprov = tables["certprov"]
    asked = certprov[certprov["step"] == "root-chains"].drop_duplicates("flow")
    for client, frame in zip(asked["flow"].map(flows["client"]), asked["frame"], strict=True):
        yield client, Sign("Lync phone", Strength.SERVICE, "asked for the root certificate chain", int(frame))


def _by_question(asked: Questions) -> Iterator[tuple[str, Sign]]:
    for client, name, frame in asked:
        if told := kind_by_start("question", name):
            yield client, Sign(told[0], Strength.QUESTION, f"asked for {name}", frame)


def read_questions(tables: Tables, flows: pd.DataFrame) -> Questions:
    """Client, name and first frame of every question to DNS; what DNS servers ask, they ask for others."""
    dns = tables["dns"]
    asked = dns.loc[dns["kind"] == "request", ["flow", "name", "frame"]]
    asked = asked.assign(client=asked["flow"].map(flows["client"])).drop_duplicates(["client", "name"])
    asked = asked[~asked["client"].isin(list(resolvers_of(flows)))]
    return list(zip(asked["client"], asked["name"], asked["frame"].tolist(), strict=True))


def _by_ucwa(tables: Tables, flows: pd.DataFrame) -> Iterator[tuple[str, Sign]]:
    http = tables["http"]
    own = (http["kind"] == "request") & http["target"].notna() & http["from_client"] & http["via"].isna()
    asked = http.loc[own, ["flow", "target", "user_agent", "frame"]]
    asked = asked[asked["target"].astype(str).str.lower().str.startswith(UCWA_PATHS)].drop_duplicates("flow")
    for client, agent, frame in zip(
        asked["flow"].map(flows["client"]), asked["user_agent"], asked["frame"], strict=True
    ):
        if not (agent or "").startswith(BROWSER):
            yield client, Sign("mobile", Strength.HABIT, "speaks UCWA, as mobile apps do", int(frame))
