from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from textseg.picturebook.captions import PLACES, SETTING_PHRASES, SYNONYMS, caption, known_words
from textseg.picturebook.vocabulary import MAX_TOKENS, new_tokenizer

THINGS = [("house", "red", 0.2), ("umbrella", "orange", 0.5), ("car", "blue", 0.9)]


def captions(count=400, things=THINGS, setting="snow"):
    rng = np.random.default_rng(0)
    return [caption(things, setting, rng) for _ in range(count)]


def test_captions_say_nothing_that_is_not_true():
    for said in captions():
        for phrase in said.phrases:
            assert any(phrase.means(*thing) for thing in THINGS), said.text


def test_phrases_stand_at_the_words_that_name_them():
    for said in captions():
        for phrase in said.phrases:
            words = said.words[slice(*phrase.words)]
            assert words[-1] in SYNONYMS.get(phrase.kind, (phrase.kind,))
            assert (phrase.color in words) == (phrase.color is not None)


def test_the_setting_stands_where_it_is_said():
    spans = [said for said in captions() if said.setting is not None]
    assert spans
    for said in spans:
        assert " ".join(said.words[slice(*said.setting)]) in SETTING_PHRASES["snow"]


def test_captions_name_any_subset_with_any_detail():
    said = captions()
    assert {len(c.phrases) for c in said} == {0, 1, 2, 3}
    assert {p.color is None for c in said for p in c.phrases} == {True, False}
    assert {p.place is None for c in said for p in c.phrases} == {True, False}


def test_articles_fit_the_word_that_follows():
    text = " | ".join(said.text for said in captions())
    assert "an umbrella" in text
    assert "a umbrella" not in text
    assert "a orange" not in text


def test_places_cover_the_whole_width_without_overlap():
    edges = sorted(PLACES.values())
    assert edges[0][0] == 0.0
    assert edges[-1][1] == 1.0
    assert all(left[1] == right[0] for left, right in pairwise(edges))


def test_every_word_of_every_caption_is_known():
    assert {word for said in captions() for word in said.words} <= known_words()


@pytest.mark.parametrize("word", sorted(known_words()))
def test_a_known_word_is_one_token(word):
    assert len(new_tokenizer()(word)["input_ids"]) == 3  # start, word, end


def test_any_text_can_be_tokenised_and_long_text_is_cut():
    tokenizer = new_tokenizer()
    assert len(tokenizer("🦓 zèbre 斑马", truncation=True)["input_ids"]) > 3
    assert len(tokenizer("house " * 500, truncation=True)["input_ids"]) == MAX_TOKENS
