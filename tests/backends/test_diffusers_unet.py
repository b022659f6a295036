from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from tests.tiny import build_sd, build_xl
from tests.tiny_parts import TEXT_LENGTH
from textseg.backends import autoencoders
from textseg.backends.diffusers_unet import DiffusersUNet, load_unet_model, wrap_pipeline
from textseg.backends.unet_card import unet_card
from textseg.backends.unet_parts import load_parts
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError, ModelError, OutOfMemoryError


def test_sizes_come_from_the_configs(tiny_models) -> None:
    model = tiny_models["sd1"]
    assert (model.latent_stride, model.size_multiple, model.latent_channels) == (2, 4, 4)


@torch.no_grad()
def test_any_number_of_latent_channels() -> None:
    pipeline = build_sd(unet={"in_channels": 8, "out_channels": 8}, latent_channels=8)
    model = wrap_pipeline(pipeline)
    latents = model.encode_image(torch.rand(1, 3, 24, 32))
    assert latents.shape == (1, 8, 12, 16)
    assert model.predict(latents, 0.5, model.embed_text([""])).x0.shape == latents.shape


@torch.no_grad()
def test_a_cut_off_prompt_is_reported_for_that_prompt_only(tiny_models) -> None:
    for name in ("sd1", "xl"):
        text = tiny_models[name].embed_text(["tree", "tree " * 22, "tree " * 22 + "house"])
        assert text.notes[:2] == ((), ())
        assert text.notes[2] == (f"truncated after {TEXT_LENGTH} tokens: 'house' was not read",)


@torch.no_grad()
def test_the_report_of_a_very_long_prompt_stays_short(tiny_models) -> None:
    (note,) = tiny_models["sd1"].embed_text(["red tree " * 1200]).notes[0]
    assert note.startswith(f"truncated after {TEXT_LENGTH} tokens: '")
    assert len(note) < 150


@torch.no_grad()
def test_a_cut_off_prompt_still_ends(tiny_models) -> None:
    """What was cut off changes nothing: the text before it and the end token are read."""
    model = tiny_models["sd1"]
    short, long = model.embed_text(["tree " * 22, "tree " * 50]).embeddings
    assert_close(short, long)


@torch.no_grad()
def test_words_outside_a_known_vocabulary_are_told_by_kind_and_in_words(tiny_folders) -> None:
    parts = load_parts(tiny_folders["sd1"], device="cpu", dtype="auto", local_files_only=True)
    usual = unet_card(parts, "tiny")
    language = replace(usual.language, words=("a", "house", "tree"))
    model = DiffusersUNet(parts, name="tiny", card=replace(usual, language=language))
    prompts = [
        "a Tree, a house.",
        "a treee and a zebra " * 20,
        "",
    ]
    text = model.embed_text(prompts)
    assert text.unknown == ((), ("treee", "and", "zebra"), ())
    first, second = text.notes[1]
    assert first == "this model does not know 'treee' (did you mean 'tree'?), 'and', 'zebra'"
    assert second.startswith("truncated after")
    assert text.notes[0] == text.notes[2] == ()


@torch.no_grad()
def test_an_open_vocabulary_knows_all_words(tiny_models) -> None:
    text = tiny_models["sd1"].embed_text(["a zebra", "\N{EVERGREEN TREE} treee"])
    assert text.unknown == text.notes == ((), ())


@pytest.mark.parametrize("prompts", [[], "tree", [None]])
def test_prompts_must_be_a_list_of_texts(tiny_models, prompts) -> None:
    with pytest.raises(InvalidInputError, match="list of at least one text"):
        tiny_models["sd1"].embed_text(prompts)


@torch.no_grad()
def test_a_level_that_was_never_trained_is_refused(tiny_models) -> None:
    model = tiny_models["sd1"]
    with pytest.raises(InvalidInputError, match=r"sigma = 0\.99"):
        model.predict(torch.zeros(1, 4, 8, 8), 0.99, model.embed_text([""]))


@torch.no_grad()
def test_every_row_needs_its_prompt(tiny_models) -> None:
    model = tiny_models["sd1"]
    with pytest.raises(InvalidInputError, match="1 prompts for 2 latents"):
        model.predict(torch.zeros(2, 4, 8, 8), 0.5, model.embed_text([""]))


@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 3, 8, 8)])
def test_latents_of_the_wrong_shape_are_refused(tiny_models, shape: tuple[int, ...]) -> None:
    model = tiny_models["sd1"]
    for ask in (model.decode_latents, lambda z: model.predict(z, 0.5, model.embed_text([""]))):
        with pytest.raises(InvalidInputError, match=r"\(b, 4, h, w\)"):
            ask(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (1, 3, 8, 9)])
def test_images_of_the_wrong_shape_are_refused(tiny_models, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="divide by 2"):
        tiny_models["sd1"].encode_image(torch.zeros(shape))


def autoencoder_inputs(network: torch.nn.Module) -> list[tuple[int, ...]]:
    seen = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    return seen


