"""The tables everything above ingest reads: their columns, their dtypes, and how messages become rows.

A table is a pandas DataFrame with fixed columns. Times are int64 nanoseconds since 1970-01-01 UTC, 0 where there is
none; frame numbers are int64, counted from 1 within their capture as Wireshark counts them, 0 where there is none.
Rows of message tables point at their flow; a flow belongs to one capture.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SECOND = 1_000_000_000
"""Of the times in all tables."""

CAPTURES: Mapping[str, str] = {
    "name": "object",  # file name without folder
    "packets": "int64",
    "bytes": "int64",  # captured bytes of all frames
    "first_time": "int64",
    "last_time": "int64",
    "digits": "int64",  # decimal digits of the finest time resolution
    "snap_length": "int64",  # smallest limit of any interface, 0 when none
    "snapped": "int64",  # frames captured shorter than they were
    "undecoded": "int64",  # frames of a link type or layer that is not read
    "undecoded_reasons": "object",  # tuple of (reason, frames), the most frequent first
    "fragments_incomplete": "int64",  # IP datagrams of which fragments are missing; only their beginning is read
    "fragments_overlapping": "int64",  # IP datagrams whose fragments contradict each other; they are not read
    "reordered": "int64",  # frames less than a second older than the one before them
    "large_frames": "int64",  # with a longer TCP segment than Ethernet allows: jumbo frames, or not yet cut
    "unsealed_hosts": "object",  # tuple of addresses whose TCP checksums are filled in only behind this capture
    "links": "object",  # tuple of the LINKTYPEs of its frames
    "copies": "int64",  # frames that hold a packet once more; they count in no flow
    "routed_copies": "int64",  # those of them with another TTL: seen before and behind a router
    "damage": "object",  # one line: what, at which byte; "" when the file is whole
    "recorder": "object",  # program and system that recorded, in their own words, "" when the files do not say
    "secrets": "object",  # tuple of TLS key logs (bytes) the files carry: for decryption only, never to be shown
}
"""One row a capture: one recording, of one file or more. The index is the capture's number."""

FILES: Mapping[str, str] = {
    "capture": "int64",
    "name": "object",  # file name without folder
    "sha256": "object",  # of the file as it was handed over, "" when it could not be read
    "format": "object",  # pcap, pcapng, … with the compression: "pcapng+gzip"; "unread"
    "packets": "int64",
    "bytes": "int64",  # captured bytes of all frames
    "file_bytes": "int64",
    "first_time": "int64",
    "last_time": "int64",
    "digits": "int64",  # decimal digits of the finest time resolution
    "damage": "object",  # one line: what, at which byte; "" when the file is whole
}
"""One row a file, in the order in which they were opened; several make one capture when they are one recording."""

ORIGINS: Mapping[str, str] = {
    "capture": "int64",
    "first": "int64",  # frame number in the capture from which on …
    "file": "int64",  # … frames are those of this file (its place among the capture's files) …
    "frame": "int64",  # … from its frame number on
}
"""One row a run of frames of one file."""

CLOCK_STEPS: Mapping[str, str] = {
    "capture": "int64",
    "frame": "int64",  # the first one after the step
    "before": "int64",  # time of the frame before it
    "after": "int64",
}
"""One row a step of the recorder's clock: back by more than a second, or ahead by more than a month."""

INTERFACES: Mapping[str, str] = {
    "capture": "int64",
    "file": "int64",  # its place among the capture's files
    "number": "int64",  # from 0 within the file, over all its sections
    "name": "object",  # "" when the file does not say
    "description": "object",
    "link": "int64",  # LINKTYPE, -1 when frames differ
    "snap_length": "int64",  # 0 when there is no limit
    "frames": "int64",  # of the file that were captured on it
    "received": "int64",  # packets it saw that were to be recorded, by the recorder's own count, -1 when unknown
    "dropped": "int64",  # packets the recorder lost, by its own count, -1 when unknown
}
"""Where the frames of each file were recorded."""

HOST_NAMES: Mapping[str, str] = {
    "capture": "int64",
    "address": "object",
    "name": "object",  # as written in the file
}
"""Names of addresses as the recording machine resolved them, or as its hosts file says: hearsay, without a frame."""

