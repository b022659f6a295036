"""What the judge is trained on: regions with their answers, and whole scenes with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot
from transformers import CLIPTokenizer

from textseg.lab.crops import Box, box_of_cells, cropped
from textseg.lab.judge import JUDGE_SIZE, NOTHING, PAIRS, pixels
from textseg.lab.training.corpus import Corpus
from textseg.lab.training.reading import patch_classes, roughened, seen_in_corpus
from textseg.lab.training.variants import Variants
from textseg.lab.training.vocabulary import new_tokenizer
from textseg.lab.visible import COLOR_NAMES, MIN_AREA, Visible, full_caption, with_article
from textseg.picturebook.captions import SYNONYMS, Caption, caption

_NOTHING_LABEL = len(PAIRS)
_CLEAR = 0.04  # share of a box that things may cover where it is said to show nothing
_POOLS = {"thing": 0.55, "edited": 0.2, "nothing": 0.25}


@dataclass(frozen=True)
class BoxRegion:
    """A box in a picture and what it shows: a number of `PAIRS`, or one past the last: nothing."""

    corpus: Corpus
    index: int
    box: Box
    label: int


def pair_texts(rng: np.random.Generator) -> list[str]:
    """Return a text for each pair, in words drawn anew, and `NOTHING`."""
    texts = []
    for kind, color in PAIRS:
        nouns = SYNONYMS.get(kind, (kind,))
        text = f"{color} {nouns[int(rng.integers(len(nouns)))]}"
        texts.append((with_article(text), f"the {text}", text)[int(rng.integers(3))])
    return [*texts, NOTHING]


def _label(corpus: Corpus, index: int, thing: int) -> int:
    return int(corpus.kinds[index, thing]) * len(COLOR_NAMES) + int(corpus.colors[index, thing])


def _step(corpus: Corpus) -> int:
    """Side of a coverage cell in pixels."""
    return int(corpus.images.shape[1] // corpus.coverage.shape[-1])


def _area(corpus: Corpus, index: int, thing: int) -> float:
    return float(corpus.coverage[index, thing].mean() / 255)


def _clear(corpus: Corpus, index: int, box: Box) -> bool:
    """Tell whether hardly anything is visible inside a box."""
    step = _step(corpus)
    top, left = (int(v // step) for v in box[:2])
    bottom, right = (int(np.ceil(v / step)) for v in box[2:])
    inside = corpus.coverage[index, :, top:bottom, left:right].sum(0, dtype=float) / 255
    return bool(inside.mean() < _CLEAR)


@dataclass(frozen=True)
class JudgeBatch:
    """What one step trains on.

    Attributes:
        regions: (r, 3, h, w) in [-1, 1].
        pairs: ids and attention of the texts of all pairs.
        region_belongs: (r, pairs + 1) bool.
        scenes: (s, 3, h, w) in [-1, 1].
        captions: ids and attention of one caption a scene.
        scene_belongs: (s, s) bool.
        coverage: (s, things, cells, cells) visible shares of things.
        classes: (s, 3, things) as `patch_classes`.
    """

    regions: Tensor
    pairs: tuple[Tensor, Tensor]
    region_belongs: Tensor
    scenes: Tensor
    captions: tuple[Tensor, Tensor]
    scene_belongs: Tensor
    coverage: Tensor
    classes: Tensor


@dataclass(frozen=True)
class JudgedPictures:
    """Training scenes and their variants (of the first scenes of the corpus)."""

    corpus: Corpus
    variants: Variants

    @cached_property
    def _tokenizer(self) -> CLIPTokenizer:
        return new_tokenizer()

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return ids and attention (b, tokens) of texts; long ones are cut."""
        texts = list(texts)
        found = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        return found["input_ids"], found["attention_mask"]

    def region(self, rng: np.random.Generator) -> BoxRegion:
        """Return a random region whose answer is clear."""
        draws = {"thing": self._thing, "edited": self._edited, "nothing": self._nothing}
        draw = draws[str(rng.choice(list(_POOLS), p=list(_POOLS.values())))]
        while (found := draw(rng)) is None:
            pass
        return found

    def _thing(self, rng: np.random.Generator) -> BoxRegion | None:
        """Return a visible thing."""
        corpus = (self.corpus, self.variants.corpus)[int(rng.random() < 0.25)]
        index = int(rng.integers(len(corpus.images)))
        thing = int(rng.integers(corpus.kinds.shape[1]))
        if _area(corpus, index, thing) < MIN_AREA / 2:
            return None
        box = box_of_cells(corpus.coverage[index, thing] / 255, _step(corpus))
        return BoxRegion(corpus, index, box, _label(corpus, index, thing))

    def _edited(self, rng: np.random.Generator) -> BoxRegion | None:
        """Where an edit was: the box of the thing before, and what is there now."""
        after, index = self.variants.corpus, int(rng.integers(len(self.variants.edited)))
        thing = int(self.variants.edited[index])
        if thing < 0 or _area(self.corpus, index, thing) < MIN_AREA:
            return None
        box = box_of_cells(self.corpus.coverage[index, thing] / 255, _step(self.corpus))
        if (after.kinds[index] >= 0).sum() < (self.corpus.kinds[index] >= 0).sum():
            return (
                BoxRegion(after, index, box, _NOTHING_LABEL) if _clear(after, index, box) else None
            )
        if _area(after, index, thing) < MIN_AREA:
            return None
        return BoxRegion(after, index, box, _label(after, index, thing))

    def _nothing(self, rng: np.random.Generator) -> BoxRegion | None:
        """Any box that shows the setting alone."""
        corpus = (self.corpus, self.variants.corpus)[int(rng.random() < 0.5)]
        index, size = int(rng.integers(len(corpus.images))), corpus.images.shape[1]
        height, width = rng.uniform(0.15, 0.6, 2) * size
        top, left = rng.uniform(0, size - height), rng.uniform(0, size - width)
        box = (float(top), float(left), float(top + height), float(left + width))
        return BoxRegion(corpus, index, box, _NOTHING_LABEL) if _clear(corpus, index, box) else None

    def batch(self, regions: int, pairs: int, rng: np.random.Generator) -> JudgeBatch:
        """Return random regions, and random scenes each beside its variant."""
        found = [self.region(rng) for _ in range(regions)]
        chosen = rng.integers(len(self.variants.edited), size=pairs)
        both = [(c, int(i)) for i in chosen for c in (self.corpus, self.variants.corpus)]
        seen = [seen_in_corpus(corpus, index) for corpus, index in both]
        captions = [_any_caption(item, rng) for item in seen]
        whole = [cropped(c.images[i], _whole(c), size=JUDGE_SIZE, margin=0.0) for c, i in both]
        labels = torch.tensor([region.label for region in found])
        crops = [_view(region, rng) for region in found]
        coverage = np.stack([corpus.coverage[index] for corpus, index in both])
        return JudgeBatch(
            roughened(pixels(np.stack(crops))),
            self.tokens(pair_texts(rng)),
            one_hot(labels, len(PAIRS) + 1).bool(),
            roughened(pixels(np.stack(whole))),
            self.tokens([item.text for item in captions]),
            torch.tensor([[_true_of(c, scene) for c in captions] for scene in seen]),
            torch.from_numpy(coverage).float() / 255,
            torch.from_numpy(np.stack([patch_classes(c, i) for c, i in both])),
        )


