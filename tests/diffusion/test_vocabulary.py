from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from textseg.diffusion.vocabulary import in_singular, unknown_note, unknown_words, words_hint
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

KNOWN = frozenset({"a", "and", "house", "the", "there", "tree"})


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a Tree, a house.", ()),
        ("tree \u2014 the \u201chouse\u201d\u2026 & $ ^ tree!", ()),
        ("a zebra-tree and a ZEBRA", ("zebra",)),
        ("tree \N{EVERGREEN TREE}", ("\N{EVERGREEN TREE}",)),
        ("\u6728", ("\u6728",)),
        ("5 trees", ("5", "trees")),
        ("", ()),
    ],
)
def test_words_are_unknown_and_punctuation_is_not(prompt: str, unknown: tuple[str, ...]) -> None:
    assert unknown_words(prompt, KNOWN) == unknown


def test_a_near_word_is_suggested_and_a_far_one_is_not() -> None:
    note = unknown_note(["treee", "zebra", "hous"], KNOWN)
    assert note == (
        "this model does not know 'treee' (did you mean 'tree'?), 'zebra', "
        "'hous' (did you mean 'house'?)"
    )


def test_a_word_of_two_letters_is_not_suggested() -> None:
    assert unknown_note(["cat"], KNOWN | {"at"}) == "this model does not know 'cat'"


def test_a_page_of_unknown_words_makes_a_short_note() -> None:
    note = unknown_note([f"{k}{'x' * 5000}" for k in range(300)], KNOWN)
    assert note.endswith(" and 295 more")
    assert len(note) < 300


def test_a_closed_vocabulary_tells_its_words_and_an_open_one_has_nothing_to_tell() -> None:
    language = GaussianModel(things={}).card.language
    assert words_hint(language).startswith("say it in words that it knows: a, an,")
    assert words_hint(replace(language, words=None)) == ""


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("two Houses, bushes", "two House, bush"),
        ("grass", "grass"),
        ("berries as a gift", "berry as a gift"),
        ("unheards", "unheards"),
    ],
)
def test_a_plural_is_read_as_the_singular_where_only_that_is_known(prompt: str, read: str) -> None:
    assert in_singular(prompt, {"house", "bush", "grass", "berry", "a"}) == read


def test_the_shipped_model_reads_plurals_and_says_so() -> None:
    model = load_model("picturebook", device="cpu")
    one, more = (model.embed_text([prompt]) for prompt in ("red tree", "red trees"))
    assert torch.equal(one.embeddings, more.embeddings)
    assert more.words == one.words
    assert (more.prompts, more.notes, more.unknown) == (
        ("red trees",),
        (("read as 'red tree'",),),
        ((),),
    )
    both = model.embed_text(["trees zebra"])
    assert both.unknown == (("zebra",),)
    assert "zebra" in both.notes[0][0]
