"""What the README says is what happens: its commands and code are run, its table is checked."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agent_tools.chat import Chat, talk
from agent_tools.commands import read
from agent_tools.lab.accuracy import ReadingScore, calls_of, examples, score
from textseg.editing.result import Edit
from textseg.lab.bench import small
from textseg.lab.bench.editing.scenes import EditReport
from textseg.lab.bench.segment import Report
from textseg.lab.bench.spending import Spending
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.provenance import EDITED, ENHANCED, GENERATED, read_label
from textseg.scene import Scene
from textseg.toolbox import open_toolbox

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the picture that the README speaks of."""
    from PIL import Image

    Image.fromarray(render(PICTURES["meadow"][0]).image).save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str) -> subprocess.CompletedProcess[str]:
    start = "import sys; from textseg.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", start, *shlex.split(command)[1:]]
    return subprocess.run(words, capture_output=True, text=True, check=True)


def test_the_python_of_the_readme_runs(desk: Path) -> None:
    names: dict[str, object] = {}
    for block in CODE[:-1]:  # the last one needs checkpoints
        exec(block, names)
    assert (desk / "tree.png").exists()
    assert any((desk / "out").iterdir())
    assert (desk / "blue.png").exists()
    assert (desk / "workspace" / "index.sqlite").exists()
    state = names["state"]
    assert isinstance(state, dict)
    assert "recolour: red house -> blue house" in state["messages"][-1].text
    edit = names["edit"]
    assert isinstance(edit, Edit)
    assert edit.changed_outside == 0


def test_the_shell_command_of_the_readme_runs(desk: Path) -> None:
    command = re.search(r"^    (textseg segment .*)$", README, re.MULTILINE)
    assert command is not None
    run(command[1])
    written = {path.name for path in (desk / "out").iterdir()}
    assert {f"picture_tree_{part}.png" for part in ("overlay", "soft", "mask")} <= written
    facts = json.loads(run(command[1] + " --json --force").stdout)
    assert [query["query"] for query in facts["queries"]] == ["red house", "tree", "boat"]


LABEL = re.findall(r"^    (textseg label .*)$", README, re.MULTILINE)


def test_the_commands_for_many_pictures_run_one_after_the_other(desk: Path) -> None:
    (desk / "photos").mkdir()
    (desk / "picture.png").rename(desk / "photos" / "picture.png")
    first, second = LABEL
    assert "labels: 1 pictures; 1 asked about now" in run(f"{first} --workers 1").stdout
    assert "labels: 1 of 1 pictures (100.0%)" in run(second).stdout


MADE = r"^    (textseg (?:edit|create|retouch|arrange|caption|segment .* --region) .*)$"


@pytest.mark.parametrize("command", re.findall(MADE, README, re.MULTILINE))
def test_the_editing_commands_of_the_readme_run(desk: Path, command: str) -> None:
    words = shlex.split(command)
    answer = run(command)
    if "-o" not in words:
        assert "house" in answer.stdout
        return
    if words[1] == "segment":
        assert any((desk / words[words.index("-o") + 1]).glob("*_mask.png"))
        return
    label = read_label(desk / words[words.index("-o") + 1])
    assert label == {"create": GENERATED, "edit": EDITED}.get(words[1], ENHANCED)


def test_the_counts_of_the_readme_are_counted(desk: Path) -> None:
    queries = ["red house", "tree", "boat", "car", "star"]
    together = Scene.open("picture.png").segment_all(queries).evaluations
    alone = sum(Scene.open("picture.png").segment(query).evaluations for query in queries)
    assert f"so five cost\n{together} network evaluations" in README
    assert f"five single calls cost {alone}" in README


@pytest.mark.parametrize(
    ("page", "name"),
    [("README.md", "segment"), ("textseg/picturebook/MODEL_CARD.md", "segment_world2")],
)
def test_the_tables_of_finding_are_the_measured_ones(page: str, name: str) -> None:
    measured = json.loads((ROOT / "docs" / f"bench_{name}.json").read_text(encoding="utf-8"))
    text = (ROOT / page).read_text(encoding="utf-8")
    table = re.search(rf"<!-- bench:{name} -->\n(.*?)\n<!-- /bench:{name} -->", text, re.DOTALL)
    assert table is not None
    assert table[1] == Report.from_json(measured).to_text()


def test_the_table_of_small_things_is_the_measured_one() -> None:
    measured = json.loads((ROOT / "docs" / "bench_small.json").read_text(encoding="utf-8"))
    assert f"<!-- bench:small -->\n{small.table(measured)}\n<!-- /bench:small -->" in README


def test_the_table_of_costs_is_the_measured_one() -> None:
    measured = Spending.from_json((ROOT / "docs" / "bench_cost.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "many_pictures.md").read_text(encoding="utf-8")
    assert f"<!-- bench:cost -->\n{measured.to_text()}\n<!-- /bench:cost -->" in page


def test_the_edit_table_of_the_readme_is_the_measured_one() -> None:
    measured = json.loads((ROOT / "docs" / "bench_edit.json").read_text(encoding="utf-8"))
    table = re.search(r"<!-- bench:edit -->\n(.*?)\n<!-- /bench:edit -->", README, re.DOTALL)
    assert table is not None
    assert table[1] == EditReport(measured).table()


def test_the_pictures_of_the_readme_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_chat_of_the_readme_is_read_as_it_says(desk: Path) -> None:
    shown = re.search(r"<!-- chat -->\n(.*?)<!-- /chat -->", README, re.DOTALL)
    assert shown is not None
    lines = [line.strip() for line in shown[1].splitlines()]
    commands = [line.removeprefix("> ") for line in lines if line.startswith("> ")]
    readings = [line.split(".")[0] for line in lines if line.startswith("I read: ")]
    assert len(commands) > len(readings) >= 5  # one is answered with a question
    said: list[str] = []
    toolbox = open_toolbox("workspace")
    toolbox.shelf.import_image("picture.png")
    talk(Chat(toolbox, ask=input, say=said.append), iter(commands))
    assert [line.split(".")[0] for line in said if line.startswith("I read: ")] == readings


@pytest.mark.skipif(not examples("fresh"), reason="the fresh list has been looked at")
def test_the_accuracy_of_the_readme_is_measured() -> None:
    found = sum(score(examples("fresh"), calls_of(read)).values(), ReadingScore())
    said = (
        f"Of a list of {found.total} everyday sentences that were written without a look at the "
        f"rules it reads {found.right} as they were meant, asks back at {found.asked} without "
        f"need, and misreads {found.wrong}."
    )
    assert said in " ".join(README.split())
