"""The tutorials of the guides: their files are ours, and work in another package too."""

from __future__ import annotations

import re
import textwrap
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import build_aura
from textseg.registry.families import FAMILIES
from textseg.registry.methods import METHODS
from textseg.registry.models import load_model
from textseg.scene import Scene
from textseg.testing import check_model

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "guides" / f"adding_a_{kind}.md" for kind in ("family", "method")]
TEXT = "".join(page.read_text(encoding="utf-8") for page in PAGES)
FILES = {
    "aura_flow": "textseg/backends/aura_flow.py",
    "sdedit": "textseg/editing/sdedit.py",
}
CODE = dict(zip(FILES, re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL), strict=True))
POINTS = re.findall(r'^    \[project\.entry-points\."[\w.]+"\]\n(?:    .+\n)+', TEXT, re.MULTILINE)
LINES = re.findall(r"^    (\"\w+\": Own\(.*)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_the_files_that_are_shown_are_those_of_the_house(name: str) -> None:
    assert f"whole of `{FILES[name]}`" in TEXT
    assert CODE[name] == (ROOT / FILES[name]).read_text(encoding="utf-8")


def test_the_lines_that_are_shown_say_what_the_registry_says() -> None:
    from textseg.registry.named import Own

    own = eval(f"{{{' '.join(LINES)}}}", {"Own": Own})
    assert own == {name: (FAMILIES.own | METHODS.own)[name] for name in own}
    assert len(own) == 2


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two files in a package of somebody else, where ours has neither."""
    home = tmp_path / "your_package"
    home.mkdir()
    for name, code in CODE.items():
        (home / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    groups = tomllib.loads("\n".join(map(textwrap.dedent, POINTS)))["project"]["entry-points"]
    points = {
        group: [EntryPoint(name, value, group) for name, value in named.items()]
        for group, named in groups.items()
    }
    monkeypatch.setattr(
        "textseg.registry.plugins.entry_points", lambda group: points.get(group, [])
    )
    monkeypatch.delitem(FAMILIES.own, "AuraFlowTransformer2DModel")
    monkeypatch.delitem(METHODS.own, "sdedit")


@pytest.mark.usefixtures("package")
def test_a_newcomers_package_adds_a_family_and_a_method(tmp_path: Path) -> None:
    build_aura().save_pretrained(tmp_path / "model")
    model = load_model(tmp_path / "model", device="cpu")
    assert type(model).__module__ == "your_package.aura_flow"
    check_model(model)
    assert METHODS.find("sdedit").__module__ == "your_package.sdedit"
    picture = np.random.default_rng(0).random((24, 40, 3)).astype(np.float32)
    mask = np.zeros((24, 40), np.float32)
    mask[4:20, 8:24] = 1
    edit = Scene.open(picture, model).edit("tree", "a house", mask=mask, method="sdedit", steps=4)
    assert edit.changed_outside == 0
    assert not np.array_equal(edit.image, picture)
