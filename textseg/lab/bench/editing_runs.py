"""Running an editor over a list of items: one bad item loses no other, and runs can be resumed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from textseg.errors import Cancelled, InvalidInputError
from textseg.files import refuse_existing, told_as, usable_folder
from textseg.images import open_picture, to_uint8
from textseg.lab.bench.editing_items import EditedPicture, EditItem
from textseg.lab.bench.metrics.pixels import Rgb, check_alike
from textseg.progress import CancelToken, Progress, ProgressCallback

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Scored:
    """One item that was edited and measured; a figure is None where it is not defined."""

    key: str
    group: str
    figures: Figures
    evaluations: int
    seconds: float

    @classmethod
    def of(cls, key: str, edited: EditedPicture, figures: Figures, *, group: str = "") -> Scored:
        """Return the score of an answer, its costs as plain numbers."""
        return cls(key, group, figures, int(edited.evaluations), float(edited.seconds))


@dataclass(frozen=True)
class Problem:
    """One item that could not be measured, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """All items of a run, in the order of the list."""

    scored: tuple[Scored, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Results:
    """A file of JSON lines that a run adds to, so that it can be interrupted and resumed.

    The first line says what was measured and how; then one line an item. Items that had a problem
    are not written, so that the next run tries them again.
    """

    path: Path
    header: Mapping[str, object]

    def read(self) -> dict[str, Scored]:
        """Return what is there already; make the file when there is none.

        A last line that an interruption cut short is removed.

        Raises:
            InvalidInputError: the file is of another run, or is something else.
        """
        usable_folder(self.path.parent)
        refuse_existing([self.path], force=True)
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._append(self.header)
        content = self.path.read_text(encoding="utf-8", errors="replace")
        whole = content[: content.rfind("\n") + 1]
        lines = whole.splitlines()
        self._check_header(lines[0] if lines else "")
        items = {item.key: item for item in map(self._item, lines[1:])}
        if whole != content:
            self.path.write_text(whole, encoding="utf-8")
        return items

    def add(self, item: Scored) -> None:
        """Write one more item."""
        figures = {name: plain(value) for name, value in item.figures.items()}
        self._append({**vars(item), "figures": figures})

    def _append(self, line: Mapping[str, object]) -> None:
        with told_as(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, allow_nan=False) + "\n")

    def _check_header(self, line: str) -> None:
        mine = json.loads(json.dumps(self.header))
        hint = "choose another file, or remove this one"
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise InvalidInputError(f"{self.path} does not hold results of a benchmark", hint=hint)
        differs = [key for key in {**mine, **found} if found.get(key) != mine.get(key)]
        if differs:
            key = differs[0]
            raise InvalidInputError(
                f"{self.path} holds results of another run: {key} was {found.get(key)!r} and is "
                f"{mine.get(key)!r} now",
                hint=hint,
            )

    def _item(self, line: str) -> Scored:
        try:
            found = json.loads(line)
            figures = {name: _number(value) for name, value in found.pop("figures").items()}
            return Scored(figures=figures, **found)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidInputError(
                f"{self.path}: a line is not the result of an item: {line[:60]!r}",
                hint="remove that line",
            ) from None


def run_items(
    keys: Sequence[str],
    score: Callable[[str], Scored],
    *,
    results: Results | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Outcome:
    """Return the scores of all items, and what went wrong with the others.

    Args:
        keys: the items.
        score: edits and measures one.
        results: where finished items are kept; those that are there already are not run again.
        progress: told of every item.
        cancel: looked at before every item.

    Raises:
        InvalidInputError: no item could be measured, or `results` are of another run.
        Cancelled: as asked; what was finished is in `results`.
    """
    report = progress or (lambda _: None)
    known = results.read() if results else {}
    scored: list[Scored] = []
    problems: list[Problem] = []
    for k, key in enumerate(keys):
        report(Progress("items", k, len(keys)))
        if cancel:
            cancel.raise_if_cancelled()
        found = known.get(key) or _attempt(key, score)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        if results and key not in known:
            results.add(found)
        scored.append(found)
    report(Progress("items", len(keys), len(keys)))
    if problems and not scored:
        raise InvalidInputError(
            f"none of the {len(keys)} items could be measured; {problems[0].key}: "
            f"{problems[0].reason}"
        )
    return Outcome(tuple(scored), tuple(problems))


def checked(item: EditItem, edited: EditedPicture) -> Rgb:
    """Return the edited picture in steps of 1/255, as a file without loss would keep it.

    Raises:
        InvalidInputError: its size is not that of the item.
        ImageError: some pixels are not in [0, 1], or are no numbers.
    """
    check_alike(item.image, edited.rgb)
    return open_picture(to_uint8(open_picture(edited.rgb).rgb)).rgb


def plain(value: float | None) -> float | str | None:
    """Return a figure for JSON, which has no infinity: it becomes the text "inf"."""
    return "inf" if value == math.inf else value


def limited(keys: Iterable[str], limit: int | None) -> list[str]:
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


def _attempt(key: str, score: Callable[[str], Scored]) -> Scored | Problem:
    try:
        found = score(key)
    except Cancelled:
        raise
    except InvalidInputError as error:
        return Problem(key, str(error))
    except Exception as error:  # an editor may raise anything; the other items took hours
        return Problem(key, f"{type(error).__name__}: {error}")
    broken = [name for name, value in found.figures.items() if value is not None and value != value]
    return Problem(key, f"{', '.join(broken)} is not a number") if broken else found


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float | str):
        return float(value)
    raise TypeError(f"{value!r} is no figure")
