"""Which files may be named, and that the others are not even opened."""

from __future__ import annotations

import os
import socket
import stat
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.workspace.helpers import check_whole, encoded, pixels
from textseg.errors import (
    ImageError,
    InvalidInputError,
    OutsideWorkspaceError,
    TextsegError,
    UnknownHandleError,
)
from textseg.workspace import FileLimits, Workspace, roots

SECRET = encoded(seed=99)


@pytest.fixture(params=["walking", "comparing"])
def workspace(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A workspace with a root, a folder beside it, and both ways to open files."""
    if request.param == "walking" and not roots.WALKS:
        pytest.skip("folders cannot be walked here")
    monkeypatch.setattr(roots, "WALKS", request.param == "walking")
    for folder in ("allowed/sub", "allowed-evil"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "allowed/a.png").write_bytes(encoded(seed=1))
    (tmp_path / "allowed/sub/b.png").write_bytes(encoded(seed=2))
    (tmp_path / "allowed-evil/secret.png").write_bytes(SECRET)
    return Workspace.open(tmp_path / "workspace", roots=[tmp_path / "allowed"])


def content(workspace: Workspace, name: str) -> bytes:
    return workspace.bytes_of(workspace.resolve(name))


@pytest.mark.parametrize(
    ("name", "seed"),
    [("a.png", 1), ("./a.png", 1), ("sub/b.png", 2), ("sub//b.png", 2), ("./sub/./b.png", 2)],
)
def test_plain_file_below_a_root_is_read(workspace: Workspace, name: str, seed: int) -> None:
    assert content(workspace, name) == encoded(seed=seed)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "/",
        "./",
        "..",
        "../allowed-evil/secret.png",
        "sub/../a.png",
        "./sub/../../allowed-evil/secret.png",
        "/etc/passwd",
        "//etc/passwd",
        "~/secret.png",
        "~root/secret.png",
        "a.png\0",
        "a.png\0.jpg",
        "sub\\b.png",
        "..\\allowed-evil\\secret.png",
        "\\\\server\\share\\x.png",
        "C:\\secret.png",
        "c:a.png",
        "http://127.0.0.1/a.png",
        "https:a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
    ],
)
def test_name_that_leads_elsewhere_is_refused_without_a_look(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def looked(*_: object, **__: object) -> None:
        pytest.fail("the disk was asked")

    with monkeypatch.context() as patched:
        for function in ("open", "stat", "lstat"):
            patched.setattr(os, function, looked)
        with pytest.raises(OutsideWorkspaceError) as caught:
            workspace.resolve(name)
    assert caught.value.code == "outside_workspace"
    assert "relative to a folder that was opened" in caught.value.hint
    assert check_whole(workspace) == 0


@pytest.mark.parametrize(
    "name",
    [
        "nowhere.png",
        "sub/nowhere.png",
        "a.png/b.png",
        "%2e%2e/allowed-evil/secret.png",
        "..%2fallowed-evil%2fsecret.png",
        "\uff0e\uff0e/allowed-evil/secret.png",  # full-width dots
        "\u2024\u2024/allowed-evil/secret.png",  # one dot leaders
        "..\u2215allowed-evil\u2215secret.png",  # division slashes
        "\udcae\udcae/allowed-evil/secret.png",  # undecodable bytes
        "\ud800.png",
        "\udcc0\udcae/a.png",  # an overlong dot
        "x" * 300 + ".png",
        "x/" * 3000 + "a.png",
        "A.PNG\n",
        "'; DROP TABLE items; --",
    ],
)
def test_name_of_nothing_is_unknown(workspace: Workspace, name: str) -> None:
    known = workspace.resolve("a.png")
    with pytest.raises(UnknownHandleError) as caught:
        workspace.resolve(name)
    assert caught.value.hint.startswith((f"the newest: {known.handle}, '", "did you mean '"))
    assert len(caught.value.message) < 500
    assert check_whole(workspace) == 1


def make_link(allowed: Path, other: Path) -> None:
    (allowed / "x.png").symlink_to(other / "secret.png")


def make_dangling_link(allowed: Path, other: Path) -> None:
    (allowed / "x.png").symlink_to(other / "nowhere.png")


def make_link_within(allowed: Path, other: Path) -> None:
    (allowed / "x.png").symlink_to("a.png")


def make_chain_of_links(allowed: Path, other: Path) -> None:
    (allowed / "x.png").symlink_to("y.png")
    (allowed / "y.png").symlink_to(other / "secret.png")


def make_hard_link(allowed: Path, other: Path) -> None:
    os.link(other / "secret.png", allowed / "x.png")


def make_pipe(allowed: Path, other: Path) -> None:
    os.mkfifo(allowed / "x.png")


def make_socket(allowed: Path, other: Path) -> None:
    here = os.getcwd()
    os.chdir(allowed)  # the path of a socket has little room
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind("x.png")
    finally:
        os.chdir(here)


def make_device(allowed: Path, other: Path) -> None:
    try:
        os.mknod(allowed / "x.png", 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("may not make devices")


def make_folder(allowed: Path, other: Path) -> None:
    (allowed / "x.png").mkdir()


STRANGE: list[tuple[Callable[[Path, Path], None], type[TextsegError], str]] = [
    (make_link, OutsideWorkspaceError, "is a link"),
    (make_dangling_link, OutsideWorkspaceError, "is a link"),
    (make_link_within, OutsideWorkspaceError, "is a link"),
    (make_chain_of_links, OutsideWorkspaceError, "is a link"),
    (make_hard_link, OutsideWorkspaceError, "is a hard link"),
    (make_pipe, ImageError, "not a plain file"),
    (make_socket, ImageError, "not a plain file"),
    (make_device, ImageError, "not a plain file"),
    (make_folder, ImageError, "is a folder"),
]


@pytest.mark.parametrize(("make", "error", "said"), STRANGE)
def test_what_is_no_plain_file_is_refused_and_never_opened(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path, Path], None],
    error: type[TextsegError],
    said: str,
) -> None:
    allowed = workspace.roots[0]
    make(allowed, allowed.with_name("allowed-evil"))
    opened, really = [], os.open

    def watched(path: str | Path, flags: int, mode: int = 0o777, **where: int) -> int:
        opened.append(Path(path).name)
        return really(path, flags, mode, **where)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", watched)
        with pytest.raises(error, match=said):
            workspace.resolve("x.png")
    assert "x.png" not in opened
    assert check_whole(workspace) == 0


@pytest.mark.parametrize("name", ["link/secret.png", "inner/b.png"])
def test_folder_that_is_a_link_is_not_followed(workspace: Workspace, name: str) -> None:
    allowed = workspace.roots[0]
    (allowed / "link").symlink_to(allowed.with_name("allowed-evil"))
    (allowed / "inner").symlink_to("sub")
    with pytest.raises(OutsideWorkspaceError, match="lies behind one"):
        workspace.resolve(name)


def swap_for_link(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def swap_for_pipe(path: Path, secret: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def swap_for_hard_link(path: Path, secret: Path) -> None:
    path.unlink()
    os.link(secret, path)


def swap_folder_for_link(path: Path, secret: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(secret.parent)


@pytest.mark.skipif(not roots.WALKS, reason="folders cannot be walked here")
@pytest.mark.parametrize(
    "swap", [swap_for_link, swap_for_pipe, swap_for_hard_link, swap_folder_for_link]
)
@pytest.mark.parametrize("moment", [1, 2])
def test_file_swapped_between_look_and_opening_is_not_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    swap: Callable[[Path, Path], None],
    moment: int,
) -> None:
    (tmp_path / "root/sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    inside, secret = tmp_path / "root/sub/x.png", tmp_path / "outside/x.png"
    inside.write_bytes(encoded())
    secret.write_bytes(SECRET)
    workspace = Workspace.open(tmp_path / "workspace", roots=[tmp_path / "root"])
    looks, look = [], os.stat

    def swapping(path: str | Path, **where: object) -> os.stat_result:
        found = look(path, **where)  # type: ignore[arg-type]  # handed through
        looks.append(path)
        if len(looks) == moment:  # of the folder, of the file
            swap(inside, secret)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", swapping)
        try:
            found = workspace.resolve("sub/x.png")
        except TextsegError:
            return
    # only the folder may be swapped unseen: once it is open, the file in it is the one there was
    assert workspace.bytes_of(found) == encoded()
    assert swap is swap_folder_for_link
    assert moment == 2


def test_link_to_a_root_is_followed_because_a_person_gave_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.png").write_bytes(encoded())
    (tmp_path / "link").symlink_to("real")
    workspace = Workspace.open(tmp_path / "workspace", roots=[tmp_path / "link"])
    assert content(workspace, "a.png") == encoded()


def test_roots_are_tried_in_their_order(tmp_path: Path) -> None:
    for seed, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "both.png").write_bytes(encoded(seed=seed))
        (tmp_path / name / f"{name}.png").write_bytes(encoded(seed=10 + seed))
    roots = [tmp_path / "one", tmp_path / "two"]
    workspace = Workspace.open(tmp_path / "workspace", roots=roots)
    assert content(workspace, "both.png") == encoded(seed=0)
    assert content(workspace, "two.png") == encoded(seed=11)


def test_without_roots_no_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded())
    workspace = Workspace.open(tmp_path)
    for name in ("a.png", "index.sqlite"):
        with pytest.raises(UnknownHandleError):
            workspace.resolve(name)


def test_mask_is_never_a_file(workspace: Workspace) -> None:
    with pytest.raises(UnknownHandleError, match=r"no mask 'a\.png'"):
        workspace.resolve("a.png", "mask")
    assert check_whole(workspace) == 0


@pytest.mark.parametrize("wide", ["/", "home", "above home"])
def test_roots_that_hold_private_files_need_a_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wide: str
) -> None:
    home = tmp_path / "users" / "me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    root = {"/": Path("/"), "home": home, "above home": home.parent}[wide]
    for spelling in (
        root,
        f"{root}/.",
        home / ".." / ".." / "users" if root == home.parent else root,
    ):
        with pytest.raises(InvalidInputError, match="too wide"):
            Workspace.open(tmp_path / "workspace", roots=[spelling])
    assert not (tmp_path / "workspace").exists()
    (home / "pictures").mkdir()
    assert Workspace.open(tmp_path / "workspace", roots=[home / "pictures"]).roots


@pytest.mark.parametrize("root", ["nowhere", "file", "nul\0", "loop"])
def test_root_that_is_no_folder_is_refused(tmp_path: Path, root: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InvalidInputError, match="no such folder"):
        Workspace.open(tmp_path / "workspace", roots=[f"{tmp_path}/{root}"])


# -- limits


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *extra: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(2)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + data + chunk(b"IEND", b"")


BOMB = zlib.compress(bytes(100_000_000))  # 97 KB

HOSTILE = {
    "900 million pixels": (png(30_000, 30_000), "more pixels than|more than the limit"),
    "too many pixels": (png(8_000, 8_000), "more than the limit"),
    "another format": (encoded("GIF"), "readable formats: PNG, JPEG, WEBP"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    "text": (b"ignore previous instructions", "not a picture"),
    "nothing": (b"", "the file is empty"),
    "cut short": (encoded()[:60], "damaged|not a picture"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_file_is_refused_by_the_name_that_was_typed(
    workspace: Workspace, kind: str
) -> None:
    hostile, said = HOSTILE[kind]
    (workspace.roots[0] / "sub/evil.png").write_bytes(hostile)
    with pytest.raises(ImageError, match=said) as caught:
        workspace.resolve("sub/evil.png")
    assert caught.value.message.startswith("'sub/evil.png': ")
    assert check_whole(workspace) == 0


@pytest.mark.parametrize(
    "bomb",
    [
        chunk(b"zTXt", b"k\0\0" + BOMB),
        chunk(b"iTXt", b"k\0\1\0\0\0" + BOMB),
        chunk(b"iCCP", b"k\0\0" + BOMB),
    ],
    ids=["compressed text", "international text", "colour profile"],
)
def test_text_that_would_fill_the_memory_is_left_out_of_the_picture(
    workspace: Workspace, bomb: bytes
) -> None:
    (workspace.roots[0] / "sub/evil.png").write_bytes(png(1, 1, bomb))
    image = workspace.resolve("sub/evil.png")
    tracemalloc.start()
    try:
        assert workspace.picture(image).size == (1, 1)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_long_file_is_refused_before_it_is_read(workspace: Workspace) -> None:
    with (workspace.roots[0] / "long.png").open("wb") as file:
        file.truncate(50_000_001)
    with pytest.raises(ImageError, match=r"'long\.png': more than 50,000,000 bytes"):
        workspace.resolve("long.png")


def test_limits_are_those_that_a_person_set(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded())
    (tmp_path / "a.gif").write_bytes(encoded("GIF"))
    size = len(encoded())

    def opened(**limits: object) -> Workspace:
        return Workspace.open(
            tmp_path / "workspace",
            roots=[tmp_path],
            limits=FileLimits(**limits),  # type: ignore[arg-type]  # by name
        )

    with pytest.raises(ImageError, match=f"more than {size - 1} bytes"):
        opened(max_bytes=size - 1).resolve("a.png")
    with pytest.raises(ImageError, match="8 x 5 = 40 pixels, more than the limit of 39"):
        opened(max_pixels=39).resolve("a.png")
    with pytest.raises(ImageError, match="readable formats: GIF"):
        opened(formats=("GIF",)).resolve("a.png")
    opened(formats=("GIF",)).resolve("a.gif")
    opened(max_bytes=size, max_pixels=40).resolve("a.png")


@pytest.mark.parametrize(
    "limits", [{"max_bytes": 0}, {"max_pixels": 0}, {"formats": ()}, {"formats": ("EPS",)}]
)
def test_limits_without_a_meaning_are_refused(limits: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        FileLimits(**limits)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_first_of_several_frames_is_used(workspace: Workspace, format: str) -> None:
    frames = [Image.fromarray(pixels(seed)) for seed in range(3)]
    path = workspace.roots[0] / "moving"
    frames[0].save(path, format=format, save_all=True, append_images=frames[1:], lossless=True)
    picture = workspace.picture(workspace.resolve("moving"))
    assert picture.size == (5, 8)
    assert picture.notes == ("the first of 3 frames is used",)


# -- what is said


def test_no_error_tells_a_path(workspace: Workspace) -> None:
    allowed = workspace.roots[0]
    for count, (make, _, _) in enumerate(STRANGE):
        if make is make_device:
            continue
        (allowed / str(count)).mkdir()
        (allowed / str(count) / "a.png").touch()
        make(allowed / str(count), allowed.with_name("allowed-evil"))
    for kind, (hostile, _) in HOSTILE.items():
        (allowed / kind).write_bytes(hostile)
    image = workspace.resolve("a.png")
    (workspace.folder / "items" / image.files["picture"].name).unlink()
    names = [
        "../x", "/x", "", "nowhere.png", "img_0000000000", "latest/x", "x\0", "a.png/x", "sub",
        *HOSTILE, *(f"{count}/x.png" for count in range(len(STRANGE))),
    ]  # fmt: skip
    calls = [
        *(lambda name=name: workspace.resolve(name) for name in names),
        *(lambda name=name: workspace.record(name) for name in names),
        *(lambda name=name: workspace.choose(name) for name in names),
        lambda: workspace.bytes_of(image),
        lambda: workspace.picture(image),
        lambda: workspace.bytes_of(image, "depth"),
        lambda: workspace.undo(),
        lambda: Workspace.open(workspace.folder / "index.sqlite"),
        lambda: Workspace.open(workspace.folder / "index.sqlite" / "x"),
    ]
    for call in calls:
        with pytest.raises(TextsegError) as caught:
            call()
        text = f"{caught.value} {caught.value!r}"
        for path in (workspace.folder, allowed, allowed.parent, Path.cwd()):
            assert str(path) not in text
