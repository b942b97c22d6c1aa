"""SIP joined to transactions, registrations, calls and subscriptions, from rows made by hand."""

from time import process_time
from typing import Any

import cases
from cases import SECOND, START, flow

from lynccap.correlation.sip.dialogs import DialogBook, DialogEnd
from lynccap.correlation.sip.registrations import RegistrationEnd

CLIENT, SERVER, OTHER = "10.1.0.9", "10.1.0.20", "10.1.0.30"
TLS = flow(CLIENT, SERVER, 5061)
UDP = flow(CLIENT, SERVER, 5060, transport="udp")


def row(seconds: float, method: str, cseq: int = 1, status: int | None = None, **facts: Any) -> dict[str, Any]:
    """A request of the flow's client, or the answer to one, after so many seconds."""
    asked = facts.pop("by_client", True)
    return {
        "frame": int(seconds * 1000) + 1,
        "time": START + int(seconds * SECOND),
        "from_client": asked is (status is None),
        "kind": "request" if status is None else "response",
        "method": method,
        "status": status,
        "cseq": cseq,
        "call_id": "call",
        "from_tag": "a",
        "to_tag": None,
        "from_uri": "sip:ada@contoso.com",
        "to_uri": "sip:bob@contoso.com",
        **facts,
    }


def book(*rows: dict[str, Any], flows: tuple[dict[str, Any], ...] = (TLS,)) -> DialogBook:
    return cases.case(list(flows), sip=list(rows)).dialogs


def test_without_readable_sip_there_is_nothing():
    assert book() == DialogBook()


class TestTransactions:
    def test_an_answered_request_tells_how_long_it_waited(self):
        (one,) = book(
            row(0, "INVITE"), row(0.2, "INVITE", status=100), row(1, "INVITE", status=180), row(3, "INVITE", status=200)
        ).transactions

        assert (one.method, one.status, one.frame, one.final.frame) == ("INVITE", 200, 1, 3001)
        assert (one.seconds_to_first, one.seconds_to_final) == (0.2, 3.0)
        assert [answer.status for answer in one.answers] == [100, 180, 200]
        assert not one.unanswered

    def test_a_request_without_any_answer_is_unanswered_unless_it_wants_none(self):
        asked, told = book(row(0, "SERVICE"), row(1, "BENOTIFY", cseq=9)).transactions

        assert (asked.unanswered, asked.seconds_to_first, asked.seconds_to_final) == (True, None, None)
        assert not told.unanswered

    def test_requests_sent_again_over_udp_are_one(self):
        again = [row(seconds, "OPTIONS", branch="z9hG4bK1") for seconds in (0, 0.5, 1.5)]

        (one,) = book(*again, row(2, "OPTIONS", status=200, branch="z9hG4bK1"), flows=(UDP,)).transactions

        assert (one.repeats, one.status, one.seconds_to_final) == (2, 200, 2.0)

    def test_other_numbers_branches_askers_and_flows_are_other_transactions(self):
        found = book(
            row(0, "INFO", cseq=1),
            row(1, "INFO", cseq=2),
            row(2, "INFO", cseq=2, branch="z9hG4bK2"),
            row(3, "INFO", cseq=2, by_client=False),
            row(4, "INFO", cseq=2, flow=1),
            flows=(TLS, TLS),
        ).transactions

        assert len(found) == 5
        assert [one.asked_by_client for one in found] == [True, True, True, False, True]

    def test_an_answer_whose_request_the_capture_lacks_stands_alone(self):
        (one,) = book(row(5, "INVITE", status=503)).transactions

        assert (one.request, one.status, one.asked_by_client, one.seconds_to_final) == (None, 503, True, None)

    def test_ack_is_part_of_the_invite(self):
        assert [one.method for one in book(row(0, "INVITE"), row(1, "ACK")).transactions] == ["INVITE"]


def challenge(seconds: float, cseq: int, offered: str = "NTLM,Kerberos,TLS-DSK") -> dict[str, Any]:
    return row(seconds, "REGISTER", cseq, 401, authenticate=offered)


