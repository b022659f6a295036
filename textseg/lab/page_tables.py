"""The tables of README and documentation, from the JSON files that benchmarks wrote.

``python -m textseg.lab.page_tables`` writes them anew, from the root of a checkout: what stands
between a line ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->`` is the table of that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from textseg.lab.bench import generate, register, small
from textseg.lab.bench.editing.editors import SAME_SCENES
from textseg.lab.bench.editing.scenes import EditReport
from textseg.lab.bench.segment import Report
from textseg.lab.bench.spending import Spending
from textseg.lab.bench.tables import write_table
from textseg.registry.checkpoints import CHECKPOINTS

DOCS = Path("docs")
MARK = re.compile(r"<!-- bench:(\w+) -->\n.*?<!-- /bench:\1 -->", re.DOTALL)

Json = dict[str, Any]  # Any: what a benchmark wrote


def pages(root: Path) -> list[Path]:
    """Return README and the pages of the documentation, of those that are written by hand."""
    folders = (root / DOCS, root / DOCS / "start", root / DOCS / "guides")
    return [root / "README.md", *(page for one in folders for page in sorted(one.glob("*.md")))]


def rewritten(page: str, folder: Path) -> str:
    """Return the text of a page with its tables as measured; ``folder`` has the JSON files."""

    def table(mark: re.Match[str]) -> str:
        name = mark[1]
        return f"<!-- bench:{name} -->\n{TABLES[name](folder)}\n<!-- /bench:{name} -->"

    return MARK.sub(table, page)


def _measured(name: str, folder: Path) -> Json:
    measured: Json = json.loads((folder / f"bench_{name}.json").read_text(encoding="utf-8"))
    return measured


def _finding(name: str, folder: Path) -> str:
    return Report.from_json(_measured(name, folder)).to_text()


def _small(folder: Path) -> str:
    return small.table(_measured("small", folder))


def _generated(folder: Path) -> str:
    return generate.table(_measured("generate", folder))


def _registered(folder: Path) -> str:
    return register.table(_measured("register", folder))


def _cost(folder: Path) -> str:
    return Spending.from_json((folder / "bench_cost.json").read_text(encoding="utf-8")).to_text()


def _editing(folder: Path) -> str:
    return EditReport(_measured("edit", folder)).table()


def _front(folder: Path) -> str:
    """Return six rows about masks, edits and their costs, beside the peer in the same runs."""
    masks, edits = _measured("segment", folder), _measured("edit", folder)
    ours = (masks["default"], edits["variants"][SAME_SCENES])
    peer = (masks["peer"], edits["peer"])
    rows = ((name, form(*ours), form(*peer)) for name, form in FRONT.items())
    return write_table(("", "textseg", "diffusers' DiffEdit"), rows)


def _checkpoints(folder: Path) -> str:
    """Return what is known of checkpoints with a short name; nothing was measured."""
    known = sorted(CHECKPOINTS.items(), key=lambda one: one[1].gigabytes)
    rows = (
        (
            f"`{name}`",
            one.title,
            f"{one.gigabytes} GB",
            f"{one.side} pixels",
            f"{one.license}, accept" if one.gated else one.license,
        )
        for name, one in known
    )
    return write_table(("`--model`", "", "Weights", "Made for", "Licence"), rows)


def _outlines(mask: Json, edit: Json) -> str:
    return f"{mask['iou']:.2f} / {mask['boundary_f']:.2f}"


def _presence(mask: Json, edit: Json) -> str:
    if mask["false_present"] is None:
        return "does not tell"
    return f"{mask['false_present']:.1%} / {mask['missed']:.1%}"


def _successes(mask: Json, edit: Json) -> str:
    return " / ".join(
        f"{edit[f'{kind}_success']:.0%}" for kind in ("recolour", "replace", "remove")
    )


def _outside(mask: Json, edit: Json) -> str:
    return f"{edit['changed_outside']:.0f}"


def _evaluations(mask: Json, edit: Json) -> str:
    return f"{mask['evaluations_per_query']:.0f} / {edit['evaluations_first']:.0f}"


def _seconds(mask: Json, edit: Json) -> str:
    return f"{mask['seconds_per_query']:.2f} / {edit['seconds_first']:.1f}"


FRONT: Mapping[str, Callable[[Json, Json], str]] = {
    "masks of what is there: IoU / boundary F": _outlines,
    "what is not there believed, what is there missed": _presence,
    "edits that came off: recoloured / replaced / removed": _successes,
    "pixels changed outside the mask, of 16 384": _outside,
    "network evaluations: a query / a first edit": _evaluations,
    "seconds on a processor: a query / a first edit": _seconds,
}
TABLES: Mapping[str, Callable[[Path], str]] = {
    "front": _front,
    "segment": partial(_finding, "segment"),
    "segment_world2": partial(_finding, "segment_world2"),
    "small": _small,
    "generate": _generated,
    "register": _registered,
    "edit": _editing,
    "cost": _cost,
    "checkpoints": _checkpoints,
}

if __name__ == "__main__":
    for path in pages(Path()):
        text = path.read_text(encoding="utf-8")
        if (now := rewritten(text, DOCS)) != text:
            path.write_text(now, encoding="utf-8")
