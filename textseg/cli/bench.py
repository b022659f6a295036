"""``textseg bench``: the commands that measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from textseg import toolbox
from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import AsJson, plain_failures, progress_bar, say
from textseg.toolbox import Setup
from textseg.toolbox.running import load_chosen

if TYPE_CHECKING:
    from textseg.lab.bench.editing.report import EditingResult

T = TypeVar("T")
Scenes = Annotated[int, typer.Option(min=1, help="Held-out scenes to render.")]
Seed = Annotated[int, typer.Option(min=0, help="Which held-out scenes.")]
Data = Annotated[Path, typer.Option(help="Folder with the data, laid out as published.")]
Method = Annotated[
    str | None,
    typer.Option(help="Edit method (see `textseg methods`).", show_default="what suits the change"),
]
Clip = Annotated[Path | None, typer.Option(help="CLIP folder; without it those figures are null.")]
Dino = Annotated[Path | None, typer.Option(help="DINO folder, for the structure distance.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first items.")]
Weights = Annotated[Given, Fields(Setup, but=("captioner", "editor", "batch_size", "max_pixels"))]
Results = Annotated[
    Path | None, typer.Option(help="JSON lines; finished items are kept and not run again.")
]


@plain_failures
def bench_segment(
    scenes: Scenes = 400,
    seed: Seed = 0,
    world: Annotated[
        int, typer.Option(min=1, max=2, help="Version of the world that is drawn.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure segmentation on scenes with known truth, beside diffusers' own DiffEdit mask."""
    from textseg.lab.bench import segment as measured

    with progress_bar() as progress:
        report = measured.run(
            scenes=scenes,
            seed=seed,
            world=world,  # type: ignore[arg-type]  # the option's range has the versions there are
            progress=progress,
        )
    say(report.to_json() if as_json else report.to_text())


