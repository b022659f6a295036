"""From texts about a picture to their segmentations, by way of maps, rivals and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from textseg.diffusion.card import Language
from textseg.diffusion.vocabulary import unknown_words
from textseg.encoded import EncodedPicture
from textseg.scene.comparing import Asking, compare, finish
from textseg.scene.looking import ReadWindows, look_again
from textseg.segmentation.competing import Challenge, Standing, weigh_rivals
from textseg.segmentation.difference import EstimateCache, RawMaps
from textseg.segmentation.draws import plan_draws
from textseg.segmentation.estimating import Estimator
from textseg.segmentation.presence import PresenceCalibration, found_region, presence_features
from textseg.segmentation.result import Segmentation
from textseg.segmentation.rivals import EVERYDAY, rivals_of
from textseg.segmentation.settings import SegmentSettings


def answer(asking: Asking, queries: Sequence[str], windows: ReadWindows) -> list[Segmentation]:
    """Return where each of the queries is; see ``Scene.segment_all``."""
    found = _answer(asking, queries)
    if asking.settings.look == "whole":
        return found
    return look_again(asking, found, ask=_answer, windows=windows)


def _answer(asking: Asking, queries: Sequence[str]) -> list[Segmentation]:
    """Return what one look at a picture, or a part of one, shows."""
    asked, reference = asking.texts.embed(queries), asking.texts.embed([asking.settings.reference])
    own = EstimateCache() if asking.settings.presence == "rivals" else None
    raws = compare(asking, asked, reference, own=own)
    known = [raws[k] for k, words in enumerate(asked.unknown) if not words]
    standings = {} if own is None else _standings(asking, known, own)
    return finish(asking, raws, asked, reference=reference, standings=standings)


def _standings(asking: Asking, raws: Sequence[RawMaps], own: EstimateCache) -> dict[str, Standing]:
    """Return how those of the queries did about which the maps alone leave doubt.

    What is known comes back as it is, and took no evaluations.
    """
    encoded, known, key = asking.encoded, asking.known, asking.settings.of_maps
    kept = {raw.query: known.standings.get((raw.query, key)) for raw in raws}
    found = {
        query: replace(standing, evaluations=0, shared_evaluations=0)
        for query, standing in kept.items()
        if standing is not None
    }
    new = [raw for raw in raws if raw.query not in found]
    challenges = _challenges(encoded, new, asking.settings)
    if challenges:
        if known.rivals.full:
            known.rivals = EstimateCache()
        rivals = [rival for each in challenges for rival in each.rivals]
        told = asking.texts.embed(
            list(dict.fromkeys([*(each.query for each in challenges), *rivals]))
        )
        with torch.no_grad():
            made = weigh_rivals(
                Estimator(encoded.model, encoded.latents, told, batch_size=asking.batch_size),
                challenges,
                rounds=encoded.model.card.presence.rivals.rounds,
                own=own,
                cache=known.rivals,
                follow=asking.follow,
            )
        for each, standing in zip(challenges, made, strict=True):
            known.standings[each.query, key] = found[each.query] = standing
    return found


def _challenges(
    encoded: EncodedPicture, raws: Sequence[RawMaps], settings: SegmentSettings
) -> list[Challenge]:
    """Return the queries that are to be weighed: those in doubt for which there are rivals."""
    card = encoded.model.card
    calibration, language = PresenceCalibration.of(card.presence), card.language
    plan = plan_draws(
        settings.draws,
        levels=settings.levels,
        sigma_range=settings.sigma_range,
        covered=encoded.model.sigma_range,
        seed=settings.seed,
        antithetic=settings.antithetic,
        early=settings.tolerance is not None,
    )
    found = []
    for raw in raws:
        rivals = _known_rivals(raw.query, language)
        if rivals and calibration.suited_to(raw).doubts(presence_features(raw)):
            draws = tuple(plan[: raw.draws])
            found.append(Challenge(raw.query, found_region(raw), draws, rivals))
    return found


def _known_rivals(query: str, language: Language) -> tuple[str, ...]:
    """Return the rivals of a query that the model has words for."""
    known, contrasts = language.known_words, language.contrasts or EVERYDAY
    rivals = rivals_of(query, contrasts, closed=known is not None)
    if known is None:
        return rivals
    return tuple(rival for rival in rivals if not unknown_words(rival, known))
