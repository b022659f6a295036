from __future__ import annotations

import hashlib

import numpy as np
import pytest

from textseg.lab.bench.questions import MIN_AREA, QueryExam, exams
from textseg.picturebook.captions import HELD_OUT_PHRASINGS, known_words
from textseg.picturebook.scenes import HELD_OUT


@pytest.fixture(scope="module")
def asked() -> list[QueryExam]:
    return list(exams("evaluation", scenes=60, seed=0, size=64))


@pytest.fixture(scope="module")
def diverse() -> list[QueryExam]:
    return list(exams("evaluation", scenes=60, seed=0, size=64, world=2))


def answers_to(exam: QueryExam, query: str) -> np.ndarray:
    *colors, kind = query.split()
    meant = [
        mask
        for thing, mask in zip(exam.rendered.scene.things, exam.rendered.masks, strict=True)
        if thing.kind == kind and all(color == thing.color for color in colors)
    ]
    return np.any(meant, axis=0) if meant else np.zeros(exam.rendered.image.shape[:2], bool)


def test_the_truth_is_every_visible_pixel_of_what_the_query_names(asked: list[QueryExam]) -> None:
    for exam in asked:
        for question in exam.questions:
            np.testing.assert_array_equal(question.truth, answers_to(exam, question.query))


def test_as_many_questions_are_absent_as_present_and_half_of_these_are_hard(
    asked: list[QueryExam],
) -> None:
    for exam in asked:
        absent = [q for q in exam.questions if not q.present]
        assert len(absent) == len(exam.questions) - len(absent)
        assert sum(q.hard for q in absent) == (len(absent) + 1) // 2


def test_hard_questions_name_something_of_a_thing_that_is_there(asked: list[QueryExam]) -> None:
    for exam in asked:
        things = exam.rendered.scene.things
        for question in exam.questions:
            if question.hard:
                color, kind = question.query.split()
                assert any(t.kind == kind or t.color == color for t in things)


def test_no_question_is_asked_twice_and_all_words_are_known(asked: list[QueryExam]) -> None:
    for exam in asked:
        queries = [question.query for question in exam.questions]
        assert len(set(queries)) == len(queries)
        assert {word for query in queries for word in query.split()} <= known_words()


def test_questions_come_with_and_without_colour_and_about_held_out_pairs(
    asked: list[QueryExam],
) -> None:
    present = [q for exam in asked for q in exam.questions if q.present]
    assert {" " in q.query for q in present} == {True, False}
    for question in present:
        assert question.held_out == (tuple(question.query.split()) in HELD_OUT)
        assert question.small == (question.truth.mean() < MIN_AREA)


def test_the_same_seed_asks_the_same_and_another_seed_other_scenes() -> None:
    first, again, other = (list(exams("evaluation", scenes=2, seed=s, size=32)) for s in (0, 0, 1))
    assert [q.query for e in first for q in e.questions] == [
        q.query for e in again for q in e.questions
    ]
    assert first[0].rendered.scene != other[0].rendered.scene


def test_questions_about_version_1_stay_the_same() -> None:
    """Published numbers must be of the same questions: raise `SET_VERSION` when these change."""
    digest = hashlib.sha256()
    for exam in exams("evaluation", scenes=10, seed=0, size=64):
        for question in exam.questions:
            digest.update(repr((question.query, question.hard, question.held_out)).encode())
            digest.update(np.packbits(question.truth).tobytes())
    assert digest.hexdigest().startswith("228f39a9f531abe3")


def test_questions_about_version_2_are_drawn_likewise(diverse: list[QueryExam]) -> None:
    for exam in diverse:
        usual = [question for question in exam.questions if not question.reworded]
        absent = [question for question in usual if not question.present]
        assert 2 * len(absent) == len(usual) > 0
        assert sum(question.hard for question in absent) == (len(absent) + 1) // 2
        for question in usual:
            np.testing.assert_array_equal(question.truth, answers_to(exam, question.query))
    assert any(question.held_out for exam in diverse for question in exam.questions)


def test_what_is_asked_with_colour_is_asked_again_in_other_words(diverse: list[QueryExam]) -> None:
    seen = set()
    for exam in diverse:
        usual = [q for q in exam.questions if " " in q.query and not q.reworded]
        again = [q for q in exam.questions if q.reworded]
        for one, other in zip(usual, again, strict=True):
            color, noun = one.query.split()
            said = other.query.replace("an ", "a ")
            seen.add(said.replace(color, "{color}").replace(noun, "{noun}"))
            np.testing.assert_array_equal(one.truth, other.truth)
            assert (one.hard, one.held_out) == (other.hard, other.held_out)
            assert set(other.query.split()) <= known_words()
    assert seen == set(HELD_OUT_PHRASINGS)


def test_nothing_about_version_1_is_asked_again(asked: list[QueryExam]) -> None:
    assert not [q for exam in asked for q in exam.questions if q.reworded]
