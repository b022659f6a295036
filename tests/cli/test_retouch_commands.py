"""`textseg retouch` and `textseg arrange` as a person or a script meets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import Result

from textseg.provenance import ENHANCED, read_label
from textseg.toolbox import ArrangeResult, RetouchResult

Command = Callable[..., Result]
RETOUCH = ("retouch", "garden.png", "tree", "--model", "gaussian")
ARRANGE = ("arrange", "garden.png", "tree", "--model", "gaussian")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_retouching_writes_one_labelled_picture_and_says_what_was_done(
    textseg: Command, folder: Path
) -> None:
    result = textseg(*RETOUCH, "--action", "colour", "--colour", "steelblue")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "colour tree" in result.stdout
    assert "pixels changed elsewhere: 0" in result.stdout
    assert "written: garden_colour.png" in result.stdout
    assert read_label(folder / "garden_colour.png") == ENHANCED
    assert (pixels(folder / "garden.png") != pixels(folder / "garden_colour.png")).any()


def test_json_of_both_is_the_result(textseg: Command, folder: Path) -> None:
    blurred = textseg(*RETOUCH, "--action", "blur", "--invert", "--json", "-o", "out.webp")
    assert RetouchResult.model_validate_json(blurred.stdout).file == "out.webp"
    copied = textseg(*ARRANGE, "--action", "copy", "--json")
    facts = ArrangeResult.model_validate_json(copied.stdout)
    assert (facts.method, facts.file) == (None, "garden_copy.png")


def test_a_whole_picture_needs_no_query(textseg: Command, folder: Path) -> None:
    assert textseg("arrange", "garden.png", "--action", "flip").exit_code == 0
    np.testing.assert_array_equal(
        pixels(folder / "garden_flip.png"), pixels(folder / "garden.png")[:, ::-1]
    )


def test_a_label_can_be_left_out_by_a_person(textseg: Command, folder: Path) -> None:
    assert textseg("retouch", "garden.png", "--action", "grey", "--no-label").exit_code == 0
    assert read_label(folder / "garden_grey.png") is None


def test_wrong_words_end_in_one_line_and_no_file(textseg: Command, folder: Path) -> None:
    for more, said in (
        (("--action", "colour"), "needs a colour"),
        (("--action", "fill", "--colour", "blurple"), "'blurple' is no colour"),
        (("--action", "bend"), "action: must be"),
        ((), "action"),
    ):
        result = textseg(*RETOUCH, *more)
        assert result.exit_code == 2
        assert said in result.stderr
    assert textseg(*ARRANGE, "--action", "move", "--to", "left of").exit_code == 2
    missing = textseg("retouch", "garden.png", "house", "--action", "grey", "--model", "gaussian")
    assert (missing.exit_code, "'house' was not found" in missing.stderr) == (1, True)
    assert [path.name for path in folder.iterdir()] == ["garden.png"]
