"""SINE: two networks, mixed as in the paper."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import GUIDANCE, bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.counting import Counter
from textseg.diffusion.fitting import refitted
from textseg.diffusion.model import cells_of
from textseg.editing.base import noised_start
from textseg.editing.sine import SINE

FITTED = {"fit_steps": 3, "rate": 1e-3}
KEY = ("sine", ("tree",), 3, 1e-3, "all")


def test_the_estimates_are_mixed_as_in_the_authors_code() -> None:
    """e_u + w ((1 - v) e(target) + v e'(source) - e_u), in noise (p_sample_ddim, single guidance).

    The fitted network e' is asked about the source; the other one about the rest.
    """
    table = bench(wrap_pipeline(build_sd()))
    method = method_with("sine", steps=2, fitted_share=0.6, mixed_share=0.5, **FITTED)
    step = table.steps(method, table.everything)[0]
    second = refitted(table.model, table.fitted(KEY, lambda _: pytest.fail("has another key")))
    assert isinstance(method, SINE)
    sigma = table.model.levels(2, cells=cells_of(table.latents))[0]
    start = noised_start(table.model, method, table.source_with(table.everything))
    with torch.no_grad():
        empty, target, plain = (
            table.model.predict(start, sigma, table.text(prompt)).eps
            for prompt in ("", "house", "tree")
        )
        own = second.predict(start, sigma, table.text("tree")).eps
    expected = empty + GUIDANCE * (0.4 * target + 0.6 * own - empty)
    assert_close(step.prediction.eps, expected, rtol=1e-4, atol=1e-4)
    assert (own - plain).abs().max() > 1e-3


@pytest.mark.parametrize("option", ["fitted_share", "mixed_share"])
def test_a_copy_that_has_no_say_leaves_plain_drawing(option: str) -> None:
    table = bench(wrap_pipeline(build_sd()))
    found = table.run(method_with("sine", **FITTED, **{option: 0.0}), table.soft)
    assert torch.equal(found, table.run(method_with("blended", strength=1.0), table.soft))


def test_the_copy_is_asked_in_the_first_steps_alone() -> None:
    counter = Counter(wrap_pipeline(build_sd()))
    table = bench(counter.as_model)
    table.run(method_with("sine", steps=4, mixed_share=0.5, fit_steps=2), table.everything)
    assert counter.rows == 2 + 2 * 3 + 2 * 2
