from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch

from textseg.errors import InvalidInputError
from textseg.lab.training import denoiser, optimizing
from textseg.lab.training import train as training
from textseg.lab.training.batches import MIN_CELLS, CaptionedLatents, SeveralSizes, rows_ahead
from textseg.lab.training.corpus import MAX_THINGS, open_corpus, render_corpus, world_of_each
from textseg.lab.training.denoiser import (
    Denoised,
    denoiser_loss,
    new_denoiser,
    new_scheduler,
    recorded,
    train_denoiser,
    training_levels,
)
from textseg.lab.training.grounding import (
    LayerRecord,
    Regions,
    contrast_loss,
    grounding_loss,
    locality_loss,
    recorded_attention,
)
from textseg.lab.training.optimizing import (
    Precision,
    RateSchedule,
    Trainer,
    chosen_precision,
    compiled,
)
from textseg.lab.training.quick_rendering import render_quickly
from textseg.lab.training.recipes import TINY
from textseg.lab.training.train import load_networks, train
from textseg.lab.training.vocabulary import MAX_TOKENS, new_tokenizer
from textseg.picturebook import weights_folder
from textseg.picturebook.captions import SYNONYMS
from textseg.picturebook.scenes import HELD_OUT, sample_scene
from textseg.picturebook.shapes import KINDS
from textseg.picturebook.worlds import scene_of
from textseg.scene import load

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    render_corpus(folder, count=24, size=64, cells=8, workers=1)
    return open_corpus(folder)


@pytest.fixture(scope="module")
def data(corpus):
    latents = torch.randn(24, 4, 8, 8, generator=torch.Generator().manual_seed(0)).half()
    return CaptionedLatents(corpus, latents, new_tokenizer(), windows=0.0)


MIXED = world_of_each(24, world=2, share=0.5)


@pytest.fixture(scope="module")
def mixed_corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    render_corpus(folder, count=24, size=64, cells=8, workers=1, world=2, share=0.5)
    return open_corpus(folder)


@pytest.fixture(scope="module")
def mixed(mixed_corpus, data):
    return CaptionedLatents(mixed_corpus, data._latents, new_tokenizer(), worlds=MIXED)


def tiny_networks():
    torch.manual_seed(0)
    return new_denoiser((16, 16, 16), 2, 16, 4, cells=8)


def loss_of(networks, batch):
    with recorded(networks, compiles=False) as predict:
        return denoiser_loss(predict, new_scheduler(), batch)


def train_to(data, checkpoint, total, *, stop=None, optimizer="adamw"):
    torch.manual_seed(0)
    networks = new_denoiser((32, 32, 32), 2, 32, 4, cells=8)
    trainer = Trainer(
        networks, RateSchedule(1e-3, total, 2), checkpoint, 3, CPU, optimizer=optimizer
    )
    for _ in train_denoiser(trainer, data, batch=2):
        if trainer.step == stop:
            trainer.save()
            break
    return trainer


def test_the_corpus_holds_what_the_renderer_draws(corpus):
    scene = sample_scene("training", 7)
    drawn = render_quickly(scene, size=64, cells=8)
    np.testing.assert_array_equal(corpus.images[7], drawn.image)
    np.testing.assert_array_equal(corpus.coverage[7, : len(drawn.coverage)], drawn.coverage)
    assert (corpus.kinds[7] >= 0).sum() == len(scene.things)


def test_rendering_goes_on_where_it_stopped(tmp_path):
    render_corpus(tmp_path, count=3, size=64, cells=8, workers=1)
    marker = np.load(tmp_path / "images.npy", mmap_mode="r+")
    marker[0] = 7
    marker.flush()
    render_corpus(tmp_path, count=3, size=64, cells=8, workers=1)
    assert (open_corpus(tmp_path).images[0] == 7).all()


def test_a_corpus_may_be_of_both_worlds(mixed_corpus):
    assert MIXED.tolist() == [1, 2] * 12
    for index in (4, 5):
        drawn = render_quickly(scene_of(MIXED[index], "training", index), size=64, cells=8)
        np.testing.assert_array_equal(mixed_corpus.images[index], drawn.image)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.7, 1.0])
def test_the_share_of_a_world_is_spread_evenly(share):
    second = world_of_each(1000, world=2, share=share) == 2
    due = share * np.arange(1, 1001)
    assert np.abs(second.cumsum() - due).max() < 1


def test_a_corpus_of_another_world_is_not_taken_for_this_one(tmp_path):
    render_corpus(tmp_path, count=2, size=64, cells=8, workers=1)
    before = open_corpus(tmp_path).images[1].copy()
    render_corpus(tmp_path, count=2, size=64, cells=8, workers=1, world=2, share=0.5)
    assert (open_corpus(tmp_path).images[1] != before).any()


