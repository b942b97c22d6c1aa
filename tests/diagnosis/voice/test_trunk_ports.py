"""Ports between pool, Mediation Server, gateways, voice mail and branches."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

FE, MEDIATION, MEDIATION2, GATEWAY, GATEWAY2 = "10.81.2.11", "10.81.2.21", "10.81.2.22", "10.81.70.5", "10.81.70.6"
EDGE_IN, UM, SBA, LIS = "172.29.4.7", "10.81.5.40", "10.81.200.9", "10.81.5.66"
STRANGER = "10.81.70.99"
HOSTS = (
    ("fe", FE, "fe1.hazel.example"),
    ("mediation", MEDIATION, "med1.hazel.example"),
    ("mediation", MEDIATION2, "med2.hazel.example"),
    ("edge_int", EDGE_IN, "edge.hazel.example"),
    ("exchange_um", UM, "um1.hazel.example"),
    ("sba", SBA, "branch.hazel.example"),
    ("gateway", GATEWAY, "gw1.hazel.example"),
    ("gateway", GATEWAY2, "gw2.hazel.example"),
    ("e911", LIS, "e911.hazel.example"),
)


def site() -> Scene:
    scene = Scene()
    scene.holds(*HOSTS, domain="hazel.example")
    for one in (FE, MEDIATION, GATEWAY, STRANGER, SBA, UM):
        scene.exchange(one, RESOLVER, 53, 40.0, stack="dns")
    for one in (GATEWAY, STRANGER, MEDIATION, MEDIATION2, UM, EDGE_IN, FE, LIS):
        scene.connect("10.81.9.9", one, 22, 25.0)
    return scene


class TestGatewayToMediation:
    RULE = "gateway-mediation-5067-5068-closed"

    @pytest.mark.parametrize("port", [5067, 5068])
    def test_refused_by_the_mediation_server(self, port: int) -> None:
        scene = site()
        of = scene.refused(GATEWAY, MEDIATION, port, 5.0)

        one = fires(scene, self.RULE, GATEWAY)

        assert (one.peer, one.port, one.flows) == (MEDIATION, port, (of,))
        assert one.confidence is Confidence.CERTAIN
        assert one.act[0] == "Lync administrator"
        assert one.causes[0].startswith("TCP is not enabled")

    def test_whoever_asks_for_this_port_is_a_gateway(self) -> None:
        scene = site()
        scene.silent(STRANGER, MEDIATION, 5067, 5.0)

        assert fires(scene, self.RULE, STRANGER).confidence is Confidence.LIKELY

    def test_the_trunk_has_a_port_of_its_own(self) -> None:
        scene = site()
        scene.refused(GATEWAY, MEDIATION, 5068, 5.0)
        scene.connect(GATEWAY, MEDIATION, 5075, 6.0)

        inconclusive(scene, self.RULE, because="which may be its trunk's")

    def test_nobody_s_port_5067(self) -> None:
        scene = site()
        scene.refused(STRANGER, "10.81.9.44", 5067, 5.0)

        silent(scene, self.RULE)

    def test_reached(self) -> None:
        scene = site()
        scene.connect(GATEWAY, MEDIATION, 5068, 5.0)

        silent(scene, self.RULE)

    def test_the_capture_ends(self) -> None:
        scene = site()
        scene.silent(GATEWAY, MEDIATION, 5068, 38.0, after=(0, 3))

        inconclusive(scene.case(42.0), self.RULE, because="the capture ends")


class TestMediationToGateway:
    RULE = "mediation-gateway-port-closed"

    @pytest.mark.parametrize("port", [5060, 5061, 5081, 5082])
    def test_refused_by_the_gateway(self, port: int) -> None:
        scene = site()
        scene.refused(MEDIATION, GATEWAY, port, 5.0)

        one = fires(scene, self.RULE, MEDIATION)

        assert (one.peer, one.port, one.confidence) == (GATEWAY, port, Confidence.CERTAIN)
        assert one.act[0] == "voice administrator"

    @pytest.mark.parametrize("port", [5060, 5081, 5082])
    def test_whom_a_mediation_server_asks_there_is_a_gateway(self, port: int) -> None:
        scene = site()
        scene.refused(MEDIATION, STRANGER, port, 5.0)

        assert fires(scene, self.RULE, MEDIATION).confidence is Confidence.LIKELY

    def test_a_front_end_with_its_own_mediation_server(self) -> None:
        scene = site()
        scene.refused(FE, STRANGER, 5081, 5.0)

        assert fires(scene, self.RULE, FE).confidence is Confidence.LIKELY

    @pytest.mark.parametrize(("asker", "port"), [(MEDIATION, 5061), (FE, 5060)])
    def test_a_stranger_there_may_be_another_server(self, asker: str, port: int) -> None:
        scene = site()
        scene.refused(asker, STRANGER, port, 5.0)

        silent(scene, self.RULE)

    def test_a_backup_trunk_of_another_kind_takes_over(self) -> None:
        scene = site()
        scene.refused(MEDIATION, GATEWAY, 5081, 5.0)
        scene.secure(MEDIATION, GATEWAY2, 5082, 9.0)

        inconclusive(scene, self.RULE, because="a backup trunk")

    def test_a_backup_trunk_takes_over(self) -> None:
        scene = site()
        scene.refused(MEDIATION, GATEWAY, 5081, 5.0)
        scene.connect(MEDIATION, GATEWAY2, 5081, 9.0)

        silent(scene, self.RULE)

    def test_a_trunk_that_was_there_before_is_no_backup(self) -> None:
        scene = site()
        scene.connect(MEDIATION, GATEWAY2, 5060, 1.0, seconds=60.0)
        scene.refused(MEDIATION, GATEWAY, 5081, 5.0)

        fires(scene, self.RULE, MEDIATION)

    def test_the_gateway_may_be_down(self) -> None:
        scene = site()
        scene.silent(MEDIATION, "10.81.70.44", 5081, 5.0)

        inconclusive(scene, self.RULE, because="the host itself may be down")


class TestFrontEndToMediation:
    RULE = "fe-mediation-5070-blocked"

    def test_dropped(self) -> None:
        scene = site()
        scene.silent(FE, MEDIATION, 5070, 5.0)

        assert fires(scene, self.RULE, FE).peer == MEDIATION

    def test_the_next_mediation_server_is_reached(self) -> None:
        scene = site()
        scene.silent(FE, MEDIATION, 5070, 5.0)
        scene.secure(FE, MEDIATION2, 5070, 26.0)

        silent(scene, self.RULE)

    def test_collocated(self) -> None:
        scene = Scene()
        both = (("fe", FE, "fe1.hazel.example"), ("mediation", FE, "fe1.hazel.example"))
        scene.holds(*both, ("mediation", MEDIATION, "med1.hazel.example"), domain="hazel.example")
        scene.connect("10.81.9.9", MEDIATION, 22, 25.0)
        scene.exchange(FE, RESOLVER, 53, 40.0, stack="dns")
        scene.refused(FE, MEDIATION, 5070, 5.0)

        inconclusive(scene, self.RULE, because="a Mediation Server itself")

    def test_one_sided(self) -> None:
        scene = site()
        scene.flows = [one for one in scene.flows if one["client"] != FE]
        for one in scene.flows:
            if one["server"] == FE:
                one.update({"server": "10.81.9.10"})
        scene.silent(FE, MEDIATION, 5070, 5.0)

        inconclusive(scene, self.RULE, because="no flow of")


class TestBranch:
    RULE = "sba-central-444-5062-blocked"

    @pytest.mark.parametrize(("server", "port"), [(FE, 444), (EDGE_IN, 5062)])
    def test_dropped_on_the_way(self, server: str, port: int) -> None:
        scene = site()
        scene.silent(SBA, server, port, 5.0)

        one = fires(scene, self.RULE, SBA)

        assert (one.peer, one.port) == (server, port)
        silent(scene, "fe-444-blocked")

    def test_the_line_is_down(self) -> None:
        scene = site()
        scene.flows = [one for one in scene.flows if one["client"] != SBA]
        scene.exchange(SBA, RESOLVER, 53, 1.0, stack="dns")
        scene.silent(SBA, FE, 444, 5.0)

        inconclusive(scene, self.RULE, because="the device itself is cut off")

    def test_a_front_end_is_no_branch(self) -> None:
        scene = site()
        scene.silent(FE, EDGE_IN, 5062, 5.0)

        silent(scene, self.RULE)


class TestVoiceMail:
    RULE = "um-unreachable"

    @pytest.mark.parametrize("port", [5061, 5066])
    def test_refused(self, port: int) -> None:
        scene = site()
        scene.refused(FE, UM, port, 5.0)

        one = fires(scene, self.RULE, FE)

        assert (one.peer, one.port) == (UM, port)
        assert one.act[0] == "Exchange administrator"

    def test_its_certificate_is_refused(self) -> None:
        scene = site()
        of = scene.meets(FE, UM, 5061, 5.0, end=46, leaf={"common_name": "mailbox", "names": ("mailbox",)})

        one = fires(scene, self.RULE, FE, frames={scene.frame(5.03, of), scene.frame(5.1, of)})

        assert one.confidence is Confidence.CERTAIN
        assert "mailbox" in one.why
        assert "um1.hazel.example: the name does not fit" in one.why
        assert "cert-name-mismatch" in (one.explains or ())

    def test_another_failure_of_the_same_front_end_is_no_consequence(self) -> None:
        scene = site()
        scene.meets(FE, UM, 5061, 5.0, end=46, leaf={"common_name": "mailbox"})
        scene.meets(FE, EDGE_IN, 5061, 6.0, end=48)

        assert fires(scene, self.RULE, FE).explains == ()

    def test_voice_mail_in_the_cloud_is_behind_the_edge(self) -> None:
        scene = site()
        scene.refused(FE, EDGE_IN, 5061, 5.0)

        silent(scene, self.RULE)

    def test_reached(self) -> None:
        scene = site()
        scene.meets(FE, UM, 5061, 5.0, end=46)
        scene.meets(FE, UM, 5061, 15.0)

        silent(scene, self.RULE)

    def test_the_capture_ends(self) -> None:
        scene = site()
        scene.silent(FE, UM, 5061, 38.0, after=(0, 3))

        inconclusive(scene.case(42.0), self.RULE, because="the capture ends")


class TestLocations:
    RULE = "e911-lis-fails"
    TARGET = "/LocationInformation/lisservice.svc/WebTicket"

    def _asked(self, status: int, server: str = FE, at: float = 5.0) -> Scene:
        scene = site()
        scene.secure("10.81.60.3", FE, 5061, 1.0)
        of = scene.connect("10.81.60.3", server, 443, at, stack="tls/http", basis="bytes")
        scene.opened(of)
        scene._say("http", of, at + 0.1, kind="request", method="POST", target=self.TARGET)
        self.frame = scene._say("http", of, at + 0.2, False, kind="response", status=status)
        return scene

    def test_the_service_fails(self) -> None:
        scene = self._asked(500)

        one = fires(scene, self.RULE, "10.81.60.3", frames={self.frame})

        assert one.confidence is Confidence.LIKELY
        assert one.reading.value == "decrypted"

    def test_the_emergency_gateway_refuses(self) -> None:
        scene = site()
        scene.refused(FE, LIS, 5066, 5.0)

        assert fires(scene, self.RULE, FE).peer == LIS

    @pytest.mark.parametrize("status", [200, 401])
    def test_an_answer_and_a_question_for_a_ticket(self, status: int) -> None:
        silent(self._asked(status), self.RULE)

    def test_not_deployed(self) -> None:
        inconclusive(self._asked(404), self.RULE, because="not deployed")

    def test_somebody_else_s_service(self) -> None:
        inconclusive(self._asked(500, "10.81.9.77"), self.RULE, because="nothing else shows")
