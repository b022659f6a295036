"""The shipped weights: what they are, and that they are as good as the model card says."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from textseg.lab.bench.questions import exams
from textseg.lab.bench.segment import ask, summary
from textseg.lab.training.vocabulary import new_tokenizer
from textseg.picturebook import weights_folder
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import SIDE, render, sample_scene
from textseg.scene import Scene, load
from textseg.segmentation.presence import PresenceCalibration

MEGABYTE = 2**20
# a little under what was measured on these 40 scenes: 0.920, 0.703 and 0.958
FLOORS = {"pixel_ap": 0.905, "iou": 0.68, "presence_auroc": 0.94}


def test_all_parts_together_are_small_and_nothing_is_pickled() -> None:
    files = [path for path in weights_folder().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40 * MEGABYTE
    assert {path.suffix for path in files} == {".json", ".safetensors"}


def test_the_folder_is_a_stock_pipeline() -> None:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(
        weights_folder(), safety_checker=None, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline(
        "a red house at night",
        num_inference_steps=10,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).images[0]
    assert picture.shape == (128, 128, 3)
    assert picture.std() > 0.05  # a picture, not a grey field


def test_sampling_the_posterior_gives_its_mean() -> None:
    """Stock pipelines sample it; a variance that nothing trained would be noise to them."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(weights_folder() / "vae", local_files_only=True)
    image = torch.from_numpy(render(sample_scene("calibration", 0)).image).permute(2, 0, 1)[None]
    posterior = vae.encode(image.float() / 127.5 - 1).latent_dist
    drawn = posterior.sample(torch.Generator().manual_seed(0))
    assert (drawn - posterior.mean).abs().max() < 1e-3 * posterior.mean.std()


def test_the_shipped_tokenizer_is_the_one_of_the_recipe() -> None:
    shipped = json.loads((weights_folder() / "tokenizer" / "tokenizer.json").read_text("utf-8"))
    assert shipped["model"]["vocab"] == new_tokenizer().get_vocab()


def test_the_model_brings_its_own_presence_calibration() -> None:
    presence = load().card.presence
    assert presence.weights.keys() > PresenceCalibration().weights.keys()
    assert presence.partial is not None


def test_words_that_the_model_never_learned_are_named_in_the_result() -> None:
    found = Scene.open(render(PICTURES["sea"][0]).image).segment_all(["zebra", "boat"])
    assert any("zebra" in note for note in found["zebra"].notes)
    assert not any("boat" in note for note in found["boat"].notes)


@pytest.mark.parametrize("name", list(PICTURES))
def test_the_pictures_of_the_demo_are_answered_rightly(name: str) -> None:
    description, queries = PICTURES[name]
    drawn = render(description)
    found = Scene.open(drawn.image).segment_all(queries)
    for query in queries:
        *colors, kind = query.split()
        meant = [
            mask
            for thing, mask in zip(description.things, drawn.masks, strict=True)
            if thing.kind == kind and all(color == thing.color for color in colors)
        ]
        assert found[query].present == bool(meant), query
        if meant:
            row, col = found[query].regions()[0].centroid
            assert np.any(meant, axis=0)[round(row), round(col)], query


def test_quality_on_held_out_scenes_is_what_the_model_card_says() -> None:
    model = load()
    assert model.card.sizes.native == SIDE
    row = summary([a for exam in exams("evaluation", scenes=40, seed=0) for a in ask(exam, model)])
    assert row["pixel_ap"] >= FLOORS["pixel_ap"]
    assert row["iou"] >= FLOORS["iou"]
    assert row["presence_auroc"] >= FLOORS["presence_auroc"]
