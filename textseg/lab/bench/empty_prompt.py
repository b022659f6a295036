"""Whether the empty prompt is the unconditional model: `python -m textseg.lab.bench.empty_prompt`.

Everything in this package compares a text with the empty prompt, as if that were the model of all
pictures. Two looks at it, on scenes of the evaluation stream:

- For an exact model the mean evidence of captions about their own pictures equals their mean
  information, and that of captions about any picture is its negative (the two directions of the
  divergence between p(x | text) and p(x); arXiv:2310.07972). So the ratio of the sums is 1 and -1.
- Pictures drawn from the empty prompt alone show what the world shows, as often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import typer

from textseg.diffusion.model import DiffusionModel
from textseg.lab.bench.questions import side_for
from textseg.lab.bench.readers import CaptionReading, read_caption
from textseg.lab.visible import full_caption, seen_in
from textseg.picturebook.scenes import Rendered, Stream, render, sample_scene
from textseg.registry.captioners import load_captioner
from textseg.scene import Scene, load

STREAM: Stream = "evaluation"
ANYTHING = "a house"  # without guidance the text has no say


def evidence_ratios(model: DiffusionModel, *, scenes: int, seed: int = 0) -> dict[str, float]:
    """Return evidence over information of captions, summed over scenes.

    Args:
        model: the network.
        scenes: how many, two or more.
        seed: which ones; different seeds share no scene.

    Returns:
        "own": of captions about the scenes they describe; "other": about the scene after.
    """
    drawn = [sample_scene(STREAM, seed * 1_000_000 + i) for i in range(scenes)]
    rendered = [render(one, size=side_for(model)) for one in drawn]
    captions = [full_caption(seen_in(one)) for one in rendered]
    sums = {"own": np.zeros(2), "other": np.zeros(2)}
    for k, one in enumerate(rendered):
        about = {"own": captions[k], "other": captions[k - 1]}
        found = Scene.open(one.image, model).segment_all(list(dict.fromkeys(about.values())))
        raw = {item.query: item.raw for item in found}
        for name, text in about.items():
            sums[name] += raw[text].evidence.sum(), raw[text].information.sum()
    return {name: float(evidence / information) for name, (evidence, information) in sums.items()}


def distances(
    model: DiffusionModel, *, pictures: int, guidance: float = 0.0, seed: int = 0
) -> dict[str, float]:
    """Return how far drawn pictures are from the world, in what a captioner sees in them.

    Args:
        model: the network.
        pictures: how many are drawn, and as many rendered to compare with.
        guidance: of a text that has nothing to do with it; 0 leaves the empty prompt alone.
        seed: of noise and scenes.

    Returns:
        Half the summed absolute differences of shares (0: alike, 1: nothing in common) of settings,
        of kinds and of colours of things, and of how many things are seen.
    """
    captioner, start = load_captioner(), seed * 1_000_000
    drawn, seen = [], []
    for i in range(start, start + pictures):
        made = Scene.generate(ANYTHING, model=model, guidance=guidance, seed=i).picture.rgb
        drawn.append(read_caption(captioner.caption(made)))
        other = render(sample_scene(STREAM, i), size=side_for(model))
        seen.append(read_caption(captioner.caption(_unit(other))))
    return {
        "settings": _distance((r.setting for r in drawn), (r.setting for r in seen)),
        "kinds": _distance(_named(drawn, 0), _named(seen, 0)),
        "colors": _distance(_named(drawn, 1), _named(seen, 1)),
        "things": _distance((len(r.things) for r in drawn), (len(r.things) for r in seen)),
    }


def _unit(rendered: Rendered) -> np.ndarray:
    return rendered.image.astype(np.float32) / 255


def _named(readings: Iterable[CaptionReading], part: int) -> list[str]:
    return [pair[part] for reading in readings for pair in reading.things]


def _distance(ours: Iterable[object], theirs: Iterable[object]) -> float:
    a, b = _shares(ours), _shares(theirs)
    return sum(abs(a.get(key, 0.0) - b.get(key, 0.0)) for key in a.keys() | b.keys()) / 2


def _shares(values: Iterable[object]) -> Mapping[object, float]:
    counted = Counter(values)
    return {value: count / counted.total() for value, count in counted.items()}


def main(scenes: int = 200, pictures: int = 200) -> None:
    """Print both looks at the embedded model's empty prompt."""
    model = load("picturebook")
    for name, ratio in evidence_ratios(model, scenes=scenes).items():
        typer.echo(f"evidence over information, captions of {name} scenes: {ratio:+.2f}")
    for name, distance in distances(model, pictures=pictures).items():
        typer.echo(f"difference of {name}: {distance:.2f}")


if __name__ == "__main__":
    typer.run(main)
