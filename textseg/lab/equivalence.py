"""Every family beside its own pipeline in diffusers: ``python -m textseg.lab.equivalence``.

Both walk from the same noise, on the tiny random networks of the tests and by their code, so this
runs where the tests are: from the root of a checkout. It writes what is docs/model_families.md.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from textseg.backends.instruct_pix2pix import TwoGuidances
from textseg.backends.latent import LatentModel
from textseg.diffusion.guidance import ClassifierFree, extrapolated, guide_of
from textseg.diffusion.layers import Attentive
from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.seeing import sees
from textseg.registry.families import wrap_family
from textseg.registry.refusals import REASONS

PAGE = """# Model families

Each family, beside its own pipeline in diffusers: the largest relative error of any network call
and of the state after any of {steps} steps, guided and not, at {sizes} pixels. The
networks are tiny and random, but of the real classes. **None of them has had real weights.** A
pipeline that draws new noise for each step (SANA-Sprint's) is compared in its calls alone.
Those that follow instructions are shown the same picture; those that fill holes fill all of one.

Guidance and steps are those that new pictures are made with. {error} depends on the processor.
Stable Diffusion 1.x, 2.x and XL are compared in `tests/equivalence/test_text_to_image.py`.

{families}

Some pipelines of diffusers are refused for what they are; the others are not written yet.

{refused}

Written by `python -m textseg.lab.equivalence > docs/model_families.md`.
"""
ERROR = "Error"
COLUMNS = ("Family", "Pipeline", ERROR, "Guidance", "Sides", "Attention")


@dataclass(frozen=True)
class FamilyRow:
    """What is told of a family, but for its error."""

    family: str
    pipeline: str
    guidance: str
    sides: str
    attention: str


def cases() -> Mapping[str, Any]:  # Any: ``Case`` of the tests, which are not installed
    """Return the tiny pipelines that the tests compare."""
    tests = importlib.import_module("tests.equivalence.test_flow_families")
    return {**tests.FAMILIES, **tests.SEEING}


def describe(case: Any) -> FamilyRow:  # Any: as in ``cases``
    """Return what a model made of the pipeline says of itself."""
    pipeline = case.build()
    model = wrap_family(pipeline)
    assert isinstance(model, LatentModel)
    made, limit = model.card.sampling, model.card.sizes.largest
    side = model.size_multiple // model.latent_stride
    z = draw_noise((1, model.latent_channels, 6 * side, 10 * side), seed=0)
    if sees(model):
        model = model.beside(z, torch.zeros(1, 3, *z.shape[2:]))
    assert isinstance(model, LatentModel)
    return FamilyRow(
        model.card.name,
        next(  # some of the tests are classes of their own, made of it
            kind.__name__
            for kind in type(pipeline).__mro__
            if kind.__module__.startswith("diffusers.")
        ),
        f"{made.guidance:g}, {_way(model)}; {made.steps} steps",
        f"whole tokens of {model.patch} x {model.patch} cells"
        + ("" if limit is None else ", up to a largest"),
        _attention(model, z),
    )


def error_of(case: Any) -> float:  # Any: as in ``cases``
    """Return the largest relative error of calls and steps, at all sizes, guided and not."""
    tests = importlib.import_module("tests.equivalence.test_flow_families")
    found = [
        tests.compare(case, size, scale=scale, negative="")
        for size in tests.SIZES
        for scale in (tests.SCALE, 1.0)
    ]
    return max(float(error) for each in found for error in (*each.calls, *each.steps))


def measured() -> dict[FamilyRow, float]:
    """Return the largest error of each family that tells the same of itself."""
    errors: dict[FamilyRow, float] = {}
    for case in cases().values():
        row = describe(case)
        errors[row] = max(errors.get(row, 0.0), error_of(case))
    return errors


def page(errors: Mapping[FamilyRow, float]) -> str:
    """Return the page, in Markdown."""
    tests = importlib.import_module("tests.equivalence.test_flow_families")
    families = (
        (row.family, row.pipeline, f"{error:.0e}", row.guidance, row.sides, row.attention)
        for row, error in errors.items()
    )
    reasons = dict.fromkeys(REASONS.values())
    refused = (
        (", ".join(f"{begin}..." for begin, other in REASONS.items() if other == why), why)
        for why in reasons
    )
    return PAGE.format(
        steps=tests.STEPS,
        sizes=" and ".join(f"{rows} x {columns}" for rows, columns in tests.SIZES),
        error=ERROR,
        families="\n".join(_table(COLUMNS, families)),
        refused="\n".join(_table(("Pipelines", "What speaks against each"), refused)),
    )


def _way(model: LatentModel) -> str:
    guide = guide_of(model)
    if isinstance(guide, TwoGuidances):
        return f"mixed, {guide.picture:g} for the picture"
    if not isinstance(guide, ClassifierFree):
        return "told to the network"
    return "mixed" if guide.mix is extrapolated else "mixed, lengths kept"


def _attention(model: LatentModel, z: torch.Tensor) -> str:
    if not isinstance(model, Attentive):
        return "not seen"
    layers = model.attention_layers(z, model.embed_text(["a red tree"]))
    return ", ".join(dict.fromkeys(layer.kind for layer in layers))


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(columns)
    for cells in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    with torch.no_grad():
        sys.stdout.write(page(measured()))