def test_only_pictures_of_version_2_have_captions_that_relate(mixed):
    words = [mixed._vocabulary[word + "</w>"] for word in ("left", "of")]
    relating = [[], []]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        ids = mixed.batch(24, rng).ids.numpy()
        worlds = MIXED[np.random.default_rng(seed).integers(0, 24, 24)]
        follows = ((ids[:, :-1] == words[0]) & (ids[:, 1:] == words[1])).any(1)
        for world in (1, 2):
            relating[world - 1] += follows[worlds == world].tolist()
    assert not any(relating[0])
    assert np.mean(relating[1]) > 0.02


def test_phrases_that_mean_the_same_things_share_them(mixed_corpus):
    kinds = np.full_like(mixed_corpus.kinds, -1)
    kinds[:, :2] = 0
    coverage = np.zeros_like(mixed_corpus.coverage)
    coverage[:, 0, :4], coverage[:, 1, 4:] = 255, 255
    columns = np.full_like(mixed_corpus.columns, 0.5)
    twins = replace(mixed_corpus, kinds=kinds, coverage=coverage, columns=columns)
    twins = replace(twins, colors=np.zeros_like(mixed_corpus.colors))
    data = CaptionedLatents(
        twins, torch.zeros(24, 4, 8, 8), new_tokenizer(), worlds=0 * MIXED + 2, windows=0.0
    )
    batch = data.batch(64, np.random.default_rng(0))
    said = (batch.words[:, 1:-1].sum(2) > 0).sum(1)
    assert {1, 2} <= set(said[batch.wrong :].tolist())
    for row in torch.arange(64)[batch.wrong :][said[batch.wrong :] > 0]:
        shown = batch.target[row, 1 : 1 + said[row]]
        torch.testing.assert_close(shown, torch.full_like(shown, 1 / said[row].item()))


def test_token_ids_are_those_of_the_tokenizer(data):
    words = ("a", "red", "house", "on", "the", "left")
    expected = new_tokenizer()(" ".join(words), padding="max_length")["input_ids"]
    assert data.token_ids(words) == expected


def test_groups_of_a_batch_share_every_cell_and_own_the_right_words(data):
    batch = data.batch(16, np.random.default_rng(0))
    torch.testing.assert_close(batch.target.sum(1), torch.ones(16, 8, 8), atol=0.02, rtol=0)
    assert (batch.words[:, 0, 0] == 1).all()
    assert (batch.words.sum(1) <= 1).all()


def test_grounding_loss_is_smallest_where_attention_matches_the_truth():
    target = torch.zeros(1, 2, 4, 4)
    target[0, 1, :2], target[0, 0, 2:] = 1, 1
    words = torch.zeros(1, 2, 3)
    words[0, 0, 0], words[0, 1, 2] = 1, 1
    right = torch.zeros(1, 16, 3)
    right[0, :8, 2], right[0, 8:, 0] = 1, 1
    one = torch.ones(1)
    exact = grounding_loss([right], target, words, one)
    assert exact.item() == pytest.approx(0.0, abs=1e-3)
    assert grounding_loss([right.flip(1)], target, words, one) > exact + 1
    assert grounding_loss([torch.full((1, 16, 3), 1 / 3)], target, words, one) > exact + 0.5


def test_recording_attention_changes_neither_result_nor_network():
    networks = tiny_networks().eval()
    before = networks.unet.attn_processors
    inputs = torch.randn(2, 4, 8, 8), torch.tensor([10, 900]), torch.zeros(2, 24, dtype=torch.long)
    with torch.no_grad():
        plain = networks(*inputs)
        with recorded_attention(networks.unet) as maps:
            recorded = networks(*inputs)
    torch.testing.assert_close(recorded, plain, atol=1e-5, rtol=1e-4)
    assert networks.unet.attn_processors == before
    assert maps
    for layer in maps:
        sums = layer.attention.sum(-1)
        torch.testing.assert_close(sums, torch.ones(sums.shape))


def regions_of_two_pictures() -> Regions:
    """One thing and one phrase each, and an empty place for a second thing."""
    coverage, match = torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 2, 1, dtype=torch.bool)
    coverage[0, 0, :2], coverage[1, 0, 2:] = 1, 1
    match[0, 0, 0, 0] = match[1, 0, 1, 0] = True
    return Regions(
        coverage=coverage,
        token=torch.tensor([[1], [2]]),
        match=match,
        thing=torch.tensor([[True, False]] * 2),
        phrase=torch.ones(2, 1, dtype=torch.bool),
    )


