"""The fields, buttons and pictures of edits, without the frame of a panel around them."""

from __future__ import annotations

import html
from threading import RLock
from typing import TYPE_CHECKING, Final

import ipywidgets as widgets

from textseg.panels.changed import BeforeAfter
from textseg.panels.edit_controller import OPERATIONS, EditController
from textseg.panels.fields import OWN_WIDTH, Foldable, button, row, text, tied, toggle, wide
from textseg.panels.leaves import CompareView, picture_bytes, soft_bytes
from textseg.panels.mask_stage import MaskStage
from textseg.panels.options_form import OptionsForm
from textseg.panels.shared import narrowing, words_in
from textseg.panels.shown import describe_mask, why_nothing
from textseg.panels.stills import jpeg, with_masks
from textseg.panels.work_row import WorkRow
from textseg.toolbox import ImageFacts, plan_words

if TYPE_CHECKING:
    from textseg.editing.result import Edit

NOTHING: Final = ("", "")
OUTDATED: Final = "Something else is asked for by now; “Show mask” says where and how."


class EditBody(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The fields, buttons and pictures of edits, over a controller.

    Attributes:
        query: the field for what to change.
        target: the field for what it becomes.
        operation: replace, remove or add.
        options: the method and its options.
        look: shows where and how the edit would be made, and changes nothing.
        run: makes the edit.
        again: makes the last edit another time, with the next seed.
        undo: goes back to the picture before.
        stage: the picture, with the mask once it was looked for.
        plan: what the edit would do, as long as that is what was looked at.
        compare: the picture before and after.
        history: the pictures there are, to go on from any.
    """

    def __init__(self, controller: EditController, work: WorkRow) -> None:
        """Show the state of a controller; errors are told in the line about the work."""
        self.controller, self.work = controller, work
        self._filling = False
        self._lock = RLock()  # drawn from the worker as well as from callbacks
        self.query = tied(
            text("Change", "What to change", example="red house"), controller, "query"
        )
        self.target = tied(
            text("Into", "What it becomes", example="blue house"), controller, "target"
        )
        self.operation = tied(_operations(), controller, "operation")
        self.options = OptionsForm(controller)
        self.look = button("Show mask", "Where and how; nothing is changed", icon="eye")
        self.run = button("Edit", "Make the change", icon="magic", primary=True)
        self.again = button("Another try", "The same with the next seed", icon="refresh")
        self.undo = button("Undo", "Back to the picture before; nothing is lost", icon="undo")
        self.stage = MaskStage(controller.finding, work, owner=controller)
        self.compare = CompareView()
        self.plan = widgets.HTML("")
        self.history = widgets.Dropdown(
            description="Go on from", layout=wide(), style=OWN_WIDTH, options=[NOTHING]
        )
        self._pictures = widgets.VBox([self.stage])
        more = toggle("More", "Parts, seed, strength, method ...")
        narrowed = narrowing(controller)
        settings = widgets.VBox([narrowed, self.options])
        super().__init__(
            [
                row([self.query, self.target, self.operation, more]),
                Foldable(more, settings),
                row([self.look, self.run, self.again, self.undo]),
                self._pictures,
                self.plan,
                row([self.history]),
            ]
        )
        work.starts(self.look, controller.look)
        work.starts(self.run, self._edit)
        for field in (self.query, self.target, *words_in(narrowed)):
            work.enters(field, self.run)
        work.starts(self.again, controller.again)
        work.starts(self.undo, controller.undo)
        self.history.observe(work.guarded(self._branch), names="value")
        controller.observe(self._new_picture, names="image")
        controller.finding.observe(self._new_mask, names="masks")
        controller.observe(self._tell_plan)
        controller.finding.observe(self._tell_plan, names=["masks", "cut"])
        self.draw()

    def describe(self) -> str:
        """Return in one line what is shown."""
        edit, changed = self.controller.result, self.controller.changed
        if changed is not None and not self.looking:
            return f"Before and after: {changed.what}."
        if self.looking or edit is None:
            finding = self.controller.finding
            return (
                describe_mask(finding.shown(), finding.cut)
                if self.controller.image
                else "No picture yet."
            )
        said = (
            f"Before and after: {_change(edit)}; {edit.share:.0%} of the picture could change, "
            f"{edit.changed_outside} pixels changed elsewhere"
        )
        return f"{said}; {edit.stopped}." if edit.stopped else f"{said}."

    def still(self) -> bytes | None:
        """Return what is shown as a JPEG file; None without a picture."""
        controller = self.controller
        if not controller.image:
            return None
        edit = controller.result
        if edit is not None and not self.looking:
            return jpeg(edit.comparison())
        rgb = controller.toolbox.shelf.picture(controller.image).visible()
        return with_masks(rgb, controller.finding.shown(), controller.finding.cut)

    def draw(self) -> None:
        """Show what there is: the mask, or before and after, or the plain picture."""
        with self._lock:
            edit, changed = self.controller.result, self.controller.changed
            shown: widgets.Widget = self.compare
            if self.looking:
                shown = self.stage
            elif edit is not None:
                self._draw_pair(BeforeAfter(edit.before, edit.picture, _change(edit), edit.mask))
            elif changed is not None:
                self._draw_pair(changed)
            else:
                shown = self.stage
                self.controller.finding.image = self.controller.image
            if self._pictures.children != (shown,):
                self._pictures.children = (shown,)
            self._draw_history()

    @property
    def looking(self) -> bool:
        """Whether a mask in the picture is shown, before anything is changed there."""
        finding = self.controller.finding
        return bool(finding.masks) and finding.image == self.controller.image

    def _draw_pair(self, changed: BeforeAfter) -> None:
        with self.compare.hold_sync():
            self.compare.height, self.compare.width = changed.before.size
            self.compare.before = picture_bytes(changed.before.visible())
            self.compare.after = picture_bytes(changed.after.visible())
            self.compare.mask = b"" if changed.mask is None else soft_bytes(changed.mask)
            self.compare.change = changed.what

    def _draw_history(self) -> None:
        line = self.controller.history()
        choices = [(_called(k, each), each.handle) for k, each in enumerate(line)]
        self._filling = True  # new options choose the first one, which nobody asked for
        self.history.options = choices or [NOTHING]
        self.history.value = self.controller.image
        self._filling = False

    def _edit(self) -> None:
        self.stage.settle()
        self.controller.run()

    def _branch(self) -> None:
        handle = self.history.value
        if not self._filling and handle != self.controller.image:
            self.controller.choose(handle)

    def _new_picture(self, _: object) -> None:
        self.draw()
        edited = self.controller.result is not None or self.controller.changed is not None
        if edited and not self.looking:
            self.work.tell(self.describe())
        else:
            self._tell_masks()

    def _new_mask(self, _: object) -> None:
        self.draw()
        if self.looking:
            self._tell_masks()

    def _tell_masks(self) -> None:
        finding = self.controller.finding
        self.work.tell(why_nothing(finding.shown(), finding.cut))

    def _tell_plan(self, _: object) -> None:
        planned, outdated = self.controller.planned, self.controller.outdated
        said = plan_words(planned) if planned else OUTDATED if outdated else ""
        self.plan.value = html.escape(said)


def _change(edit: Edit) -> str:
    """Return in a few words what was done; a painted mask has no query."""
    if not edit.target:
        return f"{edit.query or 'what the mask showed'} removed"
    return f"{edit.query} → {edit.target}" if edit.query else f"{edit.target} added"


def _operations() -> widgets.Dropdown:
    return widgets.Dropdown(
        options=OPERATIONS,
        description="Operation",
        tooltip="To recolour or reshape is to replace",
        layout=widgets.Layout(width="auto"),
        style=OWN_WIDTH,
    )


def _called(number: int, image: ImageFacts) -> str:
    what = image.what or {"import": "the picture", "generate": "as it was made"}.get(
        image.made_by, ""
    )
    return f"{number}: {what} ({image.handle})"
