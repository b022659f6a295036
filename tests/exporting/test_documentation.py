"""What docs/exports.md says: its Python runs, its table has every format."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from textseg.exporting.export import export_labels
from textseg.exporting.formats import FORMATS

PAGE = Path(__file__).parents[2].joinpath("docs", "exports.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs(
    labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = tmp_path / "desk"
    shutil.copytree(labels, desk / "labels")
    export_labels(desk / "labels", to="hf", output=desk / "hf")
    monkeypatch.chdir(desk)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    assert getattr(names["mask"], "shape", None) == (24, 40)


def test_the_table_has_every_format() -> None:
    assert re.findall(r"^\| `(\w[a-z-]*)` \|", PAGE, re.MULTILINE) == list(FORMATS.own)