def test_contrast_is_small_where_things_point_at_their_own_phrases_only():
    regions, one = regions_of_two_pictures(), torch.ones(2)
    query, key = torch.zeros(2, 16, 2), torch.zeros(2, 3, 2)
    query[0, :8, 0], query[1, 8:, 1] = 9, 9  # the cells that the things cover
    key[0, 1, 0], key[1, 2, 1] = 9, 9  # the tokens at which the phrases stand
    record = LayerRecord(torch.zeros(2, 16, 3), query, key, scale=1.0)
    swapped = LayerRecord(torch.zeros(2, 16, 3), query.flip(2), key, scale=1.0)
    undecided = LayerRecord(torch.zeros(2, 16, 3), 0 * query, key, scale=1.0)
    assert contrast_loss([record], regions, one).item() == pytest.approx(0.0, abs=1e-6)
    assert contrast_loss([swapped], regions, one) > 100
    assert contrast_loss([undecided], regions, one).item() == pytest.approx(2 * np.log(2))


def without_phrases(regions: Regions) -> Regions:
    return replace(
        regions,
        phrase=torch.zeros_like(regions.phrase),
        match=torch.zeros_like(regions.match),
    )


def test_contrast_of_a_batch_without_phrases_is_zero():
    query, key = torch.randn(2, 16, 2), torch.randn(2, 3, 2)
    record = LayerRecord(torch.zeros(2, 16, 3), query.requires_grad_(), key, scale=1.0)
    loss = contrast_loss([record], without_phrases(regions_of_two_pictures()), torch.ones(2))
    assert loss == 0
    loss.backward()
    assert (query.grad == 0).all()


def test_an_empty_place_takes_no_part_in_the_contrast():
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(2, n, 2, generator=generator) for n in (16, 3))
    record = LayerRecord(torch.zeros(2, 16, 3), query, key, scale=1.0)
    regions = regions_of_two_pictures()
    one = Regions(
        regions.coverage[:, :1], regions.token, regions.match[:, :1], regions.thing[:, :1],
        regions.phrase,
    )  # fmt: skip
    found = [contrast_loss([record], each, torch.tensor([1.0, 0.5])) for each in (regions, one)]
    torch.testing.assert_close(*found)


def test_locality_is_the_mean_square_of_what_changes_elsewhere():
    reference, rest = torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4)
    rest[:, 2:] = 1  # the lower half shows nothing that is named
    inside, outside = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    inside[:, :, :2], outside[:, :, 2:] = 3, 3
    assert locality_loss(inside, reference, rest, torch.ones(1)) == 0
    assert locality_loss(outside, reference, rest, torch.ones(1)) == 9 / 2
    assert locality_loss(outside, reference, rest, 0.5 * torch.ones(1)) == 9 / 4


def own_matches(batch):
    """Whether each phrase is true of a thing of its own picture (b, phrases)."""
    own = torch.arange(len(batch.ids))
    return batch.regions.match[own, :, own].any(1)


def test_regions_list_things_phrases_and_what_is_true(data):
    batch = data.batch(16, np.random.default_rng(1))
    regions = batch.regions
    tokens = new_tokenizer().convert_ids_to_tokens(
        batch.ids.gather(1, regions.token)[regions.phrase].tolist()
    )
    nouns = {noun for group in SYNONYMS.values() for noun in group} | set(KINDS)
    assert {token.removesuffix("</w>") for token in tokens} <= nouns
    true = own_matches(batch)[batch.wrong :][regions.phrase[batch.wrong :]]
    assert true.float().mean() > 0.9
    assert regions.match.sum() < 0.5 * regions.thing.sum() * regions.phrase.sum()


def test_false_captions_name_what_is_not_there(data):
    right = {True: [], False: []}
    for seed in range(6):
        batch = data.batch(24, np.random.default_rng(seed))
        assert batch.wrong == 3
        assert batch.target[:3, 1:-1].mean() < 0.05
        true, there = own_matches(batch), batch.regions.phrase
        for row in range(24):
            right[row < batch.wrong] += true[row][there[row]].tolist()
    # a wrong colour that a phrase does not say leaves it true
    assert np.mean(right[True]) < 0.5 < 0.8 < np.mean(right[False])


def watched(data, monkeypatch):
    """The views and captions that rows are made of, as they are made."""
    seen = []
    for name in ("_view", "_caption"):
        real = getattr(data, name)

        def noted(*given, real=real, **options):
            seen.append(real(*given, **options))
            return seen[-1]

        monkeypatch.setattr(data, name, noted)
    return seen


