"""The settings a pool gives its clients in-band ([MS-SIPREGE] 2.2.2.5.1, provisionGroup ServerConfiguration)."""

from collections.abc import Mapping
from dataclasses import dataclass

from dissectors.elements import Element, read_elements

MEDIA_TYPE = "application/vnd-microsoft-roaming-provisioning-v2+xml"
GROUP = "ServerConfiguration"

Ports = tuple[int, int]
"""First and last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """What a client is told of servers, ports and policies; None is what the settings leave out."""

    pool_uri: str | None = None
    mras_uri: str | None = None
    """None: clients of this pool have no relay."""
    focus_factory_uri: str | None = None
    qos_uri: str | None = None
    port_range_enabled: bool | None = None
    """Whether the port ranges below hold."""
    media_ports: Ports | None = None
    audio_ports: Ports | None = None
    video_ports: Ports | None = None
    sharing_ports: Ports | None = None
    file_transfer_ports: Ports | None = None
    sip_ports: Ports | None = None
    av_encryption: str | None = None
    """ucPC2PCAVEncryption, as sent"""
    qos_enabled: bool | None = None
    voice_dscp: int | None = None
    """ucDiffServVoice, as sent"""
    bandwidth_policy: bool | None = None
    """enableBWPolicyCheck: call admission control"""
    location_profile: str | None = None
    """The dial plan."""
    address_book_internal: str | None = None
    address_book_external: str | None = None
    group_expansion_internal: str | None = None
    group_expansion_external: str | None = None
    updates_internal: str | None = None
    updates_external: str | None = None
    location_service: str | None = None


def read_provisioning(body: bytes) -> Provisioning | None:
    """The settings in the body of a NOTIFY or of the answer to a SUBSCRIBE; None without that group. Never raises."""
    elements = read_elements(body)
    start = next((place for place, one in enumerate(elements) if _is_group(one)), None)
    if start is None:
        return None
    inside = elements[start].path + "/"
    said: dict[str, str] = {}
    for one in elements[start + 1 :]:
        if not one.path.startswith(inside):
            break
        said.setdefault(one.name, one.text)
    return _provisioning(said)


def _is_group(element: Element) -> bool:
    return element.name == "provisionGroup" and element.attributes.get("name") == GROUP


def _provisioning(said: Mapping[str, str]) -> Provisioning:
    def text(name: str) -> str | None:
        return said.get(name) or None

    return Provisioning(
        pool_uri=text("poolUri"),
        mras_uri=text("mrasUri"),
        focus_factory_uri=text("focusFactoryUri"),
        qos_uri=text("qosUri"),
        port_range_enabled=_flag(said, "ucPortRangeEnabled"),
        media_ports=_ports(said, "MediaPort"),
        audio_ports=_ports(said, "AudioPort"),
        video_ports=_ports(said, "VideoPort"),
        sharing_ports=_ports(said, "AppSharingPort"),
        file_transfer_ports=_ports(said, "FileTransferPort"),
        sip_ports=_ports(said, "SipDynamicPort"),
        av_encryption=text("ucPC2PCAVEncryption"),
        qos_enabled=_flag(said, "qosEnabled"),
        voice_dscp=_number(said.get("ucDiffServVoice")),
        bandwidth_policy=_flag(said, "enableBWPolicyCheck"),
        location_profile=text("ucLocationProfile"),
        address_book_internal=text("absInternalServerUrl"),
        address_book_external=text("absExternalServerUrl"),
        group_expansion_internal=text("dlxInternalUrl"),
        group_expansion_external=text("dlxExternalUrl"),
        updates_internal=text("updatesServerInternalUrl"),
        updates_external=text("updatesServerExternalUrl"),
        location_service=text("lisInternalUrl"),
    )


def _flag(said: Mapping[str, str], name: str) -> bool | None:
    return {"true": True, "false": False}.get(said.get(name, "").lower())


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _ports(said: Mapping[str, str], name: str) -> Ports | None:
    low, high = _number(said.get(f"ucMin{name}")), _number(said.get(f"ucMax{name}"))
    return None if low is None or high is None else (low, high)
