"""What labels say, and that reading them trusts nobody."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from textseg.errors import ImageError, InvalidInputError
from textseg.provenance import EDITED, GENERATED, Label, label_in, read_label
from textseg.saving import picture_bytes

URI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
NAMESPACE = 'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def packet(properties: str, attributes: str = "") -> str:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}>'
        f'<rdf:Description rdf:about="" {NAMESPACE} {attributes}>{properties}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    )


def property_of(value: str) -> str:
    return f"<i:DigitalSourceType>{value}</i:DigitalSourceType>"


@pytest.mark.parametrize(
    "text",
    [
        packet(property_of(URI)),
        packet(property_of(f"\n  {URI}\n")),
        packet(property_of(URI.replace("http:", "https:"))),
        packet("", f'i:DigitalSourceType="{URI}"'),
        packet(f'<i:DigitalSourceType rdf:resource="{URI}"/>'),
        packet(property_of(f"<rdf:Bag><rdf:li>{URI}</rdf:li></rdf:Bag>")),
        packet(property_of(URI)).replace("x:xmpmeta", "x:xapmeta"),
        packet(property_of(URI)).removeprefix('<x:xmpmeta xmlns:x="adobe:ns:meta/">'),
        "<x:xmpmeta> <rdf:RDF>" + "x" * 1000 + packet(property_of(URI)),
        "<rdf:RDF " * 5 + packet(property_of(URI)),
    ],
)
def test_every_way_to_write_the_property_is_read(text: str) -> None:
    assert label_in(b"\x00\xff junk" + text.encode() + b"junk \xff") == GENERATED


@pytest.mark.parametrize(
    "text",
    [
        "",
        packet(""),
        packet(property_of("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture")),
        packet(property_of("")),
        packet(property_of(f"{URI}Not")),
        packet(property_of(URI)).replace("2008-02-29", "1999-01-01"),
        packet(property_of(URI)).replace("</x:xmpmeta>", "").replace("</rdf:RDF>", ""),
        packet(property_of(URI)).replace("rdf:about", "rdf:about rdf:about"),
        # what the packet says of another picture
        packet(
            f"<i:Other><rdf:Description>{property_of(URI)}</rdf:Description></i:Other>",
        ),
        packet(property_of(URI) + "x" * 1_000_000),
        f"<x:xmpmeta>{'<a>' * 200_000}</x:xmpmeta>",
    ],
)
def test_anything_else_is_no_label(text: str) -> None:
    assert label_in(text.encode()) is None


def test_entities_are_not_expanded() -> None:
    bomb = f'<!DOCTYPE x [<!ENTITY a "{URI}">]>' + packet(property_of("&a;"))
    assert label_in(bomb.encode()) is None
    inside = packet(property_of(URI) + '<!DOCTYPE x [<!ENTITY a "b">]>')
    assert label_in(inside.encode()) is None


@given(st.binary(max_size=300), st.integers(0, 500), st.binary(max_size=8))
@settings(max_examples=200, deadline=None)
def test_damaged_packets_never_crash_the_reader(junk: bytes, at: int, hole: bytes) -> None:
    content = packet(property_of(URI)).encode()
    assert label_in(content[:at] + junk + content[at + len(hole) :]) in (None, GENERATED)


def test_deeply_nested_packet_does_no_harm() -> None:
    deep = "<a>" * 100_000 + "</a>" * 100_000
    assert label_in(packet(property_of(URI) + deep).encode()) in (None, GENERATED)


def test_second_packet_counts_when_the_first_says_nothing() -> None:
    assert label_in((packet("") + packet(property_of(URI))).encode()) == GENERATED


def test_label_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "made.webp"
    path.write_bytes(picture_bytes(np.zeros((20, 30, 3), np.uint8), "WEBP", label=EDITED))
    assert read_label(path) == EDITED


def test_label_of_a_format_that_is_not_written_here_is_read(tmp_path: Path) -> None:
    path = tmp_path / "made.avif"
    Image.new("RGB", (30, 20)).save(path, xmp=packet(property_of(URI)).encode())
    assert read_label(path) == GENERATED


def test_saving_again_elsewhere_loses_the_label(tmp_path: Path) -> None:
    path = tmp_path / "made.png"
    path.write_bytes(picture_bytes(np.zeros((20, 30, 3), np.uint8), "PNG", label=EDITED))
    with Image.open(path) as image:
        image.save(tmp_path / "again.png")
    assert read_label(tmp_path / "again.png") is None


def test_empty_file_has_no_label(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert read_label(tmp_path / "empty.png") is None


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.png", tmp_path):
        with pytest.raises(ImageError, match="there is no such picture file"):
            read_label(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipe_does_not_hold_up_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="there is no such picture file"):
        read_label(tmp_path / "pipe.png")


def test_unknown_source_type_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="trainedAlgorithmicMedia, composite"):
        Label("digitalCapture")  # type: ignore[arg-type]  # wrong on purpose
