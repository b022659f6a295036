"""`textseg bench masks`: masks and presence on data of the user's own.

The set is laid out as COCO, Pascal VOC, ImageNet-S or Editing-Mask are, and looked at as a whole
before the model is loaded. `scoring.py` says what each figure is in the papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from textseg.diffusion.model import DiffusionModel
from textseg.errors import InvalidInputError, TextsegError, UnknownNameError, UnsupportedError
from textseg.images import open_picture
from textseg.lab.bench.editing.running import Results, Scored, run_items
from textseg.lab.bench.masks.asking import (
    Answered,
    MaskBenchSettings,
    ask_model,
    ask_peer,
    choose_questions,
)
from textseg.lab.bench.masks.figures import Kept, flatten, gather
from textseg.lab.bench.masks.published import PUBLISHED
from textseg.lab.bench.masks.reading import read_mask_set
from textseg.lab.bench.masks.report import ASKED, MaskReport
from textseg.lab.bench.masks.scoring import Row, summarize
from textseg.lab.bench.masks.truth import MaskSet, Mean
from textseg.lab.bench.peer import DiffEditMask
from textseg.lab.bench.scores import pixel_ap
from textseg.picturebook import weights_folder
from textseg.progress import Follow
from textseg.registry.models import check_model
from textseg.toolbox.running import load_chosen

OURS, PEER = "default", "peer"


def measure_masks(settings: MaskBenchSettings, *, follow: Follow) -> MaskReport:
    """Return the figures of a model on a set of the user's, and of the peer on the same weights.

    Raises:
        InvalidInputError: the data cannot be used (see `read_mask_set`), or no picture could be
            measured, or `results` belongs to another run.
        ModelError: the model cannot be loaded.
        MissingExtraError: scikit-learn is not installed.
        Cancelled: as asked.
    """
    if settings.ask not in ASKED:
        raise UnknownNameError.among("ask", settings.ask, ASKED)
    check_model(settings.setup.model, local_files_only=settings.setup.offline)
    pixel_ap(np.zeros(2, np.float32), np.array([True, False]))  # whether it can be computed at all
    mask_set = read_mask_set(
        settings.data, names=settings.names, limit=settings.limit, follow=follow
    )
    if settings.ask == "all" and not mask_set.categories:
        raise InvalidInputError(
            "each picture of this set has a text of its own: there is no list to ask from",
            hint='ask for what is "present"',
        )
    model = load_chosen(settings.setup)
    try:
        peer, unavailable = load_peer(settings, model), {}
    except TextsegError as error:
        peer, unavailable = None, {PEER: error.message}
    return ask_all(mask_set, model, peer, settings=settings, unavailable=unavailable, follow=follow)


def ask_all(
    mask_set: MaskSet,
    model: DiffusionModel,
    peer: DiffEditMask | None,
    *,
    settings: MaskBenchSettings,
    unavailable: Mapping[str, str],
    follow: Follow,
) -> MaskReport:
    """Return the figures of a model and of the peer on a set.

    Args:
        mask_set: pictures that fit their masks.
        model: what is measured.
        peer: what it is compared with; None where ``unavailable`` says why there is none.
        settings: what is asked.
        unavailable: methods that are not measured, with the reason.
        follow: told of every picture, and asked between them whether to stop.

    Raises:
        InvalidInputError: no picture could be measured, or `results` belongs to another run.
        Cancelled: as asked.
    """

    def score(key: str) -> Scored:
        truth = mask_set.pictures[key].read()
        picture = open_picture(mask_set.pictures[key].path)
        asked = choose_questions(truth, mask_set.categories, key, settings=settings)
        found = {OURS: ask_model(model, picture, truth, asked, settings=settings)}
        if peer is not None:
            found[PEER] = ask_peer(peer, model, picture, truth, asked, settings=settings)
        return _scored(key, found)

    facts = {
        "layout": mask_set.layout,
        "data": mask_set.fingerprint,
        "model": model.name,
        "ask": settings.ask,
        "absent": settings.absent,
        "prompt": settings.prompt,
        "seed": settings.seed,
    }
    header = {"benchmark": "masks", **facts, "unavailable": sorted(unavailable)}
    resumed = Results(settings.results, header).resumed(score) if settings.results else score
    outcome = run_items(list(mask_set.pictures), resumed, follow=follow)
    every = settings.ask == "all"
    return MaskReport(
        facts=facts,
        mean=mask_set.mean,
        ask=settings.ask,
        rows={
            who: _row(who, outcome.scored, mean=mask_set.mean, every=every)
            for who in ([OURS] if peer is None else [OURS, PEER])
        },
        published=PUBLISHED.get((mask_set.layout, settings.ask), ()),
        unavailable=unavailable,
        outcome=outcome,
    )


def load_peer(settings: MaskBenchSettings, model: DiffusionModel) -> DiffEditMask:
    """Return the peer on the weights of a model.

    Raises:
        TextsegError: it is not wanted, cannot answer such questions, or cannot take these weights.
    """
    if not settings.peer:
        raise UnsupportedError("not asked for")
    if settings.ask == "all":
        raise UnsupportedError("of two hard masks on one pixel none is the likelier")
    setup = settings.setup
    folder = weights_folder() if setup.model == "picturebook" else Path(setup.model).expanduser()
    if not folder.is_dir() or setup.lora:
        raise UnsupportedError(
            f"it needs a folder of weights with nothing added, which {model.name!r} is not"
        )
    return DiffEditMask(folder, device=str(model.device))


def _scored(key: str, found: Mapping[str, Answered]) -> Scored:
    figures: Kept = {}
    for who, answered in found.items():
        figures |= flatten(who, answered.tallies)
        figures |= {f"{who}|evaluations": answered.evaluations, f"{who}|seconds": answered.seconds}
    ours = found[OURS]
    return Scored(key, "", figures, int(ours.evaluations), ours.seconds)


def _row(who: str, scored: Sequence[Scored], *, mean: Mean, every: bool) -> Row:
    row = summarize([gather(who, item.figures) for item in scored], mean=mean, every=every)
    questions = row["questions"] or 1
    costs = {
        f"{name}_per_question": sum(item.figures[f"{who}|{name}"] or 0.0 for item in scored)
        / questions
        for name in ("evaluations", "seconds")
    }
    return {**row, **costs}
