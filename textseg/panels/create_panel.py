"""Describe a picture, have it made, read what is in it, and go on changing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textseg.editing.options import MakingOptions
from textseg.errors import InvalidInputError
from textseg.fields import options_of
from textseg.panels.create_controller import CreateController
from textseg.panels.edit_body import EditBody
from textseg.panels.fields import TiedFields, button, row, text, tied, whole
from textseg.panels.hosting import toolbox_of
from textseg.panels.leaves import Download
from textseg.panels.panel import Panel
from textseg.panels.shared import picture_file
from textseg.panels.work_row import WorkRow
from textseg.toolbox import Toolbox

if TYPE_CHECKING:
    from textseg.editing.result import Edit

LARGEST_SIDE = 8192


class CreatePanel(Panel):
    """Makes a picture from a prompt and changes it afterwards, each stage in sight.

        panel = CreatePanel("a red house on a meadow")
        panel.run.click(); panel.wait(); panel

    Attributes:
        prompt: the field for what to show.
        run: makes the picture.
        body: what changes it.
    """

    controller: CreateController
    handed_out = "the picture, as a PNG file"
    place = "File for the picture", "made.png"

    def __init__(
        self, prompt: str = "", *, toolbox: Toolbox | None = None, model: str = "picturebook"
    ) -> None:
        """Make nothing yet.

        Args:
            prompt: what to show, to begin with.
            toolbox: who does the work; None for the one that all panels of ``model`` share.
            model: registered name, folder of a diffusers checkpoint, or hub id.
        """
        controller = CreateController(toolbox_of(model) if toolbox is None else toolbox)
        controller.prompt = prompt
        work = WorkRow(controller.job)
        self.prompt = tied(
            text("Show", "What the picture shows", example="a red house on a meadow"),
            controller,
            "prompt",
        )
        self.run = button("Make", "Make the picture", icon="paint-brush", primary=True)
        self.body = EditBody(controller.editing, work)
        sizes = [
            tied(whole(label, "Pixels; 0: default", most=LARGEST_SIDE), controller, label.lower())
            for label in ("Height", "Width")
        ]
        seed = TiedFields([options_of(MakingOptions)["seed"]], controller, "settings").fields
        how = row([*sizes, *seed.values(), self.run])
        super().__init__(controller, work, [row([self.prompt]), how, work, self.body])
        work.starts(self.run, controller.run)
        work.enters(self.prompt, self.run)
        controller.observe(self._describe_picture, names=["image", "caption"])
        # after the body, which knows nothing of prompts and would have the last word
        controller.editing.observe(self._describe_picture, names="image")

    @property
    def result(self) -> Edit | None:
        """The ordinary result of the last edit; None where the picture is as it was made."""
        return self.controller.editing.result

    def to_python(self) -> str:
        """Return Python that makes the picture again, as it is now."""
        return self.controller.editing.to_python()

    def to_tool_call(self) -> str:
        """Return the call of an assistant's tool that made the picture as it is now."""
        return self.controller.editing.to_tool_call()

    def show(self, handle: str) -> None:
        """Show a picture of the workspace that came from a prompt, and what was changed in it.

        Raises:
            UnknownHandleError: there is no such picture.
            InvalidInputError: it does not come from a prompt.
        """
        self.controller.open(handle)

    def still(self) -> bytes | None:
        """Return what is shown as a JPEG file; None before the picture is made."""
        return self.body.still()

    def describe(self) -> str:
        """Return in one line what is shown."""
        if not self.controller.image:
            return "No picture yet."
        if self.result is not None or self.body.looking:
            return self.body.describe()
        caption = self.controller.caption
        return f"Made from “{self.controller.prompt}”" + (f"; shows: {caption}" if caption else "")

    def save(self, where: str) -> Path:
        """Write the picture to a file, labelled as it came about."""
        if not where:
            raise InvalidInputError("there is no file to save to", hint="name one, e.g. made.png")
        return self.controller.editing.save(where)

    def _file(self) -> Download:
        return picture_file(self.controller.editing)

    def _describe_picture(self, _: object) -> None:
        if self.controller.image and self.result is None and not self.body.looking:
            self.work.tell(self.describe())
