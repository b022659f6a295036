"""What a segmentation costs beside the network evaluations it cannot do without.

Ratios are taken within one run, the compared things in turn, because machines drift; the medians
of several rounds are reported.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from textseg.backends.diffusers_unet import load_unet_model
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import draw_noise
from textseg.images import to_tensor
from textseg.lab.bench.memory import peak_megabytes
from textseg.lab.bench.questions import side_for
from textseg.picturebook import weights_folder
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.scene import Scene
from textseg.segmentation.estimating import BATCH_SIZE

ROUNDS = 7
QUERIES = ["red house", "tree", "mushroom", "boat", "blue car"]


class QueryCost(TypedDict):
    """Seconds, ratios of seconds, and megabytes, each named after what it measures."""

    seconds_one_query: float
    over_bare_evaluations: float
    five_together_over_single: float
    seconds_loading: float
    megabytes_20_queries: float


def measure(model: DiffusionModel) -> QueryCost:
    """Return what queries about the first picture of the demo cost."""
    image = render(PICTURES["meadow"][0], size=side_for(model)).image

    def one() -> None:
        Scene.open(image, model).segment(QUERIES[0])

    def bare() -> None:
        bare_evaluations(model, image, rows=2 * model.card.masks.levels.draws)

    def together() -> None:
        Scene.open(image, model).segment_all(QUERIES)

    def singly() -> None:
        for query in QUERIES:
            Scene.open(image, model).segment(query)

    rounds = [[_seconds(part) for part in (one, bare, together, singly)] for _ in range(ROUNDS)]
    kept = rounds[1:]  # the first warms up
    return {
        "seconds_one_query": statistics.median(row[0] for row in kept),
        "over_bare_evaluations": statistics.median(row[0] / row[1] for row in kept),
        "five_together_over_single": statistics.median(row[2] / row[3] for row in kept),
        "seconds_loading": min(_seconds(lambda: load_unet_model(weights_folder())) for _ in "123"),
        "megabytes_20_queries": _peak_megabytes(),
    }


def _seconds(part: Callable[[], object]) -> float:
    start = time.perf_counter()
    part()
    return time.perf_counter() - start


def bare_evaluations(model: DiffusionModel, image: NDArray[np.uint8], *, rows: int) -> None:
    """Encode and evaluate as often as one query needs, in batches as large."""
    with torch.no_grad():
        latents = model.encode_image(to_tensor(np.divide(image, 255, dtype=np.float32)))
        text = model.embed_text([QUERIES[0]])
        for start in range(0, rows, BATCH_SIZE):
            count = min(BATCH_SIZE, rows - start)
            noise = draw_noise((count, *latents.shape[1:]), seed=start)
            model.predict(0.5 * latents + 0.5 * noise, 0.5, text.repeat_interleave(count))


def _peak_megabytes() -> float:
    """Return by how much 20 queries in one call raise the peak memory of a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_growth)


def _growth() -> float:
    model = load_unet_model(weights_folder())
    image = render(PICTURES["meadow"][0], size=side_for(model)).image
    Scene.open(image, model).segment(QUERIES[0])
    queries = [f"{color} {kind}" for kind in KINDS for color in COLORS][:20]
    before = peak_megabytes()
    Scene.open(image, model).segment_all(queries)
    return peak_megabytes() - before
