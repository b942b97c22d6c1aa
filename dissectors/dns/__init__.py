"""Recognises DNS (RFC 1035) and reads its header, its question and plain answers; others are a library's, one layer up.

LLMNR (RFC 4795), multicast DNS (RFC 6762) and NetBIOS names (RFC 1002) have the same shape. Their bytes tell them apart
only sometimes; the layer above knows the ports.
"""

from dissectors.dns.message import DnsMessage, LocalNameMessage
from dissectors.dns.names import MAX_NAME
from dissectors.dns.plain import Answer, plain_answers
from dissectors.dns.reader import DNS, MAX_MESSAGE, MAX_QUESTIONS, Dns, read_question

__all__ = [
    "DNS",
    "MAX_MESSAGE",
    "MAX_NAME",
    "MAX_QUESTIONS",
    "Answer",
    "Dns",
    "DnsMessage",
    "LocalNameMessage",
    "plain_answers",
    "read_question",
]
