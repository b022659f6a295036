"""How much memory this process has held at most, and how much a process that asks holds.

`python -m textseg.lab.bench.memory` prints the second for few and for many queries about one large
picture.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path

import typer
from PIL import Image

from textseg.lab.bench.tables import write_table
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.scene import Scene

LARGE = (3000, 4000)
COUNTS = (1, 20)
_STATUS = Path("/proc/self/status")


def peak_megabytes() -> float:
    """Return the most memory that this process has held so far."""
    if _STATUS.exists():  # the usual counter also remembers the process that started this one
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        found = next((line for line in lines if line.startswith("VmHWM:")), None)
        if found is not None:
            return int(found.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measure_peaks(size: tuple[int, int], counts: Sequence[int]) -> list[float]:
    """Return the peak in megabytes of a fresh process for each number of queries in one call.

    Their picture is (H, W) pixels large; each process loads the embedded model.
    """
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.starmap(_peak_of, [(size, count) for count in counts], chunksize=1)


def main() -> None:
    """Print the peaks for a picture of 12 megapixels, and how they compare with the first."""
    peaks = measure_peaks(LARGE, COUNTS)
    rows = [
        [str(count), f"{peak:.0f}", f"{peak / peaks[0]:.2f}"]
        for count, peak in zip(COUNTS, peaks, strict=True)
    ]
    typer.echo(write_table(["queries", "peak MB", "x"], rows))


def _peak_of(size: tuple[int, int], queries: int) -> float:
    picture = Image.fromarray(render(PICTURES["meadow"][0]).image)
    large = picture.resize((size[1], size[0]), Image.Resampling.NEAREST)
    texts = [f"{colour} {kind}" for kind, colour in islice(product(KINDS, COLORS), queries)]
    found = Scene.open(large).segment_all(texts)
    assert len(found) == queries, "all of them are held"
    return peak_megabytes()


if __name__ == "__main__":
    typer.run(main)
