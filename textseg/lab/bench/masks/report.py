"""What came out of `textseg bench masks`, as JSON and as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from textseg.lab.bench.editing.report import tell_problems
from textseg.lab.bench.editing.running import Outcome, Scored
from textseg.lab.bench.masks.published import Asked, PublishedRow, write_published
from textseg.lab.bench.masks.scoring import Row
from textseg.lab.bench.masks.truth import Mean
from textseg.lab.bench.tables import show, write_table

COLUMNS = (
    ("pictures", "pictures", "{:.0f}"),
    ("questions", "questions", "{:.0f}"),
    ("mIoU", "iou", "{:.3f}"),
    ("best mIoU", "best_iou", "{:.3f}"),
    ("at", "best_threshold", "{:.2f}"),
    ("single-class pictures", "single_class_pictures", "{:.0f}"),
    ("single-class IoU", "single_class_iou", "{:.3f}"),
    ("pixel AP", "pixel_ap", "{:.3f}"),
    ("two-sided AP", "two_sided_ap", "{:.3f}"),
    ("presence AUROC", "presence_auroc", "{:.3f}"),
    ("false present", "false_present", "{:.1%}"),
    ("missed", "missed", "{:.1%}"),
    ("evaluations/question", "evaluations_per_question", "{:.1f}"),
    ("s/question", "seconds_per_question", "{:.2f}"),
)
MEANS: dict[Mean, str] = {
    "pictures": "mIoU is the mean over pictures of their own IoU",
    "classes": "mIoU is the mean over classes of the intersections over the unions of the set",
}
ASKED: dict[Asked, str] = {
    "present": "for the categories that are in a picture, each asked by itself",
    "all": "with all categories asked of every picture; a pixel has one of them or is background, "
    "which is a class too",
}


@dataclass(frozen=True)
class MaskReport:
    """Everything that was measured, and what others published.

    Attributes:
        facts: settings and circumstances, JSON-safe.
        mean: what the mean of the IoU is taken over.
        ask: what was asked of each picture.
        rows: figures by method.
        published: rows that were measured alike.
        unavailable: methods that were not measured, with the reason.
        outcome: every picture.
    """

    facts: Mapping[str, object]
    mean: Mean
    ask: Asked
    rows: Mapping[str, Row]
    published: Sequence[PublishedRow]
    unavailable: Mapping[str, str]
    outcome: Outcome[Scored]

    def as_json(self) -> str:
        """Return one JSON object; what could not be measured is null."""
        measured = {
            "benchmark": "masks",
            **self.facts,
            "mean": self.mean,
            "unavailable": dict(self.unavailable),
            "problems": [asdict(problem) for problem in self.outcome.problems],
            **self.rows,
            "published": [asdict(row) for row in self.published],
        }
        return json.dumps(measured, indent=2, allow_nan=False)

    def table(self) -> str:
        """Return Markdown tables, and between them what a reader must know."""
        heads = ["", *(title for title, _, _ in COLUMNS)]
        drawn = write_table(
            heads,
            (
                [name, *(show(row[key], form) for _, key, form in COLUMNS)]
                for name, row in self.rows.items()
            ),
        )
        remarks = [
            f"{MEANS[self.mean]}, {ASKED[self.ask]}. The best threshold is one for the whole set, "
            "found on the same pictures (an upper bound), and leaves out whether the category is "
            "there.",
            *(f"Not measured: {name} ({why})." for name, why in self.unavailable.items()),
            *tell_problems(self.outcome.problems),
        ]
        beside = [write_published(self.published)] if self.published else []
        facts = ", ".join(f"{name} {value}" for name, value in self.facts.items())
        return "\n\n".join([drawn, "\n".join(remarks), *beside, facts])
