"""LoRAs (arXiv:2106.09685), through the loader of a model's own pipeline in diffusers."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch.nn import Module

from textseg.backends.distilled import PERHAPS, is_distilled
from textseg.backends.files import look_at
from textseg.backends.index import Index
from textseg.backends.loading import explained_loading, no_progress_bars, undisturbed
from textseg.backends.tokens import silence_libraries
from textseg.errors import InvalidInputError, MissingExtraError, ModelError, UnsupportedError

_GIVEN = re.compile(r"(?P<file>.+?)(?::(?P<weight>[-+]?\d*\.?\d+))?")


@dataclass(frozen=True)
class Lora:
    """A file with a LoRA, and how much of it is added."""

    path: Path
    weight: float = 1.0

    @classmethod
    def read(cls, given: str) -> Self:
        """Return the LoRA of "FILE" or "FILE:WEIGHT".

        Raises:
            ModelError: there is no such file, or it is damaged.
            InvalidInputError: it is no LoRA.
        """
        found = _GIVEN.fullmatch(given)
        path = Path(found["file"] if found else given).expanduser()
        if not path.is_file():
            raise ModelError(
                f"there is no LoRA file {str(path)!r}",
                hint="give FILE or FILE:WEIGHT; hf download OWNER/NAME gets one from the hub",
            )
        file = look_at(path)
        if file.content != "lora":
            raise InvalidInputError(f"{str(path)!r} is {file.what}, and no LoRA")
        return cls(path, float(found["weight"]) if found and found["weight"] else 1.0)

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called: the file, its folder, and the hub's folder around it."""
        folders = (part for part in self.path.parts if part.startswith("models--"))
        return (self.path.name, self.path.parent.name, *folders)

    @property
    def note(self) -> str:
        """What people should know about it; "" where there is nothing to say."""
        name = self.path.name
        if any(map(is_distilled, self.names)) or not PERHAPS.search(name):
            return ""
        return (
            f"the LoRA {name!r} may be one for few steps; if so, ask for guidance 1 and the steps "
            "that it was made for"
        )


def add_loras(
    parts: Mapping[str, Any],  # Any: as in Loaded
    loras: Sequence[Lora],
    index: Index,
) -> None:
    """Add LoRAs to networks that were loaded here.

    Args:
        parts: of a model; their networks are changed.
        loras: what is added, each with its weight.
        index: says which pipeline they belong to.

    Raises:
        MissingExtraError: peft is not installed.
        UnsupportedError: the pipeline takes no LoRAs.
        ModelError: a LoRA is of another model, or damaged.
    """
    _check_installed()
    pipeline = _pipeline_of(parts, index)
    names = [f"lora_{k}" for k, _ in enumerate(loras)]
    for name, lora in zip(names, loras, strict=True):
        with explained_loading(str(lora.path), kind="LoRA", content="a LoRA of this model"):
            _load(pipeline, lora, name)
        if not any(name in found for found in pipeline.get_list_adapters().values()):
            raise ModelError(
                f"the LoRA {str(lora.path)!r} has nothing for a {type(pipeline).__name__}",
                hint="use it with a model of the family that it was made for",
            )
    pipeline.set_adapters(names, [lora.weight for lora in loras])
    for part in parts.values():
        if isinstance(part, Module):
            part.eval().requires_grad_(False)


def _load(pipeline: Any, lora: Lora, name: str) -> None:  # Any: of diffusers, which types none
    with undisturbed(), no_progress_bars(), silence_libraries(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several are meant
        pipeline.load_lora_weights(
            str(lora.path.parent),
            weight_name=lora.path.name,
            adapter_name=name,
            local_files_only=True,
            use_safetensors=True,
        )


def _check_installed() -> None:
    from diffusers.utils import is_peft_available

    if not is_peft_available():
        raise MissingExtraError(
            "LoRAs are read by the package peft, which is not installed",
            hint="pip install 'textseg[lora]'",
        )


def _pipeline_of(parts: Mapping[str, Any], index: Index) -> Any:  # Any: as above
    """Return the pipeline around parts that are loaded; what else it takes is absent."""
    import diffusers

    with silence_libraries():  # importing it tells what is not installed
        kind: Any = getattr(diffusers, str(index.get("_class_name")), None)
    if not hasattr(kind, "load_lora_weights"):
        raise UnsupportedError(
            f"LoRAs cannot be added to a {index.get('_class_name')}",
            hint="merge it into the weights, or pass a pipeline as the model",
        )
    takes = inspect.signature(kind.__init__).parameters.items()
    needed = {name for name, each in takes if each.default is inspect.Parameter.empty}
    absent = dict.fromkeys(needed - {"self"} - parts.keys())
    checker = {"requires_safety_checker": False} if "requires_safety_checker" in dict(takes) else {}
    with silence_libraries():
        return kind(**{**absent, **parts, **checker})