def grounds_one_by_one(said, view, coverage):
    """Groups and words of one picture, in loops."""
    target = np.zeros((MAX_THINGS + 2, *coverage.shape[1:]), np.float32)
    words = np.zeros((MAX_THINGS + 2, MAX_TOKENS), np.float32)
    means = [phrase.means(*thing) for phrase in said.phrases for thing in view.things]
    told = np.array(means, bool).reshape(len(said.phrases), len(view.things))
    portion = 1 / np.maximum(told.sum(0), 1) if said.shares else np.ones(len(view.things))
    for group, phrase in enumerate(said.phrases, start=1):
        free = np.clip(1 - target[1 : MAX_THINGS + 1].sum(0), 0, 1)
        parts = coverage * portion[:, None, None]
        target[group] = np.minimum(parts[told[group - 1]].sum(0), free)
        words[group, phrase.words[0] + 1 : phrase.words[1] + 1] = 1
    if said.setting is not None:
        target[-1] = np.clip(1 - coverage.sum(0), 0, 1)
        words[-1, said.setting[0] + 1 : said.setting[1] + 1] = 1
    target[0], words[0, 0] = np.clip(1 - target[1:].sum(0), 0, 1), 1
    return target, words


@pytest.mark.parametrize("windows", [0.0, 1.0])
@pytest.mark.parametrize("pictures", ["data", "mixed"])
def test_batches_say_what_loops_over_captions_and_things_say(
    pictures, windows, request, monkeypatch
):
    whole = request.getfixturevalue(pictures)
    data = CaptionedLatents(
        whole._corpus, whole._latents, new_tokenizer(), worlds=whole._worlds, windows=windows
    )
    made = watched(data, monkeypatch)
    for seed in range(8):
        made.clear()
        rows = data.rows(7, np.random.default_rng(seed))  # too few for false captions
        views, said = made[::2], made[1::2]
        batch = data.assembled(rows)
        coverage = [
            data._corpus.coverage[k][v.slots][:, v.rows, v.columns].astype(np.float32) / 255
            for k, v in zip(rows.values["scene"], views, strict=True)
        ]
        for n, (text, view) in enumerate(zip(said, views, strict=True)):
            target, words = grounds_one_by_one(text, view, coverage[n])
            torch.testing.assert_close(batch.target[n].numpy(), target, atol=1e-6, rtol=0)
            np.testing.assert_array_equal(batch.words[n].numpy(), words)
            cut = data._latents[rows.values["scene"][n], :, view.rows, view.columns]
            torch.testing.assert_close(batch.latents[n], cut.float(), atol=0, rtol=0)
        for n, k in product(range(7), range(7)):
            expected = np.zeros((MAX_THINGS, MAX_THINGS), bool)
            for thing, slot, share in zip(
                views[n].things, views[n].slots, coverage[n], strict=True
            ):
                for j, phrase in enumerate(said[k].phrases):
                    true = phrase.means(*thing) if n == k else phrase.fits(*thing)
                    expected[slot, j] = true and share.sum() > MIN_CELLS
            np.testing.assert_array_equal(batch.regions.match[n, :, k].numpy(), expected)


def test_rows_that_workers_draw_ahead_are_those_that_are_drawn_when_asked_for(data):
    drawn = []
    for workers in (0, 1):
        with rows_ahead(data, 6, seed=3, first=2, workers=workers) as rows:
            drawn.append([next(rows) for _ in range(4)])
    for ours, theirs in zip(*drawn, strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)
        assert (ours.window, ours.wrong) == (theirs.window, theirs.wrong)
    plain = data.rows(6, np.random.default_rng([3, 1, 4]))  # seed, stage, step
    np.testing.assert_array_equal(drawn[1][2].values, plain.values)


def test_no_false_caption_names_a_held_out_pair(data):
    rng = np.random.default_rng(0)
    things = [("house", "red", 0.5), ("tree", "green", 0.5), ("car", "blue", 0.5)]
    made = [other[:2] for _ in range(400) for other in data._misremembered(things, rng)]
    assert not {(color, kind) for kind, color in made} & HELD_OUT
    assert len(set(made)) > 30


def test_false_captions_take_no_part_in_the_diffusion_loss(data):
    batch = data.batch(24, np.random.default_rng(0))
    torch.manual_seed(0)
    before = loss_of(tiny_networks(), batch).diffusion
    batch.latents[: batch.wrong] += 100.0
    torch.manual_seed(0)
    after = loss_of(tiny_networks(), batch).diffusion
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_the_diffusion_loss_is_of_what_the_network_is_to_predict(data, prediction):
    scheduler = new_scheduler(prediction)

    def perfect(noised, timesteps, ids):
        alphas = scheduler.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        rows = len(noised)
        velocity = alphas.sqrt() * noise[:rows] - (1 - alphas).sqrt() * batch.latents[:rows]
        layer = LayerRecord(
            torch.full((rows, 64, 24), 1 / 24),
            torch.zeros(rows, 64, 2),
            torch.zeros(rows, 24, 2),
            1,
        )
        return Denoised(noise[:rows] if prediction == "epsilon" else velocity, (layer,))

    batch = data.batch(8, np.random.default_rng(0))
    batch = replace(batch, regions=without_phrases(batch.regions))
    torch.manual_seed(0)
    torch.randn(8)  # as the levels are drawn before the noise
    noise = torch.randn(batch.latents.shape)
    torch.manual_seed(0)
    assert denoiser_loss(perfect, scheduler, batch).diffusion.item() < 1e-8


