"""The command where a standard stream is missing, full or gone, and where Ctrl-C comes early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="closes streams, sends signals")

RUN = """
from textseg import testing
from textseg.cli import main
from textseg.registry.models import MODELS
from textseg.registry.named import Own

load = lambda **settings: testing.GaussianModel()
MODELS.own["gaussian"] = Own("__main__:load")
main()
"""
NO_STREAMS = f"import sys\nsys.stdin = sys.stdout = sys.stderr = None\n{RUN}"  # as in pythonw
SEGMENT = ("segment", "garden.png", "tree", "--model", "gaussian", "--draws", "2")
WRONG = ("segment", "nowhere.png", "tree")


def run(
    *arguments: str,
    code: str = RUN,
    closed: tuple[int, ...] = (),
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process that is started with some of its streams closed."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        preexec_fn=partial(close, closed),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        check=False,
    )


def close(streams: tuple[int, ...]) -> None:
    for stream in streams:
        os.close(stream)


@pytest.mark.parametrize(("code", "closed"), [(RUN, (0, 1, 2)), (NO_STREAMS, ())])
def test_without_any_stream_a_command_does_its_work(
    folder: Path, code: str, closed: tuple[int, ...]
) -> None:
    done = run(*SEGMENT, "-o", "out", code=code, closed=closed)
    assert done.returncode == 0
    assert len(list((folder / "out").iterdir())) == 4


def test_without_standard_error_results_and_exit_codes_are_the_same(folder: Path) -> None:
    done = run(*WRONG, "--json", closed=(2,))
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "invalid_image"


def test_chat_without_standard_input_ends(folder: Path) -> None:
    done = run("chat", "--model", "gaussian", "--workspace", "kept", closed=(0, 2))
    assert done.returncode == 0
    assert b"Pictures are kept in" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("methods",), 1, "textseg: standard output: No space left on device\n"),
        (("methods", "--json"), 1, "textseg: standard output: No space left on device\n"),
        (("--help",), 1, "textseg: standard output: No space left on device\n"),
        ((*WRONG, "--json"), 2, "textseg: nowhere.png: no such file\n"),
    ],
)
def test_output_that_cannot_be_written_is_one_line(
    folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    with open("/dev/full", "wb") as full:
        done = run(*arguments, stdout=full)
        assert (done.returncode, done.stderr.decode()) == (code, said)
        assert run(*arguments, stdout=full, stderr=full).returncode == code


@pytest.mark.parametrize(
    ("arguments", "code"), [(("methods",), 1), (("--help",), 1), ((*WRONG, "--json"), 2)]
)
def test_reader_that_has_left_is_told_nothing(
    folder: Path, arguments: tuple[str, ...], code: int
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = run(*arguments, stdout=theirs)
    os.close(theirs)
    own = b"textseg: nowhere.png: no such file\n" if code == 2 else b""
    assert (done.returncode, done.stderr) == (code, own)


def test_json_is_utf_8_whatever_people_read(folder: Path) -> None:
    done = run("segment", "木.png", "tree", "--json", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert json.loads(done.stdout.decode())["error"]["message"] == "木.png: no such file"


# -- interrupts

IMPORTING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

class Slow:
    def find_spec(name, path, target=None):
        if name == "MODULE":
            print("importing", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow)
from textseg.cli import main
main()
"""


@pytest.mark.parametrize(
    ("module", "said", "as_json"),
    [
        ("typer", "", False),
        ("textseg.toolbox.exporting", "textseg: interrupted; nothing was written\n", False),
        ("torch", "textseg: interrupted; nothing was written\n", True),
    ],
)
def test_interrupt_during_imports_is_no_traceback(
    folder: Path, module: str, said: str, as_json: bool
) -> None:
    command = ["segment", "garden.png", "tree", *(["--json"] if as_json else [])]
    with subprocess.Popen(
        [sys.executable, "-c", IMPORTING.replace("MODULE", module), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, said)
    codes = [json.loads(line)["error"]["code"] for line in out.splitlines()]
    assert codes == ["cancelled"] * as_json


def test_interrupt_that_a_background_job_ignores_stays_ignored(folder: Path) -> None:
    ignoring = "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    interrupted = RUN.replace("main()", "os.kill(os.getpid(), signal.SIGINT)\nmain()")
    assert run("methods", code=ignoring + interrupted).returncode == 0


# -- limits on files


LIMITED = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n{RUN}"


@pytest.mark.skipif(version("torch").startswith("2.7."), reason="it writes a file when imported")
def test_file_that_may_not_be_so_large_is_one_line_and_leaves_nothing(folder: Path) -> None:
    done = run(*SEGMENT, "-o", "out/masks", code=LIMITED)
    assert done.returncode == 1
    said = "textseg: out/masks/garden_tree_overlay.png: File too large\n"
    assert (done.stdout.decode(), done.stderr.decode()) == ("", said)
    assert sorted(path.name for path in folder.iterdir()) == ["garden.png"]
