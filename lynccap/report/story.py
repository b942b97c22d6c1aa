"""What a document amounts to: findings gathered into causes, and how each device fared.

Every rendered format tells this story, so they cannot disagree.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from lynccap.document import (
    Capture,
    Confidence,
    Device,
    Document,
    Finding,
    Outcome,
    Quality,
    Reading,
    Service,
    Severity,
    StepOutcome,
)
from lynccap.report.plain import harmless
from lynccap.report.words import (
    CONFIDENCE_NAMES,
    CONFIDENCE_ORDER,
    LYNC_SERVICES,
    READING_NAMES,
    SERVICE_ORDER,
    SEVERITY_ORDER,
    capital,
    count,
    kind_name,
    listing,
)

MAX_SUBNETS = 3  # subnets a sentence names; with more it gives their number
NO_LYNC = "no-lync"  # the quality code of a capture in which no Lync server was recognised
NO_GAPS = frozenset((NO_LYNC, "segment-offload", "decryption"))
"""Codes of lacks that forbid something and hide no failure; what keys do not open is shut without them too."""
GRAVE = (Severity.CRITICAL, Severity.MAJOR)
SUBNET_BITS = {4: 24, 6: 64}  # the usual size of a user subnet; a capture does not tell the real one


@dataclass(frozen=True)
class Recording:
    """Capture files that were read as one."""

    name: str
    files: tuple[Capture, ...]

    @property
    def packets(self) -> int:
        """The packets of all its files."""
        return sum(one.packets for one in self.files)

    @property
    def first_time(self) -> str | None:
        """When its first packet came."""
        return min((one.first_time for one in self.files if one.first_time), default=None)

    @property
    def last_time(self) -> str | None:
        """When its last packet came."""
        return max((one.last_time for one in self.files if one.last_time), default=None)

    @property
    def quality(self) -> tuple[Quality, ...]:
        """What it lacks."""
        return tuple(lack for one in self.files for lack in one.quality)


@dataclass(frozen=True)
class Cause:
    """Findings of one rule about one peer and port, and the symptoms that follow from them."""

    findings: tuple[Finding, ...]
    symptoms: tuple[Finding, ...] = ()

    @property
    def lead(self) -> Finding:
        """The finding that speaks for all: the gravest, then the surest, then the first."""
        return min(self.findings, key=_rank)

    @property
    def severity(self) -> Severity:
        """The gravest severity among the findings."""
        return min((one.severity for one in self.findings), key=SEVERITY_ORDER.__getitem__)

    @property
    def confidences(self) -> tuple[Confidence, ...]:
        """The confidences that occur, strongest first."""
        return tuple(sorted({one.confidence for one in self.findings}, key=CONFIDENCE_ORDER.__getitem__))

    @property
    def confidence(self) -> str:
        """The confidences in words, with their numbers when they differ."""
        counts = Counter(one.confidence for one in self.findings)
        if len(counts) == 1:
            return CONFIDENCE_NAMES[self.lead.confidence].lower()
        return ", ".join(f"{CONFIDENCE_NAMES[one].lower()} for {counts[one]}" for one in self.confidences)

    @property
    def reading(self) -> str:
        """From what the findings were read, in words, with their numbers when that differs."""
        counts = Counter(one.reading for one in self.findings)
        if len(counts) == 1:
            return READING_NAMES[self.lead.reading]
        return "; ".join(f"for {counts[one]}: {READING_NAMES[one]}" for one in Reading if one in counts)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The devices named, each once, in the order of the findings."""
        return tuple(dict.fromkeys(one.device for one in self.findings if one.device))

    @property
    def symptom_groups(self) -> tuple["Cause", ...]:
        """The symptoms, gathered like causes."""
        return gather(self.symptoms)

    @property
    def consequences(self) -> str:
        """What the symptoms are called, each title once: "14 later symptoms: …, which should end with it"."""
        titles = dict.fromkeys(one.lead.title for one in self.symptom_groups)
        return f"{count(len(self.symptoms), 'later symptom')}, which should end with it: {'; '.join(titles)}"


