"""Runs the notebooks and keeps their results: `python notebooks/build.py [01_segment ...]`.

The sources are the `.py` files here, in jupytext's percent format. Each is executed from top to
bottom in a fresh kernel and an empty folder, slimmed, checked, and written as `.ipynb` beside its
source. A cell may carry a text for those who cannot see its picture: `# %% alt="A red house"`.
"""

from __future__ import annotations

import base64
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

FOLDER = Path(__file__).parent
SOURCES = sorted(FOLDER.glob("[0-9]*.py"))

MOST_BYTES = 400_000
"""Of one notebook."""
MOST_BYTES_TOGETHER = 2_000_000
LONGEST_SIDE = 768
"""Of a picture, in pixels."""
SECONDS = 600
"""That one cell may take."""

WIDGET = "application/vnd.jupyter.widget-view+json"
IMAGES = {"image/png": "PNG", "image/jpeg": "JPEG"}
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Of the kernel: nothing is downloaded, and libraries keep their remarks to themselves."""

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def main(names: Sequence[str]) -> int:
    """Builds the notebooks of these names, all where there are none; returns 1 if any is wrong."""
    started, wrong = time.perf_counter(), []
    for source in [path for path in SOURCES if not names or path.stem in names]:
        begun = time.perf_counter()
        notebook = built(source)
        text = nbformat.writes(notebook)
        target(source).write_text(f"{text}\n", encoding="utf-8")
        took, size = time.perf_counter() - begun, len(text.encode()) / 1000
        print(f"{source.stem}: {took:.0f} s, {size:.0f} kB, {len(pictures(notebook))} pictures")
        wrong += [f"{source.stem}: {problem}" for problem in problems(notebook)]
    wrong += problems_together()
    print(f"all together: {time.perf_counter() - started:.0f} s")
    for problem in wrong:
        print(problem, file=sys.stderr)
    return int(bool(wrong))


def target(source: Path) -> Path:
    """Returns where the executed notebook of a source lies."""
    return source.with_suffix(".ipynb")


def built(source: Path) -> NotebookNode:
    """Returns the notebook of a source, executed and slimmed."""
    return slimmed(executed(read_source(source)))


def read_source(source: Path) -> NotebookNode:
    """Returns the notebook of a source, without outputs; its cells are named after it."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{source.stem}-{number}"
    return notebook


def executed(notebook: NotebookNode) -> NotebookNode:
    """Returns the notebook after all of its cells have run; an exception ends it.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name=KERNEL["name"],
            resources={"metadata": {"path": folder}},
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
        )
        found = client.execute(env={**os.environ, **QUIET})
    assert isinstance(found, NotebookNode)
    return found


def slimmed(notebook: NotebookNode) -> NotebookNode:
    """Returns the notebook without widget state, with one small picture for each output."""
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_slim(each, cell.metadata.get("alt")) for each in _joined(cell.outputs)]
    return notebook


def _joined(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Returns the outputs with printed lines in one piece, and without those that need a kernel."""
    found: list[NotebookNode] = []
    for output in outputs:
        if found and output.output_type == "stream" and output.name == found[-1].get("name"):
            found[-1].text += output.text
        elif WIDGET not in output.get("data", {}) or set(IMAGES) & set(output.data):
            found.append(output)
    return found


def _slim(output: NotebookNode, alt: str | None) -> NotebookNode:
    if "data" in output:
        output.data = _slim_data(output.data)
        shown = [kind for kind in IMAGES if kind in output.data]
        output.metadata = {kind: {"alt": alt} for kind in shown if alt}
    return output


def _slim_data(data: dict[str, Any]) -> dict[str, Any]:
    """Returns what an output shows: its text, and its picture as the smaller of PNG and JPEG."""
    kept = {kind: value for kind, value in data.items() if kind in ("text/plain", "text/html")}
    found = next((data[kind] for kind in IMAGES if kind in data), None)
    if found is not None:
        kept |= _slim_picture(base64.b64decode(found))
    return kept


def _slim_picture(content: bytes) -> dict[str, str]:
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    written = {kind: _encoded(picture, name) for kind, name in IMAGES.items()}
    kind = min(written, key=lambda kind: len(written[kind]))
    return {kind: base64.b64encode(written[kind]).decode()}


def _encoded(picture: Image.Image, name: str) -> bytes:
    stream = io.BytesIO()
    options: dict[str, Any] = {"quality": 85} if name == "JPEG" else {"optimize": True}
    picture.save(stream, name, **options)
    return stream.getvalue()


def outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Yields the outputs of all cells."""
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def pictures(notebook: NotebookNode) -> list[Image.Image]:
    """Returns the pictures in the outputs."""
    return [
        Image.open(io.BytesIO(base64.b64decode(output.data[kind])))
        for output in outputs(notebook)
        for kind in IMAGES
        if kind in output.get("data", {})
    ]


def problems(notebook: NotebookNode) -> list[str]:
    """Returns what keeps a built notebook from being committed; empty where all is well."""
    found, shown = [], pictures(notebook)
    for output in outputs(notebook):
        if output.output_type == "error":
            found.append(f"error: {output.ename}")
        if output.get("name") == "stderr":
            found.append(f"printed to stderr: {output.text[:80]!r}")
    if not shown:
        found.append("no picture")
    found += [f"a picture of {p.width} x {p.height}" for p in shown if max(p.size) > LONGEST_SIDE]
    if len(nbformat.writes(notebook).encode()) > MOST_BYTES:
        found.append(f"more than {MOST_BYTES} bytes")
    return found


def problems_together() -> list[str]:
    """Returns what is wrong with the written notebooks as a whole."""
    size = sum(path.stat().st_size for path in FOLDER.glob("*.ipynb"))
    return [f"{size} bytes together"] if size > MOST_BYTES_TOGETHER else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