def test_larger_pictures_are_noised_more_so_that_as_much_of_them_is_seen(data):
    batch = data.batch(2, np.random.default_rng(0))
    scheduler, seen = new_scheduler(), []

    def ask(noised, timesteps, ids):
        seen.append(training_levels(scheduler, CPU)[timesteps].logit())
        raise InterruptedError

    for cells in (16, 32):
        large = replace(batch, latents=torch.zeros(64, 4, cells, cells), wrong=0)
        torch.manual_seed(0)
        with pytest.raises(InterruptedError):
            denoiser_loss(ask, scheduler, large)
    at_16, at_32 = seen
    assert (at_32 - at_16).median().item() == pytest.approx(np.log(2), abs=0.05)


def test_a_network_that_predicts_noise_stops_short_of_pure_noise():
    assert new_scheduler("v_prediction").alphas_cumprod[-1] < 1e-6
    assert new_scheduler("epsilon").alphas_cumprod[-1] > 1e-3


def test_training_levels_end_in_pure_noise():
    levels = training_levels(new_scheduler(), CPU)
    assert levels[-1] == 1
    assert (levels.diff() > 0).all()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Latents that are the coverage of their things: what a window shows can be compared."""
    folder = tmp_path_factory.mktemp("large")
    render_corpus(folder, count=64, size=64, cells=16, workers=1)
    corpus = open_corpus(folder)
    return corpus, torch.from_numpy(corpus.coverage.astype(np.float32) / 255)


def windows_of(large, batches):
    corpus, latents = large
    data = CaptionedLatents(corpus, latents, new_tokenizer(), windows=1.0)
    return [data.batch(16, np.random.default_rng(seed)) for seed in range(batches)]


def test_windows_are_wide_or_tall_and_the_same_within_a_batch(large):
    shapes = {tuple(batch.latents.shape[-2:]) for batch in windows_of(large, 24)}
    assert shapes == {(12, 16), (16, 12), (8, 16), (16, 8)}


def test_a_window_takes_truth_and_latents_from_the_same_place(large):
    for batch in windows_of(large, 8):
        assert batch.target.shape[-2:] == batch.latents.shape[-2:]
        shown = batch.latents[:, None]  # (b, 1, things, h, w)
        away = (shown - batch.regions.coverage[:, :, None]).abs().amax((3, 4))
        away = away[batch.regions.thing]
        assert (away.amin(1) < 1e-6).all()


def test_captions_name_no_thing_that_a_window_leaves_out(large):
    for batch in windows_of(large, 8):
        true, there = (each[batch.wrong :] for each in (own_matches(batch), batch.regions.phrase))
        assert true[there].float().mean() > 0.95


def test_a_window_without_things_is_its_setting(large):
    corpus, latents = large
    bare = replace(corpus, kinds=np.full_like(corpus.kinds, -1))
    data = CaptionedLatents(bare, latents, new_tokenizer(), windows=1.0)
    batch = data.batch(8, np.random.default_rng(0))
    assert not batch.regions.thing.any()
    assert (batch.target[:, 1:-1] == 0).all()


def test_windows_train_as_well(large):
    batch = windows_of(large, 1)[0]
    losses = loss_of(tiny_networks(), batch)
    assert torch.isfinite(losses.total)
    assert losses.contrast > 0


def test_the_loss_of_an_untrained_network_is_about_the_variance_of_v(data):
    batch = data.batch(24, np.random.default_rng(0))
    losses = loss_of(tiny_networks(), batch)
    assert 0.7 < losses.diffusion.item() < 1.6
    assert losses.grounding > 0
    assert losses.contrast > 0
    assert losses.locality >= 0
    assert losses.total > losses.diffusion


@pytest.mark.parametrize(
    ("optimizer", "pictures"), [("adamw", "data"), ("muon", "data"), ("muon", "mixed")]
)
def test_a_killed_run_resumes_exactly(tmp_path, request, optimizer, pictures):
    data = request.getfixturevalue(pictures)
    whole = train_to(data, tmp_path / "whole.pt", 6, optimizer=optimizer)
    train_to(data, tmp_path / "parts.pt", 6, stop=3, optimizer=optimizer)
    resumed = train_to(data, tmp_path / "parts.pt", 6, optimizer=optimizer)
    assert resumed.step == 6
    for ours, theirs in zip(resumed.parameters, whole.parameters, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)
    for ours, theirs in zip(resumed.average, whole.average, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def train_two_stages(data, checkpoint=None, *, stop=3, precision="float32"):
    """Trains a smaller network, which is compiled sooner; returns trainer and losses."""
    torch.manual_seed(0)
    networks = new_denoiser((16, 16), 2, 16, 4, cells=8)
    trainer = Trainer(networks, RateSchedule(1e-3, 3, 2), checkpoint, 3, CPU, precision=precision)
    losses = []
    for parts in train_denoiser(trainer, data, batch=4):
        losses.append(parts[1:])
        if trainer.step == stop:
            trainer.save()
            break
    return trainer, losses


@contextmanager
def compiling(backend):
    """Compiles what is trained, with a backend of `torch.compile`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", partial(torch.compile, backend=backend))
        patch.setattr(denoiser, "compiling_pays", lambda device: True)
        yield
    torch.compiler.reset()


