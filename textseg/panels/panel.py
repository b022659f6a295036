"""What the panels have in common: a picture that stays, calls to be copied, a place to save to."""

from __future__ import annotations

import base64
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import ipywidgets as widgets

from textseg.errors import OutputExistsError
from textseg.panels.controller import Calls, Controller
from textseg.panels.fields import button, row, text
from textseg.panels.leaves import Download, Downloader
from textseg.panels.living import close_all, take_the_cell
from textseg.panels.work_row import WorkRow

WIDGET: Final = "application/vnd.jupyter.widget-view+json"
JPEG: Final = "image/jpeg"

Bundle = tuple[dict[str, Any], dict[str, Any]]  # Any: JSON, by MIME type


class Panel(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A controller with buttons and fields around it.

    Shown by a notebook it leaves a picture beside the widget, for files that are read where no
    kernel runs.

    Attributes:
        controller: the state, and what can be done with it.
        work: the line about the work that is going on.
        download: hands out what is shown.
        handed_out: what that is, in words.
        place: what is saved where, in words, and an example.
    """

    handed_out: ClassVar[str]
    place: ClassVar[tuple[str, str]]

    def __init__(
        self, controller: Controller, work: WorkRow, children: Sequence[widgets.Widget]
    ) -> None:
        """Show the children of a panel, and below them what every panel has."""
        self.controller, self.work = controller, work
        self._copied = widgets.Textarea(
            description="To copy", rows=8, layout=widgets.Layout(width="auto")
        )
        self._copy = widgets.VBox([])
        super().__init__([*children, *self._tail()])
        self.add_class("textseg-panel")

    @property
    def calls(self) -> Calls:
        """Each call of the toolbox that was made, as name and arguments, the oldest first."""
        return self.controller.calls

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is running; tell whether that is so now.

        Interrupting the cell that waits cancels the work.

        Args:
            timeout: most seconds to wait; None for as long as it takes.
        """
        return self.controller.job.wait(timeout)

    def close(self) -> None:
        """Free the widgets, all of them; results and the work that goes on are left alone.

        It is called for a panel whose cell is run again and shows another one.
        """
        close_all(self)
        # ipywidgets takes it away: the picture is left
        self.__dict__.pop("_repr_mimebundle_", None)

    def to_python(self) -> str:
        """Return Python that makes what is shown again, bit for bit.

        Raises:
            InvalidInputError: nothing was made yet.
        """
        return self.controller.to_python()

    def to_tool_call(self) -> str:
        """Return the call of an assistant's tool that makes the same, as JSON.

        Raises:
            InvalidInputError: nothing was made yet, or no tool can be asked for all of it.
        """
        return self.controller.to_tool_call()

    @abstractmethod
    def show(self, handle: str) -> None:
        """Show something of the workspace, whoever made it."""

    @abstractmethod
    def still(self) -> bytes | None:
        """Return what is shown as a JPEG file; None where there is no picture."""

    @abstractmethod
    def describe(self) -> str:
        """Return in one line what is shown."""

    @abstractmethod
    def save(self, where: str) -> object:
        """Write what was made to files."""

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> Bundle:
        words = self.describe()
        data: dict[str, Any] = {"text/plain": f"{type(self).__name__}({words})"}
        if self.comm is not None:  # not closed
            take_the_cell(self)
            data[WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        still = self.still()
        if still is None:
            return data, {}
        data[JPEG] = base64.b64encode(still).decode()
        return data, {JPEG: {"alt": words}}

    def _tail(self) -> list[widgets.Widget]:
        python = button("Copy as Python", "What makes this again, in Python", icon="code")
        tool = button("Copy as tool call", "What an assistant would ask for", icon="wrench")
        python.on_click(self.work.guarded(lambda: self._offer(self.to_python)))
        tool.on_click(self.work.guarded(lambda: self._offer(self.to_tool_call)))
        about, example = self.place
        where = text("Save to", about, example=example)
        save = button("Save", "Write files; none is replaced", icon="save")
        save.on_click(self.work.guarded(lambda: self._saved(where.value.strip())))
        self.work.enters(where, save)
        self.download = Downloader(self.handed_out, self._to_hand_out)
        return [row([where, save, self.download, python, tool]), self._copy]

    @abstractmethod
    def _file(self) -> Download:
        """Return what is shown as a file.

        Raises:
            InvalidInputError: nothing is shown.
        """

    def _to_hand_out(self) -> Download | None:
        made: list[Download] = []
        self.work.guarded(lambda: made.append(self._file()))(None)
        return made[0] if made else None

    def _offer(self, words: Callable[[], str]) -> None:
        self._copied.value = words()
        self._copy.children = (self._copied,)

    def _saved(self, where: str) -> None:
        try:
            written = self.save(where)
        except OutputExistsError as error:
            raise OutputExistsError(error.message, hint="give another name") from None
        paths = written if isinstance(written, list) else [written]
        self.work.tell(f"Written: {', '.join(str(path) for path in paths)}")
