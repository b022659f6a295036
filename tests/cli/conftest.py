from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.registering import register_model
from textseg.cli.app import app
from textseg.images import to_uint8
from textseg.testing import GaussianModel

MODEL = GaussianModel()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with one picture in it."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(to_uint8(MODEL.picture(["tree"], 24, 40, seed=4))).save(tmp_path / "garden.png")
    return tmp_path


@pytest.fixture
def textseg(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command, with the exact model registered as "gaussian"."""

    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        return MODEL

    register_model(monkeypatch, "gaussian", load)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return run
