"""The tables of the editing benchmark in Markdown, made of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textseg.lab.bench.edit_questions import OPERATIONS

Row = dict[str, Any]  # Any: numbers, None where there is none, and objects of them

SUCCESS = (
    ("scenes", "{:d}", "scenes"),
    ("found", "{:.1%}", "found"),
    *((operation, "{:.1%}", f"{operation}_success") for operation in OPERATIONS),
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


def tables(measured: dict[str, Any]) -> str:  # Any: JSON
    """Return what `EditReport.as_json` wrote as tables, with what a reader must know."""
    rows = list(_rows(measured))
    facts = ", ".join(f"{name} {value}" for name, value in measured["settings"].items())
    parts = [
        _table(rows, SUCCESS),
        "Outside the mask (changed pixels) and outside the place where the truth differs (the "
        "rest; in brackets before the composite), and what it costs:",
        _table(rows, (*OUTSIDE, *COST)),
        _judge(measured["judge"]),
        facts,
    ]
    return "\n\n".join(parts)


def _rows(measured: dict[str, Any]) -> Iterator[tuple[str, Row]]:  # Any: as in tables
    yield "default", measured["default"]
    yield "peer", measured["peer"]
    yield from measured["methods"].items()
    yield from measured["variants"].items()


def _table(rows: list[tuple[str, Row]], columns: tuple[tuple[str, str, str], ...]) -> str:
    lines = ["| | " + " | ".join(title for title, _, _ in columns) + " |"]
    lines.append("|" + " --- |" * (1 + len(columns)))
    for name, row in rows:
        cells = (_cell(row, form, key) for _, form, key in columns)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: Row, form: str, key: str) -> str:
    shown = _number(row.get(key), form)
    raw = RAW.get(key)
    return f"{shown} ({_number(row.get(raw), form)})" if raw else shown


def _judge(judge: dict[str, Any]) -> str:  # Any: as in tables
    lines = ["| judge | " + " | ".join(judge) + " |", "|" + " --- |" * (1 + len(judge))]
    titles = {
        "truth": "rendered truth is a success",
        "unedited": "names what is there before the edit",
        "fooled": "unedited picture is a success",
    }
    for key, title in titles.items():
        cells = (_number(shares[key], "{:.1%}") for shares in judge.values())
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
