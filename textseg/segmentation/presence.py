"""Is the query in the picture at all? A probability from the evidence, calibrated per model.

The evidence map, summed, is the part of log p(x | query) - log p(x) that the levels cover; the
information map is what it is expected to be when the query is true of the picture. Their ratio
therefore has no scale that depends on the query (arXiv:2310.07972). A logistic function of such
features, fitted on pictures with known content, gives the probability. Where that leaves doubt, how
the query does against its rivals (``textseg.segmentation.competing``) may decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special
from skimage import filters

from textseg.diffusion.card import Presence
from textseg.diffusion.rivalry import Rivals
from textseg.errors import InvalidInputError, ModelError
from textseg.segmentation.difference import RawMaps
from textseg.segmentation.soft import blur
from textseg.segmentation.word_features import WORD_FEATURES, word_features

BAND_FEATURES = tuple(
    f"{part}_{band}" for band in ("fine", "middle", "coarse") for part in ("gain", "loss", "change")
)
WHOLE_FEATURES = (
    "ratio",
    "region_ratio",
    "evidence",
    "region_evidence",
    "significance",
    "information",
)
FEATURES = (*WHOLE_FEATURES, *BAND_FEATURES, *WORD_FEATURES)
RIVAL_FEATURES = ("log_odds", "rivalry")  # of the calibrated probability; see ``competing``
# As a share of the map's side, for a thing is as large in any number of cells; and in cells, where
# neighbours have averaged their noise away.
REGION_BLUR, MOST_BLUR = 0.7 / 16, 2.0
LEAST_INFORMATION = 0.1  # nats; below it a ratio is noise and is drawn towards 0


@dataclass(frozen=True)
class PresenceVerdict:
    """The probability that a query is in the picture, and from which one on it counts as there."""

    probability: float
    threshold: float

    @property
    def present(self) -> bool:
        """The decision."""
        return self.probability >= self.threshold

    @property
    def gate(self) -> float:
        """How bright a mask may be: 1 when present, else the odds over those of the threshold."""
        odds = self.probability / (1 - min(self.probability, 1 - 1e-9))
        return min(1.0, odds * (1 - self.threshold) / self.threshold)


@dataclass(frozen=True)
class PresenceCalibration(Presence):
    """What a model's card says of presence, ready to be used."""

    def __post_init__(self) -> None:
        """Check that the features exist and the threshold is a probability."""
        super().__post_init__()
        named = {*self.weights, *(self.partial.weights if self.partial else ())}
        known = (*FEATURES, *RIVAL_FEATURES)
        unknown = sorted((named - set(FEATURES)) | (set(self.rivals.weights) - set(known)))
        if unknown:
            raise InvalidInputError(
                f"unknown presence features {', '.join(unknown)}; known: {', '.join(FEATURES)}, "
                f"and of rivals {', '.join(RIVAL_FEATURES)}"
            )

    @classmethod
    def of(cls, presence: Presence) -> PresenceCalibration:
        """Return what stands on a card, ready to be used.

        Raises:
            ModelError: it names features that do not exist.
        """
        try:
            return cls(**{part.name: getattr(presence, part.name) for part in fields(presence)})
        except InvalidInputError as error:
            raise ModelError(
                f"the presence calibration of this model is broken: {error}"
            ) from error

    def suited_to(self, raw: RawMaps) -> PresenceCalibration:
        """Return the calibration for maps of these levels: itself, or ``partial``.

        That is for maps in which a band of levels is empty, or where words were not seen though the
        calibration looks at them.
        """
        unseen = raw.words is None and not set(self.weights).isdisjoint(WORD_FEATURES)
        if not unseen and (self.partial is None or not np.isnan(raw.bands).any()):
            return self
        return PresenceCalibration.of(replace(self.partial or Presence(), rivals=self.rivals))

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability that a query with these features is in the picture."""
        return float(special.expit(_log_odds(self, features)))

    def doubts(self, features: Mapping[str, float]) -> bool:
        """Return whether these features leave open what rivals may decide."""
        low, high = self.rivals.doubt
        return low <= self.probability(features) <= high

    def judge(self, features: Mapping[str, float], rivalry: float | None = None) -> PresenceVerdict:
        """Return what the features mean.

        Args:
            features: of ``FEATURES``.
            rivalry: the score of the query against its rivals; ``None``: they were not asked.
        """
        if rivalry is None:
            return PresenceVerdict(self.probability(features), self.threshold)
        known = {**features, "log_odds": _log_odds(self, features), "rivalry": rivalry}
        probability = float(special.expit(_log_odds(self.rivals, known)))
        return PresenceVerdict(probability, self.rivals.threshold)

    def gate(self, probability: float) -> float:
        """Return ``PresenceVerdict.gate`` of a probability that was calibrated."""
        return PresenceVerdict(probability, self.threshold).gate


def presence_features(raw: RawMaps) -> dict[str, float]:
    """Return the features of ``FEATURES``, all finite; those of words where they were seen.

    "ratio" and "region_ratio" are evidence over information in [-1, 1], on the whole map and in
    the region found; "evidence", "region_evidence" (signed) and "information" are sums in nats on
    a logarithmic scale; "significance" is the region's evidence in standard errors, on the same
    scale. "gain_*" and "loss_*" are the positive and the negative part of the single draws'
    evidence, "change_*" their information, summed over the map, on the same scale, for little noise
    ("fine": colour and texture), middle, and much ("coarse": what and where); a band without a draw
    takes the mean of the others. A text that is wrong in one respect gains in one band and loses in
    another.
    """
    region = found_region(raw)
    evidence, inside = float(raw.evidence.sum()), float(raw.evidence[region].sum())
    information = float(raw.information.sum())
    error = math.sqrt(float(np.square(raw.evidence_spread[region]).sum()))
    known = math.isfinite(error) and error > 0  # no spread after a single draw
    return {
        "ratio": _ratio(evidence, information),
        "region_ratio": _ratio(inside, float(raw.information[region].sum())),
        "evidence": math.asinh(evidence),
        "region_evidence": math.asinh(inside),
        "significance": math.asinh(inside / error) if known else 0.0,
        "information": math.asinh(information),
        **_band_features(raw.bands),
        **_word_features(raw, region),
    }


def _word_features(raw: RawMaps, region: NDArray[np.bool_]) -> dict[str, float]:
    if raw.words is None or raw.words_spread is None:
        return {}
    return word_features(raw.words, raw.words_spread, region)


def _log_odds(reading: Presence | Rivals, features: Mapping[str, float]) -> float:
    return reading.bias + sum(weight * features[name] for name, weight in reading.weights.items())


def _band_features(bands: NDArray[np.float32]) -> dict[str, float]:
    sums = bands.sum((2, 3), dtype=np.float64)  # (band, part)
    values = np.arcsinh(np.where(np.isnan(sums), np.nanmean(sums, 0), sums))
    return dict(zip(BAND_FEATURES, values.ravel().tolist(), strict=True))


def found_region(raw: RawMaps) -> NDArray[np.bool_]:
    """Return the cells (h, w) where the text changes the estimate most: Otsu on the information."""
    side = math.sqrt(raw.information.size)
    values = blur(raw.information, min(REGION_BLUR * side, MOST_BLUR))
    if np.ptp(values) == 0:
        return np.ones(values.shape, bool)
    return np.asarray(values > filters.threshold_otsu(values))


def _ratio(evidence: float, information: float) -> float:
    return max(-1.0, min(1.0, evidence / (information + LEAST_INFORMATION)))
