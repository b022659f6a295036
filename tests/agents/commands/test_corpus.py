"""Commands and what they stand for, as they ship with the package."""

from __future__ import annotations

import pytest

from agent_tools.commands import read
from agent_tools.lab import accuracy
from agent_tools.lab.accuracy import ReadingScore, calls_of, examples, score
from agent_tools.operations import BY_NAME

TUNED, HELD_OUT, EVERYDAY, FRESH = (examples(name) for name in accuracy.CORPORA)
FLOORS = {"held_out": 0.98, "everyday": 0.96}  # of which nothing is misread
INPUTS = {name: operation.takes for name, operation in BY_NAME.items()}


PHENOMENA = sorted({example.phenomenon for example in TUNED})


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_tuned_commands_are_all_read_as_meant(phenomenon: str) -> None:
    concerned = [example for example in TUNED if example.phenomenon == phenomenon]
    read_as = [
        (example.text, read(example.text, (example.last,) if example.last else ()).calls)
        for example in concerned
    ]
    assert read_as == [(example.text, example.calls) for example in concerned]


@pytest.mark.parametrize("name", FLOORS)
def test_commands_are_read_as_often_as_is_said(name: str) -> None:
    total = sum(score(examples(name), calls_of(read)).values(), ReadingScore())
    assert total.accuracy >= FLOORS[name]
    assert total.wrong == 0


def test_corpus_is_large_and_much_of_it_must_be_asked_back() -> None:
    assert len(TUNED) >= 240
    assert len(HELD_OUT) >= 60
    assert len(EVERYDAY) >= 450
    assert sum(not example.calls for example in TUNED) >= 50
    assert len(PHENOMENA) >= 20


def test_no_command_stands_in_both_parts_of_the_corpus() -> None:
    for parts in ((*TUNED, *HELD_OUT), (*EVERYDAY, *FRESH)):
        said = [(example.text, str(example.last)) for example in parts]
        assert len(set(said)) == len(said)


@pytest.mark.parametrize("name", INPUTS)
def test_expected_calls_are_accepted_by_the_inputs_of_the_tools(name: str) -> None:
    calls = [call for example in (*TUNED, *HELD_OUT) for call in example.calls]
    for call in [call for call in calls if call.name == name]:
        given = INPUTS[name].model_validate(call.args)
        given.arguments()
        told = given.model_dump(exclude_defaults=True)
        required = {key: call.args[key] for key in ("query", "prompt") if key in call.args}
        assert {**told, **required} == call.args  # nothing that says what holds anyway