@torch.no_grad()
def test_large_pictures_go_through_the_autoencoder_in_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(autoencoders, "TILE_ABOVE", 64 * 64)
    monkeypatch.setattr(autoencoders, "TILE_SIDE", 32)
    pipeline = build_sd()
    model = wrap_pipeline(pipeline)
    encoded = autoencoder_inputs(pipeline.vae.encoder)
    decoded = autoencoder_inputs(pipeline.vae.decoder)
    image = draw_noise((1, 3, 64, 80), seed=0).sigmoid()
    latents = model.encode_image(image)
    assert latents.shape == (1, 4, 32, 40)
    assert max(max(shape[2:]) for shape in encoded) == 32
    assert model.decode_latents(latents).shape == image.shape
    assert max(max(shape[2:]) for shape in decoded) == 16
    assert not pipeline.vae.use_tiling
    assert pipeline.vae.tile_sample_min_size == pipeline.vae.config.sample_size


@torch.no_grad()
def test_pictures_of_a_batch_go_through_the_autoencoder_one_by_one() -> None:
    pipeline = build_sd()
    model = wrap_pipeline(pipeline)
    seen = autoencoder_inputs(pipeline.vae.encoder)
    seen_latents = autoencoder_inputs(pipeline.vae.decoder)
    model.decode_latents(model.encode_image(torch.rand(3, 3, 16, 24)))
    assert seen == [(1, 3, 16, 24)] * 3
    assert seen_latents == [(1, 4, 8, 12)] * 3
    assert not pipeline.vae.use_slicing


@torch.no_grad()
def test_lower_precision_comes_back_in_float32_and_near(tiny_folders, tiny_models) -> None:
    half = load_unet_model(tiny_folders["xl"], device="cpu", dtype="bfloat16")
    z = draw_noise((1, 4, 8, 12), seed=0)
    answers = [m.predict(z, 0.6, m.embed_text(["tree"])).eps for m in (half, tiny_models["xl"])]
    assert answers[0].dtype == torch.float32
    assert half.embed_text(["tree"]).embeddings.dtype == torch.float32
    assert half.encode_image(torch.rand(1, 3, 16, 24)).dtype == torch.float32
    assert_close(*answers, rtol=0.1, atol=0.05)


def spoil(network: torch.nn.Module) -> None:
    with torch.no_grad():
        next(iter(network.parameters())).fill_(float("nan"))


@torch.no_grad()
def test_numbers_that_are_none_name_float32_as_the_remedy() -> None:
    pipeline = build_sd().to(torch.bfloat16)
    model = wrap_pipeline(pipeline)
    text = model.embed_text([""])
    spoil(pipeline.unet)
    with pytest.raises(ModelError, match="dtype='float32'"):
        model.predict(torch.zeros(1, 4, 8, 8), 0.5, text)
    spoil(pipeline.text_encoder)
    with pytest.raises(ModelError, match="text encoder"):
        model.embed_text([""])


@torch.no_grad()
def test_numbers_that_are_none_in_float32_are_not_blamed_on_precision() -> None:
    pipeline = build_sd()
    spoil(pipeline.vae)
    model = wrap_pipeline(pipeline)
    with pytest.raises(ModelError, match="damaged"):
        model.encode_image(torch.rand(1, 3, 8, 8))


def fail_with(network: torch.nn.Module, error: Exception) -> None:
    def fail(*_) -> None:
        raise error

    network.register_forward_pre_hook(fail)


def ask_everything(model: DiffusersUNet):
    text = model.embed_text([""])
    return {
        "unet": lambda: model.predict(torch.zeros(1, 4, 8, 8), 0.5, text),
        "text_encoder": lambda: model.embed_text([""]),
        "vae.encoder": lambda: model.encode_image(torch.rand(1, 3, 8, 8)),
        "vae.decoder": lambda: model.decode_latents(torch.zeros(1, 4, 8, 8)),
    }


@pytest.mark.parametrize("part", ["unet", "text_encoder", "vae.encoder", "vae.decoder"])
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        RuntimeError("MPS backend out of memory"),
        MemoryError(),
    ],
)
@torch.no_grad()
def test_running_out_of_memory_advises_a_smaller_batch(part: str, error: Exception) -> None:
    pipeline = build_sd()
    ask = ask_everything(wrap_pipeline(pipeline))[part]
    first, _, rest = part.partition(".")
    network = getattr(pipeline, first)
    fail_with(getattr(network, rest) if rest else network, error)
    with pytest.raises(OutOfMemoryError, match="lower batch_size") as caught:
        ask()
    assert caught.value.__cause__ is error


@torch.no_grad()
def test_other_failures_of_a_network_are_not_called_a_lack_of_memory() -> None:
    pipeline = build_xl()
    model = wrap_pipeline(pipeline)
    text = model.embed_text([""])
    fail_with(pipeline.unet, RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="multiplied"):
        model.predict(torch.zeros(1, 4, 8, 8), 0.5, text)


def test_gradients_reach_the_latents(tiny_models) -> None:
    model = tiny_models["sd1"]
    z = draw_noise((1, 4, 8, 8), seed=0).requires_grad_()
    model.predict(z, 0.5, model.embed_text(["tree"])).eps.square().sum().backward()
    assert z.grad is not None
    assert z.grad.abs().max() > 0


@pytest.mark.parametrize("build", [build_sd, build_xl])
def test_tokens_know_the_word_they_belong_to(build) -> None:
    text = wrap_pipeline(build()).embed_text(["a tree's  ok", "", "b" * 40 + " z"])

    first, empty, cut = text.words
    assert first[:8] == (None, 0, 1, 1, 1, 2, 2, None)
    assert set(empty) == {None}
    assert cut == (None, *[0] * 22, None)  # what was cut off has no token
    assert {len(row) for row in text.words} == {text.embeddings.shape[1]}
