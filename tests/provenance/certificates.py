"""Throw-away keys and certificates, as a person would make for signing on one computer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def authority() -> Holder:
    """Return a certificate authority that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Holder(_certificate("Test authority", key), key)


def signer(above: Holder, *, key: Key | None = None, days: int = 30) -> Holder:
    """Return somebody who may sign documents; negative days are over."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    return Holder(_certificate("Test signer", key, above, days=days), key)


def _certificate(
    name: str, key: Key, above: Holder | None = None, *, days: int = 30
) -> x509.Certificate:
    issuer = Holder(None, key) if above is None else above  # type: ignore[arg-type]  # its key only
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nobody"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=above is not None,
        key_cert_sign=above is None,
        crl_sign=above is None,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    public, now = key.public_key(), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if above is None else above.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=above is None, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if above is not None:
        may = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(may, critical=True)
    return builder.sign(issuer.key, SHA256())