class Story:
    """A document and what follows from it for a reader; all texts are harmless to show."""

    def __init__(self, document: Document) -> None:
        """Read `document`, which may hold hostile names."""
        self.document = document = harmless(document)
        self._devices = {key: device for device in reversed(document.devices) for key in (*device.addresses, device.id)}
        self._roles = {address: role for role in reversed(document.topology.roles) for address in role.addresses}
        roots = _roots(document.findings)
        wrong = [one for one in document.findings if not is_note(one)]
        symptoms: dict[str, list[Finding]] = {}
        for one in wrong:
            if roots[one.id] != one.id:
                symptoms.setdefault(roots[one.id], []).append(one)
        self.causes = gather((one for one in wrong if roots[one.id] == one.id), symptoms)
        notes = [one for one in document.findings if is_note(one)]
        self.notes = gather(one for one in notes if not is_normal(one))
        self.normal = gather(one for one in notes if is_normal(one))

    def device(self, address: str | None) -> Device | None:
        """The device that holds `address`, or has it for its id."""
        return self._devices.get(address or "")

    def key(self, address: str) -> str:
        """What identifies the device behind `address`: its id, or the address when no device is known."""
        device = self.device(address)
        return device.id if device else address

    @cached_property
    def failed(self) -> frozenset[str]:
        """Devices with a critical or major finding."""
        return frozenset(self._named(GRAVE))

    @cached_property
    def minor(self) -> frozenset[str]:
        """Devices with a minor finding, and none that is worse."""
        return frozenset(self._named((Severity.MINOR,)) - self.failed)

    @cached_property
    def doubtful(self) -> frozenset[str]:
        """Devices with a failed step that no finding confirms: gaps in a capture make steps look so."""
        steps = {
            one.id for one in self.document.devices if any(step.outcome is StepOutcome.FAILED for step in one.journey)
        }
        return frozenset(steps - self.failed - self.minor)

    @cached_property
    def total(self) -> int:
        """How many devices there are, those only an accusation names included."""
        named = {self.key(one.device) for one in self.document.findings if one.device and not is_note(one)}
        return len(named | {one.id for one in self.document.devices})

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The services, those of Lync first and the unnamed last."""
        rank = SERVICE_ORDER.get
        return tuple(sorted(self.document.services, key=lambda one: rank(one.service, len(SERVICE_ORDER))))

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """The captures, files of one recording together."""
        groups = groupby(self.document.captures, key=lambda one: one.recording or one.id)
        gathered = (tuple(files) for _, files in groups)
        return tuple(Recording(files[0].recording or files[0].name, files) for files in gathered)

    @cached_property
    def has_lync(self) -> bool:
        """Whether any traffic was recognised Lync or Skype for Business uses, and no capture denies it."""
        strange = [any(lack.code == NO_LYNC for lack in one.quality) for one in self.recordings]
        if strange and all(strange):
            return False
        return any(one.service in LYNC_SERVICES for one in self.document.services)

    @property
    def gaps(self) -> bool:
        """Whether a capture lacks something that forbids conclusions."""
        lacks = (lack for one in self.document.captures for lack in one.quality)
        return any(lack.forbids and lack.code not in NO_GAPS for lack in lacks)

    def outcomes(self, outcome: Outcome) -> int:
        """How many rules ended so."""
        return sum(one.outcome is outcome for one in self.document.assessments)

    @cached_property
    def undecided(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Reasons why checks could not decide, with the checks; the reason that hides most comes first."""
        reasons: dict[str, list[str]] = {}
        for one in self.document.assessments:
            if one.outcome is Outcome.INCONCLUSIVE:
                reasons.setdefault(one.reason or "No reason was given", []).append(one.rule)
        ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
        return tuple((reason, tuple(rules)) for reason, rules in ordered)

    def _named(self, severities: Sequence[Severity]) -> set[str]:
        return {
            self.key(one.device)
            for cause in self.causes
            for one in (*cause.findings, *cause.symptoms)
            if one.device and one.severity in severities
        }

    def name(self, address: str | None) -> str:
        """A device's name first, then its address: SEP17 (10.1.2.17)."""
        device = self.device(address)
        name = host_name(device.names) if device else ""
        if device is None or not name:
            return address or "no address"
        return f"{name} ({address if address in device.addresses else _first(device)})"

    def peer(self, finding: Finding) -> str:
        """The other side of a finding with its name, role, port and transport; "" when there is none."""
        if finding.peer is None:
            return f"{(finding.transport or 'port').upper()} port {finding.port}" if finding.port else ""
        role = self._roles.get(finding.peer)
        device = self.device(finding.peer)
        names = (role.names if role else ()) or (device.names if device else ())
        known = [*filter(None, [host_name(names)]), *([role.role] if role else [])]
        who = f"{finding.peer} ({', '.join(known)})" if known else finding.peer
        if finding.port is None:
            return who
        transport = f"{finding.transport.upper()} " if finding.transport else ""
        return f"{who}, {transport}port {finding.port}"

    def who(self, cause: Cause) -> str:
        """The devices of a cause in a few words: 14 phones in 10.1.2.0/24."""
        addresses = cause.addresses
        keys = dict.fromkeys(self.key(address) for address in addresses)
        if not keys:
            return f"Server {cause.lead.peer}" if cause.lead.peer else "The whole capture"
        kinds = {(device.kind if (device := self.device(key)) else "") for key in keys}
        if len(keys) == 1:
            device = self.device(addresses[0])
            what = device.role if device and device.role else kind_name(kinds)
            return f"{capital(what)} {self.name(addresses[0])}"
        return f"{count(len(keys), kind_name(kinds), kind_name(kinds, len(keys)))} {_subnets(addresses)}"