COMMENTS: Mapping[str, str] = {
    "capture": "int64",
    "file": "int64",  # its place among the capture's files
    "frame": "int64",  # within the file; 0 for the file itself
    "says": "object",  # one line
}
"""What people and programs wrote into capture files."""

NEIGHBOURS: Mapping[str, str] = {
    "capture": "int64",
    "frame": "int64",
    "time": "int64",
    "mac": "object",  # source hardware address, "" when the link has none
    "protocol": "object",  # lldp, cdp
    "device": "object",  # its name, or its identity where it tells no name
    "port": "object",  # the device's own, on this link
    "telephone": "bool",  # the device says that it is one
    "voice_vlan": "int64",  # for voice, as a switch gives it or a phone has it; 0 priority tags only; -1 untold
    "native_vlan": "int64",  # of untagged frames on this port; -1 untold
    "dscp": "int64",  # for voice; -1 untold
    "priority": "int64",  # 802.1p for voice; -1 untold
}
"""One row a frame in which a switch or a phone tells who it is and which VLAN voice belongs to (LLDP, CDP)."""

ARP: Mapping[str, str] = {
    "capture": "int64",
    "frame": "int64",
    "time": "int64",
    "kind": "object",  # request, reply
    "mac": "object",  # the sender's hardware address, as the message says
    "address": "object",  # the sender's IPv4 address; 0.0.0.0 when it only asks whether one is free (RFC 5227)
    "target": "object",  # the address asked for, of a reply who asked; the same as `address` in an announcement
    "vlan": "int64",  # innermost tag of the frame, -1 when untagged
}
"""One row a frame in which a host asks for, tells or announces the hardware address of an IPv4 address (RFC 826)."""

FLOWS: Mapping[str, str] = {
    "capture": "int64",
    "transport": "object",  # tcp, udp, or "ip-N"
    "client": "object",  # address of the originator
    "client_port": "int64",
    "server": "object",
    "server_port": "int64",
    "originator": "object",  # on what "client" rests: syn, syn-ack, first-frame
    "client_mac": "object",  # source MAC of the client's first frame as captured, "" when the link has none
    "server_mac": "object",
    "vlan": "int64",  # innermost tag of the first frame, -1 when untagged
    "interface": "int64",  # of the first frame: place of its file << 16 | number of the interface, -1 when unknown
    "first_time": "int64",
    "last_time": "int64",
    "first_frame": "int64",
    "last_frame": "int64",
    "frames_client": "int64",  # frames the client sent, each packet once
    "frames_server": "int64",
    "copies_client": "int64",  # further frames that hold a packet again: mirror ports, routed copies
    "copies_server": "int64",
    "bytes_client": "int64",  # payload bytes on the wire, retransmissions included
    "bytes_server": "int64",
    "data_frames_client": "int64",  # frames with payload
    "data_frames_server": "int64",
    "first_frame_client": "int64",  # first and last frame of each side, 0 when that side is absent
    "first_frame_server": "int64",
    "last_frame_client": "int64",
    "last_frame_server": "int64",
    "first_time_client": "int64",
    "first_time_server": "int64",
    "last_time_client": "int64",
    "last_time_server": "int64",
    "ttl_client_min": "int64",  # IP TTL / hop limit of that side's frames, without those bearing RST; 0 when none
    "ttl_client_max": "int64",
    "ttl_server_min": "int64",
    "ttl_server_max": "int64",
    "opening": "object",  # tcp: established, half-open (SYN-ACK unanswered), refused (RST to SYN), unanswered (SYN
    # without any frame back), midstream (no SYN seen); other transports: answered, one-way
    "closing": "object",  # tcp: "" (still open), client-fin, server-fin, client-rst, server-rst: who ended first
    "syns": "int64",  # SYN frames without ACK
    "syn_time": "int64",  # the first SYN
    "syn_ack_time": "int64",
    "retransmitted_client": "int64",  # payload segments sent again
    "retransmitted_server": "int64",
    "lost_client": "int64",  # bytes the other side acknowledged that this capture lacks ("ACKed unseen segment")
    "lost_server": "int64",
    "unanswered_client": "int64",  # bytes the other side has not acknowledged up to the end, FIN included
    "unanswered_server": "int64",
    "next_seq_client": "int64",  # tcp: the sequence number behind all that side sent, -1 when it sent nothing with one
    "next_seq_server": "int64",
    "stack": "object",  # protocols by bytes from the outside in, "/"-separated: "stun/rtp", with a key "tls/sip"; ""
    # when unknown
    "basis": "object",  # on what the stack rests: bytes, port, "" when unknown
}
"""One row a conversation; the index is the flow's number, in order of first appearance."""

