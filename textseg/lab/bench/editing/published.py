"""What the published benchmarks share: a run from data to report, and reading what they come as."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from textseg.errors import InvalidInputError, problem_words
from textseg.images import open_picture, to_uint8
from textseg.lab.bench.editing.report import EditingResult
from textseg.lab.bench.editing.running import Figures, Results, Scored, run_items
from textseg.lab.bench.editing.tasks import Answer, Editor, EditTask
from textseg.lab.bench.metrics.pixels import Rgb, check_alike
from textseg.progress import Follow

Task = TypeVar("Task", bound=EditTask)


def run_published(
    blank: EditingResult,
    keys: Iterable[str],
    editor: Editor,
    *,
    load: Callable[[str], Task],
    measure: Callable[[Task, Rgb], Figures],
    limit: int | None,
    results: Path | None,
    follow: Follow,
) -> EditingResult:
    """Return a report with its outcome: the tasks loaded, edited and measured one by one.

    Args:
        blank: the report without an outcome; runs share a `results` file only if it is the same.
        keys: the tasks.
        editor: what is measured.
        load: returns a task.
        measure: returns the figures of a task and the edited picture in steps of 1/255.
        limit: only the first tasks.
        results: a file of JSON lines; finished tasks are added to it, and not run again.
        follow: told of every task, and asked between them whether to stop.

    Raises:
        InvalidInputError: no task could be measured, or `results` belongs to another run.
        Cancelled: as asked.
    """

    def score(key: str) -> Scored:
        task = load(key)
        answer = editor.open(task.image)(task)
        figures = measure(task, check_answer(task, answer))
        return Scored.of(key, answer, figures, group=task.group)

    first = take_first(keys, limit)
    header = {
        "benchmark": blank.benchmark,
        **blank.facts,
        "unavailable": sorted(blank.unavailable),
    }
    resumed = Results(results, header).resumed(score) if results else score
    return replace(blank, outcome=run_items(first, resumed, follow=follow))


def check_answer(task: EditTask, answer: Answer) -> Rgb:
    """Return the edited picture in steps of 1/255, as a file without loss would keep it.

    Raises:
        InvalidInputError: its size is not that of the task.
        ImageError: some pixels are not in [0, 1], or are no numbers.
    """
    check_alike(task.image, answer.rgb)
    return open_picture(to_uint8(open_picture(answer.rgb).rgb)).rgb


def take_first(keys: Iterable[str], limit: int | None) -> list[str]:
    """Return the first keys of a list.

    Raises:
        InvalidInputError: `limit` is below 1.
    """
    if limit is not None and limit < 1:
        raise InvalidInputError(f"limit must be at least 1, not {limit}")
    return list(keys)[:limit]


def read_list(path: Path, *, expected: str) -> tuple[object, str]:
    """Return the content of a JSON file, and a short fingerprint of it.

    Args:
        path: the file.
        expected: how the benchmark's folder is laid out, for the error.

    Raises:
        InvalidInputError: it is missing or is not JSON.
    """
    hint = f"--data is the folder with {expected}"
    if not path.parent.is_dir():
        raise InvalidInputError(f"{path.parent}: no such folder", hint=hint)
    try:
        content = path.read_bytes()
        parsed: object = json.loads(content)
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such file", hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not JSON: {error}", hint="download it again") from None
    return parsed, hashlib.sha256(content).hexdigest()[:12]


def tell_first(error: ValidationError, *, whole: str) -> str:
    """Return the first thing that is wrong, where ("" is `whole`), and what was given."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or whole
    return f"{where}: {problem_words(first)} (given: {repr(first['input'])[:40]})"
