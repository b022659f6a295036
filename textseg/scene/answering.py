"""From texts about a picture to their segmentations, by way of maps, rivals and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from textseg.diffusion.card import Language
from textseg.diffusion.vocabulary import unknown_words
from textseg.editing.apply import FollowWalk
from textseg.encoded import EncodedPicture, Texts
from textseg.scene.comparing import Known, compare, finish
from textseg.scene.looking import ReadWindows, look_again
from textseg.segmentation.competing import Challenge, Standing, weigh_rivals
from textseg.segmentation.difference import EstimateCache, RawMaps
from textseg.segmentation.draws import plan_draws
from textseg.segmentation.estimating import Estimator
from textseg.segmentation.presence import PresenceCalibration, found_region, presence_features
from textseg.segmentation.result import Segmentation
from textseg.segmentation.rivals import EVERYDAY, rivals_of
from textseg.segmentation.settings import SegmentSettings


def answer(
    encoded: EncodedPicture,
    queries: Sequence[str],
    settings: SegmentSettings,
    *,
    texts: Texts,
    batch_size: int,
    known: Known,
    windows: ReadWindows,
    follow: FollowWalk,
) -> list[Segmentation]:
    """Return where each of the queries is; see ``Scene.segment_all``."""

    def ask(
        part: EncodedPicture, asked: Sequence[str], known: Known, follow: FollowWalk
    ) -> list[Segmentation]:
        return _answer(
            part,
            asked,
            settings,
            texts=texts,
            batch_size=batch_size,
            known=known,
            follow=follow,
        )

    found = ask(encoded, queries, known, follow)
    if settings.look == "whole":
        return found
    return look_again(encoded, found, settings, ask=ask, windows=windows, follow=follow)


def _answer(
    encoded: EncodedPicture,
    queries: Sequence[str],
    settings: SegmentSettings,
    *,
    texts: Texts,
    batch_size: int,
    known: Known,
    follow: FollowWalk,
) -> list[Segmentation]:
    """Return what one look at a picture, or a part of one, shows."""
    asked, reference = texts.embed(queries), texts.embed([settings.reference])
    own = EstimateCache() if settings.presence == "rivals" else None
    raws = compare(
        encoded,
        asked,
        reference,
        settings,
        batch_size=batch_size,
        known=known,
        own=own,
        follow=follow,
    )
    standings = (
        {}
        if own is None
        else _standings(
            encoded,
            [raws[k] for k, words in enumerate(asked.unknown) if not words],
            settings,
            texts=texts,
            batch_size=batch_size,
            known=known,
            own=own,
            follow=follow,
        )
    )
    return finish(
        encoded,
        raws,
        asked,
        reference,
        settings,
        standings=standings,
        batch_size=batch_size,
        follow=follow,
    )


def _standings(
    encoded: EncodedPicture,
    raws: Sequence[RawMaps],
    settings: SegmentSettings,
    *,
    texts: Texts,
    batch_size: int,
    known: Known,
    own: EstimateCache,
    follow: FollowWalk,
) -> dict[str, Standing]:
    """Return how those of the queries did about which the maps alone leave doubt.

    What is known comes back as it is, and took no evaluations.
    """
    key = settings.of_maps
    kept = {raw.query: known.standings.get((raw.query, key)) for raw in raws}
    found = {
        query: replace(standing, evaluations=0, shared_evaluations=0)
        for query, standing in kept.items()
        if standing is not None
    }
    challenges = _challenges(encoded, [raw for raw in raws if raw.query not in found], settings)
    if challenges:
        if known.rivals.full:
            known.rivals = EstimateCache()
        rivals = [rival for each in challenges for rival in each.rivals]
        told = list(dict.fromkeys([*(each.query for each in challenges), *rivals]))
        estimator = Estimator(
            encoded.model, encoded.latents, texts.embed(told), batch_size=batch_size
        )
        with torch.no_grad():
            made = weigh_rivals(
                estimator,
                challenges,
                rounds=encoded.model.card.presence.rivals.rounds,
                own=own,
                cache=known.rivals,
                follow=follow,
            )
        new = {each.query: standing for each, standing in zip(challenges, made, strict=True)}
        known.standings |= {(query, key): standing for query, standing in new.items()}
        found |= new
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