@pytest.fixture(scope="module", params=get_args(Precision))
def captured(data, request):
    """Precision and losses of three captured steps, and the graphs: no C++ compiler runs them."""
    graphs = []

    def keep(graph, inputs):
        graphs.append(graph)
        return graph

    if torch.__version__.startswith("2.7."):
        pytest.skip("this torch cannot trace the version that diffusers asks for")
    with compiling(keep):
        losses = train_two_stages(data, precision=request.param)[1]
    return request.param, losses, graphs


def test_captured_steps_have_the_losses_of_plain_ones(data, captured):
    precision, losses, _ = captured
    plain = train_two_stages(data, precision=precision)[1]
    torch.testing.assert_close(losses, plain, atol=1e-6, rtol=1e-4)


def test_what_most_steps_do_is_captured_whole_and_once(captured):
    assert len(captured[2]) == 1  # with captions and gradients; not without either


@pytest.mark.slow
def test_a_killed_compiled_run_resumes_exactly(data, tmp_path):
    with compiling("eager"):
        whole, _ = train_two_stages(data)
        train_two_stages(data, tmp_path / "parts.pt", stop=1)
        torch.compiler.reset()  # as in a new process
        resumed, _ = train_two_stages(data, tmp_path / "parts.pt")
    for ours, theirs in zip(resumed.parameters, whole.parameters, strict=True):
        torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def test_a_step_in_bfloat16_is_near_one_in_float32(data):
    plain, coarse = (train_two_stages(data, precision=p)[1][0] for p in get_args(Precision))
    assert plain != coarse
    torch.testing.assert_close(plain, coarse, atol=0.02, rtol=0.02)


def test_weights_and_updates_are_float32_whatever_a_step_computes_in(data):
    trainer, _ = train_two_stages(data, precision="bfloat16")
    assert {p.dtype for p in [*trainer.parameters, *trainer.average]} == {torch.float32}


@pytest.mark.parametrize("faster", get_args(Precision))
def test_a_processor_computes_in_what_was_measured_to_be_faster(faster, monkeypatch):
    rounds = {precision: 1.0 + (precision == faster) for precision in get_args(Precision)}
    monkeypatch.setattr(optimizing, "_rounds_a_second", rounds.__getitem__)
    assert chosen_precision("auto", CPU) == faster
    assert [chosen_precision(wanted, CPU) for wanted in rounds] == list(rounds)