TCP_FRAMES: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",
    "time": "int64",
    "from_client": "bool",
    "flags": "int64",  # FIN 1, SYN 2, RST 4, PSH 8, ACK 16
    "seq": "int64",
    "ack": "int64",
    "ttl": "int64",
    "ip_id": "int64",  # -1 for IPv6
    "window": "int64",
    "options": "int64",  # bytes of TCP options
    "pause": "int64",  # of a RST: the longest pause since its side spoke before, nanoseconds; 0 when untold
    "ip_id_before": "int64",  # of a RST: the IP identification of the packet its side sent before, -1 when untold
}
"""Frames that open and end connections (SYN, FIN, RST), and those that close the receive window (window 0)."""

REPEATS: Mapping[str, str] = {
    "flow": "int64",
    "from_client": "bool",
    "frame": "int64",  # of the first repeat, and of the last one
    "last_frame": "int64",
    "time": "int64",
    "last_time": "int64",
    "size": "int64",  # payload bytes of the segment
    "tries": "int64",  # times it was sent again, at the same length
    "acknowledged": "bool",  # the other side had it in the end, whole
    "cut": "int64",  # payload bytes of a shorter piece of it that was sent later, 0 when there was none
    "cut_frame": "int64",
    "passed": "int64",  # payload bytes of the longest other segment of its side that was acknowledged
}
"""One row a side of a TCP flow that sent one segment again and again: the first one for which that is so."""

ICMP: Mapping[str, str] = {
    "capture": "int64",
    "frame": "int64",
    "time": "int64",
    "reporter": "object",  # source address of the ICMP message
    "recipient": "object",
    "type": "int64",
    "code": "int64",
    "version": "int64",  # 4 or 6
    "flow": "int64",  # the flow of the quoted packet, -1 when it is not in the capture
    "from_client": "bool",  # the quoted packet was the client's
    "quoted_transport": "object",
    "quoted_source": "object",
    "quoted_source_port": "int64",
    "quoted_destination": "object",
    "quoted_destination_port": "int64",
}
"""ICMP errors with the packet they quote (RFC 792, RFC 4443)."""

MEDIA: Mapping[str, str] = {
    "flow": "int64",
    "from_client": "bool",
    "ssrc": "int64",
    "payload_type": "int64",  # the most frequent
    "payload_types": "object",  # tuple of (type, packets), the most frequent first
    "type_frames": "object",  # tuple of (type, frame): where each type but that of the first packet came first
    "clock_rate": "int64",  # Hz of the timestamps of `payload_type`, 0 when unknown
    "clock_basis": "object",  # static (RFC 3551), default (what Lync means by a dynamic type), "" when unknown
    "carried": "object",  # udp, turn-data (Send/Data Indication), mturn, turn-tcp, rfc4571
    "packets": "int64",  # each sequence number once
    "bytes": "int64",  # RTP payload bytes
    "first_time": "int64",
    "last_time": "int64",
    "first_frame": "int64",
    "last_frame": "int64",
    "expected": "int64",  # sequence numbers from the first to the highest
    "lost": "int64",  # sequence numbers missing between first and last
    "loss_bursts": "int64",  # stretches of missing numbers
    "longest_burst": "int64",  # numbers missing in a row
    "long_bursts": "int64",  # those stretches of five numbers and more
    "lossy_seconds": "object",  # tuple of (frame, time, missing) of seconds in which numbers were missing, the first
    # 300: the first packet behind a hole, and the numbers missing in that second
    "reordered": "int64",  # packets that came behind one with a higher number
    "duplicates": "int64",  # packets whose number had been there, copies the capture made not counted
    "jitter_us": "int64",  # RFC 3550 6.4.1, microseconds, mean over the packets; 0 when the clock rate is unknown
    "jitter_max_us": "int64",
    "longest_gap_us": "int64",  # between two packets
    "longest_gap_frame": "int64",  # the frame that ended it
    "gaps": "int64",  # pauses of more than 200 ms between packets
    "silences": "int64",  # those of them in which the sender had nothing to send: no number missing, timestamps went on
    "timestamp_jumps": "int64",  # timestamps more than a second off the time that passed
    "markers": "int64",  # packets with the marker bit: talk spurts that begin in audio, pictures that end in video
    "picture_rates": "object",  # of video, tuple of (pictures in a second, seconds with so many, payload bytes in them)
    "contributor": "int64",  # the last one named first in a packet (CSRC): who speaks in a conference; 0 when none
    "dscp": "int64",  # the most frequent; -1 inside TCP and relays' messages
    "dscps": "object",  # tuple of (DSCP, packets), the most frequent first: more than one when it changed
    "rtcp": "int64",  # RTCP packets beside it, same direction
}
"""One row an RTP stream (SSRC) and direction."""

