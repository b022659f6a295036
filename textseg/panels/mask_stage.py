"""The picture with what was found in it, and the same to be corrected by hand."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import Any, Final

import ipywidgets as widgets
import numpy as np

from textseg.errors import InvalidInputError
from textseg.images import to_uint8
from textseg.panels.controller import Controller
from textseg.panels.fields import Foldable, button, row, toggle
from textseg.panels.leaves import MaskView, PromptCanvas, picture_bytes, soft_bytes
from textseg.panels.retouch_strip import RetouchStrip
from textseg.panels.segment_controller import SegmentController
from textseg.panels.shown import Shown
from textseg.panels.work_row import WorkRow
from textseg.segmentation.drawing import COLOURS
from textseg.segmentation.mask import Mask

BRUSH: Final = 20  # brushes to begin with across the shorter side of a picture


class MaskStage(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Shows what a controller has found, and sends back what a person does with it.

    Attributes:
        view: the picture with all masks; its threshold is where the controller cuts.
        canvas: the picture with the selected mask, to be corrected.
        by_hand: shows the canvas instead of the view.
        apply: makes the corrections that were drawn.
        undo: takes the last ones back.
        retouch: shows the strip.
        strip: changes the picture inside of the selected mask.
    """

    def __init__(
        self, controller: SegmentController, work: WorkRow, *, owner: Controller | None = None
    ) -> None:
        """Show what a controller has found; errors are told in the line about the work.

        Args:
            controller: what found it.
            work: the line.
            owner: whose picture is changed; None for the same one's.
        """
        self.controller = controller
        self.view, self.canvas = MaskView(), PromptCanvas()
        self.by_hand = toggle(
            "Correct by hand", "Keep or drop regions, paint and erase", icon="pencil"
        )
        self.apply = button("Apply", "Make the corrections that are drawn", primary=True)
        self.undo = button("Undo correction", "Show the mask as it was before", icon="undo")
        self._lock = RLock()  # drawn from the worker as well as from callbacks
        self._sent = ""
        self._rgb = np.zeros((0, 0, 3), np.uint8)  # the picture, of which parts may be asked for
        self._shown: list[Shown] = []
        self._in_hand: Mask | None = None
        self.retouch = toggle("Retouch", "Crop, blur, colour, move, copy ...", icon="adjust")
        self.strip = RetouchStrip(owner or controller, controller, work)
        self._bar = row([self.by_hand, self.retouch])
        self._folded = Foldable(self.retouch, self.strip)
        super().__init__([self._bar, self.view])
        work.starts(self.apply, self.correct)
        work.starts(self.undo, self.controller.undo)
        self.by_hand.observe(work.guarded(self._toggle), names="value")
        for leaf in (self.view, self.canvas):
            leaf.observe(self._show_part, names="wanted")
        self.view.observe(self._recut, names="threshold")
        self.view.observe(self._reselect, names="selected")
        controller.observe(self._follow_cut, names="cut")
        controller.observe(self._follow_selected, names="selected")
        controller.observe(lambda _: self.draw(), names=["image", "masks"])
        self.draw()

    def correct(self) -> None:
        """Make the corrections that are drawn.

        Raises:
            InvalidInputError: none is drawn, or one hits nothing; nothing was changed.
        """
        if not self.canvas.corrections:
            raise InvalidInputError("no correction is drawn yet", hint="draw in the picture")
        self.controller.correct(self.canvas.corrections)
        self.canvas.corrections = []

    def settle(self) -> None:
        """Make the corrections that are drawn, if there are any."""
        if self.by_hand.value and self.canvas.corrections:
            self.correct()

    def draw(self) -> None:
        """Show picture and masks as the controller has them now."""
        with self._lock:
            shown = self._shown = self.controller.shown()
            with self.view.hold_sync():
                self._draw_picture()
                self.view.labels = [each.label for each in shown]
                self.view.presence = [each.presence for each in shown]  # type: ignore[misc]  # traitlets says int where floats may be None
                self.view.present = [each.present for each in shown]
                self.view.visible = []
                self.view.masks = [soft_bytes(each.mask.soft) for each in shown]
            self._show_part({"owner": self.view})
            self._arrange()
            self._draw_canvas()

    def _show_part(self, change: Mapping[str, Any]) -> None:  # Any: as traitlets has it
        """Send what is seen of the picture in its own pixels."""
        leaf = change["owner"]
        masks = [each.mask for each in self._shown] if leaf is self.view else [self._in_hand]
        leaf.show_part(self._rgb, [mask.soft for mask in masks if mask is not None])

    def _draw_picture(self) -> None:
        handle = self.controller.image
        if handle == self._sent:
            return
        self._sent = handle
        picture = self.controller.toolbox.shelf.picture(handle) if handle else None
        size = (0, 0) if picture is None else picture.size
        rgb = np.zeros((0, 0, 3), np.float32) if picture is None else picture.visible()
        content = b"" if picture is None else picture_bytes(rgb)
        self._rgb = to_uint8(rgb)
        self.canvas.radius = max(1, round(min(size) / BRUSH))
        for leaf in (self.view, self.canvas):
            leaf.wanted, leaf.tile = [], b""
            leaf.height, leaf.width = size
            leaf.image = content
        self.canvas.corrections = []

    def _draw_canvas(self) -> None:
        """Show the selected mask where it can be corrected, cut where it is shown cut."""
        mask = self.controller.mask() if self.by_hand.value else None
        self._in_hand = mask
        self.canvas.mask = b"" if mask is None else soft_bytes(mask.soft)
        self._show_part({"owner": self.canvas})
        self.canvas.color = COLOURS[self.controller.selected % len(COLOURS)]

    def _arrange(self) -> None:
        there = bool(self.controller.masks)
        self.by_hand.value = self.by_hand.value and there
        self.by_hand.disabled = not there
        by_hand = self.by_hand.value
        tools = (self.apply, self.undo) if by_hand else ()
        self.retouch.disabled = not self.controller.image
        self._bar.children = (self.by_hand, *tools, self.retouch)
        self.children = (self._bar, self._folded, self.canvas if by_hand else self.view)

    def _toggle(self) -> None:
        self._arrange()
        self._draw_canvas()

    def _recut(self, _: object) -> None:
        self.controller.cut = self.view.threshold

    def _reselect(self, _: object) -> None:
        if self.view.selected < len(self.controller.masks):
            self.controller.selected = self.view.selected

    def _follow_cut(self, _: object) -> None:
        self.view.threshold = self.controller.cut
        self._draw_canvas()

    def _follow_selected(self, _: object) -> None:
        self.view.selected = self.controller.selected
        self.canvas.corrections = []
        self._draw_canvas()
