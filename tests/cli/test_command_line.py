"""The `textseg` command as a person or a script meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from textseg import __version__
from textseg.cli.app import further_commands
from textseg.errors import ModelError, OutOfMemoryError
from textseg.registry.models import load_model
from textseg.toolbox import SegmentResult

Command = Callable[..., Result]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


SEGMENT = ("segment", "garden.png", "tree", "--model", "gaussian", "--draws", "4")


# -- what it does


def test_segment_writes_four_files_a_query_and_says_what_it_found(
    textseg: Command, folder: Path
) -> None:
    result = textseg(*SEGMENT, "-o", "out/masks")
    assert result.exit_code == 0, result.stderr
    assert "tree: " in result.stdout
    assert "present" in result.stdout
    assert "region 1 (left): " in result.stdout
    assert names(folder / "out" / "masks") == [
        "garden_tree.json",
        "garden_tree_mask.png",
        "garden_tree_overlay.png",
        "garden_tree_soft.png",
    ]


def test_json_on_stdout_is_the_result_and_nothing_else(textseg: Command, folder: Path) -> None:
    result = textseg(*SEGMENT, "house", "--json", "--seed", "3", "-o", "out")
    facts = SegmentResult.model_validate_json(result.stdout)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert [query.query for query in facts.queries] == ["tree", "house"]
    assert facts.seed == 3
    assert facts.queries[0].draws == 4
    assert facts.queries[0].files is not None
    assert (folder / facts.queries[0].files.overlay).is_file()


def test_rivals_can_be_asked_for(textseg: Command) -> None:
    facts = SegmentResult.model_validate_json(
        textseg(
            "segment",
            "garden.png",
            "house",
            "--model",
            "gaussian",
            "--presence",
            "rivals",
            "--json",
        ).stdout
    )
    assert (facts.queries[0].present, facts.queries[0].rival) == (False, "tree")


def test_query_that_is_not_there_is_an_answer_not_an_error(textseg: Command) -> None:
    result = textseg("segment", "garden.png", "house", "--model", "gaussian")
    assert result.exit_code == 0
    said = "house: 'house' was not found in the picture (probability 0.00); other words, or a lower"
    assert said in result.stdout
    assert "_overlay.png" not in result.stdout  # nothing to look at


def test_options_reach_the_operation(textseg: Command) -> None:
    result = textseg(*SEGMENT, "--threshold", "0.8", "--batch-size", "2", "--json")
    facts = SegmentResult.model_validate_json(result.stdout)
    assert facts.queries[0].threshold == 0.8
    assert facts.queries[0].threshold_rule == "given"


def test_remarks_are_shown(textseg: Command, folder: Path) -> None:
    (folder / "garden.png").rename(folder / "garden.jpg")
    result = textseg("segment", "garden.jpg", "zebra", "--model", "gaussian")
    assert "note: garden.jpg holds PNG data" in result.stdout


def test_unknown_word_is_told_first_and_nothing_else_of_it(textseg: Command, folder: Path) -> None:
    result = textseg("segment", "garden.png", "housee", "tree", "--model", "gaussian")
    assert result.exit_code == 0
    _, unknown, known, *_ = result.stdout.splitlines()
    assert unknown == (
        "housee: nothing can be said about 'housee': this model does not know 'housee' (did you "
        "mean 'house'?); say it in words that it knows: a, an, and, at, house, in, is, of, on, "
        "the, there, tree; for all else choose another model (`textseg models` lists some)"
    )
    assert known.startswith("tree: ")
    facts = json.loads((folder / "garden_housee.json").read_text())["queries"][0]
    assert facts["present"] is facts["presence"] is None
    assert (facts["matched"], facts["area"]) == (False, 0)
    assert facts["notes"] == ["this model does not know 'housee' (did you mean 'house'?)"]


def test_models_lists_names_for_people_and_programs(textseg: Command) -> None:
    assert "picturebook: " in textseg("models").stdout
    listed = json.loads(textseg("models", "--json").stdout)
    assert {"gaussian", "picturebook"} <= {entry["name"] for entry in listed}


def test_the_card_of_a_model_is_shown_to_people_and_programs(textseg: Command) -> None:
    shown = textseg("models", "picturebook").stdout
    assert shown.startswith("picturebook\n\nsizes\n  native: 128\n")
    assert "\n  alter: method flowedit, options (strength 0.8, steps 18, guidance 13.5)" in shown
    assert "\n  found: python -m textseg.lab.bench.calibrate" in shown
    card = json.loads(textseg("models", "picturebook", "--json").stdout)
    assert card == load_model("picturebook").card.as_json()
    refused = textseg("models", "no such model")
    assert refused.exit_code == 2
    assert "picturebook" in refused.stderr


def test_version_is_printed(textseg: Command) -> None:
    result = textseg("--version")
    assert (result.exit_code, result.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("segment",),
        ("edit",),
        ("create",),
        ("caption",),
        ("methods",),
        ("models",),
        ("demo",),
        ("bench", "segment"),
    ],
)
def test_help_names_every_option(textseg: Command, command: tuple[str, ...]) -> None:
    result = textseg(*command, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.stdout


# -- existing files


def test_existing_files_are_kept_unless_forced(textseg: Command, folder: Path) -> None:
    assert textseg(*SEGMENT).exit_code == 0
    before = (folder / "garden_tree.json").read_bytes()

    refused = textseg(*SEGMENT, "--seed", "9")
    assert refused.exit_code == 2
    assert "would be overwritten" in refused.stderr
    assert (folder / "garden_tree.json").read_bytes() == before

    assert textseg(*SEGMENT, "--seed", "9", "--force").exit_code == 0
    assert (folder / "garden_tree.json").read_bytes() != before


def test_refusal_comes_before_the_model_is_loaded(textseg: Command, folder: Path) -> None:
    (folder / "garden_tree.json").touch()
    result = textseg("segment", "garden.png", "tree", "--model", "no-such-model")
    assert "would be overwritten" in result.stderr


# -- what goes wrong


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("segment", "nowhere.png", "tree"), "no such file"),
        (("segment", "notes.txt", "tree"), "not a picture"),
        (("segment", "empty.png", "tree"), "the file is empty"),
        (("segment", ".", "tree"), "is a folder"),
        (("segment", "garden.png", ""), "the query is empty"),
        (("segment", "garden.png", "tree", " "), "the query is empty"),
        (("segment", "garden.png", "tree", "--threshold", "3"), "threshold"),
        (("segment", "garden.png", "tree", "--threshold", "high"), "--threshold"),
        (("segment", "garden.png", "tree", "--draws", "0"), "allowed: 1 to 1000"),
        (("segment", "garden.png", "tree", "--presence", "guessed"), "presence"),
        (("segment", "garden.png", "tree", "--max-pixels", "9"), "limit of 9"),
        (("segment", "garden.png", "tree", "--model", "no-such-model"), "picturebook"),
        (("segment", "garden.png", "tree", "-o", "notes.txt"), "not a folder"),
        (("segment", "garden.png", "tree", "-o", "notes.txt/deep"), "not a folder"),
        (("segment", "garden.png"), "QUERY"),
        (("segment", "garden.png", "tree", "--unheard-of"), "--unheard-of"),
        (("unheard-of",), "unheard-of"),
        (("bench", "segment", "--scenes", "0"), "--scenes"),
    ],
)
def test_wrong_input_is_one_message_exit_code_two_and_no_file(
    textseg: Command, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    (folder / "notes.txt").write_text("not a picture")
    (folder / "empty.png").touch()
    before = names(folder)
    result = textseg(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert names(folder) == before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelError("the folder has no weights", hint="download them"), 1),
        (OutOfMemoryError("a batch of 8 does not fit", hint="use --batch-size 4"), 1),
        (OSError(28, "No space left on device", "out/mask.png"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failure_while_running_is_one_line_and_its_exit_code(
    textseg: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(*arguments: object, **settings: object) -> None:
        raise error

    monkeypatch.setattr("textseg.toolbox.segment_image", fail)
    result = textseg(*SEGMENT)
    assert result.exit_code == code
    assert result.stderr.startswith("textseg: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert names(folder) == ["garden.png"]


def test_json_has_the_error_where_there_is_no_result(textseg: Command) -> None:
    result = textseg("segment", "garden.png", "", "--json")
    assert result.exit_code == 2
    assert result.stderr == 'textseg: the query is empty; name what is meant, e.g. "tree"\n'
    assert json.loads(result.stdout) == {
        "error": {
            "code": "invalid_query",
            "message": "the query is empty",
            "hint": 'name what is meant, e.g. "tree"',
        }
    }


def test_mistake_of_ours_is_not_hidden_as_bad_input(
    textseg: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **settings: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("textseg.toolbox.segment_image", fail)
    assert isinstance(textseg(*SEGMENT).exception, ZeroDivisionError)


# -- as a process of its own

SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from textseg import testing
from textseg.cli import main
from textseg.registry.models import MODELS
from textseg.registry.named import Own

class Slow(testing.GaussianModel):
    def predict(self, z, sigma, text):
        print("running", flush=True)
        time.sleep(0.2)
        return super().predict(z, sigma, text)

load = lambda **settings: Slow()
MODELS.own["slow"] = Own("__main__:load")
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize(
    "command",
    [
        ("segment", "garden.png", "tree", "--draws", "500", "--batch-size", "1"),
        ("edit", "garden.png", "tree", "house", "--source", "tree", "--threshold", "0"),
        ("create", "a tree", "--size", "40x24", "--stages"),
    ],
    ids=lambda command: command[0],
)
def test_interrupt_ends_with_130_and_leaves_no_file(folder: Path, command: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *command, "--model", "slow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "textseg: interrupted; nothing was written\n"
    assert names(folder) == ["garden.png"]


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_progress_is_drawn_on_a_terminal_and_keeps_out_of_stdout(folder: Path) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-c", SLOW, "segment", "garden.png", "tree", "--model", "slow"]
    done = subprocess.run(
        [*command, "--draws", "2", "--json"], stdout=subprocess.PIPE, stderr=theirs, check=True
    )
    os.close(theirs)
    drawn = b""
    while b"100%" not in drawn:
        drawn += os.read(ours, 4096)
    os.close(ours)
    assert b"loading the model" in drawn
    assert b"%" not in done.stdout


def run_and_report(*arguments: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run the command in a fresh process; return how it ended and which modules it had loaded."""
    code = (
        "import sys\nfrom textseg.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    open('modules.txt', 'w').write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    return done, set(Path("modules.txt").read_text().split())


def test_help_starts_without_the_heavy_libraries(folder: Path) -> None:
    done, modules = run_and_report("segment", "--help")
    assert done.returncode == 0
    assert modules.isdisjoint({"torch", "numpy", "PIL", "diffusers", "matplotlib"})


@pytest.mark.parametrize("command", ["segment", "edit"])
def test_wrong_picture_is_refused_before_torch_is_loaded(folder: Path, command: str) -> None:
    done, modules = run_and_report(command, "nowhere.png", "tree", "house")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "textseg: nowhere.png: no such file\n"
    assert "torch" not in modules


# -- commands of other packages


def test_commands_of_other_packages_join_and_a_broken_one_spoils_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = [
        EntryPoint("chat", "agent_tools.chat_command:chat", "textseg.commands"),
        EntryPoint("gone", "no_such_module:command", "textseg.commands"),
    ]
    monkeypatch.setattr("textseg.registry.plugins.entry_points", lambda group: points)
    joined = typer.Typer()
    for name, command in further_commands().items():
        joined.command(name)(command)

    assert "plain commands" in CliRunner().invoke(joined, ["chat", "--help"]).stdout
    broken = CliRunner().invoke(joined, ["gone"])
    assert broken.exit_code == 1
    assert "command 'gone' is registered as no_such_module:command" in broken.stderr
