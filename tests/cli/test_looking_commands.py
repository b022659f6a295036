"""``textseg describe`` and ``ask``."""

from __future__ import annotations

from collections.abc import Callable

from typer.testing import Result

from textseg.toolbox import AskResult, DescribeResult

Command = Callable[..., Result]


def test_questions_are_answered_a_line_each(textseg: Command) -> None:
    result = textseg("ask", "garden.png", "place", "tree", "house", "--model", "gaussian")
    assert result.exit_code == 0, result.stderr
    tree, house = result.stdout.splitlines()
    assert tree.startswith('"tree": left (box ')
    assert house.startswith('No, "house" was not found')


def test_answers_come_as_facts_too(textseg: Command) -> None:
    words = ("ask", "garden.png", "colour", "tree", "--model", "gaussian", "--draws", "3", "--json")
    facts = AskResult.model_validate_json(textseg(*words).stdout)
    assert (facts.about, facts.answers[0].value) == ("colour", "green")


def test_question_that_compares_nothing_is_refused(textseg: Command) -> None:
    result = textseg("ask", "garden.png", "larger", "tree", "--model", "gaussian")
    assert result.exit_code == 2
    assert '"larger" compares two things' in result.stderr


def test_picture_is_described_as_far_as_anybody_can(textseg: Command) -> None:
    result = textseg("describe", "garden.png", "--model", "gaussian")
    assert result.exit_code == 0, result.stderr
    assert "note: no captioner goes with this model" in result.stdout
    facts = textseg("describe", "garden.png", "--model", "gaussian", "--json")
    assert DescribeResult.model_validate_json(facts.stdout).things == []


def test_setting_of_the_whole_picture_is_a_flag(textseg: Command) -> None:
    words = ("edit", "garden.png", "", "at night", "--setting", "--model", "gaussian")
    result = textseg(*words)
    assert result.exit_code == 1
    assert "nobody describes the picture" in result.stderr
    assert "takes a target alone" in textseg("edit", "garden.png", "tree", *words[3:]).stderr
