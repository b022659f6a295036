"""Content Credentials: a signed statement in the file of who says how the picture came about.

Follows C2PA 2 through the c2pa library (the extra ``textseg[c2pa]``), with a key and certificates
that lie on this computer. Nothing goes over the network: there is no time stamp, no certificate is
looked up, and manifests that a source only links to are not fetched. With such a key a signature
shows that file and statement belong together and were not changed since; whose key it is, only
somebody who trusts the certificate can tell.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from textseg.errors import ImageError, InvalidInputError, needing_extra
from textseg.images import FORMATS, opened
from textseg.provenance.labels import GENERATED, Label
from textseg.version import __version__

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

_AGENT: Final = {"name": "textseg", "version": __version__}

_SETTINGS: Final = {
    # A thumbnail would be a second picture in the file, of the source even, without a label.
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}

_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Credentials:
    """Who signs.

    Attributes:
        certificates: the chain in PEM: first the signer's certificate, then those above it. It
            needs the key usage "digital signature" and an extended one that C2PA accepts, such as
            "email protection", and must not be self-signed.
        key: the private key of the first certificate in PEM, without a password: P-256, P-384,
            P-521, Ed25519 or RSA.
    """

    certificates: bytes
    key: bytes = field(repr=False)

    @classmethod
    def read(cls, certificates: str | os.PathLike[str], key: str | os.PathLike[str]) -> Credentials:
        """Return the credentials in two PEM files.

        Raises:
            InvalidInputError: a file cannot be read.
        """
        return cls(_content(Path(certificates)), _content(Path(key)))


def sign(
    content: bytes, *, label: Label, credentials: Credentials, source: bytes | None = None
) -> bytes:
    """Return a picture file with a signed manifest; any change to the file breaks the signature.

    The manifest says "created" for ``GENERATED`` pictures; for others "opened", with ``source`` as
    the parent, and "edited". Manifests of the source are carried over.

    Args:
        content: the finished file: PNG, JPEG, WebP or TIFF.
        label: how the picture came about.
        credentials: who says so.
        source: the file that was edited; None for a generated picture, and only for that.

    Raises:
        MissingExtraError: c2pa-python is not installed.
        InvalidInputError: the credentials cannot be used, or ``source`` does not go with ``label``.
        ImageError: ``content`` or ``source`` is no picture file.
    """
    generated = label.source_type == GENERATED.source_type
    if generated != (source is None):
        raise InvalidInputError(
            f"a picture signed as {label.source_type} {'has no' if generated else 'needs its'} "
            "source: one that was generated has none, one that was edited names what it was before"
        )
    media_type = _media_type(content, "the picture to sign")
    signed = io.BytesIO()
    with ExitStack() as stack, _understood():
        import c2pa

        algorithm, key = _checked(credentials)
        settings = stack.enter_context(c2pa.Context.from_dict(_SETTINGS))
        info = c2pa.C2paSignerInfo(algorithm, credentials.certificates, key, None)
        signer = stack.enter_context(c2pa.Signer.from_info(info))
        builder = stack.enter_context(c2pa.Builder(_manifest(label), settings))
        if source is not None:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)  # adds the action "opened"
            parent = _media_type(source, "the source of the edit")
            builder.add_ingredient({"relationship": "parentOf"}, parent, io.BytesIO(source))
        builder.sign(signer, media_type, io.BytesIO(content), signed)
    return signed.getvalue()


def _manifest(label: Label) -> dict[str, object]:
    generated = label.source_type == GENERATED.source_type
    action = {
        "action": "c2pa.created" if generated else "c2pa.edited",
        "digitalSourceType": label.uri,
        "softwareAgent": _AGENT,
    }
    return {
        "claim_generator_info": [_AGENT],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }


@contextmanager
def _understood() -> Iterator[None]:
    """Turn a missing library and its refusals into errors of this package."""
    with needing_extra("signing pictures needs c2pa-python", "c2pa"):
        import c2pa
    try:
        yield
    except c2pa.C2paError as error:
        raise InvalidInputError(f"the picture cannot be signed: {error}") from error


def _checked(credentials: Credentials) -> tuple[str, bytes]:
    """Return the algorithm for the key, and the key in the one encoding that the library takes."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    certificate, key = _certificate(credentials.certificates), _private_key(credentials.key)
    if key.public_key() != certificate.public_key():
        raise InvalidInputError(
            "the signing key does not belong to the first certificate",
            hint="put the signer's own certificate first, those above it below",
        )
    _check_period(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    return _algorithm(key), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _certificate(chain: bytes) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise InvalidInputError(f"the certificates are not PEM: {error}") from None


def _private_key(content: bytes) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        raise InvalidInputError(
            "the signing key has a password",
            hint="write one without: openssl pkey -in KEY -out PLAIN_KEY",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        # The library's own words are long, and may hold parts of the file.
        raise InvalidInputError("the signing key is not a private key in PEM") from None


def _check_period(first: datetime, last: datetime) -> None:
    if not first <= datetime.now(UTC) <= last:
        raise InvalidInputError(
            f"the signer's certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}, not today"
        )


def _algorithm(key: PrivateKeyTypes) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise InvalidInputError(
        "C2PA has no signatures with this kind of key",
        hint="known: P-256, P-384, P-521, Ed25519 and RSA",
    )


def _media_type(content: bytes, name: str) -> str:
    formats = [known for known in FORMATS if known != "MPO"]  # the JPEG decoder finds out
    try:
        with opened(io.BytesIO(content), formats) as image:
            found = image.format
    except (OSError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name} is not a picture file ({error})") from None
    return "image/jpeg" if found == "MPO" else Image.MIME[str(found)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read ({error.strerror})") from None
