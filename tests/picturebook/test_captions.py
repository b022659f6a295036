from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from textseg.lab.training.vocabulary import MAX_TOKENS, new_tokenizer
from textseg.picturebook.captions import (
    HELD_OUT_PHRASINGS,
    PLACES,
    RELATION_MARGIN,
    SETTING_PHRASES,
    SYNONYMS,
    caption,
    known_words,
    related_caption,
)
from textseg.picturebook.scenes import HELD_OUT
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.picturebook.worlds import scene_of

THINGS = [("house", "red", 0.2), ("umbrella", "orange", 0.5), ("car", "blue", 0.9)]
TWINS = [("house", "red", 0.2), ("house", "red", 0.7), ("tree", "red", 0.5), ("house", "blue", 0.9)]

both = pytest.mark.parametrize("write", [caption, related_caption])


def captions(count=400, things=THINGS, setting="snow", write=caption):
    rng = np.random.default_rng(0)
    return [write(things, setting, rng) for _ in range(count)]


def related(things=TWINS, count=600):
    return captions(count, things, write=related_caption)


def test_captions_of_version_1_stay_the_same():
    rng, digest = np.random.default_rng(0), hashlib.sha256()
    for index in range(100):
        scene = scene_of(1, "training", index)
        said = caption([(t.kind, t.color, t.col) for t in scene.things], scene.setting, rng)
        phrases = [(p.words, p.kind, p.color, p.place) for p in said.phrases]
        digest.update(repr((said.text, phrases, said.setting)).encode())
    assert digest.hexdigest().startswith("23ce4e1191744a98")


@both
def test_captions_say_nothing_that_is_not_true(write):
    for things in (THINGS, TWINS):
        for said in captions(things=things, write=write):
            for phrase in said.phrases:
                assert any(phrase.means(*thing) for thing in things), said.text


@both
def test_phrases_stand_at_the_words_that_name_them(write):
    for said in captions(write=write):
        for phrase in said.phrases:
            words = said.words[slice(*phrase.words)]
            assert words[-1] in SYNONYMS.get(phrase.kind, (phrase.kind,))
            assert (phrase.color in words) == (phrase.color is not None)


@both
def test_the_setting_stands_where_it_is_said(write):
    spans = [said for said in captions(write=write) if said.setting is not None]
    assert spans
    for said in spans:
        assert " ".join(said.words[slice(*said.setting)]) in SETTING_PHRASES["snow"]


@both
def test_captions_name_any_subset_with_any_detail(write):
    said = captions(write=write)
    assert {len(c.phrases) for c in said} == {0, 1, 2, 3}
    assert {p.color is None for c in said for p in c.phrases} == {True, False}
    assert {p.place is None for c in said for p in c.phrases} == {True, False}


@both
def test_articles_fit_the_word_that_follows(write):
    text = " | ".join(said.text for said in captions(write=write))
    assert "an umbrella" in text
    assert "a umbrella" not in text
    assert "a orange" not in text


def test_places_cover_the_whole_width_without_overlap():
    edges = sorted(PLACES.values())
    assert edges[0][0] == 0.0
    assert edges[-1][1] == 1.0
    assert all(left[1] == right[0] for left, right in pairwise(edges))


@both
def test_every_word_of_every_caption_is_known(write):
    assert {word for said in captions(write=write) for word in said.words} <= known_words()


def test_no_version_has_a_word_of_its_own():
    assert len(known_words()) == 49


def test_what_is_left_or_right_of_something_is_so():
    seen = set()
    for said in related():
        for one, other in pairwise(said.phrases):
            between = said.words[one.words[1] : other.words[0]]
            if between not in (("left", "of"), ("right", "of")):
                continue
            seen.add(between[0])
            ones, others = ([t[2] for t in TWINS if p.means(*t)] for p in (one, other))
            named, beside = ([t[2] for t in TWINS if p.fits(*t)] for p in (one, other))
            sign = 1 if between[0] == "right" else -1
            for columns, all_there, against, way in (
                (ones, named, beside, sign),
                (others, beside, named, -sign),
            ):
                right = [
                    c for c in all_there if any(way * (c - a) > RELATION_MARGIN for a in against)
                ]
                assert columns == right != [], said.text
    assert seen == {"left", "right"}


def test_nothing_is_beside_what_stands_below_it():
    stacked = [("house", "red", 0.5), ("tree", "green", 0.5 + RELATION_MARGIN)]
    assert not [said for said in related(stacked) if {"left", "right"} & set(said.words[:-2])]


def test_the_names_the_only_one():
    definite = 0
    for said in related():
        for phrase in said.phrases:
            if said.words[phrase.words[0]] == "the":
                definite += 1
                fitting = [t for t in TWINS if phrase.fits(*t)]
                assert len(fitting) == 1, said.text
    assert definite > 20


def test_no_thing_is_named_more_often_than_it_is_there():
    for said in related():
        assert len(said.phrases) <= len(TWINS)
        for phrase in said.phrases:
            same = [p for p in said.phrases if (p.kind, p.color) == (phrase.kind, phrase.color)]
            there = [t for t in TWINS if phrase.kind == t[0] and phrase.color in (None, t[1])]
            assert len(same) <= len(there), said.text


def test_no_training_caption_has_a_held_out_phrasing_or_names_a_held_out_pair():
    rng = np.random.default_rng(0)
    nouns = {noun for kind in KINDS for noun in SYNONYMS.get(kind, (kind,))}
    held_out = {f" {color} {n} " for color, k in HELD_OUT for n in SYNONYMS.get(k, (k,))}
    wordings = {
        f" {p.format(noun=noun, color=color).removeprefix('a ').removeprefix('the ')} "
        for p in HELD_OUT_PHRASINGS
        for noun in nouns
        for color in COLORS
    }
    for index in range(300):
        for world, write in ((1, caption), (2, related_caption)):
            scene = scene_of(world, "training", index)
            things = [(t.kind, t.color, t.col) for t in scene.things]
            for _ in range(4):
                words = write(things, scene.setting, rng).words
                text = f" {' '.join(words)} "
                parts = {
                    f" {' '.join(words[i:j])} "
                    for i in range(len(words))
                    for j in (i + 2, i + 3, i + 4)
                }
                assert not parts & wordings, text
                assert not parts & held_out, text


def test_held_out_phrasings_are_of_known_words():
    for phrasing in HELD_OUT_PHRASINGS:
        words = phrasing.format(noun="house", color="red").split()
        assert set(words) <= known_words()
        assert {"house", "red"} < set(words)


@pytest.mark.parametrize("word", sorted(known_words()))
def test_a_known_word_is_one_token(word):
    assert len(new_tokenizer()(word)["input_ids"]) == 3  # start, word, end


def test_any_text_can_be_tokenised_and_long_text_is_cut():
    tokenizer = new_tokenizer()
    assert len(tokenizer("🦓 zèbre 斑马", truncation=True)["input_ids"]) > 3
    assert len(tokenizer("house " * 500, truncation=True)["input_ids"]) == MAX_TOKENS
