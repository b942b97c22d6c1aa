"""Private certificate authorities: certificates, chains as PKCS#7, revocation lists, TLS contexts.

Keys and certificates are minted anew by every build; nothing of them is worth keeping secret.
"""

import ssl
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

KEY_BITS = 2048
CERTIFICATE_LIFE = timedelta(days=730)
AGE = timedelta(days=40)
AUTHORITY_LIFE = timedelta(days=3650)
CRL_LIFE = timedelta(days=7)
LYNC_ERA_CIPHERS = "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA:AES256-SHA256:AES128-SHA:@SECLEVEL=0"
"""What Windows Server 2012 R2 picks first; SECLEVEL 0 lets OpenSSL 3 speak TLS 1.0 to phones."""


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain (leaf first, no root, as servers send it) and its private key, as PEM."""

    chain: bytes
    key: bytes

    def server_context(self, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
        """Return a context for a server of these years: TLS 1.0 to `newest`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _speak(context, newest)
        self.load_into(context)
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Give a context this certificate; Python's ssl reads certificates from files only."""
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(self.key + self.chain)
            context.load_cert_chain(file.name)

    @property
    def leaf_der(self) -> bytes:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.chain).public_bytes(serialization.Encoding.DER)


def client_context(
    trusted: Sequence[bytes] = (),
    *,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    names_checked: bool = True,
) -> ssl.SSLContext:
    """Return a client's context trusting these PEM roots only; without any, handshakes end in unknown_ca."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _speak(context, newest)
    context.check_hostname = names_checked
    for root in trusted:
        context.load_verify_locations(cadata=root.decode())
    return context


def _speak(context: ssl.SSLContext, newest: ssl.TLSVersion) -> None:
    context.set_ciphers(LYNC_ERA_CIPHERS)
    # Python warns of TLS 1.0; here it is the point: phones of these years speak nothing newer.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest


class Authority:
    """A root with one issuing authority below it, as enterprises and public authorities have them."""

    def __init__(self, organisation: str, name: str, cdp: str | None = None, ocsp: str | None = None) -> None:
        """Mint both; `cdp`, `ocsp`: URLs of CRL and OCSP responder written into certificates."""
        self._cdp, self._ocsp = cdp, ocsp
        self._root_key = _new_key()
        self._issuing_key = _new_key()
        root_name = _name(f"{name} Root CA", organisation)
        self._issuer = _name(f"{name} Issuing CA 1", organisation)
        root = _authority(root_name, root_name, self._root_key, self._root_key)
        issuing = _authority(self._issuer, root_name, self._issuing_key, self._root_key)
        self._root, self._issuing = root, issuing
        self._serial = 0x1A00_0000_0001

    @property
    def root_pem(self) -> bytes:
        """The root certificate that devices trust."""
        return self._root.public_bytes(serialization.Encoding.PEM)

    def chain_pkcs7(self) -> bytes:
        """Return root and issuing certificate as DER PKCS#7 (certificates only, RFC 2315)."""
        return pkcs7.serialize_certificates([self._root, self._issuing], serialization.Encoding.DER)

    def issue(
        self,
        common_name: str,
        *others: str,
        client: bool = False,
        server: bool = True,
        repeats: bool = True,
        age: timedelta = AGE,
        bits: int = KEY_BITS,
        chained: bool = True,
    ) -> Identity:
        """Issue a certificate for these names; `client` adds clientAuth, which mutual TLS needs.

        `repeats`: the common name is among the alternative names too; alone and not repeated it leaves none at all.
        What may be wrong with it: no serverAuth, so long ago that it has run out, a short key, sent without its issuer.
        """
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self._serial += 1
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
        names = [x509.DNSName(name) for name in ((common_name, *others) if repeats else others)]
        builder = (
            _begin(_name(common_name), self._issuer, key, CERTIFICATE_LIFE, self._serial, age)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(_key_of(self._issuing_key), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if self._cdp:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self._cdp)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        if self._ocsp:
            place = x509.UniformResourceIdentifier(self._ocsp)
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        leaf = builder.sign(self._issuing_key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        return Identity(
            leaf.public_bytes(pem) + self._issuing.public_bytes(pem) * chained,
            key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain),
        )

    def revocation_list(self, revoked: int, *serials: int, age: timedelta = timedelta(hours=7)) -> bytes:
        """Return the issuing authority's CRL as DER with so many revoked serials that nobody uses, and these."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._issuer)
            .last_update(now - age)
            .next_update(now - age + CRL_LIFE)
            .add_extension(x509.CRLNumber(4217), critical=False)
            .add_extension(_key_of(self._issuing_key), critical=False)
        )
        unused = (0x0D00_0000_0000 + number * 7919 for number in range(revoked))
        for number, serial in enumerate((*unused, *serials)):
            entry = x509.RevokedCertificateBuilder().serial_number(serial)
            dated = entry.revocation_date(now - age - timedelta(days=1 + number))
            builder = builder.add_revoked_certificate(dated.build())
        return builder.sign(self._issuing_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    @property
    def issuing(self) -> x509.Certificate:
        """The authority below the root, which issues everything."""
        return self._issuing

    def certify_status(self, certificate: x509.Certificate, *, revoked: bool) -> bytes:
        """Return a signed OCSP response about one certificate (RFC 6960), as DER."""
        now = datetime.now(UTC)
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=certificate,
            issuer=self._issuing,
            algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            this_update=now - timedelta(hours=2),
            next_update=now + timedelta(days=2),
            revocation_time=now - timedelta(days=3) if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        signer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self._issuing)
        return signer.sign(self._issuing_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def certificate_names(amount: int) -> bytes:
    """Return so many self-signed authorities as PEM, as a trust list gathers them over the years; one key for all."""
    key = _new_key()
    names = (_name(f"Lab Collected Trust Root Number {number:03}", f"Trust {number}") for number in range(amount))
    made = (_authority(name, name, key, key) for name in names)
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in made)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def _name(common_name: str, organisation: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_of(key: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _begin(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, life: timedelta, serial: int, age: timedelta = AGE
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - age
    return x509.CertificateBuilder(issuer, subject, key.public_key(), serial, start, start + life).add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )


def _authority(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey
) -> x509.Certificate:
    builder = _begin(subject, issuer, key, AUTHORITY_LIFE, x509.random_serial_number())
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_of(signer), critical=False)
        .sign(signer, hashes.SHA256())
    )
