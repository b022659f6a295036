"""``%segment`` and ``%%edit``: the same calls as everywhere, in one line of a notebook.

``%textseg`` says what there is.

%load_ext textseg
%segment photo.jpg "tree, red house" -o found

%%edit photo.jpg --seed 3 -o edit
red house -> blue house
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import DisplayHandle

from textseg.editing.options import EditOptions
from textseg.editing.result import Edit
from textseg.errors import InvalidInputError, TextsegError, UnknownNameError
from textseg.fields import OptionInfo, options_of
from textseg.panels.edit_controller import EditController
from textseg.panels.hosting import HANDLE, bring_in, toolbox_of
from textseg.panels.job import Job
from textseg.panels.segment_controller import SegmentController
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation, Segmentations
from textseg.toolbox import Toolbox

LOOK: Final = 0.5  # seconds between two looks at the work; what is quicker shows no progress
ARROW: Final = "->"

HELP: Final = """\
Find and change things in pictures, in words:

  %segment photo.jpg "tree, red house" -o found       found["tree"].soft, found.overlay() ...

  %%edit photo.jpg -o edit                            edit.image, edit.compare() ...
  red house -> blue house
  boat ->
  -> tree

Instead of a path: a variable with a picture or array, or a handle such as img_2k7x0qd9ta.
All that can be set: %textseg segment, %textseg edit

With buttons and the picture in front of you:

  from textseg.panels import SegmentPanel, EditPanel, CreatePanel
  SegmentPanel("photo.jpg")      # or EditPanel("photo.jpg"), CreatePanel("a red house")
"""

P = ParamSpec("P")
T = TypeVar("T")

Found = Segmentation | Segmentations | Mask


class Parser(argparse.ArgumentParser):
    """Reads the line of a magic; what is wrong with it is one line, as it is for all magics."""

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError``: a shell that stops because of a typing error would be too much."""
        raise UsageError(f"{message}\n{self.format_usage()}")


def segment_parser() -> Parser:
    """Return what reads the line of ``%segment``."""
    parser = _parser("%segment", "Find things in a picture.")
    add = parser.add_argument
    add("queries", nargs="+", help="what to look for, with commas between")
    add("-t", "--threshold", type=float, help="where to cut the mask of one query, 0 to 1")
    _add_common(parser, "which of several: left, largest ...")
    return parser


def edit_parser() -> Parser:
    """Return what reads the first line of ``%%edit``."""
    parser = _parser("%%edit", "Change a picture; each line below is a change.")
    add = parser.add_argument
    add("-m", "--method", default="", help="name of an edit method; see textseg.methods()")
    add("-k", "--mask", default="", help="a variable with a mask, or its handle: where")
    _add_common(parser, "which of several: left, largest ...; or where to add")
    for option in options_of(EditOptions).values():
        if option.name != "seed":  # both magics have it
            _add_drawn(parser, option)
    return parser


