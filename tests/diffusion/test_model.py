from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from textseg.diffusion.model import Conditioning, Prediction, per_row
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError

SHAPE = (2, 4, 3, 5)


@pytest.mark.parametrize("sigma", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("form", ["x0", "eps", "velocity"])
def test_each_form_gives_the_other_two(form: str, sigma: float) -> None:
    x0, eps = draw_noise(SHAPE, seed=0), draw_noise(SHAPE, seed=1)
    truth = Prediction(x0=x0, eps=eps, velocity=eps - x0)
    z = (1 - sigma) * x0 + sigma * eps
    found = getattr(Prediction, f"from_{form}")(z, sigma, getattr(truth, form))
    for name in ("x0", "eps", "velocity"):
        assert_close(getattr(found, name), getattr(truth, name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_velocity_holds_at_both_ends(sigma: float) -> None:
    z, velocity = draw_noise(SHAPE, seed=0), draw_noise(SHAPE, seed=1)
    found = Prediction.from_velocity(z, sigma, velocity)
    assert_close((1 - sigma) * found.x0 + sigma * found.eps, z)


def test_noise_is_refused_where_it_says_nothing_about_the_picture() -> None:
    z = draw_noise(SHAPE, seed=0)
    with pytest.raises(InvalidInputError, match="sigma 1"):
        Prediction.from_eps(z, 1.0, z)
    with pytest.raises(InvalidInputError, match="sigma 0"):
        Prediction.from_x0(z, 0.0, z)


@pytest.mark.parametrize("form", ["x0", "eps", "velocity"])
def test_a_level_for_each_row_gives_what_one_call_per_level_gives(form: str) -> None:
    z, answer = draw_noise(SHAPE, seed=0), draw_noise(SHAPE, seed=1)
    convert = getattr(Prediction, f"from_{form}")
    together = convert(z, torch.tensor([0.25, 0.75]), answer)
    for row, sigma in enumerate((0.25, 0.75)):
        alone = convert(z[[row]], sigma, answer[[row]])
        for name in ("x0", "eps", "velocity"):
            assert_close(getattr(together, name)[[row]], getattr(alone, name))


def test_one_useless_level_among_the_rows_is_refused() -> None:
    z = draw_noise(SHAPE, seed=0)
    with pytest.raises(InvalidInputError, match=r"sigma 1\.0"):
        Prediction.from_eps(z, torch.tensor([0.5, 1.0]), z)
    with pytest.raises(InvalidInputError, match=r"sigma 0\.0"):
        Prediction.from_x0(z, torch.tensor([0.0, 0.5]), z)


@pytest.mark.parametrize("sigma", [torch.tensor(0.5), torch.full((3,), 0.5), torch.ones(2, 1) / 2])
def test_levels_that_are_not_one_for_each_row_are_refused(sigma: torch.Tensor) -> None:
    z = draw_noise(SHAPE, seed=0)
    for form in ("x0", "eps", "velocity"):
        with pytest.raises(InvalidInputError, match="2 rows of z"):
            getattr(Prediction, f"from_{form}")(z, sigma, z)


def test_levels_are_computed_with_in_the_precision_of_what_they_scale() -> None:
    level = per_row(torch.tensor([0.1, 0.2], dtype=torch.float64), draw_noise(SHAPE, seed=0))
    assert_close(level, torch.tensor([0.1, 0.2])[:, None, None, None])


def make_conditioning(pooled: bool = True) -> Conditioning:
    return Conditioning(
        prompts=("a", "b", "c"),
        embeddings=torch.arange(3.0)[:, None, None].expand(3, 2, 5),
        pooled=torch.arange(3.0)[:, None].expand(3, 4) if pooled else None,
        notes=(("first",), (), ("third", "again")),
        unknown=((), (), ("zebra",)),
    )


@pytest.mark.parametrize(
    ("index", "prompts"),
    [(0, "a"), (-1, "c"), (slice(1, None), "bc"), ([2, 0], "ca"), ((1,), "b"), (slice(0, 0), "")],
)
def test_indexing_conditioning_gives_a_batch_of_the_chosen_prompts(index, prompts: str) -> None:
    chosen = make_conditioning()[index]
    assert chosen.prompts == tuple(prompts)
    rows = ["abc".index(prompt) for prompt in prompts]
    assert chosen.embeddings[:, 0, 0].tolist() == rows
    assert chosen.pooled is not None
    assert chosen.pooled[:, 0].tolist() == rows
    assert chosen.notes == tuple(make_conditioning().notes[row] for row in rows)
    assert chosen.unknown == tuple(make_conditioning().unknown[row] for row in rows)


def test_an_index_beyond_the_prompts_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        make_conditioning()[3]


def test_repeat_interleave_keeps_copies_side_by_side() -> None:
    repeated = make_conditioning(pooled=False).repeat_interleave(2)
    assert repeated.prompts == tuple("aabbcc")
    assert repeated.embeddings[:, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert repeated.pooled is None
    assert repeated.unknown == ((), (), (), (), ("zebra",), ("zebra",))


def test_cat_undoes_taking_apart() -> None:
    whole = make_conditioning()
    joined = Conditioning.cat([whole[:1], whole[1:]])
    assert joined.prompts == whole.prompts
    assert joined.notes == whole.notes
    assert joined.unknown == whole.unknown
    assert_close(joined.embeddings, whole.embeddings)
    assert_close(joined.pooled, whole.pooled)


def test_notes_and_unknown_words_default_to_none_for_each_prompt() -> None:
    plain = Conditioning(prompts=("a", "b"), embeddings=torch.zeros(2, 1, 1))
    assert plain.notes == ((), ())
    assert plain.unknown == ((), ())


def test_unknown_words_without_a_note_on_them_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no note says that the model does not know b"):
        Conditioning(prompts=("b",), embeddings=torch.zeros(1, 1, 1), unknown=(("b",),))


def test_conditioning_for_other_prompts_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 prompts"):
        Conditioning(prompts=("a", "b"), embeddings=torch.zeros(3, 1, 1))


# -- masks, further tensors, lengths and words


def read_prompts(*words: int, tokens: int) -> Conditioning:
    """Prompts of some words each, one token a word, filled up to ``tokens``."""
    return Conditioning(
        prompts=tuple(" ".join("ab"[k % 2] for k in range(n)) for n in words),
        embeddings=torch.ones(len(words), tokens, 3),
        mask=torch.tensor([[k < n for k in range(tokens)] for n in words]),
        further={"glyphs": torch.full((len(words), 2), float(tokens))},
        words=tuple(tuple(k if k < n else None for k in range(tokens)) for n in words),
    )


def test_shorter_prompts_are_filled_up_where_a_mask_leaves_it_out() -> None:
    both = Conditioning.cat([read_prompts(2, 1, tokens=2), read_prompts(4, tokens=4)])

    assert both.mask is not None
    assert both.mask.sum(1).tolist() == [2, 1, 4]
    assert both.embeddings.shape == (3, 4, 3)
    assert both.embeddings[0, 2:].abs().sum() == 0
    assert both.words == ((0, 1, None, None), (0, None, None, None), (0, 1, 2, 3))
    assert both[2].further["glyphs"].tolist() == [[4.0, 4.0]]


def test_prompts_without_a_mask_are_not_filled_up() -> None:
    parts = [Conditioning((str(n),), torch.zeros(1, n, 3)) for n in (2, 4)]
    with pytest.raises(InvalidInputError, match="2 and 4 tokens cannot be joined without a mask"):
        Conditioning.cat(parts)


def test_prompts_of_different_models_are_not_joined() -> None:
    parts = [read_prompts(1, tokens=2), Conditioning(("a",), torch.zeros(1, 2, 3))]
    with pytest.raises(InvalidInputError, match="not read by the same model"):
        Conditioning.cat(parts)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mask": torch.ones(1, 3, dtype=torch.bool)}, "a mask .1, 3. does not go with"),
        ({"words": ((0, None),)}, "words of 2 tokens for embeddings of 4"),
        ({"further": {"glyphs": torch.zeros(2, 1)}}, "do not go with glyphs for 2"),
    ],
)
def test_fields_that_speak_of_other_tokens_are_refused(wrong: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Conditioning(**{"prompts": ("a",), "embeddings": torch.zeros(1, 4, 2), **wrong})


def test_all_tensors_count_for_memory() -> None:
    assert read_prompts(1, tokens=2).nbytes == 2 * 3 * 4 + 2 + 2 * 4
