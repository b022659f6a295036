"""Type what to find, see it lit up, move the threshold, correct it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textseg.errors import InvalidInputError
from textseg.fields import options_of
from textseg.images import ImageLike
from textseg.panels.fields import Foldable, button, field_for, row, text, tied, toggle
from textseg.panels.hosting import bring_in, toolbox_of
from textseg.panels.leaves import Download
from textseg.panels.mask_stage import MaskStage
from textseg.panels.panel import Panel
from textseg.panels.segment_controller import SegmentController
from textseg.panels.shared import narrowing, uploader, words_in
from textseg.panels.shown import describe_mask, why_nothing, zip_bytes
from textseg.panels.stills import with_masks
from textseg.panels.work_row import WorkRow
from textseg.segmentation.mask import Mask
from textseg.toolbox import SegmentArguments, Toolbox

if TYPE_CHECKING:
    from textseg.segmentation.result import Segmentation

DRAWN: Final = ("seed", "attention", "look")  # those that a person sets besides the words


class SegmentPanel(Panel):
    """Finds things in a picture.

        panel = SegmentPanel("photo.jpg", queries=["tree", "red house"])
        panel.run.click(); panel.wait(); panel

    Attributes:
        queries: the field for what to look for, with commas between.
        upload: takes another picture.
        run: looks for them.
        stage: the picture and the masks.
    """

    controller: SegmentController
    handed_out = "overlays, masks and facts, in a ZIP file"
    place = "Folder for overlays, masks and facts", "masks"

    def __init__(
        self,
        image: ImageLike | None = None,
        *,
        queries: Sequence[str] = (),
        toolbox: Toolbox | None = None,
        model: str = "picturebook",
    ) -> None:
        """Show a picture, and look for nothing yet.

        Args:
            image: a path, PIL image, array ... or a handle; None to upload one.
            queries: what to look for, to begin with.
            toolbox: who does the work; None for the one that all panels of ``model`` share.
            model: registered name, folder of a diffusers checkpoint, or hub id.
        """
        box = toolbox_of(model) if toolbox is None else toolbox
        controller = SegmentController(box, bring_in(box, image))
        work = WorkRow(controller.job)
        self.queries = text("Find", "What to look for, with commas between", example="tree, house")
        self.queries.value = ", ".join(queries)
        self.upload = uploader(controller, work)
        self.run = button("Find", "Look for all of them", icon="search", primary=True)
        more = toggle("More", "Spare something, take one region, another seed")
        self.stage = MaskStage(controller, work)
        options = options_of(SegmentArguments)
        narrowed = narrowing(controller)
        drawn = [tied(field_for(options[name]), controller, name) for name in DRAWN]
        fields = [
            row([self.upload, self.queries, self.run, more]),
            Foldable(more, row([narrowed, *drawn])),
        ]
        super().__init__(controller, work, [*fields, work, self.stage])
        work.starts(self.run, self._find)
        for field in (self.queries, *words_in(narrowed)):
            work.enters(field, self.run)
        controller.observe(self._tell_masks, names="masks")

    @property
    def result(self) -> Segmentation | Mask | None:
        """The ordinary result of the selected query: a ``Mask`` where it was narrowed or corrected.

        ``mask`` is the same, cut where it is shown cut.
        """
        return self.controller.opened()

    @property
    def results(self) -> dict[str, Segmentation | Mask]:
        """The ordinary results of all queries."""
        labels = [each.label for each in self.controller.shown()]
        opened = [self.controller.opened(k) for k in range(len(labels))]
        return {
            label: found for label, found in zip(labels, opened, strict=True) if found is not None
        }

    @property
    def mask(self) -> Mask | None:
        """The selected mask as it is shown; None before there is one."""
        return self.controller.mask()

    def show(self, handle: str) -> None:
        """Show a mask of the workspace with its picture, whoever made it; or just a picture.

        Raises:
            UnknownHandleError: there is nothing of this name.
        """
        record = self.controller.toolbox.workspace.record(handle)
        if record.kind == "image":
            self.controller.turn_to(handle)
        else:
            self.controller.open(handle)
        self.queries.value = ", ".join(self.controller.queries)

    def still(self) -> bytes | None:
        """Return picture and masks as a JPEG file; None without a picture."""
        controller = self.controller
        if not controller.image:
            return None
        rgb = controller.toolbox.shelf.picture(controller.image).visible()
        return with_masks(rgb, controller.shown(), controller.cut)

    def describe(self) -> str:
        """Return what was found, in one line."""
        if not self.controller.image:
            return "No picture yet."
        return describe_mask(self.controller.shown(), self.controller.cut)

    def save(self, where: str) -> list[Path]:
        """Write overlays, masks and facts into a folder; see ``SegmentController.save``."""
        if not where:
            raise InvalidInputError("there is no folder to save to", hint="name one")
        return self.controller.save(where)

    def _file(self) -> Download:
        return Download("masks.zip", zip_bytes(self.controller.files()))

    def _find(self) -> None:
        self.stage.by_hand.value = False
        self.controller.queries = self.queries.value.split(",")
        self.controller.run()

    def _tell_masks(self, _: object) -> None:
        if self.controller.masks:
            self.work.tell(why_nothing(self.controller.shown(), self.controller.cut))
