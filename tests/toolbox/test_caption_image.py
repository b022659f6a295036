"""Describing a picture as an operation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.registering import share_captioner
from tests.toolbox.helpers import Parrot
from textseg.backends.loading import choose_device
from textseg.errors import ImageError, UnknownNameError
from textseg.progress import Progress
from textseg.toolbox import CaptionArguments, CaptionResult, caption_image

DEVICE = str(choose_device("auto"))  # where captioners are loaded unless told otherwise


def test_caption_comes_from_the_chosen_captioner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_captioner(monkeypatch, "parrot", Parrot("a red house"), DEVICE)
    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(tmp_path / "dark.png")
    reports: list[Progress] = []
    result = caption_image(
        CaptionArguments(image=str(tmp_path / "dark.png"), captioner="parrot"),
        progress=reports.append,
    )
    assert (result.caption, result.captioner) == ("a red house", "parrot")
    assert (result.width, result.height) == (12, 8)
    assert CaptionResult.model_validate_json(result.model_dump_json()) == result
    assert reports[-1].step == reports[-1].of


def test_bad_picture_is_found_before_a_captioner_is_looked_for() -> None:
    with pytest.raises(ImageError, match="no such file"):
        caption_image(CaptionArguments(image="nowhere.png", captioner="no-such-captioner"))


def test_unknown_captioner_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 12, 3), np.uint8)).save(tmp_path / "dark.png")
    with pytest.raises(UnknownNameError, match="no-such-captioner"):
        caption_image(
            CaptionArguments(image=str(tmp_path / "dark.png"), captioner="no-such-captioner")
        )
