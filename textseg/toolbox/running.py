"""Where operations run: on one model, one at a time, in a precision that holds its numbers."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from textseg.checking import Facts
from textseg.errors import InvalidInputError, PrecisionError
from textseg.progress import CancelToken, Deadline, Follow
from textseg.registry.models import check_model
from textseg.toolbox.common import EMBEDDED, Setup
from textseg.toolbox.course import USUAL, Course, Forecast
from textseg.toolbox.turns import Turns

if TYPE_CHECKING:
    from textseg.diffusion.model import DiffusionModel
    from textseg.images import Picture
    from textseg.scene import Scene
    from textseg.scene.options import CaptionerLike

T = TypeVar("T")

OPEN_SCENES = 3
LOADING = "loading the model"


@dataclass(frozen=True)
class Limits:
    """The most that one call may take; a person sets them, never an argument.

    Attributes:
        seconds: of work on one call, without waiting for its turn; what an edit has finished by
            then is kept.
        steps: of a sampler.
        draws: noised copies of a picture.
        queries: in one call.
        changes: in one call.
        side: of a picture that is made, in pixels.
    """

    seconds: float = 600
    steps: int = 100
    draws: int = 100
    queries: int = 20
    changes: int = 5
    side: int = 2048

    def check(self, **asked: int | None) -> None:
        """Raise ``InvalidInputError`` for the first number that is too large."""
        for name, value in asked.items():
            most = getattr(self, name)
            if value is not None and value > most:
                what = "pixels a side" if name == "side" else name
                raise InvalidInputError(f"at most {most} {what} are allowed here, got {value}")


class Host:
    """The model that operations run on, loaded by the first that needs it.

    May be used from several threads: the model does one thing at a time.

    Attributes:
        setup: which model, and where it runs.
        model: a loaded one that is used instead; None where ``setup`` names it.
        turns: the queue in front of the model.
    """

    def __init__(
        self,
        setup: Setup = EMBEDDED,
        model: DiffusionModel | None = None,
        *,
        turns: Turns | None = None,
    ) -> None:
        """Load nothing yet; ``turns`` None is a queue of its own."""
        self.setup, self.model, self.turns = setup, model, turns or Turns()
        self._dtype: str = self.setup.dtype
        self._scenes: OrderedDict[str, Scene] = OrderedDict()
        self._courses = {name: Course(stages) for name, stages in USUAL.items()}
        self._lock = threading.Lock()
        self._active: set[CancelToken] = set()

    def run(
        self,
        work: Callable[[Follow], T],
        follow: Follow,
        *,
        seconds: float = math.inf,
        kind: str = "find",
    ) -> T:
        """Return what the work gives when it is its turn.

        Where half precision cannot hold the numbers, it is done again in float32, once, and its
        remarks say so.

        Args:
            work: what to do; gets what follows it, and asks this host for model or scene.
            follow: who wants to see the work, and who may stop it, or wait for it.
            seconds: the most that the work may take.
            kind: of the work, by which it is estimated: "find", "edit" or "make".

        Raises:
            BusyError: too many calls are waiting.
            PrecisionError: the numbers of a loaded model, whose precision is what it is, are
                beyond it.
        """
        with self._turn(follow, seconds, self._courses[kind]) as at_work:
            try:
                return work(at_work)
            except PrecisionError as error:
                if self.model is not None:
                    raise
                reason = error.message
            # outside the handler, where the error keeps the first try and its memory alive
            self._dtype = "float32"
            self._scenes.clear()
            return add_notes(work(at_work), [f"{reason}; so it was done again in float32"])

    def look(
        self, picture: Picture, work: Callable[..., T], follow: Follow, *, kind: str = "find"
    ) -> T:
        """Return what the work gives for the scene of a picture, and ``follow``; see ``run``."""
        return self.run(
            lambda at_work: work(self.open(picture, at_work), follow=at_work), follow, kind=kind
        )

    def loaded(self, follow: Follow) -> DiffusionModel:
        """Return the model, loaded if it is not yet, and report that."""
        follow.report(LOADING, 0, 1)
        model = self.model or load_chosen(self.setup, dtype=self._dtype)
        follow.report(LOADING, 1, 1)
        return model

    def open(self, picture: Picture, follow: Follow) -> Scene:
        """Return the scene of a picture, read by the model."""
        model = self.loaded(follow)
        from textseg.scene import Scene

        return Scene.open(picture, model, captioner=self._captioner())

    def _captioner(self) -> CaptionerLike | None:
        """Return who describes pictures; loaded where nothing may be asked for later."""
        setup = self.setup
        if setup.captioner is None or not setup.offline:
            return setup.captioner
        from textseg.registry.captioners import load_captioner

        return load_captioner(setup.captioner, device=setup.device, local_files_only=True)

    def scene(
        self, handle: str, opened: Callable[[DiffusionModel], Scene], follow: Follow
    ) -> Scene:
        """Return the scene of a handle: one of the last few, or opened now."""
        with self._lock:
            known = self._scenes.get(handle)
        if known is None:
            known = opened(self.loaded(follow))
        self.remember(handle, known)
        return known

    def remember(self, handle: str, scene: Scene) -> None:
        """Have a scene at hand for when its handle is asked for next."""
        with self._lock:
            self._scenes[handle] = scene
            self._scenes.move_to_end(handle)
            while len(self._scenes) > OPEN_SCENES:
                self._scenes.popitem(last=False)

    def cancel(self) -> bool:
        """Stop all that is at work or waiting, each at its next step; tell if there was any.

        May be called from any thread, and from a signal handler's.
        """
        active = list(self._active)
        for each in active:
            each.cancel()
        return bool(active)

    @contextmanager
    def _turn(self, follow: Follow, seconds: float, course: Course) -> Iterator[Follow]:
        """Wait for the model, and give what follows the work on it; the course learns from it."""
        asked = CancelToken() if follow.cancel is None else follow.cancel
        with self._lock:
            self._active.add(asked)
        try:
            with self.turns.turn(Follow(follow.progress, asked)):
                told = Forecast(course, follow.progress) if follow.progress else None
                yield Follow(told, Deadline(seconds, cancel=asked))
                if told is not None:
                    told.finish()
        finally:
            with self._lock:
                self._active.discard(asked)


def load_chosen(setup: Setup, *, dtype: str | None = None) -> DiffusionModel:
    """Return the model that a person decided on, in another precision where one is given."""
    check_model(setup.model, local_files_only=setup.offline)  # before torch is imported
    from textseg.scene import load

    return load(
        setup.model,
        device=setup.device,
        dtype=dtype or setup.dtype,
        local_files_only=setup.offline,
        base=setup.base,
        lora=setup.lora,
    )


def add_notes(told: T, notes: Sequence[str]) -> T:
    """Return facts, or an answer whose ``result`` they are, with further remarks.

    What makes no remarks, such as a scene, is returned as it is.
    """
    found: Any = told  # Any: facts and answers of every kind, which have no base of their own
    if isinstance(told, Facts):
        return found.model_copy(update={"notes": [*found.notes, *notes]})  # type: ignore[no-any-return]  # a T, too
    return (
        replace(found, result=add_notes(found.result, notes)) if hasattr(told, "result") else told
    )