@plain_failures
def bench_edit(
    scenes: Scenes = 200,
    seed: Seed = 0,
    others: Annotated[
        int, typer.Option(min=1, help="Of these, how many other methods and the peer do.")
    ] = 40,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Other method (may be repeated).",
            show_default="those that fit nothing to pictures",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work at once.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure edits on scenes with known truth, beside diffusers' own DiffEdit pipeline."""
    from textseg.lab.bench.editing.scenes import EditBenchSettings, measure_editing

    settings = EditBenchSettings(
        scenes=scenes, seed=seed, others=others, workers=workers, methods=tuple(method or ())
    )
    with interruptible(), progress_bar() as progress:
        report = measure_editing(settings, progress)
    say(report.as_json() if as_json else report.table())


@plain_failures
def bench_generate(
    samples: Annotated[int, typer.Option(min=1, help="Pictures to make.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Which prompts and noise.")] = 0,
    sheet: Annotated[
        Path | None, typer.Option(help="Write the first 64 pictures side by side, as a PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how often pictures from text show the thing that was asked for, in its colour."""
    from textseg.lab.bench.generate import Sheet, measure_generation, table

    first = None if sheet is None else Sheet(sheet)
    with progress_bar() as progress:
        keep = None if first is None else first.keep
        report = measure_generation(samples, seed, keep=keep, progress=progress)
    if first is not None:
        with interruptible():
            first.write()
    say(_told(report, table, as_json=as_json))


@plain_failures
def bench_inversion(
    scenes: Scenes = 20, seed: Annotated[int, typer.Option(min=0)] = 0, as_json: AsJson = False
) -> None:
    """Measure how exactly a picture comes back from its noise, by solver, steps and prompt."""
    from textseg.lab.bench.inversion import measure_inversion, table

    with progress_bar() as progress:
        report = measure_inversion(scenes=scenes, seed=seed, progress=progress)
    say(_told(report, table, as_json=as_json))


@plain_failures
def bench_register(
    repeats: Annotated[
        int, typer.Option(min=1, help="Cases of each picture, each with other numbers.")
    ] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Decides the numbers.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure how well another editor's picture is brought back into its frame and colours."""
    from textseg.lab.bench.register import measure_registration, table

    with progress_bar() as progress:
        report = measure_registration(repeats=repeats, seed=seed, progress=progress)
    say(_told(report, table, as_json=as_json))


@plain_failures
def bench_readers(scenes: Scenes = 200, seed: Seed = 0, as_json: AsJson = False) -> None:
    """Measure the embedded captioner, and the judge that the edit benchmark asks."""
    from textseg.lab.bench.readers import measure_readers, table

    report = measure_readers(scenes=scenes, seed=seed)
    say(_told(report, table, as_json=as_json))


@plain_failures
def bench_cost(
    rounds: Annotated[int, typer.Option(min=1, help="Turns that each query takes.")] = 5,
    scenes: Annotated[int, typer.Option(min=1, help="Scenes whose things are edited.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Measure what queries, edits, large pictures and many pictures take."""
    from textseg.lab.bench.spending import measure_spending

    with progress_bar() as progress:
        report = measure_spending(rounds=rounds, scenes=scenes, progress=progress)
    say(report.to_json() if as_json else report.to_text())


@plain_failures
def bench_small(scenes: Scenes = 40, seed: Seed = 0, as_json: AsJson = False) -> None:
    """Measure how small things in large pictures are found: at the first look and at a second."""
    from textseg.lab.bench.small import measure_small, table

    with progress_bar() as progress:
        report = measure_small(scenes=scenes, seed=seed, progress=progress)
    say(_told(report, table, as_json=as_json))


@plain_failures
def bench_edges(
    data: Annotated[Path, typer.Option(help="Folder with pictures.")],
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder with label PNGs of the same names.", show_default="DATA/masks"),
    ] = None,
    cells: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Latent cells along the longer side; may be repeated.",
            show_default="64, 32 and 16",
        ),
    ] = None,
    ignore: Annotated[
        list[int] | None, typer.Option(help="A label that names nothing; may be repeated.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many pictures, spread evenly.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise in the maps.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure how well masks get the edges of pictures of your own, by settings (`refine`)."""
    from textseg.lab.bench.edges import CELLS, measure_edges, table

    with progress_bar() as progress:
        report = measure_edges(
            data,
            masks or data / "masks",
            cells=cells or CELLS,
            ignore=ignore or (),
            limit=limit,
            seed=seed,
            progress=progress,
        )
    say(_told(report, table, as_json=as_json))


@plain_failures
@drawn
def bench_pie(
    data: Data,
    *,
    weights: Weights,
    method: Method = None,
    clip: Clip = None,
    dino: Dino = None,
    compat: Annotated[
        str, typer.Option(help='"pie" as published, "strict" without its quirks.')
    ] = "pie",
    give_mask: Annotated[bool, typer.Option(help="Tell the editor where.")] = False,
    limit: Limit = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the edits.")] = 0,
    results: Results = None,
    as_json: AsJson = False,
) -> None:
    """Run PIE-Bench (arXiv:2310.01506) on data of your own and compute its published figures."""
    from textseg.lab.bench.editing.editors import SceneEditor
    from textseg.lab.bench.editing.pie import run_pie
    from textseg.lab.bench.metrics.networks import load_judges

    setup = toolbox.check_arguments(Setup, weights)
    judges = load_judges(clip=clip, dino=dino, device=setup.device)
    loaded = load_chosen(setup)
    with progress_bar() as progress:
        found = run_pie(
            data,
            SceneEditor(loaded, method, prompts="both"),
            judges=judges,
            compat=compat,  # type: ignore[arg-type]  # an unknown one is refused with those known
            give_mask=give_mask,
            limit=limit,
            seed=seed,
            about={"model": loaded.name, "method": method or "default"},
            results=results,
            progress=progress,
        )
    _print(found, as_json=as_json)


@plain_failures
@drawn
def bench_tedbench(
    data: Data,
    *,
    weights: Weights,
    method: Method = None,
    captioner: Annotated[
        str | None, typer.Option(help="Writes the source prompts: a BLIP folder or hub id.")
    ] = None,
    clip: Clip = None,
    limit: Limit = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the edits.")] = 0,
    results: Results = None,
    as_json: AsJson = False,
) -> None:
    """Run TEdBench (arXiv:2210.09276) on data of your own and compute its figures."""
    from textseg.lab.bench.editing.editors import SceneEditor
    from textseg.lab.bench.editing.tedbench import choose_captioner, run_tedbench
    from textseg.lab.bench.metrics.networks import load_judges

    setup = toolbox.check_arguments(Setup, weights)
    judges = load_judges(clip=clip, device=setup.device)
    loaded = load_chosen(setup)
    with progress_bar() as progress:
        found = run_tedbench(
            data,
            SceneEditor(loaded, method, prompts="both"),
            choose_captioner(loaded, captioner),
            judges=judges,
            limit=limit,
            seed=seed,
            about={"model": loaded.name, "method": method or "default"},
            results=results,
            progress=progress,
        )
    _print(found, as_json=as_json)


@plain_failures
@drawn
def bench_masks(
    data: Annotated[
        Path, typer.Option(help="COCO annotations, or a folder like VOC, ImageNet-S, Editing-Mask.")
    ],
    *,
    weights: Weights,
    names: Annotated[
        Path | None, typer.Option(help="File whose line i names class i, where masks have numbers.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="The query; {} is the category.")] = "{}",
    ask: Annotated[
        str, typer.Option(help='Categories asked of a picture: "present" in it, or "all".')
    ] = "present",
    absent: Annotated[
        int, typer.Option(min=0, help="Categories besides that are not in the picture.")
    ] = 2,
    peer: Annotated[bool, typer.Option(help="Ask diffusers' own DiffEdit mask as well.")] = True,
    limit: Limit = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise and of what is absent.")] = 0,
    results: Results = None,
    as_json: AsJson = False,
) -> None:
    """Measure masks and presence on data of your own, beside what others published on such sets."""
    from textseg.lab.bench.masks.asking import MaskBenchSettings
    from textseg.lab.bench.masks.running import measure_masks
    from textseg.progress import Follow

    settings = MaskBenchSettings(
        data=data,
        setup=toolbox.check_arguments(Setup, weights),
        names=names,
        prompt=prompt,
        ask=ask,  # type: ignore[arg-type]  # an unknown one is refused with those known
        absent=absent,
        peer=peer,
        limit=limit,
        seed=seed,
        results=results,
    )
    with progress_bar() as progress:
        found = measure_masks(settings, follow=Follow(progress))
    say(found.as_json() if as_json else found.table())


def _told(report: T, table: Callable[[T], str], *, as_json: bool) -> str:
    return json.dumps(report, indent=2) if as_json else table(report)


def _print(found: EditingResult, *, as_json: bool) -> None:
    say(found.as_json() if as_json else found.table())
