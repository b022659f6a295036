"""Where a network looks at the words of a query: seen on the way, and without a trace."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from textseg.diffusion import attention
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.card import WordLayers
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError, UnsupportedError
from textseg.registry.models import load_model
from textseg.segmentation.difference import RawMaps, noise_difference
from textseg.segmentation.draws import plan_draws
from textseg.segmentation.words import WordWatcher, choose_layers
from textseg.testing import GaussianModel

ANY = WordLayers()
PROMPTS = ["a red tree", "", "house"]


@pytest.fixture(params=["sd1", "xl", "sd3", "aura", "picturebook"])
def model(request: pytest.FixtureRequest, tiny_models) -> DiffusionModel:
    return tiny_models.get(request.param) or load_model(request.param, device="cpu")


def latents(model: DiffusionModel, rows: int) -> torch.Tensor:
    return draw_noise((rows, model.latent_channels, 8, 12), seed=0)


@torch.no_grad()
def test_watching_changes_no_answer_and_sees_each_word_of_each_text(model: DiffusionModel) -> None:
    text, z = model.embed_text(PROMPTS), latents(model, 3)
    watcher = WordWatcher(model, ANY)
    assert torch.equal(watcher.predict(z, 0.5, text).eps, model.predict(z, 0.5, text).eps)
    red, nothing, house = watcher.seen
    assert watcher.trouble == ""
    assert nothing is None
    assert red is not None
    assert house is not None
    assert (red.shape, house.shape) == ((3, 8, 12), (1, 8, 12))
    assert 0 <= min(red.min(), house.min())
    assert max(red.max(), house.max()) <= 1
    assert red.std((1, 2)).min() > 0


@torch.no_grad()
def test_it_is_the_mean_of_heads_layers_and_the_tokens_of_a_word(tiny_models) -> None:
    model = tiny_models["sd1"]
    text, z = model.embed_text(["a house"]), latents(model, 1)
    tokens = [k for k, word in enumerate(text.words[0]) if word == 1]
    assert len(tokens) == 5  # of single characters
    every: list[torch.Tensor] = []

    def control(call: Attention) -> Attention:
        if call.layer.kind == "cross":
            looks = call.probabilities()[0].mean(0)[:, tokens].mean(1)
            grid = looks.reshape(1, 1, *call.layer.grid)
            every.append(torch.nn.functional.interpolate(grid, (8, 12), mode="bilinear")[0, 0])
        return call

    attending(model, control).predict(z, 0.5, text)
    watcher = WordWatcher(model, ANY)
    watcher.predict(z, 0.5, text)
    (found,) = watcher.seen
    assert found is not None
    assert_close(found[1], torch.stack(every).mean(0))


@torch.no_grad()
def test_looks_are_the_same_in_parts_that_fit_into_memory(
    model: DiffusionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, z = model.embed_text(PROMPTS), latents(model, 3)
    found = []
    for most in (2**24, 3000, 1):
        monkeypatch.setattr(attention, "AT_ONCE", most)
        watcher = WordWatcher(model, ANY)
        watcher.predict(z, 0.5, text)
        found.append(torch.cat([each for each in watcher.seen if each is not None]))
    for other in found[1:]:
        assert_close(other, found[0])


@torch.no_grad()
def test_attention_that_cannot_be_seen_is_told_and_costs_no_answer() -> None:
    model = GaussianModel()
    text, z = model.embed_text(["tree"]), latents(model, 1)
    watcher = WordWatcher(model, ANY)
    assert torch.equal(watcher.predict(z, 0.5, text).eps, model.predict(z, 0.5, text).eps)
    assert watcher.seen == [None]
    assert "'gaussian' cannot be seen" in watcher.trouble


@torch.no_grad()
def test_without_layers_on_the_card_there_is_nothing_to_see_and_no_trouble(tiny_models) -> None:
    model = tiny_models["sd1"]
    watcher = WordWatcher(model, None)
    watcher.predict(latents(model, 1), 0.5, model.embed_text(["tree"]))
    assert (watcher.seen, watcher.trouble) == ([None], "")


LAYERS = [
    Layer.own((16, 24)),
    Layer.cross((16, 24), 7),
    Layer.cross((8, 12), 7),
    Layer.cross((4, 6), 7),
    Layer.joint((8, 12), 7, text_first=True),
]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (WordLayers(), {1, 2, 3, 4}),
        (WordLayers(strides=(2,)), {2, 4}),
        (WordLayers(strides=(1, 4)), {1, 3}),
        (WordLayers(depth=(0.5, 1.0)), {3, 4}),
        (WordLayers(depth=(9 / 24, 10 / 24)), {2}),
        (WordLayers(strides=(2,), depth=(0.5, 1.0)), {4}),
    ],
)
def test_layers_are_chosen_by_the_size_of_their_cells_and_their_depth(
    layers: WordLayers, expected: set[int]
) -> None:
    assert choose_layers(LAYERS, layers, (16, 24)) == expected


def test_layers_that_a_network_does_not_have_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="that its card names"):
        choose_layers(LAYERS, WordLayers(strides=(8,)), (16, 24))
    with pytest.raises(InvalidInputError, match="depth rises"):
        WordLayers(depth=(0.5, 0.5))


# ---------------------------------------------------------------- led along self-attention


@pytest.mark.parametrize(("family", "stride"), [("sd1", 2), ("xl", 2), ("sd3", 2), ("aura", 2)])
@torch.no_grad()
def test_words_are_led_along_the_attention_of_cells_to_cells(
    family: str, stride: int, tiny_models
) -> None:
    model = tiny_models[family]
    text, z = model.embed_text(PROMPTS), latents(model, 3)
    shares: list[torch.Tensor] = []

    def control(call: Attention) -> Attention:
        layer = call.layer
        if layer.kind != "cross" and layer.grid == (4, 6):
            looks = call.probabilities()[:, :, layer.picture, layer.picture].mean(1)
            shares.append(looks / looks.sum(-1, keepdim=True))
        return call

    attending(model, control).predict(z, 0.5, text)
    every = torch.stack(shares).mean(0)
    plain = WordWatcher(model, ANY)
    plain.predict(z, 0.5, text)
    led = WordWatcher(model, WordLayers(cells=(stride, 8), propagate=2))
    led.predict(z, 0.5, text)
    for row in (0, 2):
        before, after = plain.seen[row], led.seen[row]
        assert before is not None
        assert after is not None
        small = torch.nn.functional.interpolate(before[None], (4, 6), mode="bilinear")[0]
        moved = (every[row] @ every[row] @ small.flatten(1).T).T.reshape(-1, 4, 6)
        expected = torch.nn.functional.interpolate(moved[None], (8, 12), mode="bilinear")[0]
        assert_close(after, expected)


@torch.no_grad()
def test_what_is_everywhere_stays_so_and_the_mean_of_a_map_stays_within_it(tiny_models) -> None:
    """Rows of A sum to one: no cell gets more than the most, or less than the least."""
    model = tiny_models["sd1"]
    text, z = model.embed_text(["tree"]), latents(model, 1)
    found = []
    for times in (0, 1, 50):
        watcher = WordWatcher(model, WordLayers(cells=(2,), propagate=times))
        watcher.predict(z, 0.5, text)
        assert watcher.seen[0] is not None
        found.append(watcher.seen[0])
    widths = [float(each.max() - each.min()) for each in found]
    assert widths[0] > widths[1] > widths[2]
    assert found[0].min() <= found[2].min() <= found[2].max() <= found[0].max()


def test_a_model_without_such_layers_says_so_when_it_is_asked(tiny_models) -> None:
    model = with_words(tiny_models["sd1"], ANY)
    assert {raw.unseen for raw in compare(model)} == {""}
    (reason,) = {raw.unseen for raw in compare(model, propagate=1)}
    assert "no attention among cells" in reason
    with pytest.raises(InvalidInputError, match="propagate is at least 0"):
        compare(model, propagate=-1)


# ---------------------------------------------------------------- in the raw maps


def with_words(model: DiffusionModel, words: WordLayers | None) -> DiffusionModel:
    found = model.with_network(model.network)
    found._card = replace(model.card, masks=replace(model.card.masks, words=words))
    return found


def compare(model: DiffusionModel, **options) -> list[RawMaps]:
    queries, reference = model.embed_text(["a tree", "house"]), model.embed_text([""])
    with torch.no_grad():
        return noise_difference(
            model, latents(model, 1), queries, reference, **{"draws": 4, **options}
        )


def test_all_other_maps_stay_as_they_are_to_the_bit(model: DiffusionModel) -> None:
    for found, plain in zip(
        compare(with_words(model, ANY)), compare(with_words(model, None)), strict=True
    ):
        assert plain.words is None
        assert plain.words_spread is None
        assert found.words is not None
        assert found.words_spread is not None
        assert found.words.shape == (len(found.query.split()), 8, 12)
        assert found.words_spread.shape == (8, 12)
        for name, values in plain.arrays().items():
            np.testing.assert_array_equal(found.arrays()[name], values)
        assert found.cropped(5, 7).words.shape == (len(found.query.split()), 5, 7)


def test_looks_are_the_mean_over_draws_and_their_spread_the_error_of_it(tiny_models) -> None:
    model = with_words(tiny_models["sd1"], ANY)
    levels = [0.3, 0.5, 0.6, 0.7]
    found = compare(model, draws=4, levels=levels)[0]
    watcher, steps = WordWatcher(model, ANY), []
    plan = plan_draws(
        4,
        levels=levels,
        sigma_range=(0.1, 0.9),
        covered=model.sigma_range,
        seed=0,
        antithetic=False,
        early=False,
    )
    z0, text = latents(model, 1), model.embed_text(["a tree"])
    for draw in plan:
        z = (1 - draw.sigma) * z0 + draw.sigma * draw.noise(z0)
        with torch.no_grad():
            watcher.predict(z, draw.sigma, text)
        assert watcher.seen[0] is not None
        steps.append(watcher.seen[0].numpy())
    np.testing.assert_allclose(found.words, np.mean(steps, 0), rtol=1e-4)
    means = [step.mean(0) for step in steps]
    rough = sum(np.square(b - a) for a, b in itertools.pairwise(means))
    expected = np.sqrt(rough / (2 * 3 * 4))
    np.testing.assert_allclose(found.words_spread, expected, rtol=1e-3, atol=1e-7)


def test_batches_and_early_stops_leave_looks_whole(tiny_models) -> None:
    model = with_words(tiny_models["sd1"], ANY)
    whole, single = compare(model, batch_size=16), compare(model, batch_size=1)
    for one, other in zip(whole, single, strict=True):
        np.testing.assert_allclose(one.words, other.words, rtol=1e-4)
    early = compare(model, draws=12, tolerance=100.0)
    assert all(raw.stopped_early and raw.words is not None for raw in early)


def test_what_cannot_be_seen_is_told_with_the_maps() -> None:
    model = GaussianModel()
    asked = replace(model.card, masks=replace(model.card.masks, words=ANY))
    found = compare(replace(model, card=asked))
    assert all("cannot be seen" in raw.unseen and raw.words is None for raw in found)
    assert all(math.isfinite(raw.difference.sum()) for raw in found)
