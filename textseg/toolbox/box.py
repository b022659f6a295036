"""The operations on a workspace: what panels, chats and servers call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textseg.progress import CancelToken, Follow, Progress, ProgressCallback
from textseg.provenance import credentials_in, label_in
from textseg.toolbox import browsing
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.create import CreateAnswer, UnfinishedError, create_with
from textseg.toolbox.drafts import create_drafts, edit_drafts, plan_draft, segmentation_drafts
from textseg.toolbox.edit import Beside, check_method, edit_scene, label_of, painter_of, plan_scene
from textseg.toolbox.exporting import UNSIGNED
from textseg.toolbox.gathering import Gathering, how_looked
from textseg.toolbox.looking import ask_scene, describe_scene
from textseg.toolbox.looking_facts import AskArguments, AskResult, DescribeArguments, DescribeResult
from textseg.toolbox.making import Desk
from textseg.toolbox.outbox import export_image, opened_folder
from textseg.toolbox.running import Host, Limits, add_notes
from textseg.toolbox.segment import segment_scene
from textseg.toolbox.shelf import Shelf
from textseg.toolbox.shelf_facts import (
    CompareArguments,
    CompareResult,
    ExportArguments,
    ExportResult,
    ListArguments,
    ListResult,
    UndoArguments,
    UndoResult,
)
from textseg.toolbox.turns import MODEL_TURNS, Turns
from textseg.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from textseg.diffusion.model import DiffusionModel
    from textseg.images import Picture
    from textseg.scene import Scene
    from textseg.segmentation.mask import Mask
    from textseg.toolbox.arrange_facts import ArrangeArguments, ArrangeResult
    from textseg.toolbox.create_facts import CreateArguments, CreateResult
    from textseg.toolbox.edit_facts import EditArguments, EditResult, PlanResult
    from textseg.toolbox.retouch_facts import RetouchArguments, RetouchResult
    from textseg.toolbox.segment_facts import SegmentArguments, SegmentResult
    from textseg.workspace import Record

T = TypeVar("T")
LookT = TypeVar("LookT", DescribeResult, AskResult)


@dataclass(frozen=True, eq=False)
class _ToEdit:
    """The picture that an edit is of, what is asked with its handle, and what was given along."""

    image: Record
    asked: EditArguments
    mask: NDArray[np.float32] | Mask | None
    examples: tuple[Picture, ...]

    def beside(self, setup: Setup) -> Beside:
        """Return what it is made with; an editor that a person chose is loaded."""
        return Beside(self.mask, painter_of(setup, self.asked), self.examples)


class Toolbox:
    """Segments, edits and makes pictures in a workspace, on behalf of people and of assistants.

    Takes and returns the same arguments and facts as the functions on files; pictures and masks go
    by their handles ("latest" is a handle too). Results are in the workspace before a call
    returns. May be used from several threads: the model does one thing at a time.

    Attributes:
        workspace: where pictures, masks and results are.
        host: the model, and who is waiting for it.
        limits: the most that one call may take.
        shelf: what people do with what is in the workspace: import, correct, export.
        exports: the folder that ``export_image`` writes into; None for nowhere.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        setup: Setup = EMBEDDED,
        model: DiffusionModel | None = None,
        limits: Limits | None = None,
        turns: Turns = MODEL_TURNS,
        exports: Path | str | None = None,
    ) -> None:
        """Work in a workspace; the model is loaded by the first call that needs it.

        Args:
            workspace: where pictures, masks and results are.
            setup: which model, and where it runs.
            model: a loaded model to use instead of the one that ``setup`` names.
            limits: the most that one call may take; None for the defaults.
            turns: the queue in front of the model; one is shared by all that use the same.
            exports: the folder that ``export_image`` writes into; None for nowhere.
        """
        self.workspace, self.limits = workspace, limits or Limits()
        self.exports = None if exports is None else opened_folder(exports)
        self.shelf, self._gathering = Shelf(workspace), Gathering()
        self.host = Host(setup, model, turns=turns)

    def segment_image(
        self,
        arguments: SegmentArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SegmentResult:
        """Return where each query is in a picture, and keep the masks.

        A query that is not there is an answer too: ``present`` and ``matched`` say so. Calls that
        come at the same time and look in the same picture in the same way are asked together, by
        the first of them. Of several queries that there is no time for, those are kept that there
        was time for; ``missing`` names the others.

        Raises:
            UnknownHandleError: there is no such picture.
            BusyError: too many calls are waiting.
            TimeLimitError: it took longer than allowed, and nothing was found.
            Cancelled: ``cancel`` was raised.
            InvalidInputError: more than the limits allow.
            ModelError: the model cannot be loaded or used.
        """
        self.limits.check(queries=len(arguments.queries), draws=arguments.draws)
        image = self.workspace.resolve(arguments.image)
        asked = arguments.model_copy(update={"image": image.handle})
        size, how = self.host.setup.batch_size, how_looked(image.handle, arguments)

        def work(follow: Follow) -> SegmentResult:
            scene, beside = self._scene(image, follow), self._gathering.sought(how)
            answer = segment_scene(
                scene, asked, batch_size=size, follow=follow, beside=beside, some=True
            )
            tell = follow.progress or (lambda _: None)
            tell(Progress("keeping", 0, 1))
            result, drafts = segmentation_drafts(answer, asked, image.handle, self.workspace)
            self.workspace.keep(drafts)
            tell(Progress("keeping", 1, 1))
            return result

        with self._gathering.seeking(how, asked.queries):
            return self._run(work, Follow(progress, cancel))

    def describe_image(
        self,
        arguments: DescribeArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> DescribeResult:
        """Return what a picture shows, and where the things are that its caption names.

        Keeps no mask. A caption is told even where no time is left for any thing that it names.
        Errors are those of ``segment_image``.
        """
        return self._looked(describe_scene, arguments, Follow(progress, cancel))

    def ask_image(
        self,
        arguments: AskArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> AskResult:
        """Return an answer about each of the queries; what is not there is an answer, too.

        Keeps no mask. Errors are those of ``segment_image``.
        """
        self.limits.check(queries=len(arguments.queries))
        return self._looked(ask_scene, arguments, Follow(progress, cancel))

    def edit_image(
        self,
        arguments: EditArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> EditResult:
        """Return what was changed in a picture, and keep the new picture, which is the latest then.

        When the time is over, the best of the attempts that are finished is kept, and ``stopped``
        says so.

        Raises:
            NotFoundError: the query is not in the picture; nothing was changed.
            InvalidInputError: the mask has another size; more than the limits allow ...
            TimeLimitError: it took longer than allowed, and no attempt was finished.
            TextsegError: the others are those of ``segment_image``.
        """
        edit = self._resolved(arguments)
        image, asked = edit.image, edit.asked
        content = self.workspace.bytes_of(image)
        label, unsigned = label_of(label_in(content)), credentials_in(content)

        def work(follow: Follow) -> EditResult:
            scene, beside = self._scene(image, follow), edit.beside(self.host.setup)
            answer = edit_scene(scene, asked, beside, label=label, follow=follow)
            result, drafts = edit_drafts(answer, asked, image, self.workspace)
            self.workspace.keep(drafts, head=result.picture)
            self._remember(result.picture, answer.scene)
            return result

        result = self._run(work, Follow(progress, cancel), kind="edit")
        return add_notes(result, [UNSIGNED] if unsigned else [])

    def plan_edit(
        self,
        arguments: EditArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> PlanResult:
        """Return what ``edit_image`` would do with the same arguments, and keep the mask of where.

        No picture is made, and the edit afterwards looks for nothing a second time. Errors are
        those of ``edit_image``.
        """
        edit = self._resolved(arguments)

        def work(follow: Follow) -> PlanResult:
            scene, beside = self._scene(edit.image, follow), edit.beside(self.host.setup)
            answer = plan_scene(scene, edit.asked, beside, follow=follow)
            result, draft = plan_draft(answer, edit.asked, self.workspace)
            self.workspace.keep([draft])
            return result

        return self._run(work, Follow(progress, cancel))

    def retouch_image(
        self,
        arguments: RetouchArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> RetouchResult:
        """Return how a picture was changed without a model, and keep the new one, the latest then.

        Where nothing is to be found no model is loaded.

        Raises:
            NotFoundError: a thing is not in the picture; nothing was changed.
            TextsegError: the others are those of ``edit_image``.
        """
        return self._desk.retouch(arguments, Follow(progress, cancel))

    def arrange_image(
        self,
        arguments: ArrangeArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> ArrangeResult:
        """Return what was moved in a picture, and keep the new one, which is the latest then.

        Raises:
            NotFoundError: a thing is not in the picture; nothing was changed.
            InvalidInputError: the thing would leave the picture.
            TextsegError: the others are those of ``edit_image``.
        """
        return self._desk.arrange(arguments, Follow(progress, cancel))

    def generate_and_edit(
        self,
        arguments: CreateArguments,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> CreateResult:
        """Return how a picture was made and changed, and keep it; the last one is the latest then.

        Raises:
            NotFoundError: what a change names is not in the picture that was made, which is kept.
            InvalidInputError: a size that the model cannot make; more than the limits allow ...
            TimeLimitError: it took longer than allowed; what was made before is kept.
            TextsegError: the others are those of ``segment_image``.
        """
        self.limits.check(
            steps=arguments.steps,
            changes=len(arguments.changes),
            side=max(arguments.size) if arguments.size else None,
        )

        def work(follow: Follow) -> CreateResult:
            model, captioner = self.host.loaded(follow), self.host.setup.captioner
            try:
                answer = create_with(model, arguments, captioner=captioner, follow=follow)
            except UnfinishedError as unfinished:
                kept = self._keep_created(unfinished.so_far, arguments).picture
                raise unfinished.explain(f"what was made before is kept as {kept}") from None
            return self._keep_created(answer, arguments)

        return self._run(work, Follow(progress, cancel), kind="make")

    def _looked(
        self, look: Callable[..., LookT], asked: DescribeArguments | AskArguments, follow: Follow
    ) -> LookT:
        """Return what a look at a picture says, with its handle."""
        self.limits.check(draws=asked.draws)
        image = self.workspace.resolve(asked.image)
        asked = asked.model_copy(update={"image": image.handle})

        def work(at_work: Follow) -> LookT:
            scene, batch_size = self._scene(image, at_work), self.host.setup.batch_size
            return look(scene, arguments=asked, batch_size=batch_size, follow=at_work)

        return self._run(work, follow)

    def _resolved(self, arguments: EditArguments) -> _ToEdit:
        """Return what an edit is made of, checked before anything slow is done."""
        self.limits.check(steps=arguments.steps)
        check_method(arguments)
        image, mask = self.workspace.resolve(arguments.image), None
        if arguments.mask is not None:
            mask = self.shelf.mask_for(image, arguments.mask, resize=arguments.resize_mask)
        examples = tuple(self.shelf.picture(each) for each in arguments.examples)
        asked = arguments.model_copy(update={"image": image.handle})
        return _ToEdit(image, asked, mask, examples)

    def _keep_created(self, answer: CreateAnswer, arguments: CreateArguments) -> CreateResult:
        """Keep all pictures of a creation; the last one is the latest then."""
        result, drafts = create_drafts(answer, arguments, self.workspace)
        self.workspace.keep(drafts, head=result.picture)
        handles = [result.generated, *(change.picture for change in result.changes)]
        for handle, scene in zip(handles, answer.scenes, strict=True):
            self._remember(handle, scene)
        return result

    def list_images(self, arguments: ListArguments | None = None) -> ListResult:
        """Return what pictures there are, and what files may be named, newest first."""
        return browsing.list_images(self.workspace, arguments or ListArguments())

    def undo(self, arguments: UndoArguments | None = None) -> UndoResult:
        """Return the picture that is gone back (or on) to, the latest then; nothing is lost.

        Raises:
            NothingToUndoError: the latest picture was not made by a change; nothing was undone.
            UnknownHandleError: there is no such picture.
        """
        return browsing.undo(self.workspace, arguments or UndoArguments())

    def compare_images(self, arguments: CompareArguments) -> CompareResult:
        """Return how two pictures differ.

        Raises:
            UnknownHandleError: there is no such picture.
            InvalidInputError: the picture was made from no other, and none is named.
        """
        return browsing.compare(self.workspace, arguments)

    def export_image(self, arguments: ExportArguments) -> ExportResult:
        """Write a picture or mask into the folder that a person opened; see ``outbox``."""
        return export_image(self.shelf, self.exports, arguments)

    def cancel(self) -> bool:
        """Stop all calls at work or waiting, each at its next step; tell if there were any.

        May be called from any thread, and from a signal handler's.
        """
        return self.host.cancel()

    def scene(self, handle: str, *, progress: ProgressCallback | None = None) -> Scene:
        """Return the scene of a picture, to ask it in Python; it is shared with the operations."""
        image = self.workspace.resolve(handle)
        return self.host.run(lambda follow: self._scene(image, follow), Follow(progress))

    @property
    def _desk(self) -> Desk:
        return Desk(self.shelf, self.host, self._scene, self.limits.seconds)

    def _run(self, work: Callable[[Follow], T], follow: Follow, *, kind: str = "find") -> T:
        return self.host.run(work, follow, seconds=self.limits.seconds, kind=kind)

    def _scene(self, image: Record, follow: Follow) -> Scene:
        def opened(model: DiffusionModel) -> Scene:
            return self.shelf.open_scene(image, model, self.host.setup.captioner)

        return self.host.scene(image.handle, opened, follow)

    def _remember(self, handle: str | None, scene: Scene) -> None:
        assert handle is not None, "what is kept has a handle"
        self.host.remember(handle, scene)
