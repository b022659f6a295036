"""What people install: a wheel, built from this tree and tried where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
FIND = """
from pathlib import Path

import numpy as np

import textseg

assert Path(textseg.__file__).is_relative_to(Path.cwd()), textseg.__file__
mask = textseg.segment(np.full((40, 56, 3), 0.5, np.float32), "house", draws=1, model="picturebook")
print(mask.soft.shape)
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, laid open outside of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_has_the_two_packages_without_training_and_tests(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {
        "agent_tools",
        "textseg",
    }
    assert not (unpacked / "textseg/lab/training").exists()
    assert not (unpacked / "agent_tools/lab").exists()


def test_the_wheel_has_the_licence_and_says_what_it_needs(unpacked: Path) -> None:
    (facts,) = unpacked.glob("*.dist-info")
    assert (facts / "licenses/LICENSE").is_file()
    assert "Requires-Dist: torch>=" in (facts / "METADATA").read_text(encoding="utf-8")


def test_the_unpacked_wheel_finds_things_by_itself(unpacked: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    ran = subprocess.run(
        [sys.executable, "-c", FIND],
        cwd=unpacked,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "(40, 56)\n"
