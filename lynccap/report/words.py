"""The vocabulary of the reports: names of levels, services, roles and steps, and how amounts are written."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise

from lynccap.document import Confidence, Outcome, Reading, Severity, StepOutcome

NO_BREAK = "\u00a0"  # keeps a number and its unit, or the groups of a number, on one line
MAX_RANGES = 60  # frame ranges written out: longer lists are for the display filter, which selects them all

SEVERITY_NAMES: dict[Severity, str] = {
    Severity.CRITICAL: "Critical",
    Severity.MAJOR: "Major",
    Severity.MINOR: "Minor",
    Severity.INFO: "For information",
}
SEVERITY_MEANINGS: dict[Severity, str] = {
    Severity.CRITICAL: "sign-in, calls or conferencing are lost for a device or a site.",
    Severity.MAJOR: "one kind of work fails, or it fails for a class of users.",
    Severity.MINOR: "it works, but badly or at risk.",
    Severity.INFO: "nothing is wrong.",
}
SEVERITY_ORDER: dict[Severity, int] = {severity: rank for rank, severity in enumerate(Severity)}

CONFIDENCE_NAMES: dict[Confidence, str] = {
    Confidence.CERTAIN: "Certain",
    Confidence.LIKELY: "Likely",
    Confidence.POSSIBLE: "Possible",
}
CONFIDENCE_MEANINGS: dict[Confidence, str] = {
    Confidence.CERTAIN: "the frames show all of it, and what looks alike was excluded.",
    Confidence.LIKELY: "the frames show most of it, and nothing speaks against it.",
    Confidence.POSSIBLE: "the frames show a first sign. Confirm it before changing anything.",
}
CONFIDENCE_ORDER: dict[Confidence, int] = {confidence: rank for rank, confidence in enumerate(Confidence)}

READING_NAMES: dict[Reading, str] = {
    Reading.PACKETS: "the packets themselves",
    Reading.CLEAR: "messages that were sent in the clear",
    Reading.DECRYPTED: "messages that the key log decrypted",
    Reading.PATTERN: "the pattern of encrypted traffic (sizes, timing, ends); what was said is not known",
}

STEP_SIGNS: dict[StepOutcome, str] = {
    StepOutcome.OK: "✓",
    StepOutcome.FAILED: "✕",
    StepOutcome.SKIPPED: "–",
    StepOutcome.NOT_SEEN: "○",
    StepOutcome.UNKNOWN: "?",
}
STEP_NAMES: dict[StepOutcome, str] = {
    StepOutcome.OK: "ok",
    StepOutcome.FAILED: "failed",
    StepOutcome.SKIPPED: "skipped",
    StepOutcome.NOT_SEEN: "not seen",
    StepOutcome.UNKNOWN: "unknown",
}

OUTCOME_NAMES: dict[Outcome, str] = {
    Outcome.FIRED: "Found something",
    Outcome.CLEAR: "Clear",
    Outcome.NOT_SEEN: "Nothing to check",
    Outcome.INCONCLUSIVE: "Could not decide",
    Outcome.RULE_FAILED: "Broke down",
}
OUTCOME_MEANINGS: dict[Outcome, str] = {
    Outcome.FIRED: "The frames show what this check looks for.",
    Outcome.CLEAR: "The traffic is there, and it does not show the problem.",
    Outcome.NOT_SEEN: "The traffic this check reads is not in the captures.",
    Outcome.INCONCLUSIVE: "The captures lack something this check needs.",
    Outcome.RULE_FAILED: "An error in lynccap stopped this check. Its result is missing.",
}

SERVICE_NAMES: dict[str, str] = {
    "sip": "SIP (sign-in, presence, calls)",
    "psom": "PSOM (web conferencing)",
    "stun-turn": "STUN/TURN (media relay)",
    "rtp": "RTP (audio and video)",
    "rtcp": "RTCP (media reports)",
    "certprov": "certificate provisioning",
    "web-ticket": "web ticket (web sign-in)",
    "autodiscover": "Autodiscover",
    "crl": "CRL (certificate revocation list)",
    "ocsp": "OCSP (certificate revocation)",
    "address-book": "address book",
    "device-update": "device update",
    "ucwa": "UCWA (mobile and web clients)",
    "meet": "meeting join page",
    "web": "Lync web services",
    "mras": "MRAS (relay credentials)",
    "dns": "DNS",
    "dhcp": "DHCP",
    "ntp": "NTP (time)",
    "app-sharing": "application sharing",
    "xmpp": "XMPP",
    "sql": "SQL Server",
    "smb": "SMB (file share)",
    "cms-replication": "configuration replication",
    "http": "other web traffic (HTTP)",
    "tls": "other encrypted traffic (TLS)",
    "other": "other traffic",
}

SERVICE_ORDER: dict[str, int] = {service: rank for rank, service in enumerate(SERVICE_NAMES)}
BASIS_NAMES: dict[str, str] = {
    "bytes": "its bytes",
    "topology": "the topology file",
    "sni": "the name it asked for in TLS",
    "role": "the server's role",
    "dns": "the name it was looked up by",
    "certificate": "the server's certificate",
    "port": "its port number",
}
"""On what the naming of a service rests."""

LYNC_SERVICES = frozenset(SERVICE_NAMES) - {
    *("dns", "dhcp", "ntp", "sql", "smb", "xmpp", "crl", "ocsp", "http", "tls", "other"),
}
"""Services that say Lync or Skype for Business may be in a capture; the others are on any network."""

KINDS: dict[str, tuple[str, str]] = {
    "phone": ("phone", "phones"),
    "Lync phone": ("Lync phone", "Lync phones"),
    "third-party phone": ("third-party phone", "third-party phones"),
    "pc": ("PC", "PCs"),
    "desktop": ("desktop client", "desktop clients"),
    "client": ("client", "clients"),
    "mobile": ("mobile device", "mobile devices"),
    "server": ("server", "servers"),
    "gateway": ("gateway", "gateways"),
    "room system": ("room system", "room systems"),
}
"""Kinds of device, one and many; any other kind is called a device."""
DEVICE = ("device", "devices")

GLOSSARY: tuple[tuple[str, str, str], ...] = (
    (
        "Frame",
        "",
        "One packet as it was captured. Frames are numbered as in Wireshark, from 1 in each capture.",
    ),
    (
        "Display filter",
        "",
        "A line to paste into Wireshark's filter bar. It shows the frames meant, and no others.",
    ),
    ("Flow", "", "One conversation between two addresses and ports."),
    ("CRL", "crl", "Certificate revocation list: a file that names certificates no longer to be trusted."),
    ("DHCP", "dhcp", "The service that gives a device its address, and a Lync phone the way to its server."),
    ("DNS", "dns", "The service that turns names into addresses."),
    ("Edge", "edge", "The server between the Internet and the internal Lync servers."),
    ("Front End", "front end", "The server a device signs in to and whose web services it uses."),
    ("ICE", "ice", "The way two parties of a call try all paths between them and keep the best one."),
    ("MRAS", "mras", "The service that hands out the passwords for the media relay."),
    ("PSOM", "psom", "The protocol of whiteboards, polls and slides in meetings."),
    ("RST", "rst", "A TCP packet that refuses or ends a connection at once."),
    ("RTP", "rtp", "The protocol that carries sound and picture."),
    ("Root chain", "root chain", "The certificates a phone must hold before it can trust a server."),
    ("SIP", "sip", "The protocol of sign-in, presence, messages and call set-up."),
    ("SYN", "syn", "The first packet of a TCP connection."),
    ("TLS", "tls", "Encryption of a connection; the server shows a certificate at its start."),
    ("TURN", "turn", "A relay for sound and picture where the direct path is closed."),
)
"""Word, the lower-case word to look for in the document ("" for always), and what it means."""

_WORD = re.compile("[A-Za-z]+")
_ACRONYMS = frozenset(
    (
        *("dhcp", "dns", "tls", "sip", "mras", "tcp", "udp", "ip", "ice", "http", "https"),
        *("crl", "ocsp", "turn", "stun", "ntp", "rtp", "psom", "vlan", "lldp"),
    )
)


def number(value: int) -> str:
    """`value` with its thousands set apart: 12 345."""
    return f"{value:,}".replace(",", NO_BREAK)


def count(value: int, one: str, many: str = "") -> str:
    """An amount with its unit: 1 device, 14 devices."""
    return f"{number(value)}{NO_BREAK}{one if value == 1 else many or one + 's'}"


def size(value: int) -> str:
    """An amount of bytes in decimal units: 12.4 MB."""
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{value}{NO_BREAK}bytes" if unit == "bytes" else f"{amount:.1f}{NO_BREAK}{unit}"


def moment(time: str | None) -> str:
    """An RFC 3339 UTC time as people write it, with its zone, cut to milliseconds."""
    if not time or not time.endswith("Z"):
        return time or "no time"
    whole, dot, fraction = time[:-1].replace("T", " ").partition(".")
    return f"{whole}{dot}{fraction[:3]} UTC"


def span(first: str | None, last: str | None) -> str:
    """How long it is from `first` to `last`, both RFC 3339: 12 min 3 s; "" when it cannot be told."""
    try:
        seconds = (datetime.fromisoformat(last or "") - datetime.fromisoformat(first or "")).total_seconds()
    except (ValueError, TypeError):
        return ""
    if seconds < 0:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{number(hours)}{NO_BREAK}h {minutes}{NO_BREAK}min"
    return f"{minutes}{NO_BREAK}min {rest}{NO_BREAK}s"


def listing(parts: Sequence[str]) -> str:
    """Parts as a sentence lists them: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def frames(numbers: Sequence[int]) -> str:
    """Frame numbers with runs joined, at most MAX_RANGES of them: 12–14, 20."""
    ordered = sorted(set(numbers))
    if not ordered:
        return "none"
    breaks = [position for position, (one, two) in enumerate(pairwise(ordered), 1) if two != one + 1]
    starts, ends = [0, *breaks], [*breaks, len(ordered)]
    runs = [_run(ordered[start], ordered[end - 1]) for start, end in zip(starts, ends, strict=True)]
    if len(runs) <= MAX_RANGES:
        return ", ".join(runs)
    return f"{', '.join(runs[:MAX_RANGES])} and {number(len(ordered) - ends[MAX_RANGES - 1])} more"