CERTIFICATES: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",
    "time": "int64",
    "from_client": "bool",
    "position": "int64",  # in the list it came in; of a handshake's list 0 is the leaf
    "subject": "object",  # RFC 4514
    "common_name": "object",
    "issuer": "object",
    "names": "object",  # tuple of DNS names of the SAN, in order, wildcards as written
    "ip_addresses": "object",  # tuple of IP addresses of the SAN, as text
    "uris": "object",  # tuple of URIs of the SAN
    "serial": "object",  # hex
    "not_before": "int64",
    "not_after": "int64",
    "crl_urls": "object",  # tuple
    "ocsp_urls": "object",  # tuple
    "issuer_urls": "object",  # tuple: where the issuer's certificate is to be had
    "usages": "object",  # tuple of extended key usage names or OIDs
    "key_usages": "object",  # tuple: digital_signature, key_encipherment, key_cert_sign, …; () without the extension
    "authority": "bool",  # may issue certificates, by its basic constraints
    "self_signed": "bool",  # issuer and subject are the same name
    "subject_key": "object",  # identifier in hex, "" without one
    "authority_key": "object",  # identifier of the issuer's key in hex, "" without one
    "key": "object",  # "rsa 2048", "ec secp256r1"
    "signature": "object",  # hash name, " pss" behind it where RSASSA-PSS pads it
    "sha256": "object",
    "unreadable": "object",  # why it could not be parsed, "" when it could
    "issued_by": "int64",  # position of the certificate beside it whose key made its signature, -1 when none did
    "link": "object",  # self-signed, verified, wrong-signature, not-shown, unchecked: what that list has of its issuer
    "carried": "object",  # tls: in a handshake; aia: fetched as an issuer's or a trusted root's; certprov: provisioned
}
"""One row a certificate, presented first and fetched ones behind; `carried` tells them apart.

That a chain links says nothing of anybody's trust in it.
"""

REVOCATIONS: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",
    "time": "int64",
    "kind": "object",  # crl, delta-crl, ocsp
    "url": "object",
    "issuer": "object",  # RFC 4514; of OCSP the responder, "" when it names itself by its key
    "response_status": "object",  # OCSP: successful, malformed_request, internal_error, try_later, …; "" for lists
    "this_update": "int64",
    "next_update": "int64",  # 0 when the issuer promises none
    "produced_at": "int64",  # OCSP, else 0
    "number": "object",  # CRL number, decimal, "" when it has none
    "base_number": "object",  # of a delta list: the CRL number it adds to, "" otherwise
    "revoked": "int64",  # entries of the list, -1 when unknown
    "serial": "object",  # OCSP: the certificate asked about, hex
    "certificate_status": "object",  # OCSP: good, revoked, unknown
    "revoked_at": "int64",  # OCSP, else 0
    "reason": "object",  # OCSP: why it was revoked, "" when not said
    "signature": "object",  # hash name
    "unreadable": "object",  # why it could not be parsed, "" when it could; its dates are then those of the crl table
}
"""One row a revocation list fetched over HTTP, or a certificate's status in an OCSP response (RFC 5280, RFC 6960)."""

