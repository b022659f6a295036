"""The tables of the editing benchmark in Markdown, made of its JSON."""

from __future__ import annotations

from typing import Any

from textseg.lab.bench.editing.report import tell_problems
from textseg.lab.bench.editing.running import Problem
from textseg.lab.bench.editing.scene_tasks import OPERATIONS
from textseg.lab.bench.tables import show, write_table

Row = dict[str, Any]  # Any: numbers, None where there is none, and objects of them

SUCCESS = (
    ("scenes", "{:d}", "scenes"),
    ("found", "{:.1%}", "found"),
    *((operation, "{:.1%}", f"{operation}_success") for operation in OPERATIONS),
    ("things kept", "{:.1%}", "things_kept"),
    ("nearest truth", "{:.1%}", "nearest"),
    ("CLIP score", "{:.1f}", "clip_score"),
    ("CLIP directional", "{:.3f}", "clip_directional"),
    ("L1 inside", "{:.3f}", "region_l1"),
    ("PSNR inside", "{:.1f}", "region_psnr"),
)
OUTSIDE = (
    ("changed pixels", "{:.0f}", "changed_outside"),
    ("mask's share", "{:.1%}", "mask_share"),
    ("PSNR", "{:.1f}", "outside_truth_psnr"),
    ("SSIM", "{:.4f}", "outside_truth_ssim"),
    ("leakage", "{:.3f}", "leakage"),
)
RAW = {f"outside_truth_{name}": f"outside_truth_{name}_raw" for name in ("psnr", "ssim")} | {
    "leakage": "leakage_raw"
}
COST = (
    ("evaluations first", "{:.0f}", "evaluations_first"),
    ("evaluations repeat", "{:.0f}", "evaluations_repeat"),
    ("s first", "{:.1f}", "seconds_first"),
    ("s repeat", "{:.1f}", "seconds_repeat"),
    ("peak MB", "{:.0f}", "megabytes_peak"),
)


JUDGE = {
    "truth": "rendered truth is a success",
    "unedited": "names what is there before the edit",
    "fooled": "unedited picture is a success",
}


def write_tables(measured: dict[str, Any]) -> str:  # Any: JSON
    """Return what `EditReport.as_json` wrote as tables, with what a reader must know."""
    rows = {
        "default": measured["default"],
        "peer": measured["peer"],
        **measured["methods"],
        **measured["variants"],
    }
    parts = [
        _table(rows, SUCCESS),
        "Outside the mask (changed pixels) and outside the place where the truth differs (the "
        "rest; in brackets before the composite), and what it costs:",
        _table(rows, (*OUTSIDE, *COST)),
        _judge(measured["judge"]),
        *tell_problems(Problem(**problem) for problem in measured.get("problems", ())),
        ", ".join(f"{name} {value}" for name, value in measured["settings"].items()),
    ]
    return "\n\n".join(parts)


def _table(rows: dict[str, Row], columns: tuple[tuple[str, str, str], ...]) -> str:
    heads = ["", *(title for title, _, _ in columns)]
    cells = (
        [name, *(_cell(row, form, key) for _, form, key in columns)] for name, row in rows.items()
    )
    return write_table(heads, cells)


def _cell(row: Row, form: str, key: str) -> str:
    shown, raw = show(row.get(key), form), RAW.get(key)
    return f"{shown} ({show(row.get(raw), form)})" if raw else shown


def _judge(judge: dict[str, Row]) -> str:
    return write_table(
        ["judge", *judge],
        (
            [title, *(show(shares[key], "{:.1%}") for shares in judge.values())]
            for key, title in JUDGE.items()
        ),
    )
