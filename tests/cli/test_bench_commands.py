"""`textseg bench ...` as a person or a script meets it, on one item of made-up data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from PIL import Image
from typer.testing import Result

from tests.registering import share_captioner
from textseg.backends.loading import choose_device
from textseg.cli.shared import plain_failures
from textseg.errors import Cancelled
from textseg.images import png_bytes, to_uint8
from textseg.lab.bench.editing import scenes as edit_bench
from textseg.lab.bench.editing.scenes import EditBenchSettings, EditReport
from textseg.testing import GaussianModel

DEVICE = str(choose_device("auto"))  # where captioners are loaded unless told otherwise

Command = Callable[..., Result]

HEIGHT, WIDTH = 24, 40
PIE = ("bench", "pie", "--data", "data", "--model", "gaussian", "--limit", "1")
TED = ("bench", "tedbench", "--data", "data", "--model", "gaussian", "--limit", "1")
PARROT = ("--captioner", "parrot")


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(to_uint8(GaussianModel().picture(["tree"], HEIGHT, WIDTH, seed=4))))


def runs(mask: NDArray[np.bool_]) -> list[int]:
    """Start and length of the stretch in every row, counted along the rows."""
    rows = [(row * WIDTH + int(line.argmax()), int(line.sum())) for row, line in enumerate(mask)]
    return [number for start, length in rows if length for number in (start, length)]


@pytest.fixture
def pie(folder: Path) -> Path:
    """Two items; only the first one has its picture."""
    tree = GaussianModel().region("tree", HEIGHT, WIDTH)
    entries = {
        name: {
            "image_path": f"1_change_object_80/{name}.png",
            "original_prompt": "a [tree] on grass",
            "editing_prompt": "a [house] on grass",
            "editing_instruction": "change the tree into a house",
            "editing_type_id": "1",
            "blended_word": "tree house",
            "mask": runs(tree),
        }
        for name in ("first", "second")
    }
    draw(folder / "data" / "annotation_images" / "1_change_object_80" / "first.png")
    (folder / "data" / "mapping_file.json").write_text(json.dumps(entries))
    return folder / "data"


@pytest.fixture
def ted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    class Parrot:
        name = "parrot"

        def caption(self, rgb: NDArray[np.float32]) -> str:
            assert rgb.shape == (HEIGHT, WIDTH, 3)
            return "a photo of a tree"

    share_captioner(monkeypatch, "parrot", Parrot(), DEVICE)
    draw(folder / "data" / "originals" / "tree.png")
    entries = [
        {"img_name": name, "target_text": "A photo of a house."}
        for name in ("tree.png", "missing.png")
    ]
    (folder / "data" / "input_list.json").write_text(json.dumps(entries))
    return folder / "data"


def told(result: Result) -> dict[str, Any]:  # a JSON object
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("segment", ["--scenes", "--seed", "--world", "--json"]),
        ("edit", ["--scenes", "--seed", "--others", "--workers", "--json"]),
        ("inversion", ["--scenes", "--seed", "--json"]),
        ("cost", ["--rounds", "--scenes", "--json"]),
        ("small", ["--scenes", "--seed", "--json"]),
        ("readers", ["--scenes", "--seed", "--json"]),
        ("masks", ["--data", "--base", "--prompt", "--ask", "--absent", "--no-peer", "--results"]),
        ("edges", ["--data", "--masks", "--cells", "--ignore", "--limit", "--seed", "--json"]),
        (
            "pie",
            ["--data", "--model", "--lora", "--method", "--compat", "--give-mask", "--results"],
        ),
        ("tedbench", ["--data", "--model", "--offline", "--method", "--captioner", "--results"]),
    ],
)
def test_every_bench_explains_itself(textseg: Command, command: str, options: list[str]) -> None:
    listed, said = textseg("bench", "--help"), textseg("bench", command, "--help")
    assert (listed.exit_code, said.exit_code) == (0, 0)
    assert f"  {command} " in listed.stdout
    assert [option for option in options if option not in said.stdout] == []


def test_a_bench_that_does_not_exist_is_refused(textseg: Command) -> None:
    result = textseg("bench", "everything")
    assert result.exit_code == 2
    assert "everything" in result.stderr


# -- the published benchmarks


@pytest.mark.usefixtures("pie")
def test_pie_runs_the_first_items_and_tells_their_figures(textseg: Command) -> None:
    found = told(textseg(*PIE, "--json"))
    assert found["benchmark"] == "pie"
    assert found["about"] == {"model": "gaussian", "method": "default"}
    assert found["all"]["items"] == 1
    assert found["all"]["evaluations_per_item"] > 20
    assert found["all"]["clip_similarity_target_image"] is None
    assert textseg(*PIE).stdout.count("\n| all | 1 |") == 1


@pytest.mark.usefixtures("pie")
def test_options_of_pie_reach_the_run(textseg: Command) -> None:
    words = "--method sdedit --compat strict --give-mask --seed 3 --json"
    found = told(textseg(*PIE, *words.split()))
    assert found["about"] == {"model": "gaussian", "method": "sdedit"}
    assert (found["compat"], found["seed"], found["mask_given"]) == ("strict", 3, True)


def test_items_of_pie_that_are_done_are_not_run_again(textseg: Command, pie: Path) -> None:
    first = textseg(*PIE, "--results", "done.jsonl", "--json")
    for path in pie.rglob("first.png"):
        path.unlink()
    again = textseg(*PIE, "--results", "done.jsonl", "--json")
    assert told(again)["all"] == told(first)["all"]


@pytest.mark.usefixtures("pie")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--base", "folder"), "base and lora go with files"),
        (("--lora", "style.safetensors"), "base and lora go with files"),
        (("--model", "owner/name", "--offline"), "is not on this machine"),
    ],
)
def test_what_goes_with_a_model_reaches_a_bench(
    textseg: Command, given: tuple[str, ...], said: str
) -> None:
    result = textseg(*PIE, *given)
    assert result.stdout == ""
    assert said in result.stderr


@pytest.mark.usefixtures("ted")
def test_tedbench_runs_the_first_items_with_the_captioners_words(textseg: Command) -> None:
    found = told(textseg(*TED, *PARROT, "--json"))
    assert found["benchmark"] == "tedbench"
    assert found["about"] == {"model": "gaussian", "method": "default"}
    assert found["all"]["items"] == 1
    assert found["all"]["evaluations_per_item"] > 20
    assert textseg(*TED, *PARROT).stdout.count("\n| all | 1 |") == 1


@pytest.mark.usefixtures("ted")
def test_tedbench_needs_a_captioner(textseg: Command) -> None:
    result = textseg(*TED)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no captioner belongs to 'gaussian'" in result.stderr
    assert "--captioner" in result.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--data", "nowhere"), "nowhere"),
        (("--limit", "0"), "--limit"),
        (("--compat", "loose"), "known: pie, strict"),
        (("--method", "photoshop"), "known: asyrp, blended"),
        (("--model", "no-such-model"), "picturebook"),
        (("--clip", "nowhere"), "nowhere"),
    ],
)
@pytest.mark.usefixtures("pie")
def test_a_wrong_run_is_refused_with_exit_code_two(
    textseg: Command, wrong: tuple[str, ...], said: str
) -> None:
    result = textseg(*PIE, *wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_masks_are_measured_with_the_options_given(textseg: Command, folder: Path) -> None:
    draw(folder / "data" / "image" / "1.png")
    (folder / "data" / "mask").mkdir()
    (folder / "data" / "mask" / "1.png").write_bytes(
        png_bytes(GaussianModel().region("tree", HEIGHT, WIDTH))
    )
    (folder / "data" / "Editing-Mask_list.txt").write_text("1 <> a tree <> tree <> house\n")
    words = ("bench", "masks", "--data", "data", "--model", "gaussian", "--no-peer")
    options = ("--prompt", "there is a {}", "--absent", "1", "--limit", "1", "--seed", "3")
    found = told(textseg(*words, *options, "--results", "done.jsonl", "--json"))
    assert (found["benchmark"], found["layout"]) == ("masks", "editing-mask")
    assert (found["prompt"], found["absent"], found["seed"]) == ("there is a {}", 1, 3)
    assert found["default"]["iou"] == pytest.approx(1)
    assert found["unavailable"] == {"peer": "not asked for"}
    assert len((folder / "done.jsonl").read_text().splitlines()) == 2
    assert textseg(*words).stdout.count("\n| default | 1 | 1 | 1.000 |") == 1
    refused = textseg(*words, "--ask", "some")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "known: all, present" in refused.stderr


# -- pictures with masks


def test_edges_are_measured_on_pictures_with_label_masks(textseg: Command, folder: Path) -> None:
    draw(folder / "data" / "one.png")
    labels = GaussianModel().region("tree", HEIGHT, WIDTH).astype(np.uint8)
    (folder / "data" / "masks").mkdir()
    Image.fromarray(labels).save(folder / "data" / "masks" / "one.png")
    words = "bench edges --data data --cells 8 --cells 4 --seed 2".split()
    found = told(textseg(*words, "--json"))
    assert (found["pictures"], found["masks"], found["seed"]) == (1, 1, 2)
    assert {row["cells"] for row in found["rows"]} == {8, 4}
    assert textseg(*words).stdout.count("\n| bicubic |") == 2


# -- our own scenes


def test_readers_are_measured_on_a_scene(textseg: Command) -> None:
    found = told(textseg("bench", "readers", "--scenes", "1", "--seed", "2", "--json"))
    assert set(found) == {"captioner", "judge", "facts"}
    assert (found["facts"]["scenes"], found["facts"]["seed"]) == (1, 2)
    table = textseg("bench", "readers", "--scenes", "1", "--seed", "2").stdout
    assert "| captioner |" in table
    assert "| judge |" in table


def test_pictures_from_text_are_measured_and_shown_on_a_sheet(
    textseg: Command, folder: Path
) -> None:
    words = "bench generate --samples 1 --seed 4 --sheet drawn.png --json".split()
    found = told(textseg(*words))
    assert (found["generated"]["samples"], found["settings"]["seed"]) == (1, 4)
    assert (folder / "drawn.png").read_bytes().startswith(b"\x89PNG")
    again = textseg(*words)
    assert again.exit_code == 2
    assert "drawn.png would be overwritten" in again.stderr


def test_options_of_the_edit_bench_reach_it(
    textseg: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[EditBenchSettings] = []

    def measure(settings: EditBenchSettings, progress: object) -> EditReport:
        asked.append(settings)
        return EditReport({"settings": settings.scenes})

    monkeypatch.setattr(edit_bench, "measure_editing", measure)
    words = "--scenes 3 --seed 5 --others 2 --workers 4 --json"
    assert told(textseg("bench", "edit", *words.split())) == {"settings": 3}
    assert asked == [EditBenchSettings(scenes=3, seed=5, others=2, workers=4)]


def test_an_interrupted_run_says_where_its_finished_items_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @plain_failures
    def command(*, results: Path | None) -> None:
        raise Cancelled("stopped")

    for results, said in ((Path("items.jsonl"), "finished items are in items.jsonl"), (None, "no")):
        with pytest.raises(typer.Exit):
            command(results=results)
        assert f"interrupted; {said}" in capsys.readouterr().err