class TestRegistrations:
    def test_rounds_of_proof_end_in_a_registration(self):
        (one,) = book(
            row(0, "REGISTER", 1, epid="0a0b"),
            challenge(0.1, 1),
            row(0.2, "REGISTER", 2, authorization="TLS-DSK", epid="0a0b"),
            challenge(0.3, 2, "TLS-DSK"),
            row(0.4, "REGISTER", 3, authorization="TLS-DSK", epid="0a0b", expires=None),
            row(0.5, "REGISTER", 3, 200, expires=7200, remote_user=True, connected_to_primary="no"),
        ).registrations

        assert (one.end, one.status, one.challenges) == (RegistrationEnd.REGISTERED, 200, 2)
        assert (one.offered, one.used) == (("NTLM", "Kerberos", "TLS-DSK"), ("TLS-DSK",))
        assert (one.user, one.epid, one.seconds) == ("sip:ada@contoso.com", "0a0b", 0.5)
        assert one.frames == (1, 101, 201, 301, 401, 501)
        assert (one.answer.expires, one.answer.connected_to_primary) == (7200, "no")

    def test_a_redirection_names_the_registrar(self):
        (one,) = book(
            row(0, "REGISTER"), row(1, "REGISTER", status=301, contact="sip:fe2.contoso.com:5061;transport=tls")
        ).registrations

        assert (one.end, one.redirected_to) == (
            RegistrationEnd.REDIRECTED,
            "sip:fe2.contoso.com:5061;transport=tls",
        )

    def test_every_other_end(self):
        assert book(row(0, "REGISTER"), row(1, "REGISTER", status=403)).registrations[0].end is RegistrationEnd.REFUSED
        assert book(row(0, "REGISTER")).registrations[0].end is RegistrationEnd.UNANSWERED
        given_up = book(row(0, "REGISTER"), challenge(1, 1)).registrations[0]
        assert (given_up.end, given_up.challenges) == (RegistrationEnd.CHALLENGED, 1)
        gone = book(row(0, "REGISTER", expires=0), row(1, "REGISTER", status=200, expires=0)).registrations[0]
        assert gone.end is RegistrationEnd.REMOVED

    def test_a_renewal_is_an_attempt_of_its_own(self):
        found = book(
            row(0, "REGISTER", 1), row(1, "REGISTER", 1, 200), row(50, "REGISTER", 2), row(51, "REGISTER", 2, 200)
        ).registrations

        assert [(one.end, one.time) for one in found] == [
            (RegistrationEnd.REGISTERED, START),
            (RegistrationEnd.REGISTERED, START + 50 * SECOND),
        ]

    def test_an_answer_alone_is_judged_by_itself(self):
        (one,) = book(row(1, "REGISTER", status=200)).registrations

        assert (one.end, one.challenges, one.frames) == (RegistrationEnd.REGISTERED, 0, (1001,))


def call(*later: dict[str, Any], status: int | None = 200, **facts: Any) -> DialogBook:
    answer = [row(2, "INVITE", status=status, to_tag="b", **facts)] if status else []
    return book(row(0, "INVITE"), row(1, "INVITE", status=180, to_tag="b"), *answer, *later)


