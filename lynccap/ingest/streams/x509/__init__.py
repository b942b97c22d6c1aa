"""Certificates, chains and revocation lists, read with a library (RFC 5280)."""
