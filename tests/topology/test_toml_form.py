"""The project's own file: what is written is read again, what people write is checked."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lynccap.reference import roles
from lynccap.topology import (
    Directory,
    Topology,
    UnreadableTopology,
    read_bytes,
    to_toml,
    toml_form,
    traps,
    with_addresses,
)
from lynccap.topology.draft import Draft
from lynccap.topology.model import SIDES, TRANSPORTS, Port
from topology.deployments import CONTOSO, FABRIKAM, published, tbxml

FORMAT = 'format = "lynccap-topology/1"\n'
texts = st.text(max_size=40)
addresses = st.one_of(st.ip_addresses().map(str), st.just("0.0.0.0"), texts)
ports = st.builds(
    Port,
    *(st.integers(-1, 70_000), st.integers(-1, 70_000)),
    *(st.sampled_from([*TRANSPORTS, "x"]), st.sampled_from(SIDES), st.integers(-1, 99_999)),
    *(texts, texts, st.none() | st.integers(-1, 70_000), texts, texts),
)
host_ports = st.builds(Port, st.integers(-1, 70_000), st.integers(-1, 70_000), st.sampled_from([*TRANSPORTS, "x"]))
roles_or_none = st.sampled_from(["", *roles()])


def read(text: str, name: str = "topology.toml") -> Topology:
    return read_bytes(text.encode(), name)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    draft = Draft()
    draft.source(f"x{draw(texts)}")
    for _ in range(draw(st.integers(0, 3))):
        draft.domain(draw(texts))
        draft.remark(draw(texts))
        draft.site(draw(texts), draw(texts))
        draft.simple_url(draw(texts), draw(texts), draw(texts))
        draft.network(draw(st.sampled_from(["inside", "outside"])), draw(addresses))
        pool = draft.pool(draw(texts), draw(texts), branch=draw(st.booleans()))
        machine = draft.machine(draw(texts), pool)
        draft.interface(
            machine, draw(st.sampled_from(SIDES)), draw(st.integers(-1, 9)), draw(addresses), draw(addresses)
        )
        version = draw(st.none() | st.integers(-1, 2000))
        name = draw(texts)
        service = draft.service(name, pool, role=draw(roles_or_none), version=version, external_fqdn=draw(texts))
        draft.port(service, draw(ports))
        draft.depends(service, draw(texts))
        draft.host(draw(roles_or_none), draw(texts), draw(addresses), draw(addresses), (draw(host_ports),))
    return draft.finished()


@pytest.mark.parametrize("deployment", [CONTOSO, FABRIKAM], ids=["contoso", "fabrikam"])
@pytest.mark.parametrize("shape", [tbxml, published])
def test_an_import_says_the_same_as_its_export(shape, deployment) -> None:
    exported = read_bytes(shape(deployment).encode(), "export")
    imported = read(to_toml(exported))

    assert imported == exported
    assert Directory(imported).places == Directory(exported).places
    assert traps(Directory(imported)) == traps(Directory(exported))
    assert to_toml(imported) == to_toml(exported)


@given(topologies())
def test_whatever_is_written_is_read_again(topology: Topology) -> None:
    text = to_toml(topology)
    again = read(text)

    assert to_toml(again) == text
    assert Directory(again).places == Directory(topology).places
    assert again.remarks == topology.remarks


def test_the_documented_example_is_read() -> None:
    example = textwrap.dedent(toml_form.__doc__.partition("\n\n")[2].rpartition("\n\n")[0])
    known = Directory(read(example))

    assert known.addresses_of("edge_access") == ("10.250.1.11", "203.0.113.11")
    assert known.addresses_of("rp_ext") == ("203.0.113.20",)
    assert known.side_of("10.1.2.3") == "inside"
    assert known.side_of("10.250.1.11") == "outside"
    assert known.side_of("192.0.2.1") == known.side_of("x") == ""


def test_the_addresses_of_machines_that_listen_everywhere_can_be_added() -> None:
    exported = to_toml(read_bytes(tbxml(CONTOSO).encode(), "export"))
    told = read(exported + '\n[[host]]\nname = "FE1.contoso.example"\naddress = "10.1.1.11"\nnat = "203.0.113.1"\n')
    known = Directory(told)

    assert known.addresses_of("fe") == ("10.1.1.11", "203.0.113.1", "10.1.1.12")
    assert {one.first for one in known.listeners if one.address == "10.1.1.11"} >= {443, 4443, 5061}
    assert not any("fe1" in one for one in traps(known))


def test_dns_answers_tell_addresses_of_machines_without_any() -> None:
    exported = read_bytes(tbxml(CONTOSO).encode(), "export")
    answers = {
        "fe1.contoso.example": ["10.1.1.11"],
        "FE2.contoso.example": ["192.0.2.99"],
        "edge1.contoso.example": ["1.1.1.1"],
    }
    known = Directory(with_addresses(exported, answers))

    assert known.addresses_of("fe") == ("10.1.1.11", "10.1.1.12")
    assert known.roles_of("1.1.1.1") == known.roles_of("192.0.2.99") == ()


def test_what_is_added_ends_the_trap() -> None:
    exported = to_toml(read_bytes(tbxml(CONTOSO).encode(), "export"))
    told = "".join(
        f'[[host]]\nrole = "{role}"\nname = "x"\naddress = "{address}"\nports = ["443/tcp"]\n'
        for role, address in (("rp_ext", "203.0.113.20"), ("fe_vip", "10.1.1.10"))
    )
    left = traps(Directory(read(exported + told)))

    assert not any("reverse proxy" in one or "load balancer" in one for one in left)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('format = "lynccap-topology/9"', "format is 'lynccap-topology/9'"),
        ("format = 1", '"format" must be a text'),
        (FORMAT + "sip_domain = []", "'sip_domain' is not known here"),
        (FORMAT + "sip_domains = 'x'", '"sip_domains" must be a list'),
        (FORMAT + "[[pool]]\n", '[[pool]] number 1: "name" must be a text'),
        (FORMAT + "pool = 3", "[[pool]] must be a list of tables"),
        (FORMAT + "pool = [3]", "[[pool]] number 1 must be a table"),
        (FORMAT + '[[host]]\nrole = "queen"\naddress = "10.0.0.1"', "'queen' is no role; use one of: any, "),
        (FORMAT + '[[host]]\naddress = "10.0.0.1"\nports = ["443"]', "'443' is no port; write 443/tcp"),
        (
            FORMAT + '[[service]]\nname = "a"\npool = "b"\nports = [{port = "x", protocol = "tcp"}]',
            "'x/tcp' is no port",
        ),
        (FORMAT + '[[service]]\nname = "a"\npool = "b"\nversion = "7"', '"version" must be a number'),
        (FORMAT + '[[pool]]\nname = "a"\nbranch = 1', '"branch" must be true or false'),
        (FORMAT + "x = [", "at end of document"),
        (FORMAT + "x = 'a\n'", "line 2: a text must be in quotes and end on its line"),
        (FORMAT + 'x = """a"""', "line 2: a text must be in quotes"),
        (FORMAT + "a" + ".a" * 30 + " = 1", "line 2: a text must be in quotes"),
        (FORMAT + "#" * 5000, "line 2 is too long"),
        (FORMAT + "x = " + "[" * 3000, "nested too deep"),
        (FORMAT + "x = " + "9" * 4400, "line 2 is too long"),
        (FORMAT + "#\n" * (3 << 20), "more than 4194304 characters"),
    ],
)
def test_a_typing_error_is_told_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UnreadableTopology) as caught:
        read(text, "mine.toml")

    assert says in str(caught.value)
    assert str(caught.value).startswith("mine.toml: ")
    assert "\n" not in str(caught.value)


def test_an_address_that_is_none_is_left_out_and_said() -> None:
    told = read(FORMAT + '[[host]]\nrole = "dns"\nname = "d"\naddress = "10.0.0.300"\n[networks]\ninside = ["10.x"]\n')

    assert Directory(told).addresses_of("dns") == ()
    assert len(told.remarks) == 2