class TestCalls:
    def test_the_caller_hangs_up(self):
        bye = row(62, "BYE", 2, to_tag="b", diagnostics="51004;reason=x", diagnostics_id=51004)

        (one,) = call(bye, row(62.5, "BYE", 2, 200, to_tag="b")).calls

        assert (one.end, one.ended_by, one.seconds, one.status) == (DialogEnd.ESTABLISHED, "caller", 60.0, 200)
        assert (one.from_tag, one.to_tag, one.from_uri) == ("a", "b", "sip:ada@contoso.com")
        assert one.diagnostics.diagnostics_id == 51004

    def test_the_callee_hangs_up_on_a_connection_of_its_own(self):
        bye = row(12, "BYE", 1, from_tag="b", to_tag="a", flow=1)

        (one,) = book(
            row(0, "INVITE"), row(2, "INVITE", status=200, to_tag="b"), bye, flows=(TLS, flow(SERVER, CLIENT, 5061))
        ).calls

        assert (one.ended_by, one.seconds, one.closing.flow) == ("callee", 10.0, 1)

    def test_a_call_seen_on_both_sides_of_a_proxy_is_one(self):
        (one,) = book(
            row(0, "INVITE"),
            row(0.1, "INVITE", flow=1),
            row(1, "INVITE", status=200, to_tag="b", flow=1),
            row(1.1, "INVITE", status=200, to_tag="b"),
            flows=(TLS, flow(SERVER, OTHER, 5061)),
        ).calls

        assert (one.opening.flow, one.opening.seconds_to_final, one.ended_by) == (0, 1.1, "")
        assert one.seconds is None

    def test_a_call_not_taken_says_why(self):
        refused = call(status=488, diagnostics="52063;reason=x", diagnostics_id=52063).calls[0]
        assert (refused.end, refused.status, refused.diagnostics.diagnostics_id) == (DialogEnd.REFUSED, 488, 52063)
        assert call(status=None).calls[0].end is DialogEnd.PENDING
        assert book(row(0, "INVITE")).calls[0].end is DialogEnd.UNANSWERED
        assert call(status=302).calls[0].end is DialogEnd.REDIRECTED
        assert call(status=407).calls[0].end is DialogEnd.CHALLENGED

    def test_a_cancelled_call_names_who_cancelled(self):
        (one,) = call(row(1.5, "CANCEL", 1), status=487).calls

        assert (one.end, one.ended_by, one.closing.method) == (DialogEnd.CANCELLED, "caller", "CANCEL")

    def test_a_cancel_that_came_too_late_ends_nothing(self):
        (one,) = call(row(1.9, "CANCEL", 1)).calls

        assert (one.end, one.closing, one.ended_by) == (DialogEnd.ESTABLISHED, None, "")

    def test_an_invite_sent_again_with_proof_is_the_same_call(self):
        (one,) = book(
            row(0, "INVITE", 1),
            row(1, "INVITE", 1, 407),
            row(2, "INVITE", 2),
            row(3, "INVITE", 2, 200, to_tag="b"),
        ).calls

        assert (one.status, one.opening.request.cseq) == (200, 2)

    def test_an_invite_within_the_call_opens_none(self):
        (one,) = call(row(9, "INVITE", 2, to_tag="b"), row(10, "UPDATE", 3, to_tag="b")).calls

        assert [later.method for later in one.later] == ["INVITE", "UPDATE"]

    def test_a_bye_of_another_call_ends_nothing(self):
        (one,) = call(row(9, "BYE", 2, to_tag="c"), row(9, "BYE", 2, call_id="other", to_tag="b")).calls

        assert one.closing is None


class TestSubscriptions:
    def test_notifications_and_renewals_belong_to_it(self):
        (one,) = book(
            row(0, "SUBSCRIBE", event="presence"),
            row(1, "SUBSCRIBE", status=200, to_tag="b", expires=36000),
            row(2, "BENOTIFY", 1, by_client=False, from_tag="b", to_tag="a", subscription_state="active"),
            row(3, "SUBSCRIBE", 2, to_tag="b", event="presence"),
            row(
                4, "NOTIFY", 2, by_client=False, from_tag="b", to_tag="a",
                subscription_state="terminated", subscription_reason="rejected",
            ),
        ).subscriptions  # fmt: skip

        assert (one.event, one.status, one.expires, one.ended) == ("presence", 200, 36000, "rejected")
        assert (len(one.renewals), [told.method for told in one.notifications]) == (1, ["BENOTIFY", "NOTIFY"])

    def test_a_refused_one_has_no_end(self):
        (one,) = book(row(0, "SUBSCRIBE", event="x"), row(1, "SUBSCRIBE", status=489)).subscriptions

        assert (one.status, one.ended, one.expires) == (489, None, None)


def test_time_grows_with_the_dialogs_however_many_share_a_call_id():
    count = 6000
    methods = ("INVITE", "SUBSCRIBE")
    rows = [row(place / 10, methods[place % 2], cseq=place, from_tag=f"t{place}") for place in range(count)]
    made = cases.case([TLS], sip=rows)
    begun = process_time()
    dialogs = made.dialogs

    assert len(dialogs.calls) == len(dialogs.subscriptions) == count // 2
    assert process_time() - begun < 1.5
