"""Names of files that are long or no text, as a person or a script meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from textseg.provenance import EDITED, read_label
from textseg.toolbox import EditArguments, SegmentArguments

Command = Callable[..., Result]

GAUSSIAN = ("--model", "gaussian")
SHORT = ("--source", "tree", "--method", "sdedit", "--steps", "2", "--no-check")
LONG = "g" * 240
UMLAUT = os.fsdecode(b"\xe4um")  # from a disk of the time before UTF-8
foreign = pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def known_as(folder: Path, stem: str) -> str:
    """Give the picture another name."""
    (folder / "garden.png").rename(folder / f"{stem}.png")
    return f"{stem}.png"


@pytest.mark.parametrize("stem", [LONG, pytest.param(UMLAUT, marks=foreign)])
def test_files_of_a_segmentation_have_names_that_any_disk_takes(
    textseg: Command, folder: Path, stem: str
) -> None:
    picture = known_as(folder, stem)
    command = ("segment", picture, "tree", "🌳" * 80 + "木" * 80, *GAUSSIAN)
    result = textseg(*command, "-o", "out", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout_bytes.decode())
    assert facts["image"] == picture.replace("\udce4", "\ufffd")
    for query in facts["queries"]:
        for path in query["files"].values():
            assert Path(path).is_file()
    assert len(names(folder / "out")) == 8
    assert textseg(*command, "-o", "out").exit_code == 2
    assert len({name.rpartition("_tree")[0] for name in names(folder / "out")}) == 2


@pytest.mark.parametrize("stem", [LONG, pytest.param(UMLAUT, marks=foreign)])
def test_edited_picture_has_a_name_that_any_disk_takes(
    textseg: Command, folder: Path, stem: str
) -> None:
    picture = known_as(folder, stem)
    result = textseg("edit", picture, "tree", "house", *GAUSSIAN, *SHORT, "--json")
    assert result.exit_code == 0, result.stderr
    written = json.loads(result.stdout_bytes.decode())["file"]
    assert read_label(folder / written) == EDITED
    assert written.endswith("_edited.png")


def test_stages_of_a_creation_have_names_that_any_disk_takes(
    textseg: Command, folder: Path
) -> None:
    command = ("create", "tree", "--size", "40x24", "--steps", "2", *GAUSSIAN)
    result = textseg(*command, "-o", f"{LONG}.png", "--stages", "--change", "tree", "")
    assert result.exit_code == 0, result.stderr
    made = [name for name in names(folder) if name != "garden.png"]
    assert f"{LONG}.png" in made
    assert len(made) == 4


@pytest.mark.parametrize(
    "command",
    [
        ("segment", "garden.png", "tree", "-o", LONG * 2),
        ("edit", "garden.png", "tree", "house", "-o", f"{LONG * 2}.png"),
        ("create", "tree", "-o", f"{LONG * 2}.png"),
        ("demo", "-o", LONG * 2),
        ("bench", "generate", "--samples", "1", "--sheet", f"{LONG * 2}.png"),
    ],
    ids=lambda command: command[0],
)
def test_name_that_is_too_long_is_refused_before_a_model_is_loaded(
    textseg: Command, folder: Path, command: tuple[str, ...]
) -> None:
    models = ("--model", "no-such-model") if command[0] in ("segment", "edit", "create") else ()
    result = textseg(*command, *models)
    assert result.exit_code == 2
    assert "more than the 255 that disks take" in result.stderr
    assert result.stderr.count("\n") == 1
    assert names(folder) == ["garden.png"]


@foreign
def test_names_that_are_no_text_are_printed_with_replacements(folder: Path) -> None:
    picture, folder_name = known_as(folder, UMLAUT), os.fsdecode(b"\xf6rdner")
    code = (
        "from textseg import testing\n"
        "from textseg.cli import main\n"
        "from textseg.registry.models import MODELS\n"
        "from textseg.registry.named import Own\n"
        "load = lambda **settings: testing.GaussianModel()\n"
        'MODELS.own["gaussian"] = Own("__main__:load")\n'
        "main()"
    )
    command = ["segment", picture, "tree", *GAUSSIAN, "-o", folder_name]
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("?um.png: 40 x 24")
    assert "?rdner/_um-" in done.stdout
    assert len(names(folder / folder_name)) == 4


@foreign
@pytest.mark.parametrize("as_json", [False, True])
def test_missing_file_whose_name_is_no_text_is_one_line(textseg: Command, as_json: bool) -> None:
    command = ("segment", f"{UMLAUT}.png", "tree", *(["--json"] if as_json else []))
    result = textseg(*command)
    assert result.exit_code == 2
    assert result.stderr == "textseg: \ufffdum.png: no such file\n"
    if as_json:
        assert json.loads(result.stdout)["error"]["message"] == "\ufffdum.png: no such file"


@foreign
def test_remark_on_a_file_whose_name_is_no_text_can_be_printed(
    textseg: Command, folder: Path
) -> None:
    picture = (folder / "garden.png").rename(folder / f"{UMLAUT}.jpg").name
    result = textseg("segment", picture, "tree", *GAUSSIAN, "--json")
    assert json.loads(result.stdout)["notes"] == [
        "\ufffdum.jpg holds PNG data in spite of its suffix"
    ]


@foreign
def test_arguments_take_names_that_are_no_text_as_they_are() -> None:
    for arguments in (
        SegmentArguments(image=UMLAUT, queries=["tree"]),
        EditArguments(image="a.png", mask=UMLAUT, query="tree", target="house"),
    ):
        name = arguments.image if isinstance(arguments, SegmentArguments) else arguments.mask
        assert name == UMLAUT
        assert "\ufffdum" in arguments.model_dump_json()
