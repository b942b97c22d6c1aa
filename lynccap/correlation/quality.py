"""What each capture cannot show, what may therefore not be concluded from it, and how to record it better.

Every function looks for one kind of lack; its code names the rows of `recapture.csv`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.document import Quality, rfc3339
from lynccap.reference import recapture

ANSWERS = "that an answer was never sent"
MESSAGES = "that a message was not sent"
BEGINNINGS = "how connections began that were already open"
TIMES = "how long something took, or that it took too long"
SIZES = "how large packets were on the wire, and how many there were"
SEALED_TEXT = "what was said in TLS sessions that were not decrypted"
SHOWN = 3  # interfaces, hosts or devices one sentence names
FEW_FLOWS = 3  # unanswered conversations of a device before the mirror port is suspected
PATIENCE_NS = 9_000_000_000  # until the last common repeat of a SYN
ETHERNET = 1

Lacks = Iterator[Quality]


def read_quality(case: Case) -> tuple[Quality, ...]:
    """The quality entries of the case's capture; one without any is as good as captures get."""
    row = next(case.tables.captures.itertuples())
    return tuple(lack for look in LOOKS for lack in look(case, row))


def _lack(code: str, says: str, *forbids: str) -> Quality:
    return Quality(code, says, forbids, tuple(f"{one.where}: {one.advice}" for one in recapture(code)))


def _damaged(case: Case, row: Any) -> Lacks:
    if row.damage:
        rest = "What could be read was judged." if row.packets else "Nothing of it could be read."
        yield _lack("damaged", f"The file is damaged: {row.damage}. {rest}", "what happened after the damage")


def _snapped(case: Case, row: Any) -> Lacks:
    if not row.snapped:
        return
    anomalies = case.tables.anomalies
    cut = anomalies[anomalies["kind"] == "truncated"].groupby("protocol").size()
    told = ", ".join(f"{count} {protocol.upper()}" for protocol, count in sorted(cut.items()))
    messages = f" Cut messages: {told}." if told else ""
    says = f"{row.snapped} of {row.packets} frames were cut short while recording.{messages}"
    yield _lack("snapped", says, MESSAGES, "what certificates and error texts say")


def _undecoded(case: Case, row: Any) -> Lacks:
    if row.undecoded:
        says = f"{row.undecoded} of {row.packets} frames are of a kind that is not read"
        why = ", ".join(f"{reason}: {count}" for reason, count in row.undecoded_reasons)
        yield _lack("undecoded", f"{says} ({why})." if why else f"{says}.")


def _fragments(case: Case, row: Any) -> Lacks:
    if row.fragments_incomplete:
        says = (
            f"{_datagrams(row.fragments_incomplete)} not whole: fragments are missing or cut short. "
            "At most the first fragment of each was read."
        )
        yield _lack("fragments-missing", says, MESSAGES)
    if row.fragments_overlapping:
        says = f"{_datagrams(row.fragments_overlapping)} not read, because their fragments overlap."
        yield _lack("fragments-overlapping", says, MESSAGES)


def _datagrams(count: int) -> str:
    return f"{count} IP datagrams are" if count != 1 else "1 IP datagram is"


def _dropped(case: Case, row: Any) -> Lacks:
    losses = case.recorder_losses(row.Index)
    if losses:
        told = [f"{one.lost} of {one.packets} packets on interface {one.interface}" for one in losses]
        yield _lack("dropped", f"The recorder itself lost {_listed(told, '; ')}.", ANSWERS, MESSAGES)


def _one_sided(case: Case, row: Any) -> Lacks:
    flows = case.flows
    talking = flows[flows["transport"].isin(("tcp", "udp"))]
    both = (talking["frames_client"] > 0) & (talking["frames_server"] > 0)
    if len(talking) and not both.any():
        says = "Only one direction of every conversation is in this capture."
        yield _lack("one-sided", says, ANSWERS, "who closed a connection")
        return
    answered = {address for side in ("client", "server") for address in talking.loc[both, side]}
    lone = talking[(talking["frames_server"] == 0) & ~talking["client"].isin(answered)]
    counts = lone.groupby("client")["server"].size()
    silent = [one.id for one in case.devices.all() if counts.get(one.id, 0) >= FEW_FLOWS]
    if silent:
        names = _listed(sorted(silent, key=sort_key))
        says = f"Of {names}, only sent packets are in this capture, none received."
        yield _lack("one-sided-devices", says, f"{ANSWERS} to them")


def _lossy(case: Case, row: Any) -> Lacks:
    lost = int((case.flows["lost_client"] + case.flows["lost_server"]).sum())
    if lost:
        says = f"The capture lacks {lost} bytes that the receivers acknowledged: it dropped packets while recording."
        yield _lack("lossy", says, ANSWERS, MESSAGES)


def _started_late(case: Case, row: Any) -> Lacks:
    late = int((case.flows["opening"] == "midstream").sum())
    if late:
        noun = "connections were" if late != 1 else "connection was"
        yield _lack("started-late", f"{late} TCP {noun} already open when the capture began.", BEGINNINGS)


def _ended_early(case: Case, row: Any) -> Lacks:
    flows = case.flows
    open_ = flows[(flows["opening"] == "unanswered") & (flows["first_time"] > row.last_time - PATIENCE_NS)]
    if len(open_):
        noun = "connections were" if len(open_) != 1 else "connection was"
        says = f"The capture ends while {len(open_)} TCP {noun} still being tried."
        yield _lack("ended-early", says, f"{ANSWERS} to them")


