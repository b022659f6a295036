"""One loaded model, and one Scene, used by several threads, and by a process that is forked off."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from textseg import Scene
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render

RGB = render(PICTURES["meadow"][0]).image[16:112]
QUERIES = ("tree", "red house", "mushroom")


def asked(scene: Scene, query: str) -> NDArray[np.float32]:
    return scene.segment(query, draws=2, seed=3).soft


def edited(scene: Scene, query: str) -> NDArray[np.float32]:
    edit = scene.edit(query, "boat", threshold=0.1, steps=2, attempts=1, source="a meadow")
    return edit.picture.rgb


@pytest.mark.parametrize("work", [asked, edited])
def test_threads_that_share_a_scene_get_what_each_would_alone(work: Any) -> None:  # Any: either
    alone = [work(Scene.open(RGB), query) for query in QUERIES]
    shared = Scene.open(RGB)
    with ThreadPoolExecutor(len(QUERIES)) as threads:
        together = list(threads.map(lambda query: work(shared, query), QUERIES))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)  # what is found in a batch differs so


FORK = """
import os, sys
import numpy as np
import torch
from tests.test_scene_shared import RGB, asked
from textseg import Scene
torch.set_num_threads(2)
here = asked(Scene.open(RGB), "tree")
reader, writer = os.pipe()
if os.fork() == 0:
    there = asked(Scene.open(RGB), "tree")
    os.write(writer, bytes([np.allclose(there, here, atol=1e-4)]))
    os._exit(0)
os.close(writer)
sys.exit(os.read(reader, 1) != b"\\x01")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system that forks nothing")
def test_process_that_is_forked_off_answers_as_its_parent() -> None:
    root = Path(__file__).parents[1]
    env = {**os.environ, "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", FORK], cwd=root, env=env, check=True, timeout=120)
