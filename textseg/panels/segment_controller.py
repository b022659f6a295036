"""Find things in a picture and correct them by hand: the state behind ``SegmentPanel``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from traitlets import Bool, Float, Instance, Int, List, Unicode, observe

from textseg.errors import InvalidInputError
from textseg.files import write_files
from textseg.panels.calls import CORRECT, SEGMENT, Call, call_behind, python_text, tool_text
from textseg.panels.controller import Controller, words_of
from textseg.panels.shown import Shown, files_of
from textseg.progress import CancelToken, Progress, ProgressCallback
from textseg.segmentation.mask import Mask, MaskAlgebra
from textseg.segmentation.soft import HALF
from textseg.toolbox import (
    CorrectArguments,
    QueryFacts,
    SegmentArguments,
    SegmentResult,
    check_arguments,
)

if TYPE_CHECKING:
    from textseg.segmentation.result import Segmentation

PAINTED: Final = "paint"
FOUND: Final = "segment"
CHOICES: Final = (
    "exclude",
    "region",
    "invert",
    "threshold",
    "seed",
    "draws",
    "attention",
    "presence",
    "look",
)
"""What a search is told besides picture and queries; called the same here and in the toolbox."""


@dataclass(frozen=True)
class Before:
    """What undoing a correction brings back."""

    masks: tuple[str, ...]
    cut: float


class SegmentController(Controller):
    """Finds queries in a picture, and has the masks that are shown of them.

    Attributes:
        queries: what to look for.
        exclude: another query, whose mask is left out; "" for none.
        region: words for the regions to take; "" for all.
        invert: take everything else.
        threshold: where the next search cuts its masks; None where they divide best.
        seed: of the noise.
        draws: noised copies of the picture; None for the default.
        attention: whether masks use where the model looks at the words.
        presence: what decides whether a query is there; None for the default.
        look: where to look, and where again.
        result: the facts of the last search; None before the first, and for opened masks.
        masks: handles of what is shown, in the order of the queries.
        cut: where what is shown is cut; 0.5 is where it was made to be cut.
        selected: which of them ``result`` in Python, corrections and calls are about.
    """

    queries = List(Unicode())
    exclude = Unicode("")
    region = Unicode("")
    invert = Bool(False)
    threshold = Float(None, allow_none=True)
    seed = Int(0)
    draws = Int(None, allow_none=True)
    attention = Bool(True)
    presence = Unicode(None, allow_none=True)
    look = Unicode("whole")

    result = Instance(SegmentResult, allow_none=True)
    masks = List(Unicode())
    cut = Float(HALF, min=0, max=1)
    selected = Int(0)

    _before: tuple[Before, ...] = ()
    _known: Mapping[str, Mask] = MappingProxyType({})  # by handle: reading them takes a while

    # -- finding

    def arguments(self) -> SegmentArguments:
        """Return what ``run`` asks the toolbox.

        Raises:
            InvalidInputError: a value is out of its range, or there is no picture.
            QueryError: there is nothing to look for.
        """
        values = {
            "image": self.needs_image(),
            "queries": words_of(self.queries),
            **{name: getattr(self, name) for name in CHOICES},
        }
        if not values["queries"]:
            raise InvalidInputError("there is nothing to look for", hint='say e.g. "tree, house"')
        return check_arguments(SegmentArguments, values)

    def run(self) -> None:
        """Look for the queries, on the thread of the job; ``masks`` and ``result`` follow.

        Raises:
            InvalidInputError: they cannot be asked so; nothing was started.
            BusyError: there is work going on.
        """
        arguments = self.arguments()
        self.job.start(lambda progress, cancel: self.find(arguments, progress, cancel))

    def find(
        self, arguments: SegmentArguments, progress: ProgressCallback, cancel: CancelToken
    ) -> None:
        """Look for the queries, here and now."""
        self._tell(SEGMENT, arguments)
        found = self.toolbox.segment_image(arguments, progress=progress, cancel=cancel)
        progress(Progress("showing", 0, 1))
        self._show(found, [facts.mask or "" for facts in found.queries])

    def open(self, handle: str) -> None:
        """Show a mask that is in the workspace, whoever made it, with its picture.

        Raises:
            UnknownHandleError: there is no such mask.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        record = self.toolbox.workspace.resolve(handle, kind="mask")
        self.image = record.parent or ""
        if record.operation != FOUND:
            self.show(record.handle)
            return
        made = SegmentArguments.model_validate(record.arguments)
        facts = SegmentResult.model_validate(record.result)
        self.queries = [facts.queries[0].query]
        for name in CHOICES:
            setattr(self, name, getattr(made, name))
        self._show(facts, [record.handle])

    def show(self, handle: str) -> None:
        """Show a mask of the picture that no search found, under the name that it has."""
        self.queries = words_of([self.toolbox.shelf.mask(handle).title])
        self._show(None, [handle])

    def forget(self) -> None:
        """Show nothing any more: it was found in another picture, or for other words."""
        self._show(None, [])

    # -- what is shown

    @property
    def made(self) -> str:
        """The handle of the mask that is selected; "" for none."""
        return self.masks[self.selected] if self.selected < len(self.masks) else ""

    @property
    def query(self) -> str:
        """The query that the selected mask is of; "" where it is of something else, or all else."""
        if self.result is None or self.result.invert or not self.made:
            return ""
        return self.result.queries[self.selected].query

    @property
    def corrected(self) -> bool:
        """Whether the mask that is selected was painted or corrected by hand."""
        return bool(self.made) and self._operation(self.made) == PAINTED

    def opened(self, index: int | None = None) -> Segmentation | Mask | None:
        """Return the ordinary result of a query, of the selected one by default; None without."""
        handle = self._handle(index)
        if not handle:
            return None
        found = self.toolbox.shelf.open_result(handle)
        return cast("Segmentation | Mask", found)  # the handle is one of a mask

    def mask(self, index: int | None = None) -> Mask | None:
        """Return a mask as it is shown, cut at 0.5; the selected one by default, None without."""
        handle = self._handle(index)
        if not handle:
            return None
        if self.cut == HALF:
            return self.toolbox.shelf.mask(handle)
        return self._as_made(handle).as_mask(self.cut)

    def shown(self) -> list[Shown]:
        """Return all masks that are shown."""
        facts: Mapping[str, QueryFacts] = {}
        if self.result is not None:
            facts = {each.query: each for each in self.result.queries}
        labels = list(facts) or list(self.queries)
        return [
            self._shown(label, handle, facts.get(label))
            for label, handle in zip(labels, self.masks, strict=False)
        ]

    def keep(self) -> str:
        """Return a handle of the selected mask as it is shown, cut where it is shown cut.

        Raises:
            InvalidInputError: nothing is shown.
        """
        if not self.made:
            raise InvalidInputError("there is no mask yet", hint="look for something first")
        return self._kept(self.selected)

    # -- by hand

    def keep_binary(self) -> str:
        """Return a handle of the selected mask for what takes soft values at their word.

        What was found is understood as such wherever a handle is taken; what a person cut or
        corrected is handed on as inside or outside, or a fill would cover it in part.
        """
        mask = self.mask()
        if mask is None or (self.cut == HALF and self._operation(self.made) == FOUND):
            return self.keep()
        inside = Mask.of(mask.binary(), mask.rgb, name=mask.name)
        return self.toolbox.shelf.import_mask(inside, self.image, name=mask.name).mask

    def correct(self, corrections: Sequence[Mapping[str, Any]]) -> None:
        """Keep, drop, paint and erase in the selected mask; each as ``Correction`` has it.

        Where all masks are shown cut elsewhere than they were made to be, they stay cut there.

        Raises:
            InvalidInputError: a point hits no region, or nothing is shown; nothing was changed.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        before = Before(tuple(self.masks), self.cut)
        base = self.keep()
        arguments = check_arguments(
            CorrectArguments, {"mask": base, "corrections": [dict(each) for each in corrections]}
        )
        self._tell(CORRECT, arguments)
        corrected = self.toolbox.shelf.correct_mask(arguments).mask
        masks = [corrected if k == self.selected else self._kept(k) for k in range(len(self.masks))]
        self._before = (*self._before, before)
        self.cut = HALF
        self.masks = masks

    def undo(self) -> None:
        """Show the masks as they were before the last correction.

        Raises:
            InvalidInputError: nothing was corrected.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        if not self._before:
            raise InvalidInputError("no correction was made that could be undone")
        *rest, before = self._before
        self._before = tuple(rest)
        self.cut = before.cut
        self.masks = list(before.masks)

    # -- out

    def call(self) -> Call:
        """Return the call that finds the selected mask again, cut where it is shown cut.

        Raises:
            InvalidInputError: nothing is shown, no call made it, or it was narrowed first and cut
                elsewhere afterwards.
        """
        call = super().call()
        if self.cut == HALF:
            return call
        if not self._plain(call):
            raise InvalidInputError(
                "the mask was narrowed or corrected, and its threshold moved afterwards",
                hint="no single call does that; copy it as Python",
            )
        cut = call.arguments.model_copy(update={"threshold": self.cut})
        return replace(call, arguments=cut, opened="mask")

    def to_python(self) -> str:
        """Return Python that makes the selected mask again, cut where it is shown cut."""
        call = super().call()
        if self.cut == HALF or self._plain(call):
            return python_text(self.toolbox, self.call())
        then = f".as_mask({self.cut!r})"
        return python_text(self.toolbox, replace(call, opened="mask"), then=then)

    def to_tool_call(self) -> str:
        """Return the call of an assistant's tool that finds the same mask, as JSON."""
        return tool_text(self.call())

    def save(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Write overlay, soft and binary mask of everything shown, and the facts: all or none.

        Raises:
            InvalidInputError: nothing is shown.
            OutputExistsError: a file exists and ``force`` is false.
        """
        return write_files(Path(folder), self.files(), force=force)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Return name and content of each file that ``save`` writes.

        Raises:
            InvalidInputError: nothing is shown.
        """
        if not self.masks:
            raise InvalidInputError("there is no mask yet", hint="look for something first")
        masks = [mask for k in range(len(self.masks)) if (mask := self.mask(k)) is not None]
        return files_of(self.shown(), masks, image=self.image, cut=self.cut)

    # -- how

    @observe("image")
    def _other_picture(self, _: object) -> None:
        self.forget()

    def _show(self, result: SegmentResult | None, masks: list[str]) -> None:
        self._before = ()
        self.selected, self.cut = 0, HALF
        self.result = result
        self.masks = masks

    def _handle(self, index: int | None) -> str:
        if index is None:
            return self.made
        return self.masks[index] if 0 <= index < len(self.masks) else ""

    def _operation(self, handle: str) -> str:
        return self.toolbox.workspace.record(handle).operation

    def _plain(self, call: Call) -> bool:
        """Whether a mask is what was found for a query, neither narrowed nor cut nor corrected."""
        arguments = call.arguments
        if not isinstance(arguments, SegmentArguments):
            return False
        return not arguments.selects and arguments.threshold is None

    def _as_made(self, handle: str) -> Mask:
        """Return a mask that can be cut anywhere: what is not present is faint, but not gone."""
        known = self._known.get(handle)
        if known is None:
            known = self._read(handle)
            kept = {each: mask for each, mask in self._known.items() if each in self.masks}
            self._known = {**kept, handle: known}
        return known

    def _read(self, handle: str) -> Mask:
        if self._operation(handle) == FOUND and self._plain(call_behind(self.toolbox, handle)):
            found = self.toolbox.shelf.open_result(handle)
            assert isinstance(found, MaskAlgebra), "the handle is one of a mask"
            return found.as_mask(HALF)
        return self.toolbox.shelf.mask(handle)

    def _shown(self, label: str, handle: str, facts: QueryFacts | None) -> Shown:
        mask, painted = self._as_made(handle), self._operation(handle) == PAINTED
        if facts is None or painted:
            there: bool | None = bool(mask.binary().any())
            return Shown(label, handle, mask, 1.0, there, corrected=painted)
        there = facts.present
        if there is not None and self.result is not None and self.result.invert:
            there = facts.matched
        return Shown(
            label, handle, mask, facts.presence, there, corrected=False, reason=facts.reason
        )

    def _kept(self, index: int) -> str:
        """Return a handle of a mask cut where it is shown cut."""
        if self.cut == HALF:
            return self.masks[index]
        mask = self.mask(index)
        assert mask is not None, "it is shown"
        return self.toolbox.shelf.import_mask(mask, self.image, name=mask.name).mask
