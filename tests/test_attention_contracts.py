"""What every model promises whose attention can be seen and changed."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from tests.joint import Joint, TextFirst
from tests.test_contracts import around, traces
from tests.tiny import FAMILIES
from textseg.backends.hunyuan_dit import HunyuanDiT
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.features import features
from textseg.diffusion.layers import Attentive
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.errors import Cancelled
from textseg.progress import CancelToken
from textseg.registry.models import load_model

JOINT = {"sd3": Joint, "flux": TextFirst}
PROMPTS = ["a red tree", "house"]


@pytest.fixture(params=[*FAMILIES, "picturebook", *JOINT])
def model(request: pytest.FixtureRequest, tiny_models) -> DiffusionModel:
    if request.param in JOINT:
        return JOINT[request.param]()
    return tiny_models.get(request.param) or load_model(request.param, device="cpu")


def latents(model: DiffusionModel) -> torch.Tensor:
    """Not square, and such that a stage of a tiny UNet has as many cells as the text has tokens."""
    return draw_noise((2, model.latent_channels, 8, 12), seed=0)


def answer(model: DiffusionModel) -> torch.Tensor:
    with torch.no_grad():
        text = model.embed_text(PROMPTS)
        return model.predict(latents(model), 0.5, text).velocity


def seen(model: DiffusionModel) -> list[Attention]:
    calls: list[Attention] = []

    def control(call: Attention) -> Attention:
        calls.append(call)
        return call

    answer(attending(model, control))
    return calls


def explicit(call: Attention) -> Attention:
    return call.with_probabilities(call.probabilities())


def swapped(call: Attention) -> Attention:
    return replace(call, v=call.v.flip(0))


# ---------------------------------------------------------------- seeing


def test_watching_changes_no_bit(model: DiffusionModel) -> None:
    assert torch.equal(answer(attending(model, lambda call: call)), answer(model))


def test_explicit_and_fused_attention_agree(model: DiffusionModel) -> None:
    assert_close(answer(attending(model, explicit)), answer(model), rtol=1e-5, atol=3e-5)


def test_every_call_is_what_the_model_says_it_is(model: DiffusionModel) -> None:
    assert isinstance(model, Attentive)
    layers = model.attention_layers(latents(model), model.embed_text(PROMPTS))
    calls = seen(model)
    shown = [(k, layer) for k, layer in enumerate(layers) if layer.kind != "words"]
    assert [(call.index, call.layer) for call in calls] == shown
    for call in calls:
        height, width = call.layer.grid
        assert height / width == 8 / 12
        assert call.q.shape[2] == call.layer.queries
        assert call.k.shape[2] == call.v.shape[2] == call.layer.keys


def test_recorded_maps_sum_to_one(model: DiffusionModel) -> None:
    for call in seen(model):
        looks = call.probabilities()
        assert looks.shape == (2, call.q.shape[1], call.layer.queries, call.layer.keys)
        assert_close(looks.sum(-1), torch.ones(looks.shape[:-1]), rtol=0, atol=1e-5)


def test_words_stand_where_the_model_says(model: DiffusionModel) -> None:
    """Of two prompts at the same place the first layer that sees words tells the words alone."""
    if isinstance(model, HunyuanDiT):
        pytest.skip("its network pools the words itself, and all cells get that")
    z = latents(model)[:1].expand(2, -1, -1, -1)
    calls: list[Attention] = []

    def control(call: Attention) -> Attention:
        calls.append(call)
        return call

    with torch.no_grad():
        text = model.embed_text(PROMPTS)
        text = replace(text, pooled=None if text.pooled is None else text.pooled[[0, 0]])
        attending(model, control).predict(z, 0.5, text)
    first = next(call for call in calls if call.layer.text is not None)
    words, cells = first.layer.text, first.layer.picture
    assert not torch.allclose(first.k[0, :, words], first.k[1, :, words], atol=1e-3)
    # positions, which may be counted from the end of the text, turn pairs of numbers
    lengths = first.q[:, :, cells].unflatten(-1, (-1, 2)).norm(dim=-1)
    assert_close(lengths[0], lengths[1], rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- changing


def test_what_is_changed_is_what_counts(model: DiffusionModel) -> None:
    assert not torch.allclose(answer(attending(model, swapped)), answer(model), atol=1e-4)


def test_keys_count_as_their_weights_say(model: DiffusionModel) -> None:
    """Reweighting agrees with probabilities that are multiplied and made to sum to one again."""

    def weights(call: Attention) -> torch.Tensor:
        return torch.arange(call.layer.keys).remainder(3) + 0.5

    def by_logits(call: Attention) -> Attention:
        return call.reweighted(weights(call))

    def by_hand(call: Attention) -> Attention:
        looks = call.probabilities() * weights(call)
        return call.with_probabilities(looks / looks.sum(-1, keepdim=True))

    found = answer(attending(model, by_logits))
    assert_close(found, answer(attending(model, by_hand)), rtol=1e-5, atol=1e-5)
    again = answer(attending(model, lambda call: explicit(call).reweighted(weights(call))))
    assert_close(found, again, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, answer(model), atol=1e-4)


def test_the_autoencoder_and_the_text_encoders_go_unseen(model: DiffusionModel) -> None:
    if isinstance(model, Joint):
        pytest.skip("its text and pictures go through no network")
    indices: list[int] = []

    def control(call: Attention) -> Attention:
        indices.append(call.index)
        return call

    watched, side = attending(model, control), model.size_multiple
    with torch.no_grad():
        z = watched.encode_image(draw_noise((1, 3, 2 * side, 3 * side), seed=0))
        text = watched.embed_text(["a red tree"])
        watched.decode_latents(z)
        assert indices == []
        watched.predict(z, 0.5, text)
    layers = enumerate(model.attention_layers(z, text))
    assert indices == [k for k, layer in layers if layer.kind != "words"]


# ---------------------------------------------------------------- nothing is left


def left(model: DiffusionModel) -> dict[str, object]:
    return {"around": around(), **traces(model.network, "network")}


def test_the_model_is_bit_identical_during_and_after(model: DiffusionModel) -> None:
    before, expected = left(model), answer(model)
    during: list[dict[str, object]] = []

    def control(call: Attention) -> Attention:
        during.append({key: held for key, held in left(model).items() if key != "around"})
        return swapped(call)

    answer(attending(model, control))
    for found in during[:1]:
        assert found == {key: held for key, held in before.items() if key != "around"}
    assert left(model) == before
    assert torch.equal(answer(model), expected)


@pytest.mark.parametrize("error", [RuntimeError, Cancelled])
def test_the_model_is_bit_identical_after_an_exception_half_way(
    error: type[Exception], model: DiffusionModel
) -> None:
    before, expected, token = left(model), answer(model), CancelToken()

    def control(call: Attention) -> Attention:
        if call.index == 1:
            token.cancel()
            if error is Cancelled:
                token.raise_if_cancelled()
            raise RuntimeError("half way")
        return swapped(call)

    with pytest.raises(error):
        answer(attending(model, control))
    assert left(model) == before
    assert torch.equal(answer(model), expected)


def test_another_thread_gets_what_it_always_gets_meanwhile(model: DiffusionModel) -> None:
    expected, elsewhere = answer(model), list[torch.Tensor]()

    with ThreadPoolExecutor(1) as other:

        def control(call: Attention) -> Attention:
            if call.index == 1:
                elsewhere.append(other.submit(answer, model).result())
            return swapped(call)

        changed = answer(attending(model, control))
    assert torch.equal(elsewhere[0], expected)
    assert not torch.equal(changed, expected)


def test_gradients_pass_through_what_is_seen_and_changed(model: DiffusionModel) -> None:
    z = latents(model).requires_grad_()
    text = model.embed_text(PROMPTS)
    text = replace(text, embeddings=text.embeddings.detach().requires_grad_())
    attending(model, explicit).predict(z, 0.5, text).velocity.square().sum().backward()
    for given in (z, text.embeddings):
        assert given.grad is not None
        assert math.isfinite(given.grad.abs().sum().item())
        assert given.grad.abs().sum() > 0
    for weights in model.network.parameters():
        weights.grad = None


# ---------------------------------------------------------------- features


def last_block(model: DiffusionModel) -> str:
    """The last block with blocks of its own: what it gives is a tensor in all of these networks."""
    names = ("up_blocks.0", "norm_out", "all_final_layer.2-1", "final_layer")
    return next(name for name in names if hasattr(model.network, name.split(".")[0]))


def test_what_a_block_gives_is_seen_and_replaced_on_this_thread_only(model: DiffusionModel) -> None:
    name, before, expected = last_block(model), left(model), answer(model)
    given: list[object] = []

    def change(block: str, found: object) -> object:
        assert block == name
        given.append(found)
        return found

    with features(model.network, [name], change):
        assert torch.equal(answer(model), expected)
    (tensor,) = given
    assert isinstance(tensor, torch.Tensor)
    with features(model.network, [name], lambda _, found: found.flip(0)):  # type: ignore[attr-defined]  # a tensor
        assert not torch.equal(answer(model), expected)
        with ThreadPoolExecutor(1) as other:
            assert torch.equal(other.submit(answer, model).result(), expected)
    assert left(model) == before
    assert torch.equal(answer(model), expected)