DNS_ANSWERS: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",
    "time": "int64",
    "transaction_id": "int64",
    "question": "object",  # name asked, lower case, no final dot
    "name": "object",  # owner of this record
    "record_type": "object",  # A, AAAA, CNAME, SRV, …
    "value": "object",  # address or target name
    "port": "int64",  # SRV, else 0
}
"""One row a record of an answer section, or an address that came along for the target of its SRV record."""

ANOMALIES: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",
    "time": "int64",
    "from_client": "bool",
    "protocol": "object",
    "kind": "object",  # truncated, malformed, gap, no-progress, too-many, bounded
    "says": "object",
}
"""One row a place at which reading a flow stopped or passed something over; -1 for what is of no flow."""

DECRYPTIONS: Mapping[str, str] = {
    "flow": "int64",
    "outcome": "object",  # decrypted, partly, not-decrypted
    "reason": "object",  # why not, or not all: a code of lynccap.ingest.decryption.outcomes; "" when decrypted
    "key": "object",  # what the key came from: keylog, rsa, "" when there was none
    "bytes_client": "int64",  # decrypted bytes of what the client said
    "bytes_server": "int64",
}
"""One row a TLS connection, once keys were given or the capture holds some; empty without keys."""

PACKETS: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",  # of a datagram in fragments the one that completed it
    "time": "int64",
    "from_client": "bool",
    "ttl": "int64",  # IP TTL / hop limit
    "dscp": "int64",
    "ip_id": "int64",  # -1 for IPv6
    "seq": "int64",  # TCP, as sent; else -1
    "flags": "int64",  # TCP, as in TCP_FRAMES; else 0
    "length": "int64",  # payload bytes on the wire
    "digest": "int64",  # of length and the first bytes of the payload; -1 where those were not all captured
    "mss": "int64",  # maximum segment size option of a SYN, -1 when there is none
}
"""One row a packet of the flows that were asked for, copies left out; made by a second reading, on demand."""

MESSAGE_KEYS: Mapping[str, str] = {
    "flow": "int64",
    "frame": "int64",  # the frame that completed the message
    "first_frame": "int64",  # the frame its first byte was in
    "time": "int64",  # of the completing frame
    "from_client": "bool",
}
"""Leads every message table."""

_DTYPES = {int: "int64", bool: "bool"}


@dataclass(frozen=True)
class Tables:
    """What ingest read from one or more captures."""

    captures: pd.DataFrame
    files: pd.DataFrame
    origins: pd.DataFrame
    clock_steps: pd.DataFrame
    interfaces: pd.DataFrame
    host_names: pd.DataFrame
    comments: pd.DataFrame
    neighbours: pd.DataFrame
    arp: pd.DataFrame
    flows: pd.DataFrame
    tcp_frames: pd.DataFrame
    repeats: pd.DataFrame
    icmp: pd.DataFrame
    media: pd.DataFrame
    certificates: pd.DataFrame
    revocations: pd.DataFrame
    dns_answers: pd.DataFrame
    anomalies: pd.DataFrame
    decryptions: pd.DataFrame
    messages: Mapping[str, pd.DataFrame]
    """By protocol, as its messages are called: tls, sip, stun, certprov, … Always present, empty where none was
    seen."""

    def __getitem__(self, protocol: str) -> pd.DataFrame:
        """The message table of `protocol`."""
        return self.messages[protocol]


def columns_of(message_type: type[Any]) -> dict[str, str]:
    """The columns of a message table and their dtypes: the keys, then the fields of the dataclass."""
    hints = typing.get_type_hints(message_type)
    fields = {one.name: _DTYPES.get(hints[one.name], "object") for one in dataclasses.fields(message_type)}
    return {**MESSAGE_KEYS, **fields}


def table(columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]] = ()) -> pd.DataFrame:
    """A DataFrame with exactly these columns and dtypes; each row gives the values in the columns' order."""
    import pandas as pd

    kept = list(rows)
    data = {
        name: pd.Series([row[place] for row in kept], dtype=dtype)
        for place, (name, dtype) in enumerate(columns.items())
    }
    return pd.DataFrame(data)
