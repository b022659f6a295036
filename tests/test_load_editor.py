"""Editors by folder, hub id or name, and on the surfaces that people use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import textseg
from tests.editing.helpers import Exact, box
from tests.tiny_editors import build_editor
from textseg.errors import ModelError, UnknownNameError
from textseg.registry.editors import EDITORS, load_editor
from textseg.toolbox import EditArguments, Setup, edit_image

SIZE = (34, 50)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Loads nothing of another test's."""
    EDITORS.shared.clear()
    yield
    EDITORS.shared.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved editor that follows instructions."""
    path = tmp_path_factory.mktemp("editors") / "kontext"
    build_editor("FluxKontextPipeline").save_pretrained(path)
    return path


def test_a_folder_is_loaded_once_and_shared(folder: Path) -> None:
    editor = load_editor(folder, device="cpu")
    assert type(editor).__name__ == "FluxKontextPipeline"
    assert editor.transformer.dtype == torch.float32
    assert load_editor(str(folder), device="cpu") is editor
    assert load_editor(folder, device="cpu", dtype="bfloat16") is not editor


def test_it_is_a_public_name() -> None:
    assert textseg.load_editor is load_editor


def test_weights_that_can_run_code_are_refused(folder: Path, tmp_path: Path) -> None:
    pipeline = load_editor(folder, device="cpu")
    pipeline.save_pretrained(tmp_path / "pickled", safe_serialization=False)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_editor(tmp_path / "pickled", device="cpu")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no/such-editor", "the editor 'no/such-editor' is not on this machine"),
        ("./gone", "there is no editor folder './gone'"),
    ],
)
def test_an_editor_that_is_not_there_is_told(name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        load_editor(name, device="cpu", local_files_only=True)


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown editor 'kontext'"):
        load_editor("kontext", device="cpu")


def test_a_setup_lets_the_editor_paint_where_no_method_is_named(
    folder: Path, tmp_path: Path
) -> None:
    model = Exact(rate=0.3)
    rgb = np.asarray(model.picture(("tree",), *SIZE, seed=1))
    Image.fromarray((rgb * 255).round().astype(np.uint8)).save(tmp_path / "garden.png")
    Image.fromarray(box(SIZE, 4, 6, 20, 30)).save(tmp_path / "mask.png")
    setup = Setup(editor=str(folder), device="cpu")
    pipeline = load_editor(folder, device="cpu")
    pipeline.default_sample_size = 32
    files = {"image": str(tmp_path / "garden.png"), "mask": str(tmp_path / "mask.png")}
    wanted = {"query": "tree", "target": "house", "source": "a tree", "steps": 2, **files}
    ours, named = (
        edit_image(EditArguments.model_validate({**wanted, **more}), setup=setup, model=model)
        for more in ({}, {"method": "sdedit"})
    )
    assert ours.result.method == "External"
    assert ours.result.options["name"] == "FluxKontextPipeline"
    assert ours.result.prompt == "turn the tree into a house"
    assert ours.result.evaluations.decode == 2
    assert ours.edit.changed_outside == 0
    assert named.result.method == "sdedit"
