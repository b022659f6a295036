"""What the controllers have in common: a toolbox, a picture, one job, and a list of what was asked.

A controller holds the state of a panel and does what its buttons do; it knows no widget, so it can
be tested, and used, without a browser. What it makes lies in the workspace of its toolbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from traitlets import HasTraits, Unicode

from textseg.errors import InvalidInputError, NothingToUndoError
from textseg.panels.calls import CHOOSE, Call, call_behind, describe_call, python_text, tool_text
from textseg.panels.job import Job
from textseg.toolbox import Facts, Toolbox

Calls = list[dict[str, Any]]  # Any: JSON


class Controller(HasTraits):
    """One panel's state, and what can be done with it.

    Attributes:
        image: handle of the picture that is worked on; "" before there is one.
        toolbox: who does the work.
        job: the work that is going on.
        calls: each call of the toolbox that was made, as name and arguments, the oldest first.
    """

    image = Unicode("")

    def __init__(
        self, toolbox: Toolbox, image: str = "", *, beside: Controller | None = None
    ) -> None:
        """Work on a picture of a toolbox's workspace.

        Args:
            toolbox: who does the work.
            image: handle of the picture; "" for none yet.
            beside: another controller of the same panel, to share its job and its list of calls.
        """
        super().__init__(image=image)
        self.toolbox = toolbox
        self.job: Job = Job() if beside is None else beside.job
        self.calls: Calls = [] if beside is None else beside.calls

    @property
    def made(self) -> str:
        """The handle of what was made; "" for nothing."""
        return self.image

    def call(self) -> Call:
        """Return the call that makes again what was made, or else the picture.

        Raises:
            InvalidInputError: nothing is shown, or no call made it.
        """
        shown = self.made or self.image
        if not shown:
            raise InvalidInputError("there is nothing yet that could be made again")
        return call_behind(self.toolbox, shown)

    def to_python(self) -> str:
        """Return Python that makes what is shown again, bit for bit, in the same workspace.

        Raises:
            InvalidInputError: no call made it.
        """
        return python_text(self.toolbox, self.call())

    def to_tool_call(self) -> str:
        """Return the call of an assistant's tool that makes the same, as JSON.

        Raises:
            InvalidInputError: no tool can be asked for all of it.
        """
        return tool_text(self.call())

    def turn_to(self, handle: str) -> None:
        """Work on another picture.

        Raises:
            UnknownHandleError: there is no such picture.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        self.image = self.toolbox.workspace.resolve(handle).handle

    def choose(self, handle: str) -> None:
        """Go on from another picture, which is the latest of the workspace from now on.

        Raises:
            UnknownHandleError: there is no such picture.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        self.calls.append({"name": CHOOSE, "arguments": {"handle": handle}})
        self.image = self.toolbox.shelf.choose(handle).handle

    def back(self) -> None:
        """Go back to the picture that this one was made from; nothing is lost.

        Raises:
            NothingToUndoError: it was made from no other.
            BusyError: there is work going on.
        """
        parent = self.toolbox.workspace.record(self.image).parent if self.image else None
        if parent is None:
            raise NothingToUndoError("nothing to undo: this is the first picture")
        self.choose(parent)

    def needs_image(self) -> str:
        """Return the handle of the picture.

        Raises:
            InvalidInputError: there is none.
        """
        if not self.image:
            raise InvalidInputError("there is no picture yet", hint="give one, or upload one")
        return self.image

    def _tell(self, name: str, arguments: Facts) -> None:
        self.calls.append(describe_call(name, arguments))


def words_of(texts: Sequence[str]) -> list[str]:
    """Return the texts that say something, without spaces around them."""
    return [text.strip() for text in texts if text.strip()]


def given_of(kind: type[Facts], made: Facts) -> dict[str, Any]:  # Any: as pydantic checked them
    """Return the fields of a kind that differ from their defaults in arguments that inherit it."""
    return made.model_dump(include=set(kind.model_fields), exclude_defaults=True)