def frame_list(numbers: Sequence[int]) -> str:
    """`frames` with the word before them: frame 20; frames 12–14, 20."""
    return f"{'frame' if len(set(numbers)) == 1 else 'frames'} {frames(numbers)}"


def _run(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}, {last}" if last == first + 1 else f"{first}–{last}"


def step_name(step: str) -> str:
    """A journey step's name as people write it: "root chain" is Root chain, "dns" is DNS."""
    return capital(_WORD.sub(lambda word: word[0].upper() if word[0].lower() in _ACRONYMS else word[0], step))


def capital(text: str) -> str:
    """`text` with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """`text` ending with a full stop, and beginning with a capital unless a host's name begins it."""
    text = text.strip()
    if text.partition(" ")[0].isalpha():
        text = capital(text)
    return text if not text or text[-1] in ".?!…:" else text + "."


def heading(text: str) -> str:
    """`text` as a heading: a capital first, no full stop last."""
    return capital(text.strip().removesuffix("."))


def actors(act: Sequence[str]) -> str:
    """Who has to act, in order: Network, then Lync admin."""
    who = [one for one in act if one.strip().lower() not in ("", "none", "nobody")]
    return capital(", then ".join(who)) if who else "Nobody: there is nothing to do"


def kind_name(kinds: Collection[str], amount: int = 1) -> str:
    """What devices of these kinds are called together, one or many; phones of several makes stay phones."""
    if kinds and all(kind.endswith("phone") for kind in kinds) and len(set(kinds)) > 1:
        kinds = ("phone",)
    one, many = KINDS.get(next(iter(kinds)), DEVICE) if len(set(kinds)) == 1 else DEVICE
    return one if amount == 1 else many


def service_name(service: str | None) -> str:
    """A service's name for people."""
    return SERVICE_NAMES.get(service or "", service or "")
