"""One failure has one cause: what a rule finds hangs under what another one found of the same subject before."""

from dataclasses import dataclass, field, replace

import pytest
from cases import START, case, flow

from lynccap.correlation.origins import Origins
from lynccap.diagnosis import judge as judging
from lynccap.diagnosis.catalogue import BY_NAME, RULES
from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.judgements import Found, Proof
from lynccap.document import Confidence

CLIENT, SERVER = "10.5.0.9", "10.5.1.20"

PAIRS = (
    ("phone-tls10-only", "tls-version-mismatch"),
    ("dns-srv-target-domain-mismatch", "phone-strict-dns-refuses"),
    ("phone-ntp-missing", "cert-not-yet-valid-or-clock-skew"),
    ("dns-cname-crosses-domain", "cert-name-mismatch"),
    ("dns-cname-crosses-domain", "cert-lyncdiscover-missing-on-web"),
    ("dns-wildcard-catchall", "cert-lyncdiscover-missing-on-web"),
    ("lyncdiscover-points-to-edge", "cert-lyncdiscover-missing-on-web"),
    ("dns-external-client-gets-private-ip", "autodiscover-both-ports-fail"),
    ("dns-internal-client-gets-public-ip", "autodiscover-both-ports-fail"),
    ("rp-80-to-443-redirect-breaks-autodiscover", "cert-lyncdiscover-missing-on-web"),
    ("phone-external-wants-root-chain", "cert-private-ca-on-external"),
    ("cert-mobile-gets-private-ca", "autodiscover-443-fails-80-works"),
    ("cert-old-still-served", "cert-expired"),
    ("cert-expired", "autodiscover-443-fails-80-works"),
    ("tls-unknown-ca", "autodiscover-443-fails-80-works"),
    ("tls-inspection-sip-or-https", "tls-unknown-ca"),
    ("tls-inspection-sip-or-https", "cert-chain-incomplete"),
    ("tls-inspection-sip-or-https", "pseudo-tls-broken-by-inspection"),
    ("mtu-blackhole", "tls-handshake-stalled"),
    ("asymmetric-routing", "rst-midstream-active"),
    ("duplicate-ip", "rst-midstream-active"),
    ("phone-dhcp120-missing", "dns-sip-srv-missing"),
    ("mras-request-refused", "ice-all-checks-failed"),
    ("relay-fqdn-unresolved", "ice-all-checks-failed"),
    ("relay-all-transports-blocked", "appshare-external-fails"),
    ("av-edge-tcp443-blocked", "appshare-external-fails"),
    ("stun-3478-blocked-internal", "media-start-late"),
    ("edge-internal-route-missing", "ice-all-checks-failed"),
    ("edge-nat-address-wrong", "media-one-way"),
    ("cac-denied", "ice-all-checks-failed"),
    ("media-tcp443-fallback", "tcp-media-retransmissions"),
    ("media-via-external-edge-from-inside", "media-rtt-high"),
    ("media-through-vpn", "rtp-jitter-poor"),
    ("dns-server-no-answer", "dns-all-discovery-exhausted"),
)


@dataclass
class Told:
    """What rules are made to find in a capture with two conversations of one client."""

    found: dict[str, Found] = field(default_factory=dict)

    def say(self, rule: str, device: str = CLIENT, at: int = 0, flows: tuple[int, ...] = ()) -> "Told":
        self.found[rule] = Found(
            device=device,
            peer=SERVER if device == CLIENT else CLIENT,
            says="it fails",
            why="a frame shows it",
            confidence=Confidence.CERTAIN,
            proof=(Proof(0, (1,), "a frame"),),
            time=START + at,
            flows=flows,
        )
        return self

    def causes(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
        """By rule: the rule whose finding is its cause."""
        one = case([flow(CLIENT, SERVER, 443), flow(CLIENT, SERVER, 5061)])

        def made(rule: Rule) -> Rule:
            told = (self.found[rule.name],) if rule.name in self.found else ()
            return replace(rule, judge=lambda _inquiry: iter(told))

        monkeypatch.setattr(judging, "RULES", tuple(made(rule) for rule in RULES))
        _, findings = judging.judge([one], [Origins(one.tables, ["c1"])])
        rules = {each.id: each.rule for each in findings}
        return {each.rule: rules.get(each.caused_by or "") for each in findings}


@pytest.mark.parametrize(("cause", "symptom"), PAIRS)
class TestPair:
    def test_the_symptom_hangs_under_its_cause(self, cause: str, symptom: str, monkeypatch: pytest.MonkeyPatch) -> None:
        told = Told().say(cause).say(symptom, at=10)

        assert told.causes(monkeypatch) == {cause: None, symptom: cause}

    def test_what_comes_before_is_no_symptom(self, cause: str, symptom: str, monkeypatch: pytest.MonkeyPatch) -> None:
        told = Told().say(cause, at=10).say(symptom)

        assert told.causes(monkeypatch)[symptom] is None


class TestBothEndsOfAConversation:
    """Large packets of the server vanish: it is found at the server, and its client's handshake stalls."""

    def test_what_one_end_meets_hangs_under_what_the_other_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = Told().say("mtu-blackhole", SERVER, flows=(0,)).say("tls-handshake-stalled", CLIENT, 10, flows=(0, 1))

        assert told.causes(monkeypatch)["tls-handshake-stalled"] == "mtu-blackhole"

    def test_another_conversation_is_another_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = Told().say("mtu-blackhole", SERVER, flows=(0,)).say("tls-handshake-stalled", CLIENT, 10, flows=(1,))

        assert told.causes(monkeypatch)["tls-handshake-stalled"] is None


def test_no_two_rules_explain_each_other() -> None:
    circles = [(rule.name, name) for rule in RULES for name in rule.explains if rule.name in BY_NAME[name].explains]

    assert circles == []
