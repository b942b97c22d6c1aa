"""Drives the dissectors over the kept bytes of a flow, and turns what they find into rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from dissectors import rider_of
from dissectors.contract import Anomaly, AnomalyKind, Dissector, Message, dissect
from dissectors.dns import DNS, read_question
from dissectors.http import ExchangeOutcome
from dissectors.stun import STUN, StunMessage
from lynccap.ingest.schemas import Row, Rows
from lynccap.ingest.streams.assembly import Run, Segment, reassemble
from lynccap.ingest.streams.classify import LIKELY, REJECT, classify
from lynccap.ingest.streams.conversation import Conversation
from lynccap.ingest.streams.exchanges import exchanges_of
from lynccap.ingest.streams.resumption import Resumption
from lynccap.ingest.streams.riding import Found, ride_on_sip
from lynccap.ingest.streams.rtp.media import RFC4571, Media, carried_by
from lynccap.ingest.streams.rtp.reports import MAX_REPORTS, MAX_REPORTS_A_SIDE, Report

MAX_ANOMALIES = 16  # of one flow: the first ones say what is wrong
MAX_NESTING = 3  # STUN in DATA in STUN: a relay reached through a relay, and no more
MAX_MESSAGE_ROWS = 2_000_000  # of one capture, all protocols together


class Facts(NamedTuple):
    """What the flow table knows that dissection needs, by side bit."""

    begins: Sequence[bool]
    """The capture holds the SYN of this side: its stream starts at offset 0."""
    stopped: Sequence[bool]
    """Later bytes of this side were seen and not kept, because enough was."""
    bounded: Sequence[bool]
    """Later bytes of this side were seen and not kept, because a limit was reached."""


class Dissection:
    """The rows of every message table of one capture."""

    def __init__(self, media: Media) -> None:
        """No row yet; relayed RTP goes to `media`."""
        self.rows = Rows()
        self._media = media
        self._anomalies = 0
        self._count = 0

    def add_media(self, streams: list[Row], reports: list[Report]) -> None:
        """Add the rows of MEDIA and RTCP's messages."""
        for row in streams:
            self.rows.add("media", row)
        for one in reports:
            self.rows.add_message(one.message, one.side, one.frame, one.frame, one.time)
        left = self._media.reports.left
        if left is not None:
            says = f"more than {MAX_REPORTS} datagrams, or {MAX_REPORTS_A_SIDE} of one sender; the rest are not listed"
            self.rows.add("anomalies", (left.side, left.frame, left.time, False, "rtcp", "bounded", says))

    def read(self, conversation: Conversation, facts: Facts) -> str:
        """Dissect the kept bytes of a flow; the protocols found, from the outside in."""
        dissector = conversation.dissector
        if dissector is None:
            return ""
        self._anomalies = 0
        if not conversation.on_tcp:
            # RTP is measured on columns; what else came on its ports can only be STUN.
            reader = STUN if dissector.name == "rtp" else dissector
            read = sum(self._datagrams(conversation, bit, reader) for bit in (0, 1))
            return reader.name if read else ""
        inside: set[str] = set()
        sides = (Resumption(dissector), Resumption(dissector))
        found = [self._stream(conversation, bit, sides[bit], facts, inside) for bit in (0, 1)]
        outer = dissector.name
        if outer == "http":
            for bit in (0, 1):
                self._riders(conversation.flow * 2 + bit, sides[bit], sides[1 - bit], facts.bounded[1 - bit])
        if outer == "sip" or "sip" in inside:
            both = [(conversation.flow * 2 + bit, one) for bit in (0, 1) for one in found[bit]]
            for side, (message, first, last) in ride_on_sip(both):
                self._keep(side, message, first, last)
        if (outer == "stun" or "stun" in inside) and any(_is_pseudo(one) for side in found for one, *_ in side):
            outer = f"pseudo-tls/{outer}"
        return "/".join([outer, *sorted(inside)])

    def _datagrams(self, conversation: Conversation, bit: int, dissector: Dissector) -> int:
        """Dissect one side's datagrams, each by itself; the messages found."""
        side, count = conversation.flow * 2 + bit, 0
        probed = dissector is STUN
        for one in conversation.sides[bit]:
            # Frames without a cookie have nothing but a length: those of STUN are believed only when probed.
            if probed and STUN.probe(one.data) is REJECT:
                continue
            result = dissect(dissector, one.data)
            asked = read_question(one.data) if dissector is DNS and one.length > len(one.data) else None
            if asked is not None:
                self._keep(side, asked, one, one)
                count += 1
            if not result.messages and dissector.probe(one.data) is REJECT:
                continue
            count += len(result.messages)
            for placed in result.messages:
                self._keep(side, placed.message, one, one)
            if result.anomaly:
                short = one.length > len(one.data)
                kind = AnomalyKind.TRUNCATED if short else result.anomaly.kind
                self._note(side, one, dissector.name, kind, result.anomaly.says)
        return count

    def _stream(
        self, conversation: Conversation, bit: int, reading: Resumption, facts: Facts, inside: set[str]
    ) -> list[Found]:
        side = conversation.flow * 2 + bit
        found: list[Found] = []
        runs = reassemble(conversation.sides[bit])
        end = 0
        for place, run in enumerate(runs):
            last = place == len(runs) - 1
            after_gap = (place > 0 or facts.begins[bit]) and run.start > end
            if after_gap and not _sealed(found):
                says = f"{run.start - end} bytes before this frame are not in the capture"
                self._note(side, run.parts[0], reading.dissector.name, "gap", says)
            end = run.end
            rest = reading.into(run, first=place == 0, begins=facts.begins[bit])
            while rest is not None:
                found += self._run(side, rest, reading, last and not facts.stopped[bit], facts.bounded[bit], inside)
                rest = reading.behind(rest)
        return found

    def _run(
        self, side: int, run: Run, reading: Resumption, open_end: bool, bounded: bool, inside: set[str]
    ) -> list[Found]:
        """Dissect one run; a truncation is worth a word only at an `open_end`."""
        found: list[Found] = []
        data, base = run.data, 0
        for _ in range(MAX_NESTING):
            dissector = reading.dissector
            result = dissect(dissector, data)
            for message, start, end in result.messages:
                first, last = run.span(base + start, base + end)
                found.append((message, first, last))
                reading.take(message, first, last)
                self._keep(side, message, first, last)
            reading.stop(run, result.anomaly)
            at = _tunnel_at(result.messages) if dissector.name == "http" else None
            if at is None:
                break
            data, base = data[at:], base + at
            inner, verdict = classify(data, b"", True)
            if inner is None or verdict < LIKELY or inner.name == dissector.name:
                return found
            reading.dissector = inner
            inside.add(inner.name)
        if result.anomaly and not _sealed(found):
            self._stopped(side, run, base, dissector.name, result.anomaly, open_end, bounded)
        return found

    def _stopped(
        self, side: int, run: Run, base: int, protocol: str, anomaly: Anomaly, open_end: bool, bounded: bool
    ) -> None:
        at = run.first(base + anomaly.offset)
        if anomaly.kind is not AnomalyKind.TRUNCATED:
            self._note(side, at, protocol, anomaly.kind, anomaly.says)
        elif bounded:
            self._note(side, at, protocol, "bounded", "more bytes were captured than are kept of one stream")
        elif open_end:
            self._note(side, at, protocol, anomaly.kind, anomaly.says)

    def _keep(self, side: int, message: Message, first: Segment, last: Segment, depth: int = 0) -> None:
        self._count += 1
        if self._count > MAX_MESSAGE_ROWS:
            if self._count == MAX_MESSAGE_ROWS + 1:
                says = f"more than {MAX_MESSAGE_ROWS} messages; the rest of the capture's are not listed"
                self.rows.add("anomalies", (side, last.frame, last.time, False, message.protocol, "bounded", says))
            return
        if isinstance(message, StunMessage) and message.inner:
            self._unwrap(side, message, first, last, depth)
        self.rows.add_message(message, side, first.frame, last.frame, last.time)

    def _unwrap(self, side: int, message: StunMessage, first: Segment, last: Segment, depth: int) -> None:
        """Read what a relay's message carries: an ICE check becomes a row, RTP goes to the media."""
        carrier = carried_by(message)
        data, length = message.inner, message.inner_length
        if carrier != RFC4571 and len(data) > 2 and int.from_bytes(data[:2], "big") == length - 2:
            data, length = data[2:], length - 2
        if data[0] >> 6 == 2:
            if carrier != "mturn":  # those were measured on the columns
                self._media.add_wrapped(carrier, side, last.frame, last.time, data, length)
            return
        if depth < MAX_NESTING and STUN.probe(data) >= LIKELY:
            for placed in dissect(STUN, data).messages:
                if isinstance(placed.message, StunMessage):
                    # Who is asked, or who asks, only the wrapper knows.
                    inner = replace(
                        placed.message, framing=carrier, destination=message.destination, remote=message.remote
                    )
                    self._keep(side, inner, first, last, depth + 1)

    def _note(self, side: int, at: Segment, protocol: str, kind: str, says: str) -> None:
        self._anomalies += 1
        if self._anomalies <= MAX_ANOMALIES:
            self.rows.add("anomalies", (side, at.frame, at.time, False, protocol, str(kind), says))

    def _riders(self, side: int, asking: Resumption, replying: Resumption, bounded: bool) -> None:
        """Read the services that ride on HTTP from the exchanges of one connection that this side asked for."""
        for request, answer, unseen in exchanges_of(asking.said, replying.said, replying.hole or bounded):
            rider = rider_of(request.message)
            if rider is None:
                continue
            read = rider.read(request.message, answer.message if answer else None)
            if unseen:
                read = replace(read, **{"outcome": ExchangeOutcome.UNSEEN})
            last = answer or request
            self._keep(side ^ bool(answer), read, request.first, last.last)


def _sealed(found: list[Found]) -> bool:
    """Whether these messages reached the first application data of TLS: what is missing behind it hides nothing."""
    return any(getattr(one, "kind", "") == "application-data" for one, *_ in found)


def _is_pseudo(message: Message) -> bool:
    return isinstance(message, StunMessage) and message.kind.startswith("pseudo-")


def _tunnel_at(messages: tuple[Any, ...]) -> int | None:
    """Where another protocol begins after CONNECT or an upgrade."""
    return next((one.end for one in messages if getattr(one.message, "tunnel", False)), None)
