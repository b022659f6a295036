"""What blocks give is seen and replaced; nothing is left of it."""

from __future__ import annotations

import pytest

from tests.test_contracts import traces
from tests.tiny_parts import build_unet
from textseg.diffusion.features import features
from textseg.errors import UnknownNameError


def test_blocks_that_are_not_there_are_named() -> None:
    with (
        pytest.raises(UnknownNameError, match=r"unknown block 'up_blocks\.7'; known: .*up_bl"),
        features(build_unet(), ["up_blocks.7"], lambda _, given: given),
    ):
        pass


def test_hooks_are_removed_after_an_exception() -> None:
    network = build_unet()
    before = traces(network, "unet")
    with (
        pytest.raises(RuntimeError, match="half way"),
        features(network, ["mid_block", "up_blocks.0"], lambda _, given: given),
    ):
        raise RuntimeError("half way")
    assert traces(network, "unet") == before
