"""Tables made by hand: what a rule or a join sees, in a few lines, without a capture."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from lynccap import tables as schemas
from lynccap.correlation.case import Case, build_case
from lynccap.ingest.schemas import MESSAGES
from lynccap.tables import SECOND, Tables, columns_of, table
from lynccap.topology import Directory

START = 1_700_000_000 * SECOND
TUPLES = frozenset(
    [
        "crl_urls",
        "ocsp_urls",
        "names",
        "ip_addresses",
        "uris",
        "issuer_urls",
        "usages",
        "key_usages",
        "versions",
        "groups",
        "signature_algorithms",
        "certificate_types",
        "authority_names",
        "suites",
        "certificates",
        "sip_servers",
        "dns_servers",
        "ntp_servers",
        "requested_options",
        "candidates",
        "record_routes",
        "handshake",
        "relay_hosts",
        "relay_locations",
        "relay_udp_ports",
        "relay_tcp_ports",
        "connection_info",
        "links",
        "unsealed_hosts",
        "contributors",
        "secrets",
        "unknown_attributes",
        "cookies",
        "payload_types",
        "dscps",
        "type_frames",
        "lossy_seconds",
        "picture_rates",
        "set_cookies",
    ]
)
TEXTS = frozenset(
    {"name", "stack", "basis", "closing", "kind", "client_mac", "server_mac", "damage", "unreadable", "recorder"}
    | {"signature", "key"}
)


def _default(name: str, dtype: str) -> Any:
    if name == "carried":
        return "tls"
    if name in TUPLES:
        return ()
    if dtype == "int64":
        return 0
    if dtype == "bool":
        return False
    return "" if name in TEXTS else None


def rows(columns: Mapping[str, str], given: list[dict[str, Any]]) -> Any:
    """A table of these columns; what a row does not give has its usual empty value."""
    if not given:
        return _empty(tuple(columns.items()))
    unknown = {name for one in given for name in one} - set(columns)
    assert not unknown, f"no such column: {unknown}"
    return table(
        columns, [tuple(one.get(name, _default(name, kind)) for name, kind in columns.items()) for one in given]
    )


@cache
def _empty(columns: tuple[tuple[str, str], ...]) -> Any:
    """Most tables of a case are empty, and pandas takes long to make each; nobody may change one."""
    return table(dict(columns))


def flow(client: str, server: str, port: int, **facts: Any) -> dict[str, Any]:
    """A row of the flows table: an established TCP conversation unless told otherwise."""
    usual = {
        "transport": "tcp",
        "client": client,
        "client_port": 50_000,
        "server": server,
        "server_port": port,
        "originator": "syn",
        "vlan": -1,
        "first_time": START,
        "last_time": START + SECOND,
        "first_time_server": START,
        "last_time_server": START + SECOND,
        "first_time_client": START,
        "last_time_client": START + SECOND,
        "first_frame": 1,
        "last_frame": 9,
        "frames_client": 5,
        "frames_server": 4,
        "first_frame_client": 1,
        "first_frame_server": 2,
        "ttl_client_min": 127,
        "ttl_client_max": 127,
        "ttl_server_min": 126,
        "ttl_server_max": 126,
        "opening": "established",
        "syns": 1,
        "next_seq_client": -1,
        "next_seq_server": -1,
    }
    return {**usual, **facts}


def tables(
    flows: list[dict[str, Any]], *, seconds: float = 60.0, tcp_frames: Any = (), icmp: Any = (), media: Any = (),
    repeats: Any = (),
    certificates: Any = (), dns_answers: Any = (), clock_steps: Any = (), interfaces: Any = (),
    host_names: Any = (), comments: Any = (), revocations: Any = (), decryptions: Any = (), neighbours: Any = (),
    arp: Any = (), anomalies: Any = (),
    **messages: list[dict[str, Any]],
) -> Tables:  # fmt: skip
    """Tables of one capture that starts at START and lasts `seconds`; message tables by protocol, "_" for "-"."""
    capture = {
        "name": "case.pcap",
        "packets": 100,
        "first_time": START - 10 * SECOND,
        "last_time": START + int(seconds * SECOND),
        "digits": 6,
    }
    given = {name.replace("_", "-"): found for name, found in messages.items()}
    return Tables(
        captures=rows(schemas.CAPTURES, [capture]),
        files=rows(schemas.FILES, [{**capture, "sha256": "0" * 64, "format": "pcap"}]),
        origins=rows(schemas.ORIGINS, [{"first": 1, "frame": 1}]),
        clock_steps=rows(schemas.CLOCK_STEPS, list(clock_steps)),
        interfaces=rows(schemas.INTERFACES, list(interfaces)),
        host_names=rows(schemas.HOST_NAMES, list(host_names)),
        comments=rows(schemas.COMMENTS, list(comments)),
        neighbours=rows(schemas.NEIGHBOURS, list(neighbours)),
        arp=rows(schemas.ARP, list(arp)),
        flows=rows(schemas.FLOWS, flows),
        tcp_frames=rows(schemas.TCP_FRAMES, list(tcp_frames)),
        repeats=rows(schemas.REPEATS, list(repeats)),
        icmp=rows(schemas.ICMP, list(icmp)),
        media=rows(schemas.MEDIA, list(media)),
        certificates=rows(schemas.CERTIFICATES, list(certificates)),
        revocations=rows(schemas.REVOCATIONS, list(revocations)),
        dns_answers=rows(schemas.DNS_ANSWERS, list(dns_answers)),
        anomalies=rows(schemas.ANOMALIES, list(anomalies)),
        decryptions=rows(schemas.DECRYPTIONS, list(decryptions)),
        messages={name: rows(columns_of(kind), given.get(name, [])) for name, kind in MESSAGES.items()},
    )


def case(flows: list[dict[str, Any]], directory: Directory | None = None, **more: Any) -> Case:
    """The case those tables make, with the customer's topology where one is given."""
    return build_case(tables(flows, **more), directory)


def answer(name: str, address: str, **facts: Any) -> dict[str, Any]:
    """A DNS A record on flow 0, which must be one to port 53."""
    usual = {"question": name, "name": name, "record_type": "A", "value": address, "frame": 3, "time": START}
    return {**usual, **facts}


def dns_flow(client: str = "10.1.0.9", server: str = "10.1.0.53") -> dict[str, Any]:
    """The flow DNS answers belong to."""
    return flow(client, server, 53, transport="udp", opening="answered", stack="dns", basis="bytes")


def syn(of: int, frame: int, time: int = START, **facts: Any) -> dict[str, Any]:
    """A SYN of the client."""
    return {"flow": of, "frame": frame, "time": time, "from_client": True, "flags": 2, "ttl": 127, **facts}


def reset(of: int, frame: int, time: int = START + 1_000_000, ttl: int = 126) -> dict[str, Any]:
    """A reset of the server that answers a SYN."""
    return {"flow": of, "frame": frame, "time": time, "flags": 20, "ttl": ttl}


def binding(at: float, kind: str, number: int, from_client: bool, **facts: Any) -> dict[str, Any]:
    """One Binding message of an MS-ICE2 check, `at` seconds after the start; its frame is a thousand times that."""
    usual = {
        "flow": 0,
        "frame": round(at * 1000) + 1,
        "time": START + round(at * SECOND),
        "from_client": from_client,
        "kind": kind,
        "method": "binding",
        "dialect": "ms-ice2",
        "framing": "udp",
        "transaction_id": number.to_bytes(16, "big"),
        "has_username": kind != "error",
    }
    return {**usual, **facts}
