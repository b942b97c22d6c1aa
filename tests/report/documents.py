"""Documents built by hand for the report's tests."""

from lynccap.document import (
    Assessment,
    Capture,
    Confidence,
    Device,
    Document,
    Evidence,
    Finding,
    Outcome,
    Quality,
    Rejected,
    Role,
    Service,
    Severity,
    Step,
    StepOutcome,
    Tool,
    Topology,
)

CAPTURE = "c1"
FRONT_END = "10.1.1.5"
STEPS = ("dhcp", "dns", "time", "root chain", "web ticket", "certificate", "sign-in", "mras")


def capture(name: str = "site-berlin.pcapng", quality: tuple[Quality, ...] = ()) -> Capture:
    return Capture(
        id=CAPTURE,
        name=name,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        format="pcapng",
        packets=48_210,
        bytes=31_400_512,
        first_time="2026-03-02T08:14:07.120034Z",
        last_time="2026-03-02T08:26:10.004411Z",
        quality=quality,
    )


def finding(number: int, rule: str, device: str | None, **others: object) -> Finding:
    given: dict[str, object] = {
        "id": f"F{number:04}",
        "rule": rule,
        "title": f"Title of {rule}",
        "severity": Severity.MAJOR,
        "confidence": Confidence.CERTAIN,
        "device": device,
        "peer": FRONT_END,
        "port": 80,
        "transport": "tcp",
        "service": "certprov",
        "says": f"{device} says {rule}.",
        "why": f"Why {rule} matters.",
        "causes": (f"first cause of {rule}",),
        "fix": (f"first fix of {rule}",),
        "act": ("network/firewall",),
        "sources": ("[MS-TURN] 3.2",),
        "evidence": (
            Evidence(CAPTURE, (10 * number, 10 * number + 1), "SYN, then RST", f"frame.number == {10 * number}"),
        ),
    }
    return Finding(**{**given, **others})  # type: ignore[arg-type]


def journey(failed_at: int | None, address: str, start: int) -> tuple[Step, ...]:
    steps = []
    for position, step in enumerate(STEPS):
        frame = start + 4 * position
        time = f"2026-03-02T08:15:{position:02}.{frame % 1000:03}000Z"
        if failed_at is None or position < failed_at:
            one = Step(step, StepOutcome.OK, f"{address} finished {step}.", time, (frame, frame + 1), CAPTURE)
        elif position == failed_at:
            says = f"{address} was refused on TCP port 80 of {FRONT_END}, three times in 9.0 s."
            one = Step(step, StepOutcome.FAILED, says, time, (frame, frame + 1, frame + 2), CAPTURE)
        else:
            one = Step(step, StepOutcome.NOT_SEEN, f"{address} did not get this far.")
        steps.append(one)
    return tuple(steps)


def phone(number: int, failed_at: int | None = None, subnet: str = "10.1.2") -> Device:
    address = f"{subnet}.{number}"
    return Device(
        id=address,
        addresses=(address,),
        macs=(f"00:04:f2:00:{number // 256:02x}:{number % 256:02x}",),
        names=(f"SEP-{subnet.split('.')[2]}-{number:03}",),
        kind="phone",
        role=None,
        basis="DHCP vendor class MS-UC-Client",
        journey=journey(failed_at, address, 40 * number),
    )


def pc(number: int) -> Device:
    address = f"10.1.9.{number}"
    return Device(
        id=address,
        addresses=(address, f"2001:db8::{number:x}"),
        macs=(f"3c:52:82:00:00:{number:02x}",),
        names=(f"pc-{number}.contoso.example",),
        kind="pc",
        role=None,
        basis="User-Agent UCCAPI/15.0",
        journey=(
            Step(
                "autodiscover",
                StepOutcome.OK,
                f"{address} found its pool.",
                "2026-03-02T08:16:00Z",
                (7,),
                CAPTURE,
            ),
            Step("sign-in", StepOutcome.UNKNOWN, "The sign-in is encrypted.", None, (9,), CAPTURE),
            Step("media", StepOutcome.SKIPPED, "It made no call."),
        ),
    )


TOPOLOGY = Topology(
    "inferred",
    (
        Role(
            "Front End Server",
            (FRONT_END,),
            ("pool.contoso.example",),
            "certificate name and port 5061",
            Confidence.LIKELY,
        ),
        Role("DNS server", ("10.1.1.2",), (), "answered DNS questions", Confidence.CERTAIN),
    ),
)
SERVICES = (
    Service("sip", "tls", "port 5061 and certificate", 41, 9_120, 4_211_004),
    Service("certprov", "http", "bytes", 14, 42, 2_520),
    Service("rtp", "stun/rtp", "bytes", 22, 38_000, 26_100_200),
    Service("dns", "dns", "bytes", 90, 180, 21_004),
)