def _copied(case: Case, row: Any) -> Lacks:
    if row.copies:
        some = f"{row.routed_copies} of them " if row.routed_copies < row.copies else ""
        routed = f", {some}as seen on the other side of a router" if row.routed_copies else ""
        says = (
            f"{row.copies} of {row.packets} frames hold a packet that is in the capture already{routed}. "
            "Each packet was judged once; the frames keep their numbers."
        )
        yield _lack("copies", says)


def _offloaded(case: Case, row: Any) -> Lacks:
    if row.unsealed_hosts:
        hosts = _listed(list(row.unsealed_hosts))
        where = (
            "on it, or on the machine that runs it" if len(row.unsealed_hosts) == 1 else "on a machine that runs them"
        )
        says = (
            f"The packets of {hosts} lack the checksums that the network card adds: this was recorded {where}, "
            "and wrong checksums mean nothing."
        )
        yield _lack("checksum-offload", says)
    if row.large_frames:
        many = f"{row.large_frames} frames hold" if row.large_frames != 1 else "1 frame holds"
        says = (
            f"{many} more of a TCP connection than standard Ethernet allows: the network uses jumbo frames, "
            "or the network card cuts or joins segments out of the recorder's sight."
        )
        yield _lack("segment-offload", says, SIZES)


def _clock(case: Case, row: Any) -> Lacks:
    steps = case.tables.clock_steps
    if len(steps):
        first = steps.iloc[0]
        before, after = (rfc3339(int(first[name]), int(row.digits)) for name in ("before", "after"))
        more = f" {len(steps) - 1} more jumps follow." if len(steps) > 1 else ""
        says = (
            f"The times jump at {_place(case, int(first['frame']))} from {before} to {after}: "
            f"the recorder's clock was set, or recordings were put behind each other.{more}"
        )
        yield _lack("clock-step", says, TIMES)
    if row.reordered:
        says = (
            f"{row.reordered} of {row.packets} frames are not in the order of their times, by less than a second. "
            "Recorders of several interfaces write them so; nothing is missing."
        )
        yield _lack("reordered", says)


def _place(case: Case, frame: int) -> str:
    """A frame of the recording as the one a person finds in its file."""
    files = case.tables.files["name"].tolist()
    name, number = Origins(case.tables, files).place(frame)
    return f"frame {number} of {name}" if len(files) > 1 else f"frame {number}"


def _mixed(case: Case, row: Any) -> Lacks:
    if len(row.links) > 1:
        says = f"The capture mixes {len(row.links)} kinds of link: a packet may be in it once for each."
        yield _lack("mixed-links", says)


SEALED = {
    "no-key": "{} because no key is for {them}",
    "resumed": "{} because {they} resume{s} a session whose first handshake is not in the capture",
    "forward-secrecy": "{} because of forward secrecy: a server's private key does not open {them}, a key log does",
    "other-certificate": "{} because the private key is not that of the server's certificate",
    "no-handshake": "{} because the handshake is not whole in the capture",
    "unfinished": "{} whose handshake never finished",
    "version": "{} because SSL 2.0 is not read",
    "gaps": "{} from where bytes are missing in the capture",
    "too-large": "{} beyond the size that is read",
    "nothing-found": "{} because nothing came out: the key does not fit, or nothing was said",
    "not-all": "{} of which some records did not open: no key is for what was said after a new handshake",
    "read-once": "{} because the capture came as a stream: save it as a file first",
    "no-folder": "{} because no temporary folder could be written: set TMPDIR to one with space in it",
    "no-tshark": "{} because tshark is not installed: install Wireshark with its command line tools",
    "tshark-off": "{} because tshark was not to be used (--no-tshark)",
    "tshark-failed": "{} because tshark failed: lynccap doctor says which one is used",
    "tshark-limit": "{} because tshark took too much time or said too much",
}
"""What is said of TLS sessions that keys did not open, by the reason in DECRYPTIONS."""


def _sealed(case: Case, row: Any) -> Lacks:
    table = case.tables.decryptions
    if not len(table):
        return
    opened = int((table["outcome"] == "decrypted").sum())
    reasons = table.loc[table["reason"] != "", "reason"].value_counts()
    told = "; ".join(_reason(name, int(reasons[name])) for name in SEALED if name in reasons)
    if not told:
        sessions = "the one TLS session" if opened == 1 else f"all {opened} TLS sessions"
        yield _lack("decryption", f"Nothing that was said in TLS stays hidden: keys opened {sessions}.")
        return
    says = f"Keys opened {opened} of {len(table)} TLS session{'s' if len(table) != 1 else ''}."
    yield _lack("decryption", f"{says} Not, or not wholly, opened: {told}.", SEALED_TEXT)


def _reason(name: str, count: int) -> str:
    words = {"them": "it", "they": "it", "s": "s"} if count == 1 else {"them": "them", "they": "they", "s": ""}
    return SEALED[name].format(count, **words)


def _strange(case: Case, row: Any) -> Lacks:
    if not any(case.roles.is_lync(one) for one in case.roles.claims):
        says = "Nothing in this capture shows a Lync or Skype for Business server."
        yield _lack("no-lync", says, "that Lync works or does not work")


def _listed(items: list[str], separator: str = ", ") -> str:
    more = len(items) - SHOWN
    return separator.join([*items[:SHOWN], *([f"{more} more"] if more > 0 else [])])


LOOKS: tuple[Callable[[Case, Any], Lacks], ...] = (
    _damaged,
    _dropped,
    _one_sided,
    _lossy,
    _snapped,
    _fragments,
    _started_late,
    _ended_early,
    _clock,
    _offloaded,
    _copied,
    _mixed,
    _undecoded,
    _sealed,
    _strange,
)
