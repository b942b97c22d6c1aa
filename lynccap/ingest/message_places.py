"""Where fields of messages stand in their rows: behind the keys, in the order of the dataclass."""

from dissectors.contract import Message
from dissectors.dns import DnsMessage
from dissectors.tls import TlsMessage
from lynccap.tables import columns_of


def _place(message_type: type[Message], name: str) -> int:
    return list(columns_of(message_type)).index(name)


KIND_FIELD = _place(TlsMessage, "kind")
CERTIFICATE_FIELD = _place(TlsMessage, "certificates")
DNS_ANSWERS_FIELD = _place(DnsMessage, "answers")
DNS_WIRE_FIELD = _place(DnsMessage, "wire")
