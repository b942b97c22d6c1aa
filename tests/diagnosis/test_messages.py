"""Rules that read messages: provisioning answers, revocation fetches, alerts."""

from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow

from lynccap.correlation.case import Case
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement

POOL, PHONE, EDGE, PARTNER, CRL = "10.9.0.5", "10.1.0.9", "192.0.2.10", "198.51.100.7", "198.51.100.80"
DAY = 86_400 * SECOND


def said(rule: str, made: Case) -> list[Judgement]:
    return list(BY_NAME[rule].judge(Inquiry(made)))


class TestProvisioning:
    def _said(self, *outcomes: tuple[str, int | None], **facts: Any) -> list[Judgement]:
        web = flow(PHONE, POOL, 80, stack="http", **facts)
        rows = [
            {"flow": 1, "frame": 10 + n, "first_frame": 10 + n, "time": START + n * SECOND, "step": "root-chains",
             "outcome": outcome, "status": status}
            for n, (outcome, status) in enumerate(outcomes)
        ]  # fmt: skip
        names = [answer("lyncdiscoverinternal.contoso.example", POOL)]
        return said("certprov-http-error", case([dns_flow(PHONE), web], certprov=rows, dns_answers=names))

    def test_error_is_found_with_its_frames(self) -> None:
        (one,) = self._said(("http-error", 500), ("http-error", 503))

        assert isinstance(one, Found)
        assert "HTTP 500 and HTTP 503, 2 times" in one.says
        assert one.proof[0].frames == (10, 11)

    def test_soap_fault_in_a_200_is_a_failure(self) -> None:
        (one,) = self._said(("fault", 200))

        assert isinstance(one, Found)

    @pytest.mark.parametrize(
        "outcomes",
        [
            (("challenged", 401), ("ok", 200)),
            (("http-error", 503), ("ok", 200)),
            (("ok", 200),),
            (("no-answer", None),),
        ],
        ids=["challenge", "retry works", "works", "capture ends"],
    )
    def test_what_ends_well_or_is_not_known_accuses_nobody(self, outcomes: tuple[tuple[str, int | None], ...]) -> None:
        assert self._said(*outcomes) == [Clear(PHONE)]

    def test_reset_before_the_answer_is_a_failure(self) -> None:
        (one,) = self._said(("no-answer", None), closing="server-rst")

        assert isinstance(one, Found)
        assert "a reset" in one.says

    def test_reset_in_a_capture_that_lost_the_answer_is_not(self) -> None:
        assert self._said(("cut", 200), closing="server-rst", lost_server=900) == [Clear(PHONE)]