def assessments(fired: tuple[str, ...] = ()) -> tuple[Assessment, ...]:
    clear = tuple(Assessment(f"dns-check-{n}", Outcome.CLEAR) for n in range(12))
    unseen = tuple(Assessment(f"xmpp-check-{n}", Outcome.NOT_SEEN, "no XMPP") for n in range(5))
    return (*(Assessment(rule, Outcome.FIRED) for rule in fired), *clear, *unseen)


def build(**others: object) -> Document:
    given: dict[str, object] = {
        "tool": Tool("lynccap", "0.1.0"),
        "captures": (capture(),),
        "topology": TOPOLOGY,
        "devices": (),
        "services": SERVICES,
        "assessments": assessments(),
        "findings": (),
    }
    return Document(**{**given, **others})  # type: ignore[arg-type]


def healthy() -> Document:
    return build(devices=(phone(11), phone(12), pc(1)))


ROOT_CHAIN: dict[str, object] = {
    "title": "The phone could not fetch the root certificate chain, because TCP port 80 was refused",
    "severity": Severity.CRITICAL,
    "why": "A phone without the root chain trusts no server. It cannot start TLS, so it never signs in.",
    "causes": (
        "The load balancer address has no listener on port 80",
        "A firewall between the phones and the Front End rejects port 80",
        "The port 80 binding was removed from IIS on the Front End",
    ),
    "fix": (
        "Open TCP ports 80 and 443 from the phone subnets to every Front End and Director address",
        "Check with Test-CsPhoneBootstrap from the phone subnet",
    ),
    "act": ("network/load balancer", "Lync admin"),
    "rejected": (
        Rejected("rootchain-http80-filtered", "The refusals came back within 1.2 ms; nothing was dropped silently."),
        Rejected("certprov-http-error", "No HTTP request was ever sent."),
    ),
}


def one_cause(phones: int = 14) -> Document:
    broken = tuple(phone(10 + n, failed_at=3) for n in range(phones))
    findings = []
    for n, device in enumerate(broken):
        address = device.id
        syns = tuple(400 + 40 * n + k for k in (0, 1, 6, 7, 19, 20))
        filters = f"ip.addr == {address} && ip.addr == {FRONT_END} && tcp.port == 80 && tcp.flags.syn == 1"
        findings.append(
            finding(
                n,
                "rootchain-http80-refused",
                address,
                says=f"{device.names[0]} ({address}) opened TCP port 80 of {FRONT_END} three times in 9.0 s. "
                "Each attempt was refused within 1.2 ms.",
                confidence=Confidence.CERTAIN if n % 5 else Confidence.LIKELY,
                evidence=(
                    Evidence(CAPTURE, syns, "SYN, answered by RST with the server's own TTL of 128", filters),
                    Evidence(
                        CAPTURE,
                        (31,),
                        "the DHCP answer that names the web server",
                        f"dhcp && ip.dst == {address}",
                    ),
                ),
                **ROOT_CHAIN,
            )
        )
        findings.append(
            finding(
                100 + n,
                "tls-unknown-ca",
                address,
                port=443,
                service="tls",
                title="The phone ended TLS because it does not trust the server's certificate",
                caused_by=f"F{n:04}",
            )
        )
    findings.append(
        finding(
            300,
            "dns-srv-missing",
            "10.1.9.1",
            severity=Severity.MINOR,
            confidence=Confidence.POSSIBLE,
            title="The PC asked for an SRV record that does not exist",
            peer="10.1.1.2",
            port=53,
            transport="udp",
            service="dns",
            act=("DNS admin",),
        )
    )
    findings.append(
        finding(
            301,
            "state-autodiscover-race",
            "10.1.9.1",
            severity=Severity.INFO,
            title="Autodiscover was tried on HTTP and HTTPS at once, and the slower try was dropped",
            says="pc-1 opened ports 80 and 443 within 40 ms and reset the slower one.",
            why="The client races both and keeps the first answer.",
            act=("none",),
        )
    )
    return build(
        devices=(*broken, phone(200), pc(1), pc(2)),
        findings=tuple(findings),
        assessments=(
            *assessments(("rootchain-http80-refused", "tls-unknown-ca", "dns-srv-missing")),
            Assessment("media-one-way", Outcome.INCONCLUSIVE, "The capture holds one direction only of 3 flows."),
            Assessment("ice-failed", Outcome.INCONCLUSIVE, "The capture holds one direction only of 3 flows."),
            Assessment("crl-expired", Outcome.RULE_FAILED, "KeyError"),
        ),
        captures=(
            capture(
                quality=(
                    Quality(
                        "late-start",
                        "The capture starts 4.1 s after the first phone began to sign in.",
                        ("whether DHCP was asked",),
                    ),
                )
            ),
        ),
    )


