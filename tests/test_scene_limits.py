"""Models that cannot take every size."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from torch import Tensor

from tests.editing.helpers import box
from textseg.diffusion.card import ModelCard
from textseg.errors import InvalidInputError
from textseg.scene import Scene
from textseg.testing import GaussianModel, check_model, gaussian_card

LONGEST = 32


@dataclass(frozen=True)
class Narrow(GaussianModel):
    """Has places for 32 rows and 32 columns of pixels, as Stable Diffusion 3 has for 3072."""

    name: str = "narrow"
    size_multiple: int = 8
    card: ModelCard = field(default_factory=lambda: gaussian_card(native=24, largest=LONGEST))

    def encode_image(self, image: Tensor) -> Tensor:
        assert max(image.shape[-2:]) <= LONGEST
        return super().encode_image(image)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


@pytest.mark.parametrize("working_size", [None, 500])
def test_a_side_that_the_model_cannot_take_is_scaled_down_with_a_remark(
    working_size: int | None,
) -> None:
    scene = Scene.open(picture(6, 64), Narrow(), working_size=working_size)
    assert scene.padding.size == (3, LONGEST)
    note = "scaled down to 32 x 3 for narrow, which takes sides of at most 32 pixels"
    found = scene.segment("tree")
    assert note in found.notes
    assert found.soft.shape == (6, 64)
    mask = box((6, 64), 1, 4, 5, 20)
    edit = scene.edit("", "a tree", mask=mask, method="sdedit", steps=2)
    assert note in edit.notes
    outside = ~mask
    assert np.array_equal(edit.picture.rgb[outside], scene.rgb[outside])


def test_a_picture_that_is_only_larger_than_the_model_likes_gets_no_remark() -> None:
    scene = Scene.open(picture(40, 60), Narrow())
    assert max(scene.padding.size) < LONGEST
    assert scene.segment("tree").notes == ()


def test_a_picture_of_a_size_that_the_model_cannot_take_is_not_made() -> None:
    told = r"narrow makes sides of at most 32 pixels, not 40 x 16"
    with pytest.raises(InvalidInputError, match=told):
        Scene.generate("a tree", Narrow(), size=(16, 40), steps=1)
    assert Scene.generate("a tree", Narrow(), size=(16, 32), steps=1).rgb.shape == (16, 32, 3)


def test_a_limit_that_padding_would_pass_breaks_the_contract() -> None:
    with pytest.raises(AssertionError, match="a side of 36 pixels"):
        check_model(Narrow(card=gaussian_card(largest=36)))
