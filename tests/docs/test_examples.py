"""The examples of the documentation run, and each of them ends with a picture."""

from __future__ import annotations

import ast
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch

from docs.extensions.pictures import draw_asked, picture_of
from docs.extensions.repository import ROOT

SCRIPTS = sorted((ROOT / "docs" / "gallery_src").glob("*/plot_*.py"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures that the examples ask about."""
    made = tmp_path_factory.mktemp("asked")
    draw_asked(made)
    return made


def last_value(path: Path) -> object:
    """Run a script; return what its last line is worth."""
    code = ast.parse(path.read_text(encoding="utf-8"))
    last = code.body.pop()
    assert isinstance(last, ast.Expr)
    names: dict[str, object] = {}
    exec(compile(code, path, "exec"), names)
    return eval(compile(ast.Expression(last.value), path, "eval"), names)


def test_there_are_24_pictures_in_the_gallery() -> None:
    assert len(SCRIPTS) == 24


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_each_example_ends_with_a_picture(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    shown = picture_of(last_value(path))
    assert shown is not None
    assert min(shown.size) > 80


def test_the_page_of_how_it_works_runs(capsys: pytest.CaptureFixture[str]) -> None:
    mpl.use("agg")
    try:
        exec((ROOT / "docs" / "explain" / "plot_how_it_works.py").read_text(encoding="utf-8"), {})
        assert len(plt.get_fignums()) == 6
    finally:
        plt.close("all")
        torch.set_grad_enabled(True)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "True"  # the map inside of a result is the one that was made by hand
    assert ["not there" not in line for line in said[1:]] == [True, True, False, False]