def reported(work: Callable[P, T]) -> Callable[P, T]:
    """Return the function with errors of ours told in one line, as magics do."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except TextsegError as error:
            raise UsageError(str(error)) from None

    return run


@magics_class
class TextsegMagics(Magics):
    """The magics of one shell."""

    @line_magic
    @reported
    def segment(self, line: str) -> Found:
        """Find things in a picture: ``%segment photo.jpg "tree, red house" -o found``.

        One query gives a ``Segmentation``, or a ``Mask`` where it is narrowed or cut; several give
        ``Segmentations``. ``%segment -h`` lists what can be set.
        """
        return self._segment(_read(segment_parser(), line))

    @cell_magic
    @reported
    def edit(self, line: str, cell: str) -> Edit:
        """Change a picture, one thing a line, and give the last ``Edit``.

            %%edit photo.jpg --seed 3 -o edit
            red house -> blue house

        "red house -> blue house" replaces, "red house ->" removes, and "-> tree" adds where
        --region or --mask say. ``%%edit -h`` lists what can be set.
        """
        return self._edit(_read(edit_parser(), line), cell)

    @line_magic
    @reported
    def textseg(self, line: str) -> None:
        """Say what there is; ``%textseg segment`` and ``%textseg edit`` say all that can be set."""
        words = {
            "": HELP,
            "segment": segment_parser().format_help(),
            "edit": edit_parser().format_help(),
        }
        about = line.strip().lstrip("%")
        if about not in words:
            raise UnknownNameError.among("magic", about, [name for name in words if name])
        _shown(words[about], None)

    def _segment(self, asked: argparse.Namespace) -> Found:
        toolbox = self._toolbox(asked.toolbox)
        controller = SegmentController(toolbox, bring_in(toolbox, self._value(asked.image)))
        controller.queries = " ".join(asked.queries).split(",")
        controller.exclude, controller.region = asked.exclude, asked.region
        controller.invert, controller.seed = asked.invert, asked.seed
        controller.threshold = asked.threshold
        narrowed = controller.arguments().selects or asked.threshold is not None
        if narrowed and len(controller.arguments().queries) > 1:
            raise InvalidInputError("several queries are neither narrowed nor cut together")
        controller.run()
        follow(controller.job, live=self._live)
        result = found_by(controller, narrowed=narrowed)
        self._name(result, asked.output)
        return result

    def _edit(self, asked: argparse.Namespace, cell: str) -> Edit:
        toolbox = self._toolbox(asked.toolbox)
        controller = EditController(toolbox, bring_in(toolbox, self._value(asked.image)))
        controller.exclude, controller.region = asked.exclude, asked.region
        controller.invert, controller.method = asked.invert, asked.method
        names = [name for name in EditOptions.model_fields if hasattr(asked, name)]
        controller.settings = {name: getattr(asked, name) for name in names}
        changes = [change(line) for line in cell.splitlines() if line.strip()]
        if not changes:
            raise InvalidInputError("there is nothing to change", hint='say "query -> target"')
        if asked.mask:
            controller.open(self._mask(toolbox, controller.image, asked.mask))
        for query, target in changes:
            controller.query, controller.target = query, target
            controller.operation = "remove" if not target else "replace" if query else "add"
            if asked.mask and not query and target:
                controller.operation = "replace"
            controller.run()
            follow(controller.job, live=self._live)
        edit = controller.result
        assert edit is not None, "one was made"
        self._name(edit, asked.output)
        return edit

    def _toolbox(self, name: str) -> Toolbox:
        if not name:
            return toolbox_of("picturebook")
        found = self._value(name)
        if not isinstance(found, Toolbox):
            raise InvalidInputError(f"{name} is no toolbox", hint="textseg.toolbox.open_toolbox()")
        return found

    def _value(self, name: str) -> Any:  # Any: a variable of the notebook
        """Return the variable of that name, or the name itself: a path or a handle."""
        assert self.shell is not None, "magics run in a shell"
        return self.shell.user_ns.get(name, name)

    def _mask(self, toolbox: Toolbox, image: str, name: str) -> str:
        """Return the handle of a mask that is a variable, a file, or has one already."""
        mask = self._value(name)
        if isinstance(mask, str) and HANDLE.fullmatch(mask):
            return mask
        given = mask.as_mask() if isinstance(mask, Segmentation) else mask
        return toolbox.shelf.import_mask(given, image).mask

    @property
    def _live(self) -> bool:
        """Whether what is displayed can be changed afterwards: in a kernel, not in a terminal."""
        return getattr(self.shell, "kernel", None) is not None

    def _name(self, result: object, name: str) -> None:
        """Put the result into the variable of that name, if there is to be one."""
        if name:
            assert self.shell is not None, "magics run in a shell"
            self.shell.user_ns[name] = result


def register(shell: InteractiveShell) -> None:
    """Give a shell the magics."""
    shell.register_magics(TextsegMagics)


def found_by(controller: SegmentController, *, narrowed: bool) -> Found:
    """Return the ordinary result of a search."""
    mask = controller.mask()
    assert mask is not None, "something was looked for"
    if narrowed:
        return mask
    opened = [controller.opened(k) for k in range(len(controller.masks))]
    found = tuple(each for each in opened if isinstance(each, Segmentation))
    return found[0] if len(found) == 1 else Segmentations(found)


def follow(job: Job, *, live: bool) -> None:
    """Wait for a job and show how far it is, on one line; raise what went wrong.

    Interrupting the cell cancels the work.
    """
    line: DisplayHandle | None = None
    try:
        while not job.wait(LOOK if live else None):
            at = job.at
            line = _shown(f"{at.stage}: step {at.step} of {at.of}" if at else "waiting", line)
    except KeyboardInterrupt:  # it may come between two waits as well
        job.cancel()
        job.wait()
        raise
    if line is not None:
        _shown(job.state, line)
    if job.failure is not None:
        raise job.failure


def _shown(words: str, line: DisplayHandle | None) -> DisplayHandle:
    """Show words on a line of their own; return it, to be used again."""
    bundle = {"text/plain": words}
    if line is None:
        line = DisplayHandle()  # type: ignore[no-untyped-call]  # IPython has types in part
        line.display(bundle, raw=True)  # type: ignore[no-untyped-call]  # likewise
    else:
        line.update(bundle, raw=True)  # type: ignore[no-untyped-call]  # likewise
    return line


def change(line: str) -> tuple[str, str]:
    """Return query and target of a line such as "red house -> blue house".

    Raises:
        InvalidInputError: there is no arrow, or more than one.
    """
    parts = [part.strip() for part in line.split(ARROW)]
    if len(parts) != 2 or not any(parts):
        raise InvalidInputError(
            f"cannot read {line.strip()!r}",
            hint='say "red house -> blue house", "red house ->" to remove, "-> tree" to add',
        )
    return parts[0], parts[1]


def _parser(name: str, about: str) -> Parser:
    parser = Parser(prog=name, description=about, add_help=False)
    parser.add_argument("image", help="a variable, the path of a picture, or a handle")
    return parser


def _add_common(parser: Parser, region: str) -> None:
    add = parser.add_argument
    add("-x", "--exclude", default="", help="another thing, to be left out")
    add("-r", "--region", default="", help=region)
    add("-i", "--invert", action="store_true", help="everything but what is found")
    add("-s", "--seed", type=int, default=0, help="same seed, same result")
    add("-b", "--toolbox", default="", help="a variable with the toolbox to use")
    add("-o", "--output", default="", help="the variable that takes the result")


def _add_drawn(parser: Parser, option: OptionInfo) -> None:
    """Have a parser read an option of a change; what is not given is not in what is read."""
    flag, about = f"--{option.name.replace('_', '-')}", option.about.replace("%", "%%")
    if option.type == "boolean":
        kind = argparse.BooleanOptionalAction
        parser.add_argument(flag, action=kind, default=argparse.SUPPRESS, help=about)
    else:
        parser.add_argument(flag, default=argparse.SUPPRESS, help=about)


def _read(parser: Parser, line: str) -> argparse.Namespace:
    """Return the arguments in a line.

    Raises:
        UsageError: it cannot be read, or asks for help.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{parser.prog}: {error}") from None
    if "-h" in words or "--help" in words:
        raise UsageError(parser.format_help())
    return parser.parse_args(words)