@pytest.mark.parametrize("capability", ["AVX2", "AVX512"])
def test_what_a_processor_says_of_itself_decides_nothing(capability, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(optimizing, "_rounds_a_second", {"float32": 2.0, "bfloat16": 1.0}.get)
    assert chosen_precision("auto", CPU) == "float32"


def test_rounds_are_counted_in_both_precisions(monkeypatch):
    monkeypatch.setattr(optimizing, "MEASURED_SECONDS", 0.0)
    assert chosen_precision("auto", CPU) in get_args(Precision)


def test_training_gives_the_network_its_own_processors_back(data):
    trainer = Trainer(tiny_networks(), RateSchedule(1e-3, 3, 2), None, 3, CPU)
    before = trainer.model.unet.attn_processors
    steps = train_denoiser(trainer, data, batch=2)
    next(steps)
    assert trainer.model.unet.attn_processors != before
    steps.close()
    assert trainer.model.unet.attn_processors == before


def test_a_failing_step_gives_the_network_its_own_processors_back(data):
    trainer = Trainer(tiny_networks(), RateSchedule(1e-3, 3, 2), None, 3, CPU)
    before = trainer.model.unet.attn_processors
    broken = CaptionedLatents(data._corpus, data._latents[:, :3], new_tokenizer())
    with pytest.raises(RuntimeError):
        next(train_denoiser(trainer, broken, batch=2))
    assert trainer.model.unet.attn_processors == before


@pytest.mark.filterwarnings(  # of torch's own code, when the compiler is imported
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"
)
@pytest.mark.skipif(torch.__version__.startswith("2.7."), reason="its error has other words")
def test_what_cannot_be_compiled_runs_as_it_is():
    import torch._inductor.config as inductor

    run = compiled(torch.sin)
    with (
        inductor.patch({"cpp.cxx": ("no-such-compiler",), "fx_graph_cache": False}),
        pytest.warns(UserWarning, match=r"without torch\.compile: .*compiler"),
    ):
        found = run(torch.zeros(5))
    torch.testing.assert_close(found, torch.zeros(5))
    torch.compiler.reset()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    train(TINY, work, work / "out", device=CPU)
    return work


def test_the_exported_folder_is_a_stock_pipeline(trained):
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(
        trained / "out", safety_checker=None, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a red house", height=64, width=64, num_inference_steps=2, output_type="np")
    assert picture.images.shape == (1, 64, 64, 3)
    assert np.isfinite(picture.images).all()
    posterior = pipeline.vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist
    assert posterior.std.max() < 1e-3


def test_the_exported_folder_has_the_card_of_its_world(trained):
    """But neither the size nor the presence calibration of the shipped weights."""
    shipped, own = load("picturebook").card, load(str(trained / "out")).card
    assert (own.name, own.masks, own.language) == (shipped.name, shipped.masks, shipped.language)
    assert own.sizes.native == TINY.side
    assert own.presence.weights.keys() == {"region_ratio"}


def test_the_networks_know_the_size_they_were_made_for(trained):
    vae, networks = load_networks(trained / "out")
    assert (vae.config.sample_size, networks.unet.config.sample_size) == (TINY.side, TINY.cells)


def test_a_finished_run_is_not_trained_again(trained):
    before = (trained / "denoiser.pt").stat().st_mtime_ns
    train(TINY, trained, trained / "again", device=CPU)
    assert (trained / "denoiser.pt").stat().st_mtime_ns == before


def test_pictures_of_another_world_are_rendered_and_encoded_beside_the_others(trained, tmp_path):
    recipe = replace(TINY, world=2, share=0.5)
    train(recipe, tmp_path, tmp_path / "out", device=CPU, warm=trained / "out")
    suffixes = [each.corpus_suffix for each in (TINY, recipe)]
    assert not (tmp_path / f"corpus{suffixes[0]}").exists()
    train(TINY, tmp_path, tmp_path / "again", device=CPU, warm=trained / "out")
    corpora = [tmp_path / f"corpus{suffix}" for suffix in suffixes]
    first, second = (open_corpus(folder).images for folder in corpora)
    assert (first != second).reshape(24, -1).any(1).tolist() == [False, True] * 12
    latents = [tmp_path / f"latents{suffix}.pt" for suffix in suffixes]
    assert latents[0].read_bytes() != latents[1].read_bytes()


def test_batches_of_several_sizes_are_each_of_one(data):
    small = CaptionedLatents(data._corpus, data._latents[..., :4, :4], new_tokenizer(), windows=0.0)
    small._corpus = replace(data._corpus, coverage=data._corpus.coverage[..., :4, :4])
    small._coverage = torch.as_tensor(small._corpus.coverage)
    both = SeveralSizes([data, small], [0.75, 0.25])
    rng = np.random.default_rng(0)
    drawn = [both.rows(2, rng) for _ in range(200)]
    assert 30 <= sum(rows.size for rows in drawn) <= 70
    for rows in drawn[:20]:
        assert both.assembled(rows).latents.shape[-1] == rows.window[0] == (8, 4)[rows.size]


def test_pictures_of_half_the_size_are_rendered_encoded_and_trained_on(trained, tmp_path):
    recipe = replace(TINY, side=128, halved=0.5)
    train(recipe, tmp_path, tmp_path / "out", device=CPU, warm=trained / "out")
    suffixes = [replace(recipe, side=side).corpus_suffix for side in (128, 64)]
    shapes = [open_corpus(tmp_path / f"corpus{each}").images.shape for each in suffixes]
    assert shapes == [(24, 128, 128, 3), (24, 64, 64, 3)]
    cells = [torch.load(tmp_path / f"latents{each}.pt").shape[-1] for each in suffixes]
    assert cells == [16, 8]
    vae, networks = load_networks(tmp_path / "out")
    assert (vae.config.sample_size, networks.unet.config.sample_size) == (128, 16)


def test_every_fourth_step_compares_with_no_caption_at_fourfold_weight(data):
    batch, found = data.batch(8, np.random.default_rng(0)), {}
    for locality in (0, 1, 4):
        networks = tiny_networks()
        torch.manual_seed(5)
        with recorded(networks, compiles=False) as predict:
            found[locality] = denoiser_loss(
                predict, new_scheduler(), batch, locality=locality
            ).locality
    assert found[0] == 0
    assert found[1] > 0
    torch.testing.assert_close(found[4], 4 * found[1])
    _, losses = train_two_stages(data)  # three steps, of which the first compares
    assert losses[0][-1] > 0
    assert [parts[-1] for parts in losses[1:]] == [0, 0]


def test_the_rate_falls_by_the_clock_where_there_is_one():
    schedule = RateSchedule(1.0, 1000, warmup=1, flat=0.5, seconds=10.0)
    assert schedule(100, 4.0) == 1.0
    assert schedule(100, 7.5) == pytest.approx(1 - 0.98 / 2)
    assert schedule(100, 10.0) == pytest.approx(0.02)
    assert schedule(750, 0.0) == pytest.approx(1 - 0.98 / 2)  # steps that are further on count
    assert RateSchedule(1.0, 1000, warmup=1, flat=0.5)(100, 1e9) == 1.0


def test_training_ends_when_its_time_is_up_and_remembers_what_was_spent(data, tmp_path):
    schedule = RateSchedule(1e-3, 1000, 2, seconds=1e-6)
    trainer = Trainer(tiny_networks(), schedule, tmp_path / "kept.pt", 3, CPU)
    assert len(list(train_denoiser(trainer, data, batch=2))) == 1
    again = Trainer(tiny_networks(), schedule, tmp_path / "kept.pt", 3, CPU)
    assert (again.step, again.spent) == (1, trainer.spent)
    assert list(again.steps()) == []


def test_averaged_weights_are_in_the_model_for_a_while_only(data):
    trainer, _ = train_two_stages(data)
    before = [p.detach().clone() for p in trainer.parameters]
    with trainer.averaged():
        torch.testing.assert_close(trainer.parameters, trainer.average, atol=0, rtol=0)
        assert any((p != q).any() for p, q in zip(trainer.parameters, before, strict=True))
    torch.testing.assert_close(trainer.parameters, before, atol=0, rtol=0)


def test_an_autoencoder_may_be_trained_further_for_a_new_denoiser(trained, tmp_path):
    recipe = replace(TINY, side=128, channels=(16, 32), autoencoder_steps=1, steps=1)
    train(recipe, tmp_path, tmp_path / "out", device=CPU, autoencoder=trained / "out")
    before, after = (load_networks(folder / "out")[0] for folder in (trained, tmp_path))
    assert after.config.sample_size == 128
    assert load_networks(tmp_path / "out")[1].unet.config.block_out_channels == [16, 32]
    for name, weight in before.state_dict().items():
        if "quant_conv" not in name:  # its half is set to a point
            torch.testing.assert_close(after.state_dict()[name], weight, atol=0.02, rtol=0.02)


def test_what_was_trained_so_far_is_exported_on_the_way(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "EXPORT_SECONDS", 0.0)
    exports = []
    monkeypatch.setattr(training, "export_pipeline", lambda *given: exports.append(given[2]))
    train(replace(TINY, steps=2), tmp_path, tmp_path / "out", device=CPU, warm=trained / "out")
    assert len(exports) == 3  # after each step, and at the end
    assert len({id(networks) for networks in exports}) == 3


def test_weights_are_not_trained_further_on_another_prediction(tmp_path):
    recipe = replace(TINY, prediction="epsilon")
    with pytest.raises(InvalidInputError, match="for 'v_prediction', not 'epsilon'"):
        train(recipe, tmp_path, tmp_path / "out", device=CPU, warm=weights_folder())
    assert not any(tmp_path.iterdir())


def test_a_warm_restart_goes_on_from_the_shipped_weights(trained, tmp_path):
    _, networks = load_networks(trained / "out")
    reference = torch.load(trained / "denoiser.pt", weights_only=True)["average"]
    names = [name for name, p in networks.named_parameters() if p.requires_grad]
    kept = [p for p in networks.parameters() if p.requires_grad]
    for name, ours, theirs in zip(names, kept, reference, strict=True):
        if "token_embedding" not in name:  # rows of unknown pieces are zeroed on purpose
            torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=2e-3)
    train(replace(TINY, seed=5), tmp_path, tmp_path / "out", device=CPU, warm=trained / "out")
    assert (tmp_path / "out" / "model_index.json").exists()
    for config in (tmp_path / "out").rglob("*.json"):
        assert "_name_or_path" not in config.read_text("utf-8")
    assert not (tmp_path / "autoencoder.pt").exists()
