"""Files of strangers: whatever they hold, a topology comes out or one line that says why not."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.topology import Directory, UnreadableTopology, directory, files, read_bytes, to_toml, traps, xml_tree
from topology.deployments import CONTOSO, FABRIKAM, doc_item_set, published, tbxml
from topology.test_cmdlets import COMPUTERS, EDGE, INTERFACES
from topology.test_xml_exports import zipped

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE Topology [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    "<Topology><Clusters>&b;</Clusters></Topology>"
)
OUTSIDE = '<!DOCTYPE Topology [<!ENTITY x SYSTEM "file:///etc/passwd">]><Topology><Clusters>&x;</Clusters></Topology>'
PARAMETER = '<!DOCTYPE t [<!ENTITY % p SYSTEM "http://x.example/"> %p;]><Topology><Clusters/></Topology>'
SAMPLES = (
    tbxml(FABRIKAM).encode("utf-8-sig"),
    published(FABRIKAM).encode("utf-16"),
    doc_item_set(FABRIKAM).encode(),
    to_toml(read_bytes(published(FABRIKAM).encode(), "x")).encode(),
    INTERFACES.encode(),
    COMPUTERS.encode("utf-16-le"),
    str([EDGE]).replace("'", '"').encode(),
    zipped(a=published(FABRIKAM).encode()),
)


def line(data: bytes) -> str:
    """The one line that says why a file is not read."""
    with pytest.raises(UnreadableTopology) as caught:
        read_bytes(data, "file")
    says = str(caught.value)
    assert says.startswith("file")
    assert "\n" not in says
    return says


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, PARAMETER], ids=["bomb", "external", "parameter"])
def test_entities_are_refused(text: str) -> None:
    assert "line 1: a document type or entity, which no export has" in line(text.encode())
    assert "document type" in line(text.encode("utf-16"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" " * 1000, "is empty"),
        (b" " * (files.MAX_BYTES + 1), "more than 32 MiB"),
        (b"\xff\xfe" + b"\x20\x00" * 5 + b"\x00", "damaged at byte 12, which is no UTF-16-LE"),
        (b"\xef\xbb\xbf<a>\xff</a>", "damaged at byte 6, which is no UTF-8"),
        (b"\x7fELF\x00\x00\x00", "no topology that lynccap knows; what is read: Topology Builder"),
        (b"<html><body>x</body></html>", "XML without a topology; export one with Get-CsTopology"),
        (b"<Topology>\n<Clusters>\n", "damaged at line 3 (no element found)"),
        (b"<Topology>\n<Clusters a=>", "damaged at line 2 (not well-formed"),
        (b"\n\n<Topology><Clusters></Topology>", "damaged at line 3 (mismatched tag)"),
        (b"text <Topology> text", "<Topology> of line 1 has no end"),
        (b"PK\x03\x04 not a zip", "damaged or encrypted archive"),
        (zipped(a=b"hello"), "no file inside is a topology"),
        (zipped(a=b"<Topology>"), "damaged at line 1"),
        (b"<a>" * 100, "elements nested more than 64 deep"),
        (b"<a " + b" ".join(b"a%d='1'" % n for n in range(99)) + b"/>", "more than 64 attributes"),
    ],
)
def test_what_is_not_read_is_told_with_its_place(data: bytes, says: str) -> None:
    assert says in line(data)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "MAX_ELEMENTS", 100)
    assert "line 1: more than 100 elements" in line(b"<a>" + b"<b/>" * 100 + b"</a>")


def test_an_archive_that_unpacks_too_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 1 << 20)
    assert "more than 1 MiB unpacked" in line(zipped(a=b" " * (2 << 20)))


def test_an_archive_of_too_many_files_is_refused() -> None:
    assert "more than 1000 files" in line(zipped(**{str(n): b"" for n in range(1001)}))


def test_an_encrypted_archive_is_told() -> None:
    data = bytearray(zipped(a=published(FABRIKAM).encode()))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    assert "encrypted" in line(bytes(data))


def test_a_damaged_file_beside_a_good_one_is_told() -> None:
    found = read_bytes(zipped(a=published(FABRIKAM).encode(), b=b"<x"), "z.zip")

    assert Directory(found).addresses_of("edge_int") == ("192.168.9.9",)
    assert any("z.zip/b: damaged at line 1" in one for one in found.remarks)


def survives(data: bytes) -> None:
    refused = ""
    try:
        topology = read_bytes(data, "file")
    except UnreadableTopology as problem:
        refused = str(problem)
    assert "\n" not in refused
    if refused:
        return
    known = Directory(topology)
    assert known.listeners is not None
    assert traps(known) is not None
    read_bytes(to_toml(topology).encode(), "again")


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    survives(data)


@given(st.sampled_from(["#TYPE x\nidentity,ipaddress\n", "format=", "<Topology>", "[", "name;ip\n", "{"]), st.text())
def test_any_text_behind_a_promising_head(head: str, text: str) -> None:
    survives((head + text).encode("utf-8", "replace"))


@settings(max_examples=200)
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_exports(sample: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sample)))
    length = data.draw(st.integers(0, 40))
    survives(sample[:place] + data.draw(st.binary(max_size=20)) + sample[place + length :])


@settings(max_examples=100)
@given(st.data())
def test_values_exchanged(data: st.DataObject) -> None:
    """Well-formed documents whose values stand in the wrong places."""
    text = published(FABRIKAM)
    values = sorted({one for one in text.split('"')[1::2] if "urn:schema" not in one})
    old, new = data.draw(st.sampled_from(values)), data.draw(st.sampled_from([*values, "", "$Name", "-1", "9" * 20]))
    survives(text.replace(f'"{old}"', f'"{new}"').encode())


def test_a_large_deployment_takes_a_moment() -> None:
    """600 pools, 1.2 MB: about half a second where this was written."""
    pools = [replace(one, fqdn=f"p{n}.{one.fqdn}") for n in range(100) for one in CONTOSO.clusters]
    text = published(replace(CONTOSO, clusters=tuple(pools)))
    start = time.perf_counter()
    topology = read_bytes(text.encode(), "file")
    read_bytes(to_toml(topology).encode(), "again")
    assert len(Directory(topology).listeners) > 1000
    assert time.perf_counter() - start < 20


def test_a_hostile_product_of_machines_and_services_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_STEPS", 50_000)
    machines = "".join(f'<Machine Fqdn="m{n}" />' for n in range(20_000))
    services = "".join(
        f'<Service RoleName="s{n}" InstalledOn="p"><Port Port="1" Range="9" Protocol="Tcp" InterfaceSide="Primary"/>'
        "</Service>"
        for n in range(20_000)
    )
    text = f'<PartialTopology><Clusters><Cluster UniqueId="p" Fqdn="p">{machines}</Cluster></Clusters>'
    start = time.perf_counter()
    known = Directory(read_bytes(f"{text}<Services>{services}</Services></PartialTopology>".encode(), "file"))

    assert len(known.places) == 20_000
    assert time.perf_counter() - start < 20
