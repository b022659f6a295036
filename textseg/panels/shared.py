"""Parts of forms that several panels have."""

from __future__ import annotations

import ipywidgets as widgets

from textseg.panels.controller import Controller
from textseg.panels.fields import row, switch, text, tied
from textseg.panels.leaves import Download, Uploader
from textseg.panels.work_row import WorkRow


def narrowing(controller: Controller) -> widgets.HBox:
    """Return the fields that narrow what is found."""
    return row(
        [
            tied(text("Spare", "Another thing, to be left out"), controller, "exclude"),
            tied(
                text("Region", "Which of several", example="left, largest, second ..."),
                controller,
                "region",
            ),
            tied(switch("Everything else", "Take all but what is found"), controller, "invert"),
        ]
    )


def words_in(form: widgets.HBox) -> list[widgets.Text]:
    """Return the fields for words in a form."""
    return [field for field in form.children if isinstance(field, widgets.Text)]


def uploader(controller: Controller, work: WorkRow) -> Uploader:
    """Return what takes a picture from a person's disk, to be worked on."""
    workspace = controller.toolbox.workspace
    taker = Uploader(workspace.limits.max_bytes)

    def take() -> None:
        if taker.file is not None:
            record = workspace.add_picture(taker.file.content, name=taker.file.name)
            controller.turn_to(record.handle)

    taker.observe(work.guarded(take), names="file")
    return taker


def picture_file(controller: Controller) -> Download:
    """Return the picture that is worked on as a PNG file, labelled as it came about.

    Raises:
        InvalidInputError: there is none.
    """
    image = controller.needs_image()
    return Download(f"{image}.png", controller.toolbox.shelf.png(image))
