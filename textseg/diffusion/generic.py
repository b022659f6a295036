"""The card of a model of which only its family is known: published numbers, and reasons.

What no paper says is told as ours in ``found``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from textseg.diffusion.card import (
    Attempts,
    EditHabit,
    Edits,
    Language,
    Looking,
    Masks,
    ModelCard,
    Options,
    Precision,
    Presence,
    Sampling,
    Sizes,
    WordLayers,
)
from textseg.diffusion.mask_settings import RefineSettings, SoftenSettings
from textseg.diffusion.rivalry import Rivals

LOG_SNR = (2.2, -3.8)  # at TOKENS[1] cells: sigma .25 to .87, around DiffEdit's .62
DRAWS = 10  # arXiv:2210.11427, section 3.1
COMPARED = 12  # noises by which attempts are compared; ours
SIDES, BLURS = (16, 64), (0.7, 2.0)  # cells along a side, and the blur of their maps in cells
TOKENS, SHIFT = (256, 4096), (0.5, 1.15)  # the line of FLUX.1: mu of a latent of so many tokens
ATTENTION = 0.5  # exponent
NO_GUIDANCE = 1.0
SMALL_GROWTH, GROWTH = 0.5, 1.0  # latent cells; the grid leaves half a cell open

LEVELS_FOUND = (
    "sigma .25 to .87 at 4096 cells, around the level of DiffEdit (arXiv:2210.11427: half of the "
    "steps, sigma .62); moved with the number of cells as FLUX.1 moves its noise levels. draws: "
    "DiffEdit, section 3.1. Not measured on this model"
)
ATTENTION_FOUND = (
    "attention: the exponent that served both worlds of the embedded model, which was trained on "
    "one of them; that attention finds more than the difference does is published for Stable "
    "Diffusion (InstDiffEdit, arXiv:2401.07709: 56.2 against 33.0 IoU). Not measured on this model"
)
SOFTEN_FOUND = (
    "DiffEdit's rule. blur: ours; DiffEdit averages over draws only. Independent noise of cells "
    "falls with the area that is averaged over, what is to be found keeps its share of the side: "
    ".7 cells at 16 a side, growing with the side up to 2 at 64. Not measured on this model"
)
RIVALS_FOUND = (
    "fitted to nothing: what a model that is right would have. rounds: ours; the first at the "
    "level of DiffEdit, around which the levels lie. Not measured on this model"
)
RELEVANCE_FOUND = (
    "the difference alone, as in Watch Your Steps (arXiv:2308.08947): the words of an instruction "
    "say what to do, so that where they are looked at is not where it is done"
)
UNDECIDED_FOUND = (
    "nothing is decided: what an instruction asks for need not be there, so that it is taken as "
    "found with a probability of one half"
)


def log_snr_range(cells: int) -> tuple[float, float]:
    """Return the log-SNR of least and most noise for latents of so many cells or tokens.

    The same detail survives more noise in more cells. FLUX.1 shifts its levels by e^mu with mu on
    a line from 256 to 4096 tokens, which moves log-SNR by -2 mu; beyond its ends we stay at them.
    """
    share = (min(max(cells, TOKENS[0]), TOKENS[1]) - TOKENS[1]) / (TOKENS[1] - TOKENS[0])
    shift = -2 * share * (SHIFT[1] - SHIFT[0])
    return LOG_SNR[0] + shift, LOG_SNR[1] + shift


def blur_of_maps(cells: int) -> float:
    """Return the blur, in cells, of maps of so many cells, which stand in a square.

    The noise of a cell is the same in any number of them, while a thing covers more of them.
    """
    side = min(max(math.sqrt(cells), SIDES[0]), SIDES[1])
    return BLURS[0] + (BLURS[1] - BLURS[0]) * (side - SIDES[0]) / (SIDES[1] - SIDES[0])


def masks(cells: int, words: WordLayers | None = None) -> Masks:
    """Return how masks are made of latents of so many cells, and of attention in some layers."""
    return Masks(
        Looking(log_snr_range(cells), DRAWS),
        SoftenSettings(blur=blur_of_maps(cells), attention=ATTENTION if words else 0.0),
        RefineSettings(),
        found=f"{LEVELS_FOUND}. soften: {SOFTEN_FOUND}; {ATTENTION_FOUND}. refine: radius, guide "
        "and cut measured on maps made from the masks of street photographs (textseg bench edges)",
        words=words,
    )


def attempts(cells: int) -> Attempts:
    """Return how attempts are compared: without the third of least noise, which sees texture."""
    levels = Looking(log_snr_range(cells), COMPARED)
    coarse = Looking((levels.band_edges[0], levels.log_snr[1]), COMPARED)
    return Attempts(1, coarse, found="one attempt, as everybody makes; comparing several is ours")


def edits(
    method: str,
    options: Options,
    *,
    blending: Options | None = None,
    every: Options | None = None,
    methods: Mapping[str, Options] | None = None,
) -> Edits:
    """Return how changes are made by one published method; what is new is blended in.

    Args:
        method: changes what is there.
        options: of it, where they are not its own.
        blending: those of Blended Latent Diffusion; None: the same.
        every: options of any method that is asked for by name, where they are not its own.
        methods: those of one by its name.
    """
    new = {**(options if blending is None else blending), "strength": 1.0}
    return Edits(
        alter=EditHabit(method, options, grow=SMALL_GROWTH, detail=True),
        replace=EditHabit(method, options, grow=GROWTH),
        remove=EditHabit("blended", new, grow=GROWTH),
        add=EditHabit("blended", new, grow=0.0),
        setting=EditHabit("blended", new, grow=0.0),
        every=every or {},
        methods=methods or {},
        found="the methods' own numbers, as published; what removes, adds or changes the setting "
        "starts from pure noise, as diffusers' inpainting pipelines do. grow: ours, the cells that "
        "an outline touches. detail: three photographs, a region turned in hue, an answer that is "
        "soft by 1, 2 and 5 pixels and uneven in its light: mean error inside .024, .036 and .060, "
        "with the picture's lightness .021, .026 and .039",
    )


def few_step_edits(steps: int, *, guidance: float = NO_GUIDANCE) -> Edits:
    """Return how a model changes pictures that was distilled to few steps.

    ``guidance`` is what it is told, by default none.
    """
    few: Options = {"steps": steps, "guidance": guidance}
    methods: dict[str, Options] = {"flowedit": {"source_guidance": NO_GUIDANCE}}
    return edits("blended", few, every=few, methods=methods)


def generic_card(
    name: str,
    *,
    side: int | None,
    largest: int | None = None,
    cells: int,
    edits: Edits,
    sampling: Sampling,
    precision: Precision,
    words: WordLayers | None = None,
    blank: str = "",
) -> ModelCard:
    """Return the card of a model of an open vocabulary.

    Args:
        name: of the card.
        side: in pixels, of the square pictures that the model was trained on.
        largest: side in pixels that its network can take at all; None: any.
        cells: of the latents of such a picture; of a transformer, its tokens.
        edits: how changes are made.
        sampling: how pictures are made.
        precision: that its pipeline is used in.
        words: in which attentions the words of a query are seen; None: nobody has published any.
        blank: the text that says nothing, where "" has not the template of all other prompts.
    """
    return ModelCard(
        name=name,
        sizes=Sizes(side, largest, found="the network's config"),
        language=Language(blank, None, None, found="an open vocabulary"),
        masks=masks(cells, words),
        presence=Presence(
            found="fitted to nothing: the sign of the evidence where it is found",
            rule="rivals",
            rivals=Rivals(found=RIVALS_FOUND),
        ),
        attempts=attempts(cells),
        edits=edits,
        sampling=sampling,
        precision=precision,
    )


def instructed_card(usual: ModelCard, *, name: str, sampling: Sampling) -> ModelCard:
    """Return the card of a model that was made of another one, to follow instructions.

    Args:
        usual: of the other one.
        name: of the card.
        sampling: how its pipeline makes the changed picture, from pure noise and the picture.
    """
    told: Options = {"steps": sampling.steps, "guidance": sampling.guidance}
    soften = replace(usual.masks.soften, attention=0.0)
    return replace(
        usual,
        name=name,
        language=replace(usual.language, instructed=True),
        masks=replace(
            usual.masks,
            soften=soften,
            words=None,
            found=f"{RELEVANCE_FOUND}. The other numbers: {usual.masks.found}",
        ),
        presence=Presence(weights={}, bias=0.0, found=UNDECIDED_FOUND),
        edits=edits("blended", {**told, "strength": 1.0}, every=told),
        sampling=sampling,
    )
