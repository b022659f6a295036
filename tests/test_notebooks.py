"""The notebooks: sources and executed copies agree, run, show pictures and stay small."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from notebooks.build import (
    SOURCES,
    WIDGET,
    built,
    pictures,
    problems,
    problems_together,
    read_source,
    slimmed,
    target,
)

by_name = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def test_there_is_a_notebook_for_each_source_and_no_other() -> None:
    assert [target(source) for source in SOURCES] == sorted(SOURCES[0].parent.glob("*.ipynb"))


@by_name
def test_the_committed_notebook_has_the_cells_of_its_source(source: Path) -> None:
    committed = nbformat.read(target(source), as_version=4)
    assert [_content(cell) for cell in committed.cells] == [
        _content(cell) for cell in read_source(source).cells
    ], f"run python notebooks/build.py {source.stem}"


@by_name
def test_the_committed_notebook_is_valid_small_and_has_pictures_but_no_errors(source: Path) -> None:
    committed = nbformat.read(target(source), as_version=4)
    nbformat.validate(committed)
    assert problems(committed) == []


@by_name
def test_the_committed_notebook_was_run_once_from_top_to_bottom(source: Path) -> None:
    code = [c for c in nbformat.read(target(source), as_version=4).cells if c.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@by_name
def test_the_committed_notebook_keeps_no_traces_of_where_it_was_made(source: Path) -> None:
    committed = nbformat.read(target(source), as_version=4)
    assert set(committed.metadata) == {"kernelspec", "language_info"}
    text = target(source).read_text(encoding="utf-8")
    for trace in ("widget-view", "execution_start", "/tmp/", "/home/", str(Path.home())):
        assert trace not in text


@by_name
def test_every_picture_has_a_text_that_says_what_it_shows(source: Path) -> None:
    for cell in nbformat.read(target(source), as_version=4).cells:
        for output in cell.get("outputs", []):
            for kind in output.get("data", {}):
                if kind.startswith("image/"):
                    assert output.metadata[kind]["alt"] == cell.metadata["alt"]


def test_all_notebooks_together_stay_small() -> None:
    assert problems_together() == []


@pytest.mark.slow
@by_name
def test_the_source_runs_from_top_to_bottom(source: Path) -> None:
    assert problems(built(source)) == []


def test_slimming_keeps_one_small_picture_and_its_text() -> None:
    shown = {"image/png": _png((1000, 500)), "image/jpeg": _png((1000, 500)), WIDGET: {}}
    cell = _ran(new_output("display_data", {**shown, "text/plain": "a panel"}))
    cell.metadata["alt"] = "a wide picture"
    found = slimmed(new_notebook(cells=[cell], metadata={"widgets": {"state": {}}}))
    assert [picture.size for picture in pictures(found)] == [(768, 384)]
    data, metadata = found.cells[0].outputs[0].data, found.cells[0].outputs[0].metadata
    assert data["text/plain"] == "a panel"
    assert list(metadata.values()) == [{"alt": "a wide picture"}]
    assert set(data) == {"text/plain", *metadata}
    assert "widgets" not in found.metadata


def test_slimming_drops_what_needs_a_kernel_and_joins_what_was_printed() -> None:
    printed = [new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n")]
    bar = new_output("display_data", {WIDGET: {}, "text/plain": "0 %"})
    found = slimmed(new_notebook(cells=[_ran(printed[0], bar, printed[1])]))
    assert [output.text for output in found.cells[0].outputs] == ["a\nb\n"]


def test_problems_are_found() -> None:
    large = new_output("display_data", {"image/png": _png((100, 800))})
    warned = new_output("stream", name="stderr", text="deprecated")
    failed = new_output("error", ename="ValueError", evalue="", traceback=[])
    assert problems(new_notebook(cells=[_ran(large, warned, failed)])) == [
        "printed to stderr: 'deprecated'",
        "error: ValueError",
        "a picture of 100 x 800",
    ]
    assert problems(new_notebook(cells=[_ran()])) == ["no picture"]


def _ran(*outputs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return new_code_cell("run()", outputs=list(outputs), execution_count=1)


def _png(size: tuple[int, int]) -> str:
    stream = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def _content(cell: nbformat.NotebookNode) -> tuple[str, str, str, dict[str, object]]:
    return cell.id, cell.cell_type, cell.source, dict(cell.metadata)
