"""What families share whose pipeline in diffusers reads the text for a transformer on latents.

A family is a class of a few lines: which parts it has, what its pipeline makes of prompts, how its
network is asked, and its card. Loading, wrapping, words and remarks are here.
"""

from __future__ import annotations

import importlib
import inspect
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from torch import Tensor

from textseg.backends.evaluation import evaluating
from textseg.backends.family import Family
from textseg.backends.finite import check_finite
from textseg.backends.flow import Flow
from textseg.backends.index import Index
from textseg.backends.latent import LatentModel
from textseg.backends.loading import explained_memory
from textseg.backends.parts import Kinds, Loaded, check_place, load_all, name_of, take_apart
from textseg.backends.processes import Process
from textseg.backends.tokens import (
    check_prompts,
    describe_cut,
    describe_unknown,
    find_unknown,
    find_words,
    keep_padding,
    read_cut,
    silence_libraries,
    tokenize,
)
from textseg.diffusion.card import ModelCard, read_card
from textseg.diffusion.model import Conditioning, cells_of
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline, SchedulerMixin


@dataclass(frozen=True)
class PromptReading:
    """Of one prompt: which word each token belongs to, () where nobody can tell; and remarks."""

    words: tuple[int | None, ...]
    notes: tuple[str, ...]


class PipelineModel(LatentModel):
    """A ``DiffusionModel`` made of the parts of a pipeline.

    Attributes:
        kinds: the parts that its models have; "vae" is among them.
        network_part: the one that is asked.
        pipeline_class: name of the pipeline in diffusers that encodes prompts.
        pipeline_options: what it is made with besides its parts.
    """

    kinds: ClassVar[Kinds]
    network_part: ClassVar[str] = "transformer"
    pipeline_class: ClassVar[str]
    pipeline_options: ClassVar[Mapping[str, object]] = {}

    def __init__(
        self,
        loaded: Loaded,
        pipeline: DiffusionPipeline,
        *,
        name: str,
        source: str | os.PathLike[str] = "",
    ) -> None:
        """Check that the parts fit together; ``pipeline`` has them, and reads the text.

        ``source`` is the folder that they come from, where a card of its own may lie; "" is the
        name. Raises ``UnsupportedError``.
        """
        parts = loaded.parts
        usual = self.make_card({**pipeline.config, **parts})
        super().__init__(
            parts[self.network_part],
            parts["vae"],
            self.make_process(parts["scheduler"]),
            name=name,
            device=loaded.device,
            card=read_card(Path(source or name), usual),
            notes=loaded.notes,
        )
        self._pipeline: Any = pipeline  # diffusers does not type its pipelines
        self._parts = parts
        assert usual.sizes.native is not None
        self._side = usual.sizes.native
        self._check_channels()

    @classmethod
    @abstractmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: as in Loaded
        """Return what a model of these parts is used to, the side of its pictures among it.

        What the pipeline's config says besides is among them, such as ``is_distilled``. A card
        beside the weights goes before it.
        """

    @classmethod
    def make_process(cls, scheduler: SchedulerMixin) -> Process:
        """Return the noise process that the network was trained on, by default flow matching."""
        return Flow.of(scheduler, cls.ask_scheduler)

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline hands to its scheduler's ``set_timesteps``.

        ``config`` is that of the scheduler, ``tokens`` those of the picture.
        """
        return {"num_inference_steps": steps}

    @abstractmethod
    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return what the pipeline makes of prompts: embeddings and what else the network wants."""

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return which words the ``tokens`` of a prompt are, as the one tokenizer cuts it."""
        tokenizer = self._parts["tokenizer"]
        found = tokenize(tokenizer, prompt)
        cut = read_cut(tokenizer, found.input_ids, tokens)
        return PromptReading(
            find_words(prompt, found, tokens), (describe_cut(cut, tokens),) if cut else ()
        )

    @property
    def patch(self) -> int:
        """Latent cells that are one token, along each side."""
        return int(self._network.config.patch_size)

    def grid(self, z: Tensor) -> tuple[int, int]:
        """Return the rows and columns of tokens that latents (b, c, h, w) are to the network."""
        rows, columns = cells_of(z)
        return rows // self.patch, columns // self.patch

    @property
    def native_size(self) -> int:
        """Side in pixels of the square pictures that the network was trained on."""
        return self._side

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the empty prompt, read like any other.

        The notes say, per prompt, what was cut off and which words are unknown.
        """
        prompts = check_prompts(prompts)
        encoders = self._parts_named("text_encoder")
        with (
            evaluating(*encoders),
            explained_memory(),
            silence_libraries(),
            keep_padding(self._parts_named("tokenizer")),
        ):
            text = self.encode_prompts(list(prompts))  # some pipelines change the list
        check_finite(text.embeddings, "text encoder", model=self.name, dtype=encoders[0].dtype)
        unknown = find_unknown(prompts, self.card.language.known_words)
        about = describe_unknown(unknown, self.card.language.known_words)
        read = [self.read_prompt(prompt, text.embeddings.shape[1]) for prompt in prompts]
        return replace(
            text,
            embeddings=text.embeddings.to(self.dtype),
            pooled=None if text.pooled is None else text.pooled.to(self.dtype),
            notes=tuple((*a, *r.notes) for a, r in zip(about, read, strict=True)),
            unknown=unknown,
            words=tuple(r.words for r in read),
        )

    def _parts_named(self, kind: str) -> list[Any]:  # Any: as in Loaded
        return [part for name, part in self._parts.items() if name.startswith(kind)]

    @property
    def network_channels(self) -> tuple[int, int]:
        """What the config of the network must have as ``in_channels`` and ``out_channels``."""
        return self.latent_channels, self.latent_channels

    def _check_channels(self) -> None:
        config, (taken, given) = self._network.config, self.network_channels
        answers = config.get("out_channels") or config.in_channels
        if (config.in_channels, answers) != (taken, given):
            raise UnsupportedError(
                f"the model {self.name!r} is not supported: its {self.network_part} takes "
                f"{config.in_channels} channels and returns {answers}, where latents of "
                f"{self.latent_channels} need {taken} and {given}",
                hint=f"use {self.kinds.title}, but not their inpainting variants",
            )

    @classmethod
    def check_installed(cls) -> None:
        """Raise ``MissingExtraError`` where a library is not installed that loading needs."""

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str],
        *,
        device: str = "auto",
        dtype: str = "auto",
        local_files_only: bool = False,
        name: str | None = None,
    ) -> Self:
        """Load a diffusers folder or hub id; arguments as ``load_family`` takes them.

        ``dtype`` "auto" is float32 on a cpu, elsewhere what the card or the family says. Raises
        ``ModelError`` and ``UnsupportedError``, and ``MissingExtraError`` of ``check_installed``.
        """
        cls.check_installed()
        loaded = load_all(
            source, cls.kinds, device=device, dtype=dtype, local_files_only=local_files_only
        )
        pipeline = getattr(importlib.import_module("diffusers"), cls.pipeline_class)
        parts = {part: loaded.parts.get(part) for part in (*cls.kinds.parts, "scheduler")}
        parts |= {**_settings(pipeline, loaded.index), **cls.pipeline_options}
        return cls(loaded, pipeline(**parts), name=name or str(source), source=source)

    @classmethod
    def wrap(
        cls, pipeline: DiffusionPipeline, *, device: str = "auto", dtype: str = "auto"
    ) -> Self:
        """Use a loaded pipeline where it is and as it is; nothing in it is changed.

        Raises ``InvalidInputError`` when ``device`` or ``dtype`` ask for something other than what
        it has.
        """
        loaded = take_apart(pipeline, cls.kinds)
        in_dtype = loaded.parts[cls.network_part].dtype
        check_place(device, dtype, has=loaded.device, in_dtype=in_dtype)
        return cls(loaded, pipeline, name=name_of(pipeline))

    @classmethod
    def family(cls) -> Family:
        """Return how the registry makes these models."""
        return Family(cls.load, cls.wrap)


def _settings(pipeline: type, index: Index) -> Mapping[str, object]:
    """Return what an index says that is no part but an option of its pipeline."""
    options = inspect.signature(pipeline).parameters
    return {name: index[name] for name in options if isinstance(index.get(name), bool | int | str)}
