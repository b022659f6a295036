"""Signed pictures, checked by the library's own reader; the network is watched."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, get_args

import c2pa
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from PIL import Image, PngImagePlugin

from tests.provenance.certificates import Holder, authority, signer
from tests.provenance.containers import parts
from textseg import __version__
from textseg.errors import ImageError, InvalidInputError, MissingExtraError
from textseg.provenance import (
    EDITED,
    GENERATED,
    Credentials,
    credentials_in,
    label_in,
    sign,
)
from textseg.saving import FileFormat, picture_bytes, save_picture

PIXELS = np.random.default_rng(4).integers(0, 256, (31, 47, 3), np.uint8)
AUTHORITY = authority()
SIGNER = signer(AUTHORITY)
CREDENTIALS = Credentials(SIGNER.pem + AUTHORITY.pem, SIGNER.key_pem)


@dataclass(frozen=True)
class Report:
    """What a reader makes of a signed file."""

    state: str
    problems: list[str]
    manifest: dict[str, Any]

    @property
    def actions(self) -> list[dict[str, Any]]:
        (assertion,) = self.manifest["assertions"]
        return list(assertion["data"]["actions"])


def encoded(format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS[::-1]).save(stream, format=format)
    return stream.getvalue()


def report(content: bytes, format: str = "PNG", *, anchors: bytes = b"") -> Report:
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False}}
    if anchors:
        settings["trust"] = {"user_anchors": anchors.decode()}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader(f"image/{format.lower()}", io.BytesIO(content), context=context) as reader,
    ):
        store = json.loads(reader.json())
    problems = [problem["code"] for problem in store.get("validation_status", [])]
    return Report(store["validation_state"], problems, store["manifests"][store["active_manifest"]])


# -- what a signature says


@pytest.mark.parametrize("format", get_args(FileFormat))
def test_signed_edit_is_valid_and_keeps_label_and_pixels(format: FileFormat) -> None:
    content = picture_bytes(PIXELS, format, label=EDITED)
    signed = sign(content, label=EDITED, credentials=CREDENTIALS, source=encoded())
    assert (credentials_in(content), credentials_in(signed)) == (False, True)
    found = report(signed, format)
    assert found.state == "Valid"
    assert found.problems == ["signingCredential.untrusted"]
    assert parts(signed).xmp == EDITED.packet()
    assert label_in(signed) == EDITED
    before, after = (np.asarray(Image.open(io.BytesIO(data))) for data in (content, signed))
    np.testing.assert_array_equal(after, before)


def test_signature_is_trusted_where_the_authority_is() -> None:
    signed = sign(encoded(), label=GENERATED, credentials=CREDENTIALS)
    assert report(signed, anchors=AUTHORITY.pem).state == "Trusted"
    assert report(signed, anchors=authority().pem).state == "Valid"


def test_changed_byte_breaks_the_signature() -> None:
    signed = bytearray(sign(encoded(), label=GENERATED, credentials=CREDENTIALS))
    signed[-40] ^= 1
    found = report(bytes(signed))
    assert found.state == "Invalid"
    assert "assertion.dataHash.mismatch" in found.problems


def test_generated_picture_is_created_by_a_trained_model() -> None:
    found = report(sign(encoded(), label=GENERATED, credentials=CREDENTIALS))
    assert found.actions == [
        {
            "action": "c2pa.created",
            "digitalSourceType": GENERATED.uri,
            "softwareAgent": {"name": "textseg", "version": __version__},
        }
    ]
    assert "ingredients" not in found.manifest
    assert found.manifest["claim_generator_info"][0]["name"] == "textseg"


def test_edited_picture_was_opened_and_then_edited() -> None:
    found = report(sign(encoded(), label=EDITED, credentials=CREDENTIALS, source=encoded("JPEG")))
    assert [action["action"] for action in found.actions] == ["c2pa.opened", "c2pa.edited"]
    assert found.actions[1]["digitalSourceType"] == EDITED.uri
    (parent,) = found.manifest["ingredients"]
    assert parent["relationship"] == "parentOf"
    assert parent["format"] == "image/jpeg"


def test_signed_source_brings_its_own_manifest_along() -> None:
    source = sign(encoded(), label=GENERATED, credentials=CREDENTIALS)
    signed = sign(encoded(), label=EDITED, credentials=CREDENTIALS, source=source)
    (parent,) = report(signed).manifest["ingredients"]
    assert parent["active_manifest"] == report(source).manifest["label"]


def test_manifest_holds_no_thumbnail() -> None:
    content = encoded()
    signed = sign(content, label=GENERATED, credentials=CREDENTIALS)
    assert b"thumbnail" not in signed
    assert len(signed) - len(content) < 10_000


@pytest.mark.parametrize("format", ["BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF", "JPEG2000"])
def test_source_may_have_any_format_that_is_read(format: str) -> None:
    signed = sign(encoded(), label=EDITED, credentials=CREDENTIALS, source=encoded(format))
    assert report(signed).state == "Valid"


# -- keys


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "Es256"),
        (ec.generate_private_key(ec.SECP384R1()), "Es384"),
        (ec.generate_private_key(ec.SECP521R1()), "Es512"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (rsa.generate_private_key(65537, 2048), "Ps256"),
    ],
)
def test_algorithm_follows_the_key(key: Any, algorithm: str) -> None:
    holder = signer(AUTHORITY, key=key)
    credentials = Credentials(holder.pem + AUTHORITY.pem, holder.key_pem)
    found = report(sign(encoded(), label=GENERATED, credentials=credentials))
    assert found.state == "Valid"
    assert found.manifest["signature_info"]["alg"] == algorithm


def test_key_in_the_older_encoding_works() -> None:
    key = SIGNER.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    credentials = Credentials(CREDENTIALS.certificates, key)
    assert report(sign(encoded(), label=GENERATED, credentials=credentials)).state == "Valid"


def test_credentials_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(CREDENTIALS.certificates)
    (tmp_path / "key.pem").write_bytes(CREDENTIALS.key)
    assert Credentials.read(tmp_path / "chain.pem", tmp_path / "key.pem") == CREDENTIALS
    with pytest.raises(InvalidInputError, match=r"nowhere\.pem: cannot be read"):
        Credentials.read(tmp_path / "nowhere.pem", tmp_path / "key.pem")


def test_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(CREDENTIALS)


def refusal(holder: Holder, *, certificates: bytes = b"", key: bytes = b"") -> str:
    credentials = Credentials(certificates or holder.pem + AUTHORITY.pem, key or holder.key_pem)
    with pytest.raises(InvalidInputError) as caught:
        sign(encoded(), label=GENERATED, credentials=credentials)
    return str(caught.value)


def test_key_of_somebody_else_is_refused() -> None:
    assert "does not belong to the first certificate" in refusal(SIGNER, key=AUTHORITY.key_pem)


def test_chain_in_the_wrong_order_says_how_it_goes() -> None:
    message = refusal(SIGNER, certificates=AUTHORITY.pem + SIGNER.pem)
    assert "put the signer's own certificate first" in message


def test_key_with_a_password_says_how_to_take_it_off() -> None:
    key = SIGNER.key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    assert "openssl pkey" in refusal(SIGNER, key=key)


def test_files_that_hold_something_else_are_told_apart() -> None:
    assert "the certificates are not PEM" in refusal(SIGNER, certificates=b"hello")
    assert "not a private key in PEM" in refusal(SIGNER, key=SIGNER.pem)


def test_certificate_that_is_over_is_refused_with_its_dates() -> None:
    assert "valid from" in refusal(signer(AUTHORITY, days=-10))


def test_self_signed_certificate_is_refused_with_the_reason() -> None:
    message = refusal(AUTHORITY, certificates=AUTHORITY.pem)
    assert "cannot be signed" in message
    assert "self-signed" in message


def test_curve_that_the_standard_lacks_is_refused() -> None:
    holder = signer(AUTHORITY, key=ec.generate_private_key(ec.SECP256K1()))
    assert "known: P-256" in refusal(holder)


# -- the rest


def test_edit_is_not_signed_without_its_source() -> None:
    with pytest.raises(InvalidInputError, match="needs its source"):
        sign(encoded(), label=EDITED, credentials=CREDENTIALS)
    with pytest.raises(InvalidInputError, match="has no source"):
        sign(encoded(), label=GENERATED, credentials=CREDENTIALS, source=encoded())


def test_what_is_no_picture_is_not_signed() -> None:
    with pytest.raises(ImageError, match="the picture to sign"):
        sign(b"hello", label=GENERATED, credentials=CREDENTIALS)
    with pytest.raises(ImageError, match="the source of the edit"):
        sign(encoded(), label=EDITED, credentials=CREDENTIALS, source=b"hello")


def test_missing_library_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'textseg\[c2pa\]'"):
        sign(encoded(), label=GENERATED, credentials=CREDENTIALS)


def test_saved_picture_is_signed_last(tmp_path: Path) -> None:
    path = save_picture(
        tmp_path / "a.jpg", PIXELS, label=EDITED, credentials=CREDENTIALS, source=encoded()
    )
    assert report(path.read_bytes(), "JPEG").state == "Valid"
    assert label_in(path.read_bytes()) == EDITED


def test_picture_without_a_label_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is to be none"):
        save_picture(tmp_path / "a.png", PIXELS, label=None, credentials=CREDENTIALS)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def requests() -> Iterator[list[str]]:
    """The addresses asked of a local server, the first of which is the server itself."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        asked.append(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


def linking_to(address: str) -> bytes:
    """Return a picture whose manifest is said to lie elsewhere."""
    text = PngImagePlugin.PngInfo()
    text.add_itxt(
        "XML:com.adobe.xmp",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
        "</rdf:RDF></x:xmpmeta>",
    )
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, format="PNG", pnginfo=text)
    return stream.getvalue()


def test_manifest_that_a_source_links_to_is_not_fetched(requests: list[str]) -> None:
    source = linking_to(f"{requests[0]}/manifest.c2pa")
    sign(encoded(), label=EDITED, credentials=CREDENTIALS, source=source)
    assert len(requests) == 1

    # The library does fetch it when it is let: the picture above really leads to the server.
    with c2pa.Context.from_dict({}) as context, pytest.raises(c2pa.C2paError):
        c2pa.Reader("image/png", io.BytesIO(source), context=context)
    assert requests[1:] == ["/manifest.c2pa"]
