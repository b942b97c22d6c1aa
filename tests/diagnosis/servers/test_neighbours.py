"""Ports between Lync's servers: conference control, files, chat, logging."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Severity

FE1, FE2, FE3, DIRECTOR = "10.72.3.11", "10.72.3.12", "10.72.3.13", "10.72.3.20"
EDGE_IN, EDGE_AV, EDGE_CONF = "172.30.8.5", "203.0.113.41", "203.0.113.42"
CHAT, CHAT2, SHARE, USER = "10.72.3.30", "10.72.3.31", "10.72.9.8", "10.72.50.7"
ALL = (
    ("fe", FE1, "fe1.birch.example"),
    ("fe", FE2, "fe2.birch.example"),
    ("fe", FE3, "fe3.birch.example"),
    ("director", DIRECTOR, "dir.birch.example"),
    ("edge_int", EDGE_IN, "edge.birch.example"),
    ("edge_av", EDGE_AV, "av.birch.example"),
    ("edge_webconf", EDGE_CONF, "conf.birch.example"),
    ("fileshare", SHARE, "files.birch.example"),
)
CHATS = (("pchat", CHAT, "chat1.birch.example"), ("pchat", CHAT2, "chat2.birch.example"))


def site(*more: tuple[str, str, str]) -> Scene:
    scene = Scene()
    scene.holds(*ALL, *more, domain="birch.example")
    for server in (FE1, FE2, DIRECTOR, CHAT, USER):
        scene.exchange(server, RESOLVER, 53, 30.0, stack="dns")
    for server in (FE2, CHAT, SHARE):
        scene.connect("10.72.3.99", server, 3389, 20.0)
    return scene


class TestConferenceControl:
    RULE = "fe-444-blocked"

    def test_dropped_although_another_front_end_answers(self) -> None:
        scene = site()
        of = scene.silent(FE1, FE2, 444, 5.0)
        scene.secure(FE1, FE3, 444, 6.0)

        one = fires(scene, self.RULE, FE1)

        assert (one.peer, one.port, one.flows) == (FE2, 444, (of,))

    def test_refused_for_a_director(self) -> None:
        scene = site()
        scene.refused(DIRECTOR, FE2, 444, 5.0)

        one = fires(scene, self.RULE, DIRECTOR)

        assert one.confidence is Confidence.CERTAIN
        assert one.act[0] == "service owner of the server"

    def test_all_ports_of_the_server_are_silent(self) -> None:
        scene = site()
        scene.connect(FE1, FE2, 3389, 2.0)
        scene.silent("10.72.44.3", FE2, 444, 5.0)
        scene.silent(FE1, FE3, 444, 5.0)
        scene.connect("10.72.44.3", FE3, 3389, 20.0)
        scene.silent("10.72.44.3", FE3, 5061, 5.0)
        scene.silent("10.72.44.3", FE3, 443, 5.0)

        silent(scene, self.RULE)

    def test_meeting_data_of_an_edge_with_one_address(self) -> None:
        scene = site()
        scene.refused(FE1, EDGE_CONF, 444, 5.0)

        silent(scene, self.RULE)

    def test_reached(self) -> None:
        scene = site()
        scene.secure(FE1, FE2, 444, 5.0)

        silent(scene, self.RULE)

    def test_one_sided(self) -> None:
        scene = site()
        scene.flows = [one for one in scene.flows if one["client"] != FE1]
        scene.silent(FE1, FE2, 444, 5.0)

        inconclusive(scene, self.RULE, because="no flow of")

    def test_firewall_of_the_host_itself_is_another_rule(self) -> None:
        scene = site()
        asker = "10.72.77.4"
        scene.holds(*ALL, ("director", asker, "far.birch.example"), domain="birch.example")
        scene.exchange(asker, RESOLVER, 53, 30.0, stack="dns")
        scene.connect(asker, FE3, 3389, 20.0)
        scene.silent(asker, FE3, 444, 5.0)
        scene.silent(asker, FE3, 5061, 5.0)

        inconclusive(scene, self.RULE, because="all Lync ports")


class TestFiles:
    RULE = "smb-445-blocked"

    def test_configuration_for_a_neighbour(self) -> None:
        scene = site()
        scene.silent(FE1, FE2, 445, 5.0)

        assert fires(scene, self.RULE, FE1).peer == FE2

    def test_the_file_share_of_the_topology(self) -> None:
        scene = site()
        scene.refused(FE1, SHARE, 445, 5.0)

        assert fires(scene, self.RULE, FE1).peer == SHARE

    def test_an_edge_gets_its_configuration_elsewhere(self) -> None:
        scene = site()
        scene.silent(FE1, EDGE_IN, 445, 5.0)

        silent(scene, self.RULE)

    def test_a_file_server_of_somebody(self) -> None:
        scene = site()
        scene.connect(FE1, "10.72.9.77", 3389, 20.0)
        scene.refused(FE1, "10.72.9.77", 445, 5.0)

        silent(scene, self.RULE)

    def test_too_short(self) -> None:
        scene = site()
        scene.silent(FE1, FE2, 445, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, because="the capture ends")


class TestChat:
    RULE = "pchat-unreachable"

    def test_from_a_front_end(self) -> None:
        scene = site(*CHATS)
        scene.refused(FE1, CHAT, 5041, 5.0)

        assert fires(scene, self.RULE, FE1).confidence is Confidence.CERTAIN

    def test_between_chat_servers(self) -> None:
        scene = site(*CHATS)
        scene.refused(CHAT2, CHAT, 881, 5.0)

        assert fires(scene, self.RULE, CHAT2).port == 881

    def test_files_of_a_client(self) -> None:
        scene = site(*CHATS)
        scene.refused(USER, CHAT, 443, 5.0)

        assert fires(scene, self.RULE, USER).port == 443

    def test_not_deployed(self) -> None:
        scene = site()
        scene.connect(FE1, CHAT, 3389, 2.0)
        scene.refused(FE1, CHAT, 5041, 5.0)

        inconclusive(scene, self.RULE, because="no Persistent Chat Server")

    def test_port_443_of_anybody(self) -> None:
        scene = site(*CHATS)
        scene.refused(USER, "10.72.9.77", 443, 5.0)

        silent(scene, self.RULE)


class TestLogging:
    RULE = "cls-blocked"

    def test_at_the_inner_side_of_an_edge(self) -> None:
        scene = site()
        scene.secure(FE1, EDGE_IN, 5061, 12.0)
        scene.silent(FE1, EDGE_IN, 50002, 5.0)

        one = fires(scene, self.RULE, FE1)

        assert (one.peer, one.port) == (EDGE_IN, 50002)
        assert one.severity in (None, Severity.INFO)

    def test_relay_ports_outside(self) -> None:
        scene = site()
        scene.refused(FE1, EDGE_AV, 50001, 5.0)

        silent(scene, self.RULE)

    def test_media_between_servers(self) -> None:
        scene = site()
        of = scene.exchange(FE1, FE2, 52002, 3.0)
        scene.speaks(of, 3.0)
        scene.refused(FE1, FE2, 50001, 3.5)

        inconclusive(scene, self.RULE, because="may be media's")

    def test_a_client_is_no_server(self) -> None:
        scene = site()
        scene.refused(USER, FE2, 50001, 3.5)

        silent(scene, self.RULE)
