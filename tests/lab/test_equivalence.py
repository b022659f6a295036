from __future__ import annotations

import re
from pathlib import Path

import torch

from textseg.lab.equivalence import cases, describe, error_of, page

PAGE = Path(__file__).parents[2] / "docs/model_families.md"
ERROR = re.compile(r"(?<=\| )\de[+-]\d\d(?= \|)")


@torch.no_grad()
def test_the_page_says_what_the_families_say_today() -> None:
    written = PAGE.read_text(encoding="utf-8")
    expected = page({describe(case): 0.0 for case in cases().values()})
    assert ERROR.sub("-", written) == ERROR.sub("-", expected)
    errors = [float(error) for error in ERROR.findall(written)]
    assert len(errors) == len(ERROR.findall(expected))
    assert max(errors) < 1e-5


@torch.no_grad()
def test_the_error_is_that_of_the_worst_call_or_step() -> None:
    assert error_of(cases()["sd3"]) < 1e-5
