"""Words of two prompts are aligned, whatever tokens they are made of."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from textseg.diffusion.model import Conditioning
from textseg.editing.aligning import aligned
from textseg.errors import UnsupportedError


def text(prompt: str, *words: int | None) -> Conditioning:
    return Conditioning((prompt,), torch.zeros(1, len(words) or 4, 2), words=(words,))


def moved(source: Conditioning, target: Conditioning, looks: list[float]) -> list[float]:
    return (torch.tensor(looks) @ aligned(source, target).given).tolist()


SOURCE = text("a red house", None, 0, 1, 2, None, None)


def test_the_same_words_stand_for_themselves() -> None:
    found = aligned(SOURCE, SOURCE)
    assert torch.equal(found.given, torch.eye(6))
    assert found.known.all()
    assert not found.new.any()


def test_a_word_in_place_of_another_takes_its_attention() -> None:
    target = text("A blue house", None, 0, 1, 2, None, None)
    found = aligned(SOURCE, target)
    assert torch.equal(found.given, torch.eye(6))
    assert found.new.tolist() == [False, False, True, False, False, False]


def test_a_word_of_several_tokens_shares_the_attention_of_the_other() -> None:
    target = text("a crimson house", None, 0, 1, 1, 2, None)
    looks = [0.1, 0.1, 0.4, 0.2, 0.1, 0.1]
    assert_close(moved(SOURCE, target, looks), [0.1, 0.1, 0.2, 0.2, 0.2, 0.1])
    back = [0.1, 0.1, 0.2, 0.3, 0.2, 0.1]
    assert_close(moved(target, SOURCE, back), [0.1, 0.1, 0.5, 0.2, 0.1, 0.0])


def test_words_that_come_in_addition_have_no_counterpart() -> None:
    target = text("a red house at night", None, 0, 1, 2, 3, 4, None)
    found = aligned(SOURCE, target)
    assert found.known.tolist() == [True, True, True, True, False, False, True]
    assert found.new.tolist() == [False, False, False, False, True, True, False]
    assert_close(found.given.sum(0), found.known.float())
    assert found.given[4, 6] == 1  # the end of one is the end of the other


def test_words_that_go_leave_the_others_where_they_are() -> None:
    found = aligned(SOURCE, text("a house", None, 0, 1, None, None, None))
    assert found.given.nonzero().tolist() == [[0, 0], [1, 1], [3, 2], [4, 3], [5, 4]]
    assert not found.new.any()


def test_prompts_that_are_read_twice_are_aligned_in_both_readings() -> None:
    """As by models with two text encoders, whose tokens stand one after another."""
    source = text("red house", None, 0, 1, None, 0, 1, 1, None)
    target = text("blue house", None, 0, 1, None, 0, 0, 1, None)
    found = aligned(source, target)
    assert found.known.all()
    assert found.new.nonzero().flatten().tolist() == [1, 4, 5]
    assert_close(found.given[4], torch.tensor([0, 0, 0, 0, 0.5, 0.5, 0, 0]))
    assert found.given[5, 6] == found.given[6, 6] == 1


def test_words_that_nobody_can_tell_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="which tokens are which words of 'a red house'"):
        aligned(text("a red house"), text("a red house"))