def five_hundred() -> Document:
    """500 phones in two subnets, each failing with a long finding and two symptoms."""
    devices, findings = [], []
    for n in range(500):
        device = phone(n % 250 + 1, failed_at=3, subnet=f"10.1.{2 + n // 250}")
        devices.append(device)
        proof = tuple(
            Evidence(
                CAPTURE,
                tuple(range(1000 * n + part, 1000 * n + part + 60, 3)),
                f"part {part} " * 12,
                "tcp && " * 20,
            )
            for part in range(2)
        )
        findings.append(finding(n, "rootchain-http80-refused", device.id, evidence=proof, **ROOT_CHAIN))
        for k, rule in enumerate(("tls-unknown-ca", "sip-no-sign-in")):
            findings.append(
                finding(1000 * (k + 1) + n, rule, device.id, port=443 + k, evidence=proof, caused_by=f"F{n:04}")
            )
    return build(devices=tuple(devices), findings=tuple(findings))


SCRIPT = "<script>alert(1)</script>"
QUOTES = "\"'><img src=x onerror=alert(2)>"
TURNED = "evil\u202egpj.exe"
CONTROLS = "bell\x07esc\x1b[31mred\x9b0m\x00end"
FORMULA = '=HYPERLINK("http://evil.example","click")'


def hostile() -> Document:
    device = Device(
        id="10.9.9.9",
        addresses=("10.9.9.9",),
        macs=(QUOTES,),
        names=(SCRIPT, TURNED, CONTROLS),
        kind=SCRIPT,
        role=QUOTES,
        basis=f"{{{{ 7 * 7 }}}} {SCRIPT}",
        journey=(Step(SCRIPT, StepOutcome.FAILED, CONTROLS, SCRIPT, (1,), QUOTES),),
    )
    bad = finding(
        1,
        SCRIPT,
        "10.9.9.9",
        title=f"{QUOTES} | **bold** [link](javascript:alert(3))",
        peer=TURNED,
        says=FORMULA,
        why=SCRIPT,
        causes=(SCRIPT, "+1+1", "x" * 100_000),
        fix=(QUOTES,),
        act=("@SUM(1)",),
        sources=("http://evil.example/x.js",),
        evidence=(Evidence(QUOTES, (1, 2), CONTROLS, f"```\n{SCRIPT}"),),
        rejected=(Rejected(SCRIPT, TURNED),),
    )
    return build(
        captures=(capture(name=f"{SCRIPT}.pcap", quality=(Quality(SCRIPT, QUOTES, (TURNED,)),)),),
        devices=(device,),
        findings=(bad,),
        topology=Topology(QUOTES, (Role(SCRIPT, (TURNED,), (CONTROLS,), QUOTES, Confidence.POSSIBLE),)),
        services=(Service(SCRIPT, QUOTES, TURNED, 1, 1, 1), Service("sip", "tls", "port", 1, 1, 1)),
        assessments=(
            Assessment(SCRIPT, Outcome.INCONCLUSIVE, QUOTES),
            Assessment(QUOTES, Outcome.FIRED, SCRIPT),
        ),
    )


def no_lync() -> Document:
    return build(
        topology=Topology("inferred"),
        services=(Service("dns", "dns", "bytes", 4, 8, 800), Service("tls", "tls", "bytes", 2, 90, 70_000)),
        assessments=(Assessment("sip-sign-in-failed", Outcome.NOT_SEEN, "no SIP"),),
    )


def inconclusive() -> Document:
    late = Quality("one-sided", "Only packets towards the servers were captured.", ("that a server did not answer",))
    return build(
        captures=(capture(quality=(late,)),),
        devices=(pc(1),),
        assessments=(
            Assessment("tcp-filtered-silent", Outcome.INCONCLUSIVE, "Only one direction was captured."),
            Assessment("dns-no-answer", Outcome.INCONCLUSIVE, "Only one direction was captured."),
            Assessment("ntp-no-answer", Outcome.INCONCLUSIVE, "The capture ends 2.0 s after the question."),
        ),
    )


ALL = {
    "healthy": healthy,
    "one cause": one_cause,
    "five hundred": five_hundred,
    "hostile": hostile,
    "no lync": no_lync,
    "inconclusive": inconclusive,
}