class TestRevocation:
    def _said(
        self, crl: dict[str, Any], handshake: str = "certificate", rule: str = "edge-crl-http-blocked"
    ) -> list[Judgement]:
        asker = dns_flow(EDGE, "192.0.2.53")
        federation = flow(EDGE, PARTNER, 5061, stack="tls", last_frame=40)
        fetch = flow(EDGE, CRL, 80, stack="http", first_time=START + SECOND)
        asked = {"flow": 0, "frame": 1, "kind": "request", "name": "_sipfederationtls._tcp.partner.example"}
        tls = [
            {"flow": 1, "frame": 20, "first_frame": 20, "time": START, "kind": kind}
            for kind in ("server-hello", handshake)
        ]
        if handshake == "application-data":
            tls += [{**tls[1], "from_client": True}]
        names = {
            "flow": 1,
            "frame": 20,
            "crl_urls": ("http://crl.ca.example/ca.crl",),
            "common_name": "sip.partner.example",
        }
        fetched = {"flow": 2, "frame": 30, "first_frame": 30, "time": START + SECOND, "kind": "crl"}
        fetched["content_ok"] = crl["outcome"] == "ok"
        made = case(
            [asker, federation, fetch],
            dns=[{**asked, "from_client": True}],
            dns_answers=[answer("crl.ca.example", CRL)],
            certificates=[names],
            tls=tls,
            crl=[
                {
                    "flow": 2,
                    "frame": 30,
                    "first_frame": 30,
                    "time": START + SECOND,
                    "kind": "crl",
                    "content_ok": crl["outcome"] == "ok",
                    **crl,
                }
            ],
        )
        return said(rule, made)

    @pytest.mark.parametrize(
        ("dates", "kind"),
        [
            ({}, Found),
            ({"this_update": START - DAY, "next_update": START + DAY}, Found),
            ({"this_update": START - 2 * DAY, "next_update": START - DAY}, Doubt),
            ({"this_update": START + DAY, "next_update": START + 2 * DAY}, Doubt),
        ],
        ids=["unknown dates", "in force", "ended", "not begun"],
    )
    def test_only_a_list_in_force_is_called_normal(self, dates: dict[str, int], kind: type[Judgement]) -> None:
        (one,) = self._said({"outcome": "ok", "status": 200, **dates}, rule="state-edge-crl-fetch")

        assert isinstance(one, kind)
        assert one.device == EDGE

    def test_http_error_beside_a_stalled_handshake_is_found(self) -> None:
        (one,) = self._said({"outcome": "http-error", "status": 403})

        assert isinstance(one, Found)
        assert "HTTP 403" in one.says
        assert one.confidence == "likely"
        assert [proof.frames for proof in one.proof][:2] == [(30,), (20, 40)]

    def test_http_error_beside_a_working_handshake_is_not(self) -> None:
        assert self._said({"outcome": "http-error", "status": 403}, "application-data") == []

    def test_fetched_list_is_clear(self) -> None:
        assert self._said({"outcome": "ok", "status": 200}) == [Clear(EDGE)]


class TestAlerts:
    def _said(self, from_client: bool, server: str = POOL, code: int = 48, completed: bool = False) -> list[Judgement]:
        web = flow(PHONE, server, 5061, stack="tls")
        kinds = [("server-hello", False), ("certificate", False)]
        kinds += [("application-data", side) for side in (True, False) if completed]
        tls: list[dict[str, Any]] = [
            {"flow": 1, "frame": 20 + n, "kind": kind, "from_client": side, "certificates": (b"x",)}
            for n, (kind, side) in enumerate(kinds)
        ]
        tls.append(
            {"flow": 1, "frame": 30, "kind": "alert", "alert": code, "alert_name": "x", "from_client": from_client}
        )
        names = [answer("lyncdiscoverinternal.contoso.example", POOL)]
        return said("tls-unknown-ca", case([dns_flow(PHONE), web], tls=tls, dns_answers=names))

    def test_is_filed_under_who_sent_it(self) -> None:
        (client,) = self._said(from_client=True)
        (server,) = self._said(from_client=False)

        assert isinstance(client, Found)
        assert isinstance(server, Found)
        assert (client.device, client.peer) == (PHONE, POOL)
        assert (server.device, server.peer) == (POOL, PHONE)

    def test_shows_the_certificate_and_the_alert(self) -> None:
        (one,) = self._said(from_client=True)

        assert isinstance(one, Found)
        assert one.proof[0].frames == (21, 30)

    def test_another_alert_is_another_matter(self) -> None:
        assert self._said(from_client=True, code=42) == []

    def test_session_that_carried_data_is_clear(self) -> None:
        assert self._said(from_client=True, completed=True) == [Clear(PHONE)]


def test_browsers_distrust_of_a_stranger_is_nobodys_lync() -> None:
    web = flow(PHONE, "198.51.100.99", 443, stack="tls")
    tls = [
        {"flow": 0, "frame": 20, "kind": "certificate"},
        {"flow": 0, "frame": 30, "kind": "alert", "alert": 48, "alert_name": "unknown_ca", "from_client": True},
    ]

    assert said("tls-unknown-ca", case([web], tls=tls)) == []
