"""One picture, read by a model once and then asked about as often as wanted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

from numpy.typing import NDArray

from textseg.checking import check_arguments
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.rivalry import PresenceRule
from textseg.diffusion.vocabulary import words_hint
from textseg.editing.apply import FollowWalk
from textseg.editing.base import EditMethod
from textseg.editing.options import EditOptions, OptionKeywords, tell_options
from textseg.editing.planning import EditPlan, EditRequest, plan_edit
from textseg.editing.result import Edit
from textseg.editing.running import carry_out
from textseg.encoded import encode_picture
from textseg.errors import InvalidInputError, QueryError
from textseg.images import MAX_PIXELS, ImageLike, Padding, open_picture
from textseg.progress import CancelToken, ProgressCallback
from textseg.scene.answering import answer
from textseg.scene.comparing import Asking
from textseg.scene.generating import generate_picture
from textseg.scene.opening import captioner_for, check_queries, load
from textseg.scene.options import (
    CaptionerLike,
    DeviceLike,
    DtypeLike,
    EditKeywords,
    ModelLike,
    SegmentOptions,
)
from textseg.scene.state import SceneState
from textseg.segmentation.estimating import BATCH_SIZE
from textseg.segmentation.mask import Mask
from textseg.segmentation.query import parse_query
from textseg.segmentation.refine import RefineSettings
from textseg.segmentation.result import Segmentation, Segmentations
from textseg.segmentation.settings import SegmentSettings
from textseg.segmentation.soften import SoftenSettings


class Scene(SceneState):
    """A picture with the latents that a model made of it, and what further calls can reuse.

    Attributes:
        model: what is asked.
        picture: the picture at its own size.
        padding: what was added to the picture for the model.
        rgb: (H, W, 3) the picture as a viewer shows it; read-only.
        made: how it was made, where ``generate`` made it.
        captioner: describes the picture where no source prompt is given.
    """

    @classmethod
    def open(
        cls,
        image: ImageLike,
        model: ModelLike = "picturebook",
        *,
        device: DeviceLike = "auto",
        dtype: DtypeLike = "auto",
        working_size: int | None = None,
        max_pixels: int = MAX_PIXELS,
        captioner: CaptionerLike | None = None,
    ) -> Scene:
        """Return the scene of a picture, which the model reads now, once.

        Args:
            image: a path, a file, a PIL image, an array or a ``Picture``; see ``open_picture``.
            model: a registered name, a folder, a hub id, a loaded pipeline or a ``DiffusionModel``.
            device: where to load the model, "auto" for the best there is; a loaded one stays.
            dtype: its precision, "auto" for the fastest safe one.
            working_size: for the model, scale a picture with more than working_size^2 pixels down
                to that; ``None`` takes what the model was made for. Sides that it cannot take are
                scaled down with a remark. Masks come at the own size.
            max_pixels: refuse a picture with more pixels than this.
            captioner: describes the picture for edits: a name, a folder, a hub id or an object;
                ``None`` takes the one that belongs to the model, where there is one.

        Raises:
            ImageError: the picture cannot be read.
            ModelError: the model cannot be loaded.
            OutOfMemoryError: the picture is too large for the device.
        """
        if working_size is not None and working_size < 1:
            raise InvalidInputError(f"working_size is at least 1 pixel, got {working_size}")
        picture = open_picture(image, max_pixels=max_pixels)
        loaded = load(model, device=device, dtype=dtype)
        read = encode_picture(loaded, picture, working_size)
        captioner = captioner_for(captioner, loaded)
        return cls(loaded, read.picture, read.latents, read.padding, captioner=captioner)

    @classmethod
    def generate(
        cls,
        prompt: str,
        model: ModelLike = "picturebook",
        *,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        negative: str = "",
        size: tuple[int, int] | None = None,
        device: DeviceLike = "auto",
        dtype: DtypeLike = "auto",
        captioner: CaptionerLike | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Scene:
        """Return the scene of a picture that the model makes from text.

        The scene keeps the way the picture came about, so that editing it needs no inversion.

        Args:
            prompt: what to show.
            model: as in ``open``.
            seed: decides the noise; same seed, same picture.
            steps: of the sampler, each of one or, with guidance, two evaluations; ``None`` for what
                the model's card says.
            guidance: how far to follow the prompt; 1 is without guidance; ``None`` as for steps.
            negative: text that guidance leads away from.
            size: (H, W) in pixels; ``None`` is what the model was made for.
            device: as in ``open``.
            dtype: as in ``open``.
            captioner: as in ``open``.
            progress: called with the work done.
            cancel: looked at after each step.

        Raises:
            QueryError: the prompt is empty.
            InvalidInputError: a number out of its range, a size that the model cannot make.
            ModelError: the model cannot be loaded.
            Cancelled: ``cancel`` was raised.
        """
        loaded = load(model, device=device, dtype=dtype)
        made = generate_picture(
            loaded,
            prompt,
            negative=negative,
            seed=seed,
            steps=steps,
            guidance=guidance,
            size=size,
            follow=FollowWalk(progress, cancel),
        )
        return cls(
            loaded,
            made.picture,
            made.path.clean,
            Padding(made.picture.size, made.picture.size),
            trajectory=made.path,
            made=made.made,
            captioner=captioner_for(captioner, loaded),
        )

    def segment(self, query: str, **options: Unpack[SegmentOptions]) -> Segmentation:
        """Return where ``query`` is; ``options`` are the keywords of ``segment_all``."""
        return self.segment_all([query], **options)[0]

    def segment_all(
        self,
        queries: Sequence[str],
        *,
        reference: str | None = None,
        draws: int | None = None,
        levels: int | Sequence[float] | None = None,
        sigma_range: tuple[float, float] | None = None,
        seed: int = 0,
        antithetic: bool = False,
        batch_size: int = BATCH_SIZE,
        tolerance: float | None = None,
        attention: bool = True,
        propagate: int | None = None,
        soften: SoftenSettings | None = None,
        refine: RefineSettings | None = None,
        presence: PresenceRule | None = None,
        look: Look = "whole",
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Segmentations:
        """Return where each of the queries is: the masks that they would get if asked alone.

        What was asked before in the same way is known, to ``find`` and to edits too: it costs no
        evaluation and comes back bit for bit, whatever is asked along with it. Two scenes of one
        picture that are asked in another order, or in other batches, agree as far as sums of floats
        do: to about 1e-5 in float32.

        ``None`` for reference, draws, sigma_range, soften, refine and presence is what the card of
        the model says (``model.card``).

        Args:
            queries: what to look for; a text given twice is asked once.
            reference: the text that queries are compared with; "" is no text.
            draws: noised copies of the picture; more are slower and steadier.
            levels: noise levels, as ``noise_difference`` takes them.
            sigma_range: lowest and highest noise level.
            seed: decides the noises; same seed, same masks.
            antithetic: use every noise with both signs.
            batch_size: most rows in the network at once; bounds the memory.
            tolerance: stop early on queries whose relative error is below; ``None`` never.
            attention: multiply the difference by where the words of the query are looked at, if
                the card says so; False is the plain map of DiffEdit. Costs no evaluation.
            propagate: how often where words are looked at is led along the network's attention
                among cells; ``None`` as the card says.
            soften: how raw maps become soft masks.
            refine: how soft masks get to the picture's size.
            presence: what decides whether a query is there: "calibrated", the evidence for it, or
                "rivals", where that leaves doubt also how it does against texts that might be true
                instead: up to some 60 evaluations more, shared by the queries of a call.
            look: "zoom" looks again in windows around what was found of each query, "tiles" in
                windows all over the picture, each read at the size that the model was made for:
                for small things in large pictures. Each window costs as much as the first look.
            progress: called with the work done.
            cancel: looked at before each batch.

        Raises:
            QueryError: no query, or an empty one.
            InvalidInputError: a number out of its range.
            OutOfMemoryError: not even a batch of one fits.
            Cancelled: ``cancel`` was raised.
        """
        start = time.perf_counter()
        given: dict[str, Any] = {  # Any: fields of different types
            "reference": None if reference is None else reference.strip(),
            "draws": draws,
            "levels": levels if levels is None or isinstance(levels, int) else tuple(levels),
            "sigma_range": None if sigma_range is None else tuple(sigma_range),
            "seed": seed,
            "antithetic": antithetic,
            "tolerance": tolerance,
            "propagate": propagate,
            "soften": soften,
            "refine": refine,
            "presence": presence,
            "look": look,
        }
        usual = SegmentSettings.of_card(self.model.card)
        settings = replace(usual, **{k: v for k, v in given.items() if v is not None})
        settings = settings if attention else settings.without_attention
        asking = Asking(
            self._encoded,
            settings,
            self._memory.studio.texts,
            batch_size,
            self._memory.known,
            FollowWalk(progress, cancel),
        )
        found = answer(asking, check_queries(queries), self._memory.windows)
        share = (time.perf_counter() - start) / len(found)
        return Segmentations(tuple(replace(item, seconds=share) for item in found))

    def select(self, text: str, **options: Unpack[SegmentOptions]) -> Mask:
        """Return where an expression such as "house and not (door or window)" holds.

        All of its phrases are looked for in one call. What is not present is nowhere, so that
        everything except it is the whole picture.

        Args:
            text: phrases with "and", "or", "not", "except", parentheses and double quotes; see
                ``textseg.segmentation.query``.
            options: the keywords of ``segment_all``.

        Raises:
            QueryError: the expression cannot be read; the message shows the place. Or it holds
                words that the model does not know: everything but those would be the picture.
        """
        expression = parse_query(text)
        found = self.segment_all(expression.phrases, **options)
        for item in found:
            if item.present is None:
                raise QueryError(item.caveat, hint=words_hint(self.model.card.language))
        return expression.mask({item.query: item.as_mask() for item in found})

    @tell_options
    def plan(
        self,
        query: str,
        target: str,
        *,
        method: str | EditMethod | None = None,
        mask: NDArray[Any] | Segmentation | Mask | None = None,
        examples: Sequence[ImageLike] = (),
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[OptionKeywords],
    ) -> EditPlan:
        """Return how ``query`` would be turned into ``target``: look before anything changes.

        The place is looked for and the picture described; nothing is made. ``carry_out`` makes it.

        Args:
            query: what to change; may be empty where a mask says where.
            target: what it becomes; empty to remove it.
            method: the name of a registered method, or one with its options; ``None`` takes what
                suits the change (``model.card.edits``).
            mask: where to change instead of where the query is: (H, W) of bool, uint8, uint16 or
                floats in [0, 1], 1 = may change, taken as it is; or a segmentation or ``Mask``,
                which is cut, widened and feathered as the mask of the query is. A ``Mask`` is cut
                at 0.5 and never widened into what was taken away from it.
            examples: pictures of a subject, for a method that learns from them; as in ``open``.
            progress: called with the work done.
            cancel: looked at after each step.
            {options}

        Raises:
            NotFoundError: the query is not in the picture, the model does not know its words, or
                the selection is empty.
            QueryError: no query and no mask, or nothing to do.
            InvalidInputError: a number out of its range, a mask that does not fit.
            UnknownNameError: no such method.
            Cancelled: ``cancel`` was raised.
        """
        asked = EditRequest(
            query.strip(),
            target.strip(),
            method,
            mask,
            check_arguments(EditOptions, options),
            tuple(open_picture(each) for each in examples),
        )
        return plan_edit(
            asked,
            self._encoded,
            look=partial(self.segment_all, progress=progress, cancel=cancel),
            caption=self.caption,
            prompt=self.made.prompt if self.made else "",
            steps=self.made.steps if self.made else None,
        )

    def carry_out(
        self,
        plan: EditPlan,
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Edit:
        """Return the picture as ``plan`` has it.

        Where the region of the plan is exactly 0 the result equals the picture bit for bit.

        Args:
            plan: of this picture.
            progress: called with the work done.
            cancel: looked at after each step. When a ``Deadline`` is over, the best of the
                attempts that are finished comes back, and ``stopped`` says so.

        Raises:
            InvalidInputError: the plan is of another picture.
            ModelError: the network gave no finite numbers.
            TimeLimitError: a ``Deadline`` was over before an attempt was finished.
            Cancelled: ``cancel`` was raised.
        """
        if plan.before is not self.picture:
            raise InvalidInputError(
                "the plan is of another picture", hint="plan the edit with this scene"
            )
        start = time.perf_counter()
        edit = carry_out(plan, self._studio, FollowWalk(progress, cancel))
        return replace(edit, seconds=time.perf_counter() - start)

    def edit(self, query: str, target: str, **options: Unpack[EditKeywords]) -> Edit:
        """Return the picture with what ``query`` names turned into ``target``, and nothing else.

        It is planned and carried out in one call; ``options`` are the keywords of ``plan``. Where
        the mask is exactly 0 the result equals the picture bit for bit.

        Raises:
            TextsegError: as ``plan`` and ``carry_out`` do; nothing was changed.
        """
        start = time.perf_counter()
        plan = self.plan(query, target, **options)
        edit = self.carry_out(plan, progress=options.get("progress"), cancel=options.get("cancel"))
        return replace(edit, seconds=time.perf_counter() - start)