def host_name(names: Sequence[str]) -> str:
    """The name to call a host by: first of those that are no SRV record (RFC 2782), "" without any."""
    hosts = [one for one in names if not one.startswith("_")]
    return next(iter(hosts or names), "")


def is_note(finding: Finding) -> bool:
    """Whether a finding accuses nobody: a fact worth knowing, or what is normal."""
    return finding.severity is Severity.INFO or is_normal(finding)


def is_normal(finding: Finding) -> bool:
    """Whether a finding explains what looks odd and is by design."""
    return finding.rule.startswith("state-")


def gather(findings: Iterable[Finding], symptoms: dict[str, list[Finding]] | None = None) -> tuple[Cause, ...]:
    """Findings of the same rule, peer and port together; gravest first, then the most devices."""
    groups: dict[tuple[str, str | None, int | None, str | None], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.rule, one.peer, one.port, one.transport), []).append(one)
    causes = []
    for group in groups.values():
        follow = tuple(each for one in group for each in (symptoms or {}).get(one.id, ()))
        causes.append(Cause(tuple(group), follow))
    return tuple(sorted(causes, key=_weight))


def _rank(finding: Finding) -> tuple[int, int]:
    return SEVERITY_ORDER[finding.severity], CONFIDENCE_ORDER[finding.confidence]


def _weight(cause: Cause) -> tuple[int, int, int, str]:
    lead = cause.lead
    return (
        SEVERITY_ORDER[cause.severity],
        -len(cause.addresses),
        CONFIDENCE_ORDER[cause.confidences[0]],
        lead.rule,
    )


def _roots(findings: Sequence[Finding]) -> dict[str, str]:
    """Each finding's first cause: itself when it has none, when that one is normal, or in a circle."""
    known = {one.id: one for one in findings}
    roots = {}
    for one in findings:
        path = {one.id}
        root = one
        while (above := known.get(root.caused_by or "")) and not is_note(above):
            if above.id in path:
                root = one
                break
            path.add(above.id)
            root = above
        roots[one.id] = root.id
    return roots


def _first(device: Device) -> str:
    return device.addresses[0] if device.addresses else device.id


def _subnets(addresses: Sequence[str]) -> str:
    found: dict[str, None] = {}
    for address in addresses:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return ""
        network = ipaddress.ip_network((parsed, SUBNET_BITS[parsed.version]), strict=False)
        found[str(network)] = None
    return f"in {listing(list(found))}" if len(found) <= MAX_SUBNETS else f"in {len(found)} subnets"
