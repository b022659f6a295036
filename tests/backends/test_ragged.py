from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.tiny_families import build_qwen_tokenizer
from textseg.backends.ragged import ask_by_length, side_by_side, without_padding
from textseg.backends.templates import read_templated
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise


def test_prompts_of_different_lengths_stand_side_by_side() -> None:
    rows = [draw_noise((tokens, 5), seed=tokens) for tokens in (3, 7, 3)]
    text = side_by_side(["a", "b", "c"], rows)
    assert text.mask is not None
    assert text.embeddings.shape == (3, 7, 5)
    for row, there, expected in zip(text.embeddings, text.mask, rows, strict=True):
        assert_close(row[there], expected, rtol=0, atol=0)
        assert not row[~there].any()


@pytest.mark.parametrize("dtype", [torch.bool, torch.long, torch.float32])
def test_padding_that_no_prompt_needs_is_cut_away(dtype: torch.dtype) -> None:
    mask = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0]], dtype=dtype)
    text = without_padding(["a", "b"], draw_noise((2, 5, 4), seed=0), mask)
    assert text.mask is not None
    assert text.embeddings.shape == (2, 3, 4)
    assert text.mask.tolist() == [[True, True, False], [True, True, True]]


def test_a_network_that_reads_padding_is_asked_once_for_each_length() -> None:
    rows = [draw_noise((tokens, 4), seed=tokens) for tokens in (3, 7, 3)]
    text = side_by_side(["a", "b", "c"], rows)
    x, times, seen = draw_noise((3, 2, 4, 6), seed=0), torch.tensor([1.0, 2.0, 3.0]), list[int]()

    def ask(x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        assert text.mask is None
        seen.append(text.embeddings.shape[1])
        told = times * text.embeddings.square().mean((1, 2))  # padding would count
        return x * told[:, None, None, None]

    found = ask_by_length(ask, x, times, text)
    assert sorted(seen) == [3, 7]
    for k, row in enumerate(rows):
        assert_close(found[k], x[k] * times[k] * row.square().mean())


def test_words_that_a_template_has_too_are_those_of_the_prompt() -> None:
    tokenizer = build_qwen_tokenizer()
    found = read_templated("tree in", tokenizer, "a tree in {} tree".format, skip=4, tokens=20)
    assert found.words[:6] == (None,) * 6  # of "a tree in ", four are dropped
    assert found.words[6:13] == (0, 0, 0, 0, None, 1, 1)
    assert set(found.words[13:]) == {None}
    assert found.notes == ()


def test_what_of_a_prompt_was_cut_off_in_a_template_is_told() -> None:
    found = read_templated("red tree", build_qwen_tokenizer(), "a {} b".format, tokens=6)
    assert found.words == (None, None, 0, 0, 0, None)
    assert found.notes == ("truncated after 6 tokens: 'tree' was not read",)