def _whole(corpus: Corpus) -> Box:
    height, width = corpus.images.shape[1:3]
    return 0.0, 0.0, float(height), float(width)


def _view(region: BoxRegion, rng: np.random.Generator) -> np.ndarray:
    """Return the region's crop, a little shifted and scaled, half of the time mirrored."""
    top, left, bottom, right = region.box
    height, width = bottom - top, right - left
    side = max(height, width)
    row, col = rng.uniform(-0.08, 0.08, 2) * side
    grown = rng.uniform(-0.08, 0.12) * side
    box = (top + row - grown, left + col - grown, bottom + row + grown, right + col + grown)
    view = cropped(region.corpus.images[region.index], box, size=JUDGE_SIZE)
    return view[:, ::-1].copy() if rng.random() < 0.5 else view


@dataclass(frozen=True)
class _Said:
    """A caption and what it claims; a full one claims that there is nothing else."""

    text: str
    claims: Caption | None
    setting: str | None


def _any_caption(seen: Visible, rng: np.random.Generator) -> _Said:
    """Return the full caption or a random one."""
    if rng.random() < 0.5 or not seen.things:
        return _Said(full_caption(seen), None, None)
    drawn = caption(seen.things, seen.setting, rng)
    return _Said(drawn.text, drawn, seen.setting if drawn.setting else None)


def _true_of(said: _Said, seen: Visible) -> bool:
    if said.text == full_caption(seen):
        return True
    if said.claims is None or said.setting not in (None, seen.setting):
        return False
    return all(any(p.means(*thing) for thing in seen.things) for p in said.claims.phrases)
