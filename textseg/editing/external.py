"""Any other editor as an edit method, confined by our mask.

The mask, the choice among attempts, the exact composite, labels and undo are those of every edit;
the editor only gives pixels. Editors that follow instructions make the whole frame anew, so their
pictures are brought back into the frame and the colours of the original first
(``textseg.editing.registering``); what fills a hole keeps both.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

import torch
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from textseg.editing.asking import OtherEditor, Told
from textseg.editing.base import Guidance, Steps, Strength
from textseg.editing.editors import editor_of
from textseg.editing.framing import opencv
from textseg.editing.painting import Canvas, Painted
from textseg.editing.prompts import with_article, without_article
from textseg.editing.registering import register as bring_back
from textseg.errors import InvalidInputError, MissingExtraError

OPTIONS = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, config=OPTIONS)
class Instructions:
    """How an editor is told what to do; {query} and {target} stand for what is asked for.

    Attributes:
        change: something becomes something else.
        remove: something goes.
        add: something comes.
    """

    change: str = "turn the {query} into {target}"
    remove: str = "remove the {query}"
    add: str = "add {target}"

    def say(self, query: str, target: str) -> str:
        """Return the sentence; the query loses its article, the target gets one.

        >>> Instructions().say("red house", "orange house")
        'turn the red house into an orange house'
        """
        form = self.change if query and target else self.remove if query else self.add
        return form.replace("{query}", without_article(query)).replace(
            "{target}", with_article(target)
        )


@dataclass(frozen=True, config=OPTIONS, kw_only=True)
class External:
    """Let another editor paint, and use it inside the mask only; see ``external``.

    What was kept of an edit knows the editor's name alone: there ``editor`` is None.
    """

    title: ClassVar[str] = "another editor paints, used inside the mask"
    paper: ClassVar[str] = ""

    name: str
    editor: Any = field(default=None, repr=False)  # Any: an ``OtherEditor``, not for pydantic
    instructions: Instructions
    register: bool
    strength: Strength | None = None
    steps: Steps | None = None
    guidance: Guidance | None = None

    def tell(self, query: str, target: str) -> str:
        """Return the instruction, where the editor follows one."""
        return self.instructions.say(query, target) if self._loaded.instructed else ""

    def paint(self, canvas: Canvas) -> Painted:
        """Return what the editor makes of the canvas, registered where that is wanted."""
        told = Told(canvas.prompt, canvas.negative, self.strength, self.steps, self.guidance)
        with torch.random.fork_rng(devices=[]):  # for those that have no other source of noise
            torch.default_generator.manual_seed(canvas.seed)
            answer = self._loaded.ask(canvas, told)
        counted = f"{answer.steps} steps" if answer.steps else "steps that it does not report"
        notes = (f"made by {self.name} in {counted}, which are what is counted of its work",)
        painted = Painted(answer.rgb, answer.steps, notes)
        return self._registered(canvas, painted) if self.register else painted

    @property
    def _loaded(self) -> OtherEditor:
        if self.editor is None:
            raise InvalidInputError(
                f"{self.name} is not loaded: what was kept of an edit knows its name alone",
                hint="load it, and give textseg.external what was loaded",
            )
        editor: OtherEditor = self.editor
        return editor

    def _registered(self, canvas: Canvas, painted: Painted) -> Painted:
        """Return the same in the frame of the canvas; taken as it came where that is not found."""
        rgb = painted.rgb
        try:
            found = bring_back(canvas.rgb, rgb, canvas.region)
            rgb, note = found.rgb, str(found.found)
        except (InvalidInputError, MissingExtraError) as error:
            note = f"taken in the frame in which {self.name} made it: {error}"
        return Painted(rgb, painted.steps, (*painted.notes, note))


def external(
    editor: Any,
    *,
    instructions: Instructions | None = None,
    register: bool | None = None,
    side: int | None = None,
) -> External:  # Any: a pipeline of diffusers, or a function
    """Return another editor as an edit method: ``scene.edit(..., method=external(pipeline))``.

    Steps, guidance and strength of an edit are handed on where the editor has them; its seed
    decides the editor's noise. ``prompt`` is told to the editor word by word.

    Args:
        editor: a loaded pipeline of diffusers that takes a picture and a prompt, with a mask or
            without; or a function ``(picture, words, mask) -> picture`` of PIL images, which may
            give back an array as well.
        instructions: how an editor that follows instructions is told what to do; None for ours.
        register: bring its pictures back into the frame and the colours of the original; None does
            so for editors that follow instructions. Needs ``textseg[register]``.
        side: send pipelines pictures of about side^2 pixels; None is what they were made for.

    Raises:
        InvalidInputError: that is no editor.
        UnsupportedError: a pipeline that takes no picture, or needs more than that.
        MissingExtraError: ``register`` is asked for, and OpenCV is not installed.
    """
    if side is not None and side < 1:
        raise InvalidInputError(f"side is at least 1 pixel, got {side}")
    other = editor_of(editor, side=side)
    if register:
        opencv()
    return External(
        editor=other,
        name=other.name,
        instructions=instructions or Instructions(),
        register=other.instructed if register is None else register,
    )
