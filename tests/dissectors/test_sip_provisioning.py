from hypothesis import given
from hypothesis import strategies as st

from dissectors.sip.provisioning import Provisioning, read_provisioning

BODY = b"""<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">
<provisionGroup name="publicationGrammar"><mrasUri>sip:wrong@x</mrasUri></provisionGroup>
<provisionGroup name="ServerConfiguration" ><absInternalServerUrl>https://pool/abs/handler</absInternalServerUrl>
<ucPortRangeEnabled>true</ucPortRangeEnabled><ucMinMediaPort>50000</ucMinMediaPort><ucMaxMediaPort>50038</ucMaxMediaPort>
<ucMinAudioPort>50000</ucMinAudioPort><ucMaxAudioPort>x</ucMaxAudioPort><qosEnabled>false</qosEnabled>
<ucDiffServVoice>40</ucDiffServVoice><enableBWPolicyCheck>maybe</enableBWPolicyCheck>
<mrasUri>sip:Mras.edge.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:k9JW</mrasUri>
<focusFactoryUri>sip:ada@contoso.com;gruu;opaque=app:conf:focusfactory</focusFactoryUri></provisionGroup>
<provisionGroup name="meetingPolicy"><poolUri>sip:wrong@x</poolUri></provisionGroup></provisionGroupList>"""


def test_settings_of_the_server_group():
    assert read_provisioning(BODY) == Provisioning(
        mras_uri="sip:Mras.edge.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:k9JW",
        focus_factory_uri="sip:ada@contoso.com;gruu;opaque=app:conf:focusfactory",
        port_range_enabled=True,
        media_ports=(50000, 50038),
        qos_enabled=False,
        voice_dscp=40,
        address_book_internal="https://pool/abs/handler",
    )


def test_without_that_group_there_are_none():
    assert read_provisioning(b"<provisionGroupList/>") is None
    assert read_provisioning(b"v=0") is None


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes):
    read_provisioning(data)
    read_provisioning(BODY[: len(data) * 5] + data)
