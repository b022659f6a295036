"""Say what is to change, see where, change it, compare, go back, try another way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textseg.errors import InvalidInputError
from textseg.images import ImageLike
from textseg.panels.edit_body import EditBody
from textseg.panels.edit_controller import EditController
from textseg.panels.fields import row
from textseg.panels.hosting import bring_in, toolbox_of
from textseg.panels.leaves import Download
from textseg.panels.panel import Panel
from textseg.panels.shared import picture_file, uploader
from textseg.panels.work_row import WorkRow
from textseg.toolbox import Toolbox

if TYPE_CHECKING:
    from textseg.editing.result import Edit


class EditPanel(Panel):
    """Changes one thing after the other in a picture.

        panel = EditPanel("photo.jpg", query="red house", target="blue house")
        panel.run.click(); panel.wait(); panel

    Attributes:
        upload: takes another picture.
        body: fields, buttons and pictures.
        run: makes the edit.
    """

    controller: EditController
    handed_out = "the picture, as a PNG file"
    place = "File for the picture", "edited.png"

    def __init__(
        self,
        image: ImageLike | None = None,
        *,
        query: str = "",
        target: str = "",
        toolbox: Toolbox | None = None,
        model: str = "picturebook",
    ) -> None:
        """Show a picture, and change nothing yet.

        Args:
            image: a path, PIL image, array ... or a handle; None to upload one.
            query: what to change, to begin with.
            target: what it becomes, to begin with.
            toolbox: who does the work; None for the one that all panels of ``model`` share.
            model: registered name, folder of a diffusers checkpoint, or hub id.
        """
        box = toolbox_of(model) if toolbox is None else toolbox
        controller = EditController(box, bring_in(box, image))
        controller.query, controller.target = query, target
        work = WorkRow(controller.job)
        self.upload = uploader(controller, work)
        self.body = EditBody(controller, work)
        self.run = self.body.run
        super().__init__(controller, work, [row([self.upload]), work, self.body])

    @property
    def result(self) -> Edit | None:
        """The ordinary result that is shown; None where no edit made the picture."""
        return self.controller.result

    def show(self, handle: str) -> None:
        """Show a picture of the workspace with the edit that made it, or a mask to edit inside of.

        Raises:
            UnknownHandleError: there is nothing of this name.
        """
        controller = self.controller
        if controller.toolbox.workspace.record(handle).kind == "mask":
            controller.open(handle)
        else:
            controller.turn_to(handle)
            controller.adopt()

    def still(self) -> bytes | None:
        """Return before, mask and after, or the picture, as a JPEG file; None without a picture."""
        return self.body.still()

    def describe(self) -> str:
        """Return in one line what is shown."""
        return self.body.describe()

    def save(self, where: str) -> Path:
        """Write the picture to a file, labelled as it came about."""
        if not where:
            raise InvalidInputError("there is no file to save to", hint="name one, e.g. edited.png")
        return self.controller.save(where)

    def _file(self) -> Download:
        return picture_file(self.controller)
