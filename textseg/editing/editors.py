"""Other people's editors: pipelines of diffusers, and functions, asked in one way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from textseg.editing.asking import EditorAnswer, OtherEditor, Told, read_answer, refuse
from textseg.editing.letterbox import Letterbox
from textseg.editing.painting import Canvas
from textseg.editing.pipeline_editor import PipelineEditor
from textseg.errors import InvalidInputError, UnsupportedError

Function = Callable[[Image.Image, str, Image.Image], Any]  # Any: a picture of any kind


@dataclass(frozen=True, eq=False)
class FunctionEditor:
    """A function ``(picture, words, mask) -> picture``; with words that tell what to do."""

    function: Function
    instructed: bool = True

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def ask(self, canvas: Canvas, told: Told) -> EditorAnswer:
        """Return its picture; one of another size, but of the same proportions, is scaled."""
        for option in ("strength", "steps", "guidance"):
            refuse(self.name, option, getattr(told, option))
        size = canvas.region.shape[0], canvas.region.shape[1]
        whole = Letterbox(size, size, 1)
        canvas.follow.report("editing", 0, 1)
        given = self.function(whole.picture(canvas.rgb), told.words, whole.mask(canvas.region))
        canvas.follow.report("editing", 1, 1)
        return EditorAnswer(whole.undo(read_answer(given, self.name), name=self.name))


def editor_of(editor: Any, *, side: int | None) -> OtherEditor:  # Any: of diffusers, or a function
    """Return who is asked.

    Raises:
        InvalidInputError: it is neither a pipeline that takes a picture nor such a function.
    """
    if not callable(editor):
        raise InvalidInputError(
            f"an editor is a loaded pipeline or a function, got {type(editor).__name__}",
            hint="textseg.load_editor loads one from a folder or a hub id",
        )
    takes = inspect.signature(editor).parameters
    if "prompt" in takes and "image" in takes:
        return PipelineEditor(_complete(editor, takes), side)
    if "prompt" in takes or not _takes_three(editor):
        raise UnsupportedError(
            f"{type(editor).__name__} takes ({', '.join(takes)}): no picture with a prompt",
            hint="wrap it in a function (picture, words, mask) -> picture",
        )
    return FunctionEditor(editor)


def _takes_three(function: Function) -> bool:
    try:
        inspect.signature(function).bind(None, "", None)
    except TypeError:
        return False
    return True


def _complete(editor: Any, takes: Mapping[str, inspect.Parameter]) -> Any:  # Any: as above
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    needed = [p.name for p in takes.values() if p.default is p.empty and p.kind not in kinds]
    missing = [name for name in needed if name not in ("prompt", "image", "mask_image")]
    if missing:
        raise UnsupportedError(
            f"{type(editor).__name__} cannot do without {', '.join(missing)}",
            hint="wrap it in a function (picture, words, mask) -> picture that gives them",
        )
    return editor
