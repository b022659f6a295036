"""Tensors in and out, padding at every size, and PNG files written whole."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from textseg.images import (
    open_picture,
    pad_to_multiple,
    png_bytes,
    to_rgb,
    to_tensor,
    to_uint8,
    to_uint16,
)

SIDES = st.integers(1, 70)


def test_tensor_has_channels_first_and_comes_back_the_same() -> None:
    rgb = np.random.default_rng(0).random((5, 8, 3), np.float32)
    tensor = to_tensor(rgb)
    assert tensor.shape == (1, 3, 5, 8)
    assert tensor[0, 2, 4, 7] == rgb[4, 7, 2]
    np.testing.assert_array_equal(to_rgb(tensor), rgb)


def test_tensor_shares_no_memory_with_the_array() -> None:
    rgb = np.ones((5, 8, 3), np.float32)
    to_tensor(rgb).zero_()
    assert rgb.min() == 1


def test_tensor_beyond_the_range_is_clipped_on_the_way_out() -> None:
    tensor = torch.tensor([-0.5, 0.25, 1.5]).reshape(3, 1, 1)
    np.testing.assert_array_equal(to_rgb(tensor)[0, 0], (0, 0.25, 1))


def test_eight_and_sixteen_bits_round_to_the_nearest_and_back() -> None:
    bytes_ = np.arange(256, dtype=np.uint8)
    words = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_uint8(bytes_.astype(np.float32) / 255), bytes_)
    np.testing.assert_array_equal(to_uint16(words.astype(np.float32) / 65535), words)
    np.testing.assert_array_equal(to_uint8(np.array([-1.0, 2.0])), (0, 255))


@settings(deadline=None)
@given(height=SIDES, width=SIDES, multiple=st.sampled_from([1, 2, 8, 64]))
def test_padding_divides_keeps_the_image_and_crops_back(
    height: int, width: int, multiple: int
) -> None:
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    padded, padding = pad_to_multiple(image, multiple)
    assert padded.shape[-2] % multiple == padded.shape[-1] % multiple == 0
    assert 0 <= padded.shape[-2] - height < multiple
    assert 0 <= padded.shape[-1] - width < multiple
    torch.testing.assert_close(padded[..., :height, :width], image, rtol=0, atol=0)
    torch.testing.assert_close(padding.crop(padded), image, rtol=0, atol=0)


@pytest.mark.parametrize(("height", "width"), [(5, 7), (3, 6), (2, 8)])
def test_padding_mirrors_as_numpy_does(height: int, width: int) -> None:
    image = torch.arange(height * width, dtype=torch.float32).reshape(1, 1, height, width)
    padded, _ = pad_to_multiple(image, 8)
    expected = np.pad(image[0, 0].numpy(), ((0, 8 - height), (0, 8 - width)), mode="reflect")
    np.testing.assert_array_equal(padded[0, 0].numpy(), expected)


def test_single_row_and_column_are_repeated() -> None:
    padded, _ = pad_to_multiple(torch.full((1, 1, 1, 1), 0.3), 4)
    torch.testing.assert_close(padded, torch.full((1, 1, 4, 4), 0.3))


def test_latents_keep_every_cell_that_covers_a_pixel() -> None:
    _, padding = pad_to_multiple(torch.zeros(1, 3, 37, 64), 64)
    assert padding.crop(torch.zeros(2, 4, 8, 8)).shape == (2, 4, 5, 8)


@pytest.mark.parametrize("shape", [(8, 9), (0, 0), (128, 128), (7, 7)])
def test_cropping_another_size_is_an_error(shape: tuple[int, int]) -> None:
    _, padding = pad_to_multiple(torch.zeros(1, 3, 37, 64), 64)
    with pytest.raises(ValueError, match="cannot crop"):
        padding.crop(torch.zeros(shape))


def test_soft_mask_file_has_sixteen_bits(tmp_path: Path) -> None:
    soft = np.linspace(0, 1, 40, dtype=np.float32).reshape(5, 8)
    (tmp_path / "soft.png").write_bytes(png_bytes(to_uint16(soft)))
    with Image.open(tmp_path / "soft.png") as image:
        assert image.mode.startswith("I")
        assert image.size == (8, 5)
    np.testing.assert_allclose(open_picture(tmp_path / "soft.png").rgb[..., 0], soft, atol=1e-5)


def test_boolean_mask_file_is_black_and_white(tmp_path: Path) -> None:
    binary = np.eye(3, 5, dtype=bool)
    (tmp_path / "binary.png").write_bytes(png_bytes(binary))
    with Image.open(tmp_path / "binary.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.where(binary, 255, 0))


def test_pil_image_and_array_give_the_same_file() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert png_bytes(pixels) == png_bytes(Image.fromarray(pixels))


def test_a_picture_shows_itself_and_can_be_saved_as_a_pil_image(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    picture = open_picture(Image.fromarray(pixels))
    picture.image.save(tmp_path / "picture.png")
    for written in (tmp_path / "picture.png", io.BytesIO(picture._repr_png_())):
        np.testing.assert_array_equal(np.asarray(Image.open(written)), pixels)
