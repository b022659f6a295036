from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.tiny_families import build_z_image
from textseg.backends.z_image import ZImage
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError
from textseg.registry.families import load_family

PROMPTS = ["a red tree", "", "tree " * 20]


def test_sizes_come_from_the_table_of_positions(tiny_models) -> None:
    model = tiny_models["z_image"]
    assert isinstance(model, ZImage)
    assert (model.latent_stride, model.size_multiple, model.latent_channels) == (2, 4, 4)
    assert (model.card.sizes.native, model.card.sizes.largest) == (256, 256)
    with pytest.raises(InvalidInputError, match="sides of at most 256 pixels, got 260"):
        model.predict(torch.zeros(1, 4, 8, 130), 0.5, model.embed_text([""]))


def test_few_steps_are_told_by_the_name_alone(tmp_path) -> None:
    found = {}
    for name in ("z-image", "Z-Image-Turbo"):
        build_z_image().save_pretrained(tmp_path / name)
        found[name] = load_family(tmp_path / name, device="cpu").card.sampling
    assert (found["z-image"].steps, found["z-image"].guidance) == (50, 6.0)
    assert (found["Z-Image-Turbo"].steps, found["Z-Image-Turbo"].guidance) == (8, 1.0)


@torch.no_grad()
def test_texts_are_the_pipelines() -> None:
    pipeline = build_z_image()
    rows, _ = pipeline.encode_prompt(list(PROMPTS), do_classifier_free_guidance=False)
    prompts = list(PROMPTS)
    text = ZImage.wrap(pipeline).embed_text(prompts)
    assert prompts == PROMPTS == list(text.prompts)
    assert text.mask is not None
    for row, there, expected in zip(text.embeddings, text.mask, rows, strict=True):
        assert_close(row[there], expected)
    assert [word for word in text.words[0] if word is not None] == [0] + [1] * 3 + [2] * 4
    assert set(text.words[1]) == {None}


@torch.no_grad()
def test_what_is_cut_off_is_told() -> None:
    (note,) = ZImage.wrap(build_z_image()).embed_text(["tree " * 200]).notes[0]
    assert note.startswith("truncated after 512 tokens: ")


@torch.no_grad()
def test_prompts_of_other_lengths_do_not_change_the_answer(tiny_models) -> None:
    model, z = tiny_models["z_image"], draw_noise((2, 4, 6, 10), seed=0)
    alone = model.embed_text(PROMPTS[:1])
    both = Conditioning.cat([alone, model.embed_text(PROMPTS[2:])])
    expected = model.predict(z[:1], 0.6, alone).velocity
    assert_close(model.predict(z, 0.6, both).velocity[:1], expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_other_sign_or_time_would_be_seen(tiny_models) -> None:
    """A map of differences would show neither."""
    model, z = tiny_models["z_image"], draw_noise((1, 4, 6, 10), seed=0)
    text = model.embed_text(PROMPTS[:1])
    found = model.predict(z, 0.3, text).velocity
    raw = model.network([z[0, :, None]], torch.tensor([0.7]), [text.embeddings[0]]).sample[0]
    assert_close(found, -raw[:, 0][None], rtol=1e-5, atol=1e-5)
    other = model.network([z[0, :, None]], torch.tensor([0.3]), [text.embeddings[0]]).sample[0]
    assert (other - raw).norm() > 1e-3 * raw.norm()
