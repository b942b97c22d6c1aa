"""The numbers of TLS and their names, as far as handshakes in the clear show them."""

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, SESSION_TICKET, CERTIFICATE, CERTIFICATE_REQUEST = 1, 2, 4, 11, 13

HANDSHAKES = {
    0: "hello-request",
    CLIENT_HELLO: "client-hello",
    SERVER_HELLO: "server-hello",
    SESSION_TICKET: "session-ticket",
    CERTIFICATE: "certificate",
    12: "server-key-exchange",
    CERTIFICATE_REQUEST: "certificate-request",
    14: "server-hello-done",
    15: "certificate-verify",
    16: "client-key-exchange",
    20: "finished",
    22: "certificate-status",
}
"""RFC 5246 7.4, RFC 5077 3.3, RFC 6066 8."""

VERSIONS = {
    0x0002: "ssl2",
    0x0300: "ssl3",
    0x0301: "tls1.0",
    0x0302: "tls1.1",
    0x0303: "tls1.2",
    0x0304: "tls1.3",
}

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 5246 7.2, RFC 6066 9, RFC 7301 3.2, RFC 8446 6."""

ALERT_LEVELS = {1: "warning", 2: "fatal"}

CERTIFICATE_TYPES = {
    1: "rsa_sign",
    2: "dss_sign",
    3: "rsa_fixed_dh",
    4: "dss_fixed_dh",
    5: "rsa_ephemeral_dh",
    6: "dss_ephemeral_dh",
    20: "fortezza_dms",
    64: "ecdsa_sign",
    65: "rsa_fixed_ecdh",
    66: "ecdsa_fixed_ecdh",
}
"""RFC 5246 7.4.4, RFC 8422 5.5."""

PSEUDO_SUITE = b"\x00\x18"
"""The suite of the pseudo-TLS opening, [MS-TURN] 2.1."""


def version_name(number: int) -> str:
    """The word for a version on the wire; numbers nobody knows stay numbers."""
    if number >> 8 == 0x7F:  # drafts of RFC 8446
        return "tls1.3"
    return VERSIONS.get(number, f"0x{number:04x}")


def is_grease(number: int) -> bool:
    """Whether a 16-bit number means nothing and is sent to keep servers tolerant (RFC 8701 2)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
