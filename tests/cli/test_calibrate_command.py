"""`textseg calibrate` on pictures of the exact model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from textseg.diffusion.card import CARD_FILE, read_card
from textseg.images import png_bytes, to_uint8
from textseg.testing import GaussianModel, gaussian_card

Command = Callable[..., Result]

CALIBRATE = ("calibrate", "--model", "gaussian", "--data", "data")


@pytest.fixture
def data(folder: Path) -> Path:
    """Twelve pictures, each with a text that is true of it and one that is not."""
    made, lines = folder / "data", ["file,text,true"]
    made.mkdir()
    for k in range(12):
        there, other = ("tree", "house") if k % 2 else ("house", "tree")
        picture = GaussianModel().picture([there], 16, 24, seed=k)
        (made / f"{k}.png").write_bytes(png_bytes(to_uint8(picture)))
        lines += [f"{k}.png,{there},1", f"{k}.png, a {other} ,0"]
    (made / "texts.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    return made


def test_a_card_is_written_that_a_checkpoint_can_have(
    textseg: Command, data: Path, folder: Path
) -> None:
    result = textseg(*CALIBRATE, "-o", "card")
    assert result.exit_code == 0, result.output
    assert f"wrote {Path('card') / CARD_FILE}" in result.stdout
    presence = read_card(folder / "card", gaussian_card()).presence
    assert presence.found == "textseg calibrate, 24 texts about 12 pictures"
    assert "gain_fine" in presence.weights
    assert presence.partial is not None


def test_a_card_that_exists_is_replaced_when_that_is_asked_for(
    textseg: Command, data: Path, folder: Path
) -> None:
    (folder / CARD_FILE).write_text("{}")
    refused = textseg(*CALIBRATE, "-o", ".")
    assert refused.exit_code == 2
    assert (folder / CARD_FILE).read_text() == "{}"
    assert textseg(*CALIBRATE, "-o", ".", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "cannot be read"),
        ("picture,text,true\n0.png,tree,1", "the columns picture, text, true"),
        ("", "the columns of no name"),
        ("file,text,true\n0.png,tree,yes", "line 2: '0.png', 'tree', 'yes'"),
        ("file,text,true\n0.png,tree,1\nnone.png,tree,1", "line 3: 'none.png'"),
        ("file,text,true\n0.png,,1", "line 2: '0.png', ''"),
        ("file,text,true\n0.png", "line 2: '0.png', ''"),
        ("file,text,true\n0.png,house,1", "1 true and 0 false texts are too few"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    textseg: Command, data: Path, folder: Path, table: str | None, said: str
) -> None:
    (data / "texts.csv").unlink()
    if table is not None:
        (data / "texts.csv").write_text(table)
    result = textseg(*CALIBRATE, "-o", "card")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (folder / "card").exists()


def test_a_model_that_is_no_folder_needs_a_place_for_its_card(textseg: Command, data: Path) -> None:
    result = textseg(*CALIBRATE)
    assert result.exit_code == 2
    assert "'gaussian' is no folder" in result.stderr


def test_nothing_is_written_into_a_hub_cache(textseg: Command, data: Path, folder: Path) -> None:
    cache = folder / "hub" / "models--owner--name" / "snapshots" / "0123"
    cache.mkdir(parents=True)
    for wrong in (("-o", str(cache)), ("--model", str(cache))):
        result = textseg(*CALIBRATE, *wrong)
        assert result.exit_code == 2
        assert "lies in a hub cache" in result.stderr
    assert list(cache.iterdir()) == []


def test_the_checkpoint_is_set_up_as_for_every_other_command(
    textseg: Command, data: Path, folder: Path
) -> None:
    refused = textseg(*CALIBRATE, "-o", ".", "--lora", "none.safetensors")
    assert refused.exit_code == 2, refused.output
    assert "base and lora go with files, and 'gaussian' is a name" in refused.output
    assert not (folder / CARD_FILE).exists()
