"""Files that make a model walk in few steps without guidance, told by their published names.

Their weights look like any others. The schedulers are those of the model cards:
latent-consistency/lcm-lora-sdv1-5, ByteDance/SDXL-Lightning, ByteDance/Hyper-SD,
stabilityai/sdxl-turbo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

PERHAPS = re.compile(r"lcm|lightning|turbo|hyper|schnell|\d+[-_ ]?steps?", re.IGNORECASE)
_STEPS = re.compile(r"(\d+)[-_ ]?steps?(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class _FewSteps:
    name: re.Pattern[str]
    scheduler: str
    options: Mapping[str, object] = field(default_factory=dict)


_KINDS = (
    _FewSteps(re.compile(r"lcm[-_]?lora", re.IGNORECASE), "LCMScheduler"),
    _FewSteps(
        re.compile(r"lightning.*\d[-_]?step", re.IGNORECASE),
        "EulerDiscreteScheduler",
        {"timestep_spacing": "trailing"},
    ),
    _FewSteps(
        re.compile(r"hyper[-_]?sd.*\d[-_]?step", re.IGNORECASE),
        "DDIMScheduler",
        {"timestep_spacing": "trailing"},
    ),
    _FewSteps(
        re.compile(r"sd[-_]?(xl)?[-_]?turbo", re.IGNORECASE),
        "EulerAncestralDiscreteScheduler",
        {"timestep_spacing": "trailing"},
    ),
)


def is_distilled(name: str) -> bool:
    """Return whether a file of this name is one of those for few steps."""
    return any(kind.name.search(name) for kind in _KINDS)


def told_steps(name: str) -> int | None:
    """Return for how many steps a file of this name is made; None where it does not say."""
    found = _STEPS.search(name)
    return int(found[1]) if found else None


def scheduler_for(name: str, scheduler: SchedulerMixin) -> SchedulerMixin:
    """Return the scheduler that a file of this name was made for; without one the given one."""
    import diffusers

    kind = next((kind for kind in _KINDS if kind.name.search(name)), None)
    if kind is None:
        return scheduler
    given: Any = scheduler  # the base class declares nothing
    made: SchedulerMixin = getattr(diffusers, kind.scheduler).from_config(
        given.config, **kind.options
    )
    return made
