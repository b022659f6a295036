"""Killed at any moment, out of disk, many at once: items are there whole, or not at all."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workspace.helpers import check_whole, encoded, keep_both
from textseg.workspace import Workspace

ROOT = Path(__file__).parents[2]

posix = pytest.mark.skipif(sys.platform == "win32", reason="no forks and no signals here")


def started(kind: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.workspace.crashing", kind, str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ran(kind: str, folder: Path) -> str:
    out, err = (process := started(kind, folder)).communicate()
    assert process.returncode == 0, err
    return out


@posix
def test_process_killed_at_any_call_leaves_all_or_nothing(tmp_path: Path) -> None:
    said = ran("every_moment", tmp_path / "workspace")
    assert int(said.split()[0]) > 50  # the moments are really there


@posix
def test_process_killed_while_it_makes_a_workspace_leaves_one_that_works(tmp_path: Path) -> None:
    assert int(ran("every_moment_of_opening", tmp_path).split()[0]) > 20


@posix
@pytest.mark.parametrize("ending", ["killed_in_database", "failing_database"])
def test_writing_that_ends_in_the_index_leaves_all_or_nothing(tmp_path: Path, ending: str) -> None:
    assert ran(ending, tmp_path / "workspace") == "held"


@posix
def test_process_killed_from_outside_leaves_all_or_nothing(tmp_path: Path) -> None:
    assert ran("any_moment", tmp_path / "workspace").endswith("images")


def test_two_processes_add_to_one_workspace_at_once(tmp_path: Path) -> None:
    both = [started("many", tmp_path) for _ in range(2)]
    for process in both:
        _, err = process.communicate()
        assert process.returncode == 0, err
    workspace = Workspace.open(tmp_path)
    assert check_whole(workspace) == 200
    assert workspace.count("image") == 100
    assert len(workspace.history(limit=1000)) == 100


def test_two_processes_that_make_one_workspace_at_once_share_it(tmp_path: Path) -> None:
    both = [started("one", tmp_path / "new") for _ in range(2)]
    for process in both:
        _, err = process.communicate()
        assert process.returncode == 0, err
    assert check_whole(Workspace.open(tmp_path / "new")) == 4


def test_opening_leaves_alone_what_another_process_is_writing(tmp_path: Path) -> None:
    writer = started("many", tmp_path)
    while writer.poll() is None:
        Workspace.open(tmp_path)
    assert writer.returncode == 0, writer.communicate()[1]
    writer.communicate()
    assert check_whole(Workspace.open(tmp_path)) == 100


def test_one_workspace_is_used_by_several_threads(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)

    def work(seed: int) -> str:
        image, _ = keep_both(workspace, seed)
        assert workspace.bytes_of(image) == encoded(seed=seed)
        return image.handle

    with ThreadPoolExecutor(8) as threads:
        handles = list(threads.map(work, range(40)))
    assert {record.handle for record in workspace.list(limit=100)} == set(handles)
    assert check_whole(workspace) == 80


def test_same_file_imported_by_several_threads_becomes_one_image(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "house.png").write_bytes(encoded())
    workspace = Workspace.open(tmp_path / "workspace", roots=[tmp_path / "root"])
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(workspace.resolve, ["house.png"] * 16))
    assert len({record.handle for record in found}) == 1
    assert check_whole(workspace) == 1


@posix
def test_picture_that_the_disk_takes_in_part_only_is_not_kept(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "import numpy as np\n"
        "from textseg.errors import WorkspaceError\n"
        "from textseg.workspace import Workspace\n"
        "workspace = Workspace.open(sys.argv[1])\n"
        "noise = np.random.default_rng(0).random((100, 150, 3))\n"
        "limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))\n"
        "try:\n"
        "    workspace.add_picture(noise)\n"
        "except WorkspaceError as error:\n"
        "    print(error)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
        "assert workspace.count() == 0\n"
        "workspace.add_picture(noise)"
    )
    folder = str(tmp_path / "workspace")
    done = subprocess.run(
        [sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "the workspace cannot be read or written (File too large)\n"
    assert Workspace.open(folder).count() == 1
    assert len(list((tmp_path / "workspace" / "items").iterdir())) == 2
