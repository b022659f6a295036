from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.lab.bench.editing.flat import (
    EVERYTHING,
    HEIGHT,
    PIXELS,
    WIDTH,
    By,
    confined,
    entry,
    spoiling,
    write,
)
from textseg.editing.result import Evaluations
from textseg.errors import Cancelled, InvalidInputError, UnknownNameError
from textseg.lab.bench.editing.pie import check_entry, run_pie
from textseg.lab.bench.editing.tasks import Answer, EditTask
from textseg.lab.bench.metrics.features import Judges
from textseg.lab.bench.metrics.pixels import Rgb
from textseg.progress import CancelToken, Progress


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path, {"000": entry("000"), "001": entry("001", editing_type_id="6")})


def broken(change: Callable[[dict[str, object]], object]) -> dict[str, object]:
    made = entry("bad")
    change(made)
    return made


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (broken(lambda e: e.pop("mask")), "mask: is missing"),
        (broken(lambda e: e.update(mask=[0, "x"])), "mask.1"),
        (broken(lambda e: e.update(mask=[PIXELS + 5, 1])), "does not lie in"),
        (broken(lambda e: e.update(original_prompt=None)), "original_prompt"),
    ],
)
def test_one_bad_entry_is_listed_and_loses_no_other(
    tmp_path: Path, bad: dict[str, object], words: str
) -> None:
    result = run_pie(write(tmp_path, {"bad": bad, "000": entry("000")}), By(spoiling))
    assert [item.key for item in result.outcome.scored] == ["000"]
    assert [item.key for item in result.outcome.problems] == ["bad"]
    assert words in result.outcome.problems[0].reason
    assert "Left out: bad: " in result.table()
    assert json.loads(result.as_json())["problems"][0]["key"] == "bad"


def test_missing_pictures_are_listed(data: Path) -> None:
    (data / "annotation_images" / "1_change_object_80" / "000.png").unlink()
    (problem,) = run_pie(data, By(spoiling)).outcome.problems
    assert "000.png: no such file" in problem.reason


def test_failures_of_the_editor_are_listed_with_their_kind(data: Path) -> None:
    answers = iter([ZeroDivisionError("by zero"), None])

    def failing(task: EditTask) -> Answer:
        if error := next(answers):
            raise error
        return confined(task)

    (problem,) = run_pie(data, By(failing)).outcome.problems
    assert problem.reason == "ZeroDivisionError: by zero"


def test_figures_that_are_no_numbers_are_listed(data: Path) -> None:
    distances = iter([math.nan, 0.5])
    judges = Judges(lpips=lambda before, after: next(distances))
    result = run_pie(data, By(spoiling), judges=judges)
    (problem,) = result.outcome.problems
    assert problem.reason == "lpips_unedit_part is not a number"
    assert json.loads(result.as_json())["all"]["lpips_unedit_part"]["value"] == 0.5


def test_numbers_of_numpy_are_taken_from_editors_too(data: Path, tmp_path: Path) -> None:
    def editor(task: EditTask) -> Answer:
        return Answer(
            rgb=task.image,
            evaluations=Evaluations(decode=np.int64(3)),  # type: ignore[arg-type]  # the point
            seconds=np.float32(0.5),  # type: ignore[arg-type]  # likewise
        )

    result = run_pie(data, By(editor), results=tmp_path / "results.jsonl")
    assert json.loads(result.as_json())["all"]["evaluations_per_item"] == 3


@pytest.mark.parametrize(
    ("rgb", "words"),
    [
        (np.zeros((WIDTH, HEIGHT, 3), np.float32), "cannot be compared"),
        (np.full((HEIGHT, WIDTH, 3), np.nan, np.float32), "NaN"),
    ],
)
def test_answers_of_the_wrong_size_or_without_numbers_are_listed(
    tmp_path: Path, rgb: Rgb, words: str
) -> None:
    data = write(tmp_path, {"000": entry("000"), "001": entry("001")})
    answers = iter([Answer(rgb=rgb), None])
    result = run_pie(data, By(lambda task: next(answers) or confined(task)))
    assert words in result.outcome.problems[0].reason
    assert len(result.outcome.scored) == 1


