"""The attention of the source prompt is given to the target prompt."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import Bench, bench, method_with
from tests.joint import Joint, TextFirst
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.counting import Counter
from textseg.diffusion.layers import attentive
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.diffusion.sampling import denoise_with, draw_noise
from textseg.editing.aligning import aligned
from textseg.editing.base import EditMethod, edit_levels
from textseg.editing.prompt_to_prompt import PromptToPrompt
from textseg.errors import UnsupportedError
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

WORDS = {"source": "a red house", "target": "a big red boat"}
FREE = {"cross_share": 0.0, "self_share": 0.0}


@pytest.fixture(params=["sd1", "xl", "sd3", "picturebook", "joint", "flux"])
def model(request: pytest.FixtureRequest, tiny_models) -> DiffusionModel:
    if request.param in ("joint", "flux"):
        return Joint() if request.param == "joint" else TextFirst()
    return tiny_models.get(request.param) or load_model(request.param, device="cpu")


def p2p(**options: object) -> EditMethod:
    return method_with("prompt_to_prompt", **options)


def calls_of(
    model: DiffusionModel, **options: object
) -> list[tuple[Attention, Attention, Conditioning]]:
    """Each attention of one evaluation before and after the control of the first step."""
    method = PromptToPrompt(**options)  # type: ignore[arg-type]  # its options
    text = model.embed_text(["", WORDS["target"], WORDS["source"]])
    control = method.control(aligned(text[2], text[1]), 0.0)
    found: list[tuple[Attention, Attention, Conditioning]] = []

    def seen(call: Attention) -> Attention:
        found.append((call, control(call, [1]), text))
        return call

    z = draw_noise((3, model.latent_channels, 8, 12), seed=0)
    with torch.no_grad():
        attending(model, seen).predict(z, 0.5, text)
    return found


def test_words_of_the_target_get_the_attention_of_their_counterparts(model: DiffusionModel) -> None:
    for before, after, text in calls_of(model, self_share=0.0):
        if before.layer.text is None:
            assert after is before
            continue
        looks, led = before.probabilities(), after.probabilities()
        cells, words = before.layer.picture, before.layer.text
        match = aligned(text[2], text[1])
        wanted = torch.where(
            match.known, looks[2][:, cells, words] @ match.given, looks[1][:, cells, words]
        )
        assert match.known.any()
        assert not match.known.all()
        given = led[1][:, cells, words]
        share = wanted / wanted.sum(-1, keepdim=True)
        assert_close(given / given.sum(-1, keepdim=True), share, rtol=1e-4, atol=1e-6)
        assert_close(given.sum(-1), looks[1][:, cells, words].sum(-1), rtol=1e-4, atol=1e-6)
        assert_close(led.sum(-1), torch.ones(led.shape[:-1]), rtol=0, atol=1e-5)
        assert torch.equal(led[[0, 2]], looks[[0, 2]])


def test_cells_look_at_cells_as_in_the_source(model: DiffusionModel) -> None:
    for before, after, _ in calls_of(model, cross_share=0.0):
        looks, led, cells = before.probabilities(), after.probabilities(), before.layer.picture
        if before.layer.kind == "cross":
            assert after is before
            continue
        one, other = led[1][:, cells, cells], looks[2][:, cells, cells]
        one, other = (each / each.sum(-1, keepdim=True) for each in (one, other))
        assert_close(one, other, rtol=1e-4, atol=1e-6)
        assert_close(led.sum(-1), torch.ones(led.shape[:-1]), rtol=0, atol=1e-5)
        assert_close(led[[0, 2]], looks[[0, 2]], rtol=1e-5, atol=1e-6)


def test_new_words_count_more_in_the_target_alone(model: DiffusionModel) -> None:
    for before, after, text in calls_of(model, **FREE, new_words=3.0):
        looks, led, words = before.probabilities(), after.probabilities(), before.layer.text
        if words is None:
            assert after is before
            continue
        new = aligned(text[2], text[1]).new
        weights = torch.ones(before.layer.keys)
        weights[words] = torch.where(new, 3.0, 1.0)
        assert new.any()
        wanted = looks[1] * weights
        assert_close(led[1], wanted / wanted.sum(-1, keepdim=True), rtol=1e-4, atol=1e-6)
        assert_close(led[[0, 2]], looks[[0, 2]], rtol=1e-4, atol=1e-6)


def test_fine_stages_keep_their_own_self_attention(tiny_models) -> None:
    control = PromptToPrompt().control(aligned(*(tiny_models["sd1"].embed_text(["a"]),) * 2), 0.0)
    (call, *_) = (before for before, _, _ in calls_of(tiny_models["sd1"]))
    assert control(call, [1]) is not call
    fine = replace(call, layer=replace(call.layer, grid=(16, 17)))
    assert control(fine, [1]) is fine
    without_stages = replace(fine, layer=replace(fine.layer, stage=""))
    assert control(without_stages, [1]) is not without_stages


def test_without_control_it_is_guided_sampling_from_the_inverted_picture(
    model: DiffusionModel,
) -> None:
    table = bench(model, **WORDS)
    method = p2p(**FREE)
    found = table.run(method, table.everything)
    start = table.made[-1].states[0]
    expected = table.sampled(start, edit_levels(model, method, table.latents))
    assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(table.run(p2p(), table.everything), found, atol=1e-3)


def test_asking_for_what_is_there_steps_as_without_control(model: DiffusionModel) -> None:
    """From the same place with the same words, target and source look at the same."""
    table = bench(model, source="a red house", target="a red house")
    first = table.steps(p2p(guidance=1.0), table.everything)[0]
    (path,) = table.made
    with torch.no_grad():
        found = denoise_with(model, table.text("a red house"))(path.states[0], path.levels[0])
    expected = path.states[0] + (path.levels[1] - path.levels[0]) * found.velocity
    assert_close(first.z, expected, rtol=1e-4, atol=1e-4)


def test_control_ends_after_its_share_of_the_steps(tiny_models) -> None:
    def states(**options: object) -> list[torch.Tensor]:
        table = bench(tiny_models["sd2"], **WORDS)
        return [step.z for step in table.steps(p2p(steps=8, **options), table.everything)]

    half, whole = states(cross_share=0.5, self_share=0), states(cross_share=1, self_share=0)
    for k in range(8):
        assert torch.equal(half[k], whole[k]) == (k < 4)


def test_each_step_asks_for_three_rows(tiny_models) -> None:
    counter = Counter(tiny_models["sd1"])
    table = bench(counter.as_model, **WORDS)
    table.run(p2p(steps=4, inversion_solver="euler"), table.everything)
    assert counter.rows == 4 + 3 * 4


def test_models_that_show_no_attention_are_refused_before_the_inversion() -> None:
    table = bench(GaussianModel())
    with pytest.raises(UnsupportedError, match="attention of the model 'gaussian'"):
        table.run(p2p(), table.everything)
    assert table.made == []


def test_prompts_whose_words_nobody_can_tell_are_refused_before_the_inversion(tiny_models) -> None:
    class Untold(Bench):
        def text(self, prompt: str) -> Conditioning:
            return replace(super().text(prompt), words=())

    attentive(tiny_models["sd1"])
    table = Untold(tiny_models["sd1"], bench(tiny_models["sd1"]).latents)
    with pytest.raises(UnsupportedError, match="which words of 'tree'"):
        table.run(p2p(), table.everything)
    assert table.made == []
