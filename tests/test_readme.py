"""What README and documentation say is what happens: their code is run, their tables measured.

Blocks of ``python`` and ``sh`` are run, from the top of a page to its end, in a folder of its own;
what is indented or of another kind is not.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from agent_tools.chat import Chat, talk
from agent_tools.commands import read
from agent_tools.lab.accuracy import ReadingScore, calls_of, examples, score
from tests.tiny import build_sd
from textseg.cli.app import app
from textseg.editing.result import Edit
from textseg.lab.page_tables import TABLES, pages, rewritten
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.provenance import EDITED, ENHANCED, GENERATED, read_label
from textseg.scene import Scene
from textseg.toolbox import open_toolbox

ROOT = Path(__file__).parents[1]
TEXTS = {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in pages(ROOT)
}
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ELSEWHERE = {"docs/exports.md", "docs/methods.md"}  # run in tests/exporting; a fragment
TUTORIALS = {"docs/guides/adding_a_family.md", "docs/guides/adding_a_method.md"}
RUN = [name for name in TEXTS if BLOCK.search(TEXTS[name]) and name not in ELSEWHERE | TUTORIALS]
LABELS = {"create": GENERATED, "edit": EDITED, "retouch": ENHANCED, "arrange": ENHANCED}
LEFT = {
    "README.md": ("tree.png", "blue.png", "gone.png", "autumn.png", "labels/job.json"),
    "docs/start/embedded.md": ("out/picture_tree_soft.png", "tree.png", "house.png", "found"),
    "docs/start/many.md": ("coco/labels.json",),
    "docs/start/assistant.md": ("workspace/index.sqlite",),
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the picture that the pages speak of."""
    Image.fromarray(render(PICTURES["meadow"][0]).image).save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stocked_desk(desk: Path, page: str) -> Path:
    """The same with the other things that a page speaks of."""
    text, picture = TEXTS[page], Image.fromarray(render(PICTURES["meadow"][0]).image)
    if "photos" in text:
        (desk / "photos").mkdir()
        picture.save(desk / "photos" / "picture.png")
    if "photo.jpg" in text:
        picture.resize((40, 24)).save(desk / "photo.jpg")
    if "path/to/checkpoint" in text:
        build_sd().save_pretrained(desk / "path" / "to" / "checkpoint")
    if "--data pictures" in text:
        _told_pictures(desk / "pictures", picture)
    return desk


def _told_pictures(folder: Path, picture: Image.Image) -> None:
    folder.mkdir()
    lines = ["file,text,true"]
    for number in range(10):
        picture.rotate(36 * number).resize((40, 24)).save(folder / f"{number}.png")
        lines += [f"{number}.png,tree,1", f"{number}.png,boat,0"]
    (folder / "texts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "textseg"
    result = CliRunner().invoke(app, words[1:])
    assert result.exit_code == 0, f"{command}\n{result.output}"
    if words[1] in LABELS and "-o" in words:
        assert read_label(words[words.index("-o") + 1]) == LABELS[words[1]]
    return result.output


@pytest.mark.parametrize("page", RUN)
def test_the_code_of_a_page_runs_from_its_top_to_its_end(page: str, stocked_desk: Path) -> None:
    names: dict[str, Any] = {}  # Any: whatever the page names
    for kind, block in BLOCK.findall(TEXTS[page]):
        if kind == "python":
            exec(block, names)
        else:
            for command in block.splitlines():
                run(command)
    for name in LEFT.get(page, ()):
        assert (stocked_desk / name).exists(), name
    edits = [value for value in names.values() if isinstance(value, Edit)]
    assert all(edit.changed_outside == 0 for edit in edits)
    if "state" in names:
        assert "recolour: red house -> blue house" in names["state"]["messages"][-1].text


def test_every_page_with_commands_of_ours_has_them_run() -> None:
    for name, text in TEXTS.items():
        for kind in re.findall(r"^```(\w+)$", text, re.MULTILINE):
            assert kind in ("python", "sh", "json", "text", "toml"), f"{name}: {kind}"


def test_the_facts_of_a_command_are_json(desk: Path) -> None:
    command = re.search(r"^(textseg segment .*)$", TEXTS["README.md"], re.MULTILINE)
    assert command is not None
    facts = json.loads(run(f"{command[1]} --json"))
    assert [query["query"] for query in facts["queries"]] == ["red house", "tree", "boat"]


def test_the_counts_of_the_first_page_are_counted(desk: Path) -> None:
    queries = ["red house", "tree", "boat", "car", "star"]
    together = Scene.open("picture.png").segment_all(queries).evaluations
    alone = sum(Scene.open("picture.png").segment(query).evaluations for query in queries)
    text = TEXTS["docs/start/embedded.md"]
    assert f"so five cost\n{together} network evaluations" in text
    assert f"five single calls cost {alone}" in text


@pytest.mark.parametrize("page", [name for name in TEXTS if "<!-- bench:" in TEXTS[name]])
def test_the_tables_of_a_page_are_the_measured_ones(page: str) -> None:
    """Else `python -m textseg.lab.page_tables` writes them anew."""
    assert rewritten(TEXTS[page], ROOT / "docs") == TEXTS[page]


def test_every_table_is_shown_once() -> None:
    shown = re.findall(r"<!-- bench:(\w+) -->", "".join(TEXTS.values()))
    assert sorted(shown) == sorted(TABLES)


@pytest.mark.parametrize("page", TEXTS)
def test_what_a_page_links_to_is_there(page: str) -> None:
    for target, place in re.findall(r"\]\((?!\w+:)([^)#\s]*)(#[^)]+)?\)", TEXTS[page]):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), f"{page}: {target}"
        assert not place or place[1:] in headings(path), f"{page}: {target}{place}"


def headings(page: Path) -> set[str]:
    """The names that a forge and Sphinx give to the headings of a page."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", [name for name in TEXTS if "<!-- chat -->" in TEXTS[name]])
def test_the_chat_of_a_page_is_read_as_it_says(page: str, desk: Path) -> None:
    shown = re.search(r"<!-- chat -->\n(.*?)<!-- /chat -->", TEXTS[page], re.DOTALL)
    assert shown is not None
    lines = [line.strip() for line in shown[1].splitlines()]
    commands = [line.removeprefix("> ") for line in lines if line.startswith("> ")]
    readings = [line.split(".")[0] for line in lines if line.startswith("I read: ")]
    assert readings
    said: list[str] = []
    toolbox = open_toolbox("workspace")
    toolbox.shelf.import_image("picture.png")
    talk(Chat(toolbox, ask=input, say=said.append), iter(commands))
    assert [line.split(".")[0] for line in said if line.startswith("I read: ")] == readings


@pytest.mark.skipif(not examples("fresh"), reason="the fresh list has been looked at")
def test_the_accuracy_that_is_told_is_measured() -> None:
    found = sum(score(examples("fresh"), calls_of(read)).values(), ReadingScore())
    said = (
        f"Of a list of {found.total} everyday sentences that were written without a look at the "
        f"rules it reads {found.right} as they were meant, asks back at {found.asked} without "
        f"need, and misreads {found.wrong}."
    )
    assert said in " ".join(TEXTS["docs/start/assistant.md"].split())