def test_a_run_in_which_nothing_could_be_measured_fails(tmp_path: Path) -> None:
    data = write(tmp_path, {"000": entry("000", mask=[1])})
    with pytest.raises(InvalidInputError, match=r"none of the 1 items .* 000: mask"):
        run_pie(data, By(spoiling))


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "is not JSON"), ("[1]", "must be an object"), ("{}", "must be an object")],
)
def test_lists_that_are_no_lists_are_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "mapping_file.json").write_text(content)
    with pytest.raises(InvalidInputError, match=words):
        run_pie(tmp_path, By(spoiling))


def test_missing_folders_and_files_say_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no such folder.*mapping_file\.json"):
        run_pie(tmp_path / "nowhere", By(spoiling))
    with pytest.raises(InvalidInputError, match=r"mapping_file\.json: no such file.*annotation"):
        run_pie(tmp_path, By(spoiling))


def test_wrong_options_are_refused(data: Path) -> None:
    with pytest.raises(UnknownNameError, match="pie, strict"):
        run_pie(data, By(spoiling), compat="loose")  # type: ignore[arg-type]  # the point
    with pytest.raises(InvalidInputError, match="at least 1, not 0"):
        run_pie(data, By(spoiling), limit=0)


def test_entries_say_what_is_wrong_with_them() -> None:
    with pytest.raises(InvalidInputError, match=r"image_path: is missing"):
        check_entry({})
    with pytest.raises(InvalidInputError, match=r"the entry: .*given: 'text'"):
        check_entry("text")


def test_progress_is_told_of_every_item_and_cancelling_stops(data: Path) -> None:
    reports: list[Progress] = []
    token = CancelToken()

    def editor(task: EditTask) -> Answer:
        token.cancel()
        return confined(task)

    run_pie(data, By(confined), progress=reports.append)
    assert [report.step for report in reports] == [0, 1, 2]
    with pytest.raises(Cancelled):
        run_pie(data, By(editor), cancel=token)


# -- resuming


def test_finished_items_are_not_run_again(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "out" / "results.jsonl"
    calls: list[str] = []

    def counting(task: EditTask) -> Answer:
        calls.append(task.query)
        return confined(task)

    run_pie(data, By(counting), results=results, limit=1, judges=EVERYTHING)
    resumed = run_pie(data, By(counting), results=results, judges=EVERYTHING)
    assert len(calls) == 2
    fresh = run_pie(data, By(confined), judges=EVERYTHING)
    assert json.loads(resumed.as_json()) == json.loads(fresh.as_json())


def test_a_line_that_was_cut_short_is_measured_again(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    run_pie(data, By(confined), results=results)
    content = results.read_text()
    results.write_text(content[:-20])
    again = run_pie(data, By(confined), results=results)
    assert len(again.outcome.scored) == 2
    assert results.read_text() == content


def test_results_of_another_run_are_refused(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    run_pie(data, By(confined), results=results, seed=1)
    with pytest.raises(InvalidInputError, match="another run: seed was 1 and is 2 now"):
        run_pie(data, By(confined), results=results, seed=2)
    with pytest.raises(InvalidInputError, match="another run: compat"):
        run_pie(data, By(confined), results=results, seed=1, compat="strict")


@pytest.mark.parametrize("content", [b"Dear all\n", b"Dear all", b"", b"\xff\xd8\n\x00", b"[]\n"])
def test_files_that_hold_no_results_are_refused_and_left_alone(
    data: Path, tmp_path: Path, content: bytes
) -> None:
    results = tmp_path / "letter.txt"
    results.write_bytes(content)
    with pytest.raises(InvalidInputError, match="does not hold results"):
        run_pie(data, By(confined), results=results)
    assert results.read_bytes() == content


def test_items_with_a_problem_are_tried_again(data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    picture = data / "annotation_images" / "1_change_object_80" / "000.png"
    content = picture.read_bytes()
    picture.unlink()
    assert len(run_pie(data, By(confined), results=results).outcome.problems) == 1
    picture.write_bytes(content)
    assert run_pie(data, By(confined), results=results).outcome.problems == ()
