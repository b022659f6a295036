"""Change one thing after the other in a picture: the state behind ``EditPanel``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from traitlets import Bool, Dict, Enum, Unicode

from textseg.editing.options import EditOptions
from textseg.errors import InvalidInputError, NotFoundError
from textseg.panels.calls import EDIT, PLAN, UNDO
from textseg.panels.changed import BeforeAfter, changed_by
from textseg.panels.controller import Controller, given_of
from textseg.panels.segment_controller import SegmentController
from textseg.progress import CancelToken, ProgressCallback
from textseg.segmentation.soft import HALF
from textseg.toolbox import EditArguments, ImageFacts, Toolbox, UndoArguments, check_arguments

if TYPE_CHECKING:
    from textseg.editing.result import Edit
    from textseg.toolbox import PlanResult
    from textseg.workspace import Record

Asked = dict[str, Any]  # Any: pydantic checks them

OPERATIONS: Final = ("replace", "remove", "add")
REMEMBERED: Final = 1000  # pictures of a workspace among which a line is looked for


class EditController(Controller):
    """Changes a picture, step by step, and knows the way it came.

    After an edit ``image`` is the new picture, so that the next one goes on from there.

    Attributes:
        query: what to change or remove; "" where a mask says where.
        target: what it becomes, or what to add; "" to remove.
        operation: "replace", "remove" or "add".
        exclude: another query, to be spared; "" for none.
        region: words for the region to change, or for where to add; "" for all.
        invert: change everything else.
        method: name of an edit method; "" for what suits the change.
        options: what is given of the options that only it has, by name.
        settings: what is given of ``EditOptions``, by name.
        finding: where the next edit is made, to be looked at and corrected before.
    """

    query = Unicode("")
    target = Unicode("")
    operation = Enum(OPERATIONS, "replace")
    exclude = Unicode("")
    region = Unicode("")
    invert = Bool(False)
    method = Unicode("")
    options = Dict()
    settings = Dict()

    _look: tuple[Asked, PlanResult | None] | None = None  # what was looked at last
    _opened: tuple[str, Edit] | None = None  # by its handle: reading it takes a while

    def __init__(
        self, toolbox: Toolbox, image: str = "", *, beside: Controller | None = None
    ) -> None:
        """Change a picture of a toolbox's workspace; arguments as for every controller."""
        super().__init__(toolbox, image, beside=beside)
        self.finding = SegmentController(toolbox, image, beside=self)

    # -- where

    def look(self) -> None:
        """Look where and how the next edit would be made, and change nothing.

        ``finding`` has the mask then: of the query where that says where, to be cut and corrected,
        else of all that may change. ``planned`` has the rest, once a target is there as well.

        Raises:
            InvalidInputError: it cannot be asked so.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        asked = self._asks(self._by_words())
        _change(asked)  # what cannot be asked so starts nothing
        finding = self.finding
        finding.image, finding.queries = self.image, [self.query]
        finding.exclude, finding.region, finding.invert = self.exclude, self.region, self.invert
        finding.threshold = finding.draws = finding.presence = None
        finding.seed, finding.look = 0, "whole"  # an edit looks for its query with the defaults
        self.job.start(lambda progress, cancel: self._show_where(asked, progress, cancel))

    def open(self, handle: str) -> None:
        """Have the next edit made inside a mask of the workspace, in the picture it belongs to.

        Raises:
            UnknownHandleError: there is no such mask.
        """
        self.finding.open(handle)
        self._look = None
        self.image = self.finding.image

    @property
    def looked(self) -> bool:
        """Whether ``finding`` shows where the next edit would be made."""
        same = self._look is None or self._by_words().items() <= self._look[0].items()
        return bool(self.finding.made) and self.finding.image == self.image and same

    @property
    def by_hand(self) -> bool:
        """Whether the next edit is made inside a mask that a person chose or corrected."""
        found = self.finding
        cut = found.result is None and found.cut != HALF  # what may change, less or more of it
        return self.looked and (self._look is None or found.corrected or cut)

    @property
    def planned(self) -> PlanResult | None:
        """What the next edit would do; None where that was not looked at."""
        same = self.looked and not (self.by_hand or self.outdated) and self.finding.cut == HALF
        return self._look[1] if self._look and same else None

    @property
    def outdated(self) -> bool:
        """Whether something else is asked for by now than was looked at."""
        if self._look is None or not self.finding.made or self.finding.image != self.image:
            return False
        return not self.by_hand and self._look[0] != self._asks(self._by_words())

    # -- edits

    def arguments(self) -> EditArguments:
        """Return what ``run`` asks the toolbox.

        Raises:
            InvalidInputError: a value is out of its range, or there is no picture.
            QueryError: words are missing, or too many.
        """
        where = self._in_a_mask() if self.by_hand else self._by_words()
        return check_arguments(EditArguments, {**self._asks(where), **self._cut()})

    def run(self) -> None:
        """Make the edit, on the thread of the job; ``image`` is the new picture then.

        Raises:
            InvalidInputError: it cannot be asked so; nothing was started.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        self._start(self.arguments())

    def again(self) -> None:
        """Make the last edit another time, from the same picture with the next seed.

        Raises:
            InvalidInputError: the picture was not made by an edit.
            BusyError: there is work going on.
        """
        made = self._edited()
        if made is None:
            raise InvalidInputError("there is no edit yet to try again")
        arguments = made.model_copy(update={"seed": made.seed + 1})
        self._start(arguments)
        self.settings = {**self.settings, "seed": arguments.seed}

    def undo(self) -> None:
        """Go back to the picture before the last change; nothing is lost.

        Raises:
            NothingToUndoError: the picture was made from no other.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        latest = self.toolbox.workspace.latest()
        if latest is None or latest.parent is None or latest.handle != self.image:
            self.back()  # where somebody else's picture is the latest, that is theirs to undo
            return
        self._tell(UNDO, UndoArguments())
        self.image = self.toolbox.undo().image.handle

    # -- what there is

    @property
    def result(self) -> Edit | None:
        """The ordinary result behind the picture; None where no edit made it."""
        record = self._record()
        if record is None or record.operation != "edit":
            return None
        if self._opened is None or self._opened[0] != record.handle:
            found = self.toolbox.shelf.open_result(record.handle)
            self._opened = record.handle, cast("Edit", found)  # an edit made it
        return self._opened[1]

    @property
    def changed(self) -> BeforeAfter | None:
        """What was done to the picture where no edit did it; see ``changed_by``."""
        record = self._record()
        return None if record is None else changed_by(self.toolbox, record)

    def history(self) -> list[ImageFacts]:
        """Return all pictures that go back to the same first one, in the order they were made."""
        record = self._record()
        if record is None:
            return []
        every = self.toolbox.workspace.list(limit=REMEMBERED)
        line = [each for each in every if each.root == record.root]
        return [self.toolbox.shelf.image_facts(each) for each in reversed(line)]

    def adopt(self) -> None:
        """Take over the words and settings of the edit that made the picture, if one did."""
        made = self._edited()
        if made is None:
            return
        for name in ("query", "target", "operation", "exclude", "region", "invert"):
            setattr(self, name, getattr(made, name))
        self.method, self.options = made.method or "", made.options
        self.settings = given_of(EditOptions, made)
        if made.mask is not None:  # for when the edit is undone, to be made in another way
            self.finding.open(made.mask)
            self._look = None

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the picture to a file, labelled as it came about.

        Raises:
            OutputExistsError: the file exists and ``force`` is false.
            InvalidInputError: there is no picture, or the suffix belongs to no format.
        """
        return self.toolbox.shelf.export(self.needs_image(), path, force=force)

    # -- how

    def _show_where(self, asked: Asked, progress: ProgressCallback, cancel: CancelToken) -> None:
        change, plan = _change(asked), None
        if change is not None:
            with suppress(NotFoundError):  # a search shows that as well, and may be cut lower
                plan = self.toolbox.plan_edit(change, progress=progress, cancel=cancel)
        self._look = asked, plan
        if change is None or plan is None or _is_of_the_query(change, plan):
            self.finding.find(self.finding.arguments(), progress, cancel)
        else:
            self._tell(PLAN, change)
            self.finding.show(plan.region_mask or "")

    def _start(self, arguments: EditArguments) -> None:
        self.job.start(lambda progress, cancel: self._edit(arguments, progress, cancel))

    def _edit(
        self, arguments: EditArguments, progress: ProgressCallback, cancel: CancelToken
    ) -> None:
        self._tell(EDIT, arguments)
        result = self.toolbox.edit_image(arguments, progress=progress, cancel=cancel)
        assert result.picture is not None, "what is kept has a handle"
        self.image = result.picture

    def _record(self) -> Record | None:
        return self.toolbox.workspace.record(self.image) if self.image else None

    def _edited(self) -> EditArguments | None:
        """Return what the edit was asked that made the picture; None where none did."""
        record = self._record()
        if record is None or record.operation != "edit" or "changes" in record.arguments:
            return None
        return EditArguments.model_validate(record.arguments)

    def _asks(self, where: dict[str, object]) -> Asked:
        """Return what an edit is asked there."""
        return {
            "image": self.needs_image(),
            "target": self.target,
            "operation": self.operation,
            "method": self.method or None,
            "options": self.options,
            **where,
            **self.settings,
        }

    def _by_words(self) -> dict[str, object]:
        names = ("query", "exclude", "region", "invert")
        return {name: getattr(self, name) for name in names}

    def _cut(self) -> dict[str, object]:
        """Return where the mask is cut that was looked at; one that is by hand, nowhere again."""
        if self.by_hand:
            return {"threshold": None}
        return {"threshold": self.finding.cut} if self.looked and self.finding.cut != HALF else {}

    def _in_a_mask(self) -> dict[str, object]:
        """Return what says where, which the mask does alone: it is narrowed already."""
        values: dict[str, object] = {"mask": self.finding.keep()}
        if self.invert:  # what is inside has no name: it is not the query
            return values | ({"prompt": ""} if self.operation == "remove" else {})
        return values if self.operation == "add" else values | {"query": self.query}


def _change(asked: Asked) -> EditArguments | None:
    """Return the edit that is asked for; None as long as a query says nothing but where.

    Raises:
        QueryError: nothing says where either; words are too many ...
        InvalidInputError: a value is out of its range.
    """
    unsaid = asked["operation"] == "replace" and not (asked["target"] or "prompt" in asked)
    return None if unsaid and asked["query"].strip() else check_arguments(EditArguments, asked)


def _is_of_the_query(change: EditArguments, plan: PlanResult) -> bool:
    """Whether what is found for the query, cut where it divides best, says where."""
    return bool(plan.present) and not change.invert and change.threshold is None
