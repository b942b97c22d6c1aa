"""Scenarios of trust between two Edges: mutual certificates, lists of authorities, OCSP and lists that ran out."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.edge import Edge, call_in
from sample_pcaps.lab.network import Network
from sample_pcaps.lab.pki import Authority, Identity, certificate_names
from sample_pcaps.lab.revocation import Inquiry, ocsp_responder
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_edge import COHO, CRL_PATH, PROSEWARE, Perimeter, Site2Site, mutual
from sample_pcaps.lab.services import serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.strict_edge import serve_strictly
from sample_pcaps.lab.web import Reply, Site

CRL_URL = f"http://crl.labpublic.example{CRL_PATH}"
OCSP_URL = "http://ocsp.labpublic.example/ocsp"
SHORT_LIST, LONG_LIST = 2, 300

Federate = Callable[[Site2Site, Identity], list[Edge]]
"""Prepares what is special about a scenario and returns our Edge, once for each connection it is to make."""


def film(
    folder: Path,
    name: str,
    plan: Perimeter,
    prepare: Federate,
    authority: Authority | None = None,
    lists: Site | None = None,
    *,
    called: bool = True,
) -> None:
    """Record the Edge's DMZ while it connects to the partner, beside a remote user's sign-in."""
    with Network() as net:
        scene = Site2Site(net, plan, authority)
        ours, theirs = scene.open(partner_serves=False, lists=lists)
        edges = prepare(scene, theirs)
        with net.capture(scene.mirror, folder / f"{name}.pcap"):
            talks = list(scene.everyday())
            for edge in edges:
                edge.identity = ours
                net.join(net.spawn(scene.edge, edge.federate, f"sam@{plan.partner}", 1, 0.5), timeout=60)
            caller = (plan.edge, theirs, scene.ca.root_pem, f"pat@{plan.domain}")
            if called:
                talks.append(net.spawn(scene.partner, call_in, *caller))
            net.join(*talks, timeout=40)


def our_edge(scene: Site2Site, **more: object) -> Edge:
    placeholder = Identity(b"", b"")
    return Edge(Resolver(scene.plan.names), placeholder, scene.ca.root_pem, **more)  # type: ignore[arg-type]


def strict(scene: Site2Site, theirs: Identity, others: int) -> None:
    """Let the partner ask for a certificate of our authority or of so many others."""
    scene.net.serve(scene.partner, serve_strictly, theirs, scene.ca.root_pem + certificate_names(others))


def trusted(folder: Path) -> None:
    """Both show certificates; the request names three authorities."""

    def prepare(scene: Site2Site, theirs: Identity) -> list[Edge]:
        strict(scene, theirs, SHORT_LIST)
        return [our_edge(scene)]

    film(folder, "federation-mtls-ok", PROSEWARE, prepare)


def empty_certificate(folder: Path) -> None:
    """Our Edge sends an empty certificate and gets an alert, twice."""

    def prepare(scene: Site2Site, theirs: Identity) -> list[Edge]:
        strict(scene, theirs, SHORT_LIST)
        return [our_edge(scene, shows_certificate=False)] * 2

    film(folder, "federation-empty-certificate", COHO, prepare)


def long_list(folder: Path) -> None:
    """The partner's request names 301 authorities, over 16 KB; our Edge finds none of its own, sends nothing."""

    def prepare(scene: Site2Site, theirs: Identity) -> list[Edge]:
        strict(scene, theirs, LONG_LIST)
        return [our_edge(scene, shows_certificate=False)] * 2

    film(folder, "federation-ca-list-too-long", PROSEWARE, prepare)


def public_authority() -> Authority:
    return Authority("Lab Trust Network", "Lab Public", CRL_URL, OCSP_URL)


def serve_partner(scene: Site2Site, theirs: Identity) -> None:
    name = scene.plan.partner
    answer = registrar(f"sip.{name}", f"web.{name}")
    scene.net.serve(scene.partner, serve_tcp, 5061, answer, mutual(theirs, scene.ca.root_pem))


def leaf(identity: Identity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(identity.chain)


def ocsp_good(folder: Path) -> None:
    """The responder is asked by POST, and for the second connection by GET; both answers are good."""
    ca = public_authority()

    def prepare(scene: Site2Site, theirs: Identity) -> list[Edge]:
        serve_partner(scene, theirs)
        known = {leaf(theirs).serial_number: ca.certify_status(leaf(theirs), revoked=False)}
        scene.net.serve(scene.responder, serve_tcp, 80, ocsp_responder(known))
        return [our_edge(scene, inquiry=Inquiry(ca.issuing, method)) for method in ("POST", "GET")]

    film(folder, "edge-ocsp-good", PROSEWARE, prepare, ca)


def ocsp_revoked(folder: Path) -> None:
    """The responder says revoked; our Edge ends the handshake with alert 44."""
    ca = public_authority()

    def prepare(scene: Site2Site, theirs: Identity) -> list[Edge]:
        serve_partner(scene, theirs)
        known = {leaf(theirs).serial_number: ca.certify_status(leaf(theirs), revoked=True)}
        scene.net.serve(scene.responder, serve_tcp, 80, ocsp_responder(known))
        revoked = x509.load_der_x509_crl(ca.revocation_list(0, leaf(theirs).serial_number))
        text = revoked.public_bytes(serialization.Encoding.PEM)
        return [our_edge(scene, inquiry=Inquiry(ca.issuing, "POST", text))]

    film(folder, "edge-ocsp-revoked", COHO, prepare, ca, called=False)


def ocsp_later_list_expired(folder: Path) -> None:
    """The responder says tryLater, the revocation list is five days over its time: our Edge gives up, twice."""
    ca = public_authority()

    def prepare(scene: Site2Site, theirs: Identity) -> list[Edge]:
        serve_partner(scene, theirs)
        scene.net.serve(scene.responder, serve_tcp, 80, ocsp_responder({}))
        return [our_edge(scene, inquiry=Inquiry(ca.issuing, method)) for method in ("GET", "POST")]

    film(folder, "edge-ocsp-later-crl-expired", PROSEWARE, prepare, ca, expired_list(ca), called=False)


def expired_list(ca: Authority) -> Site:
    old = ca.revocation_list(12, age=timedelta(days=12))
    return Site({CRL_PATH: Reply(old, "application/pkix-crl")}, "Apache")


SCENARIOS = (
    Scenario(("federation-mtls-ok",), trusted),
    Scenario(("federation-empty-certificate",), empty_certificate),
    Scenario(("federation-ca-list-too-long",), long_list),
    Scenario(("edge-ocsp-good",), ocsp_good),
    Scenario(("edge-ocsp-revoked",), ocsp_revoked),
    Scenario(("edge-ocsp-later-crl-expired",), ocsp_later_list_expired),
)
