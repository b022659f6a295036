"""PixArt-Sigma: a transformer on the latents of Stable Diffusion XL that reads T5's words.

J. Chen et al. 2024, "PixArt-Sigma: Weak-to-Strong Training of Diffusion Transformer for 4K
Text-to-Image Generation" (arXiv:2403.04692). It predicts the noise, and its variance besides, which
no step here needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.processes import VariancePreserving
from textseg.backends.ragged import without_padding
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning


class PixArtSigma(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a PixArt-Sigma pipeline; without state."""

    pipeline_class = "PixArtSigmaPipeline"
    make_process = VariancePreserving.of
    kinds = Kinds(
        title="PixArt-Sigma text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("PixArtTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("T5EncoderModel",)),
            "tokenizer": Kind("transformers", ("T5Tokenizer", "T5TokenizerFast")),
        },
        precision=Precision("bfloat16", found="float16 overflows in T5"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, and the solver of its scheduler."""
        config = parts["transformer"].config
        side = int(config.sample_size)
        return generic_card(
            "PixArt-Sigma",
            side=side * stride_of(parts["vae"]),
            cells=(side // config.patch_size) ** 2,
            edits=edits("diffedit", {}),
            sampling=Sampling(
                20,
                4.5,
                "dpm_solver_2m",
                found="defaults of diffusers' PixArtSigmaPipeline, and its scheduler",
            ),
            precision=cls.kinds.precision,
        )

    @property
    def network_channels(self) -> tuple[int, int]:
        """Latents, and twice as many: the noise and its variance."""
        return self.latent_channels, 2 * self.latent_channels

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of T5."""
        states, mask, *_ = self._pipeline.encode_prompt(
            prompts, do_classifier_free_guidance=False, device=self.device
        )
        return without_padding(prompts, states, mask)

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt, which the pipeline reads in lower case."""
        return super().read_prompt(prompt.lower().strip(), tokens)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        grid = self.grid(z)
        block = (Layer.own(grid), Layer.cross(grid, text.embeddings.shape[1]))
        return block * int(self._network.config.num_layers)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            x,
            encoder_hidden_states=text.embeddings.to(x),
            encoder_attention_mask=text.mask,
            timestep=times,
            added_cond_kwargs={"resolution": None, "aspect_ratio": None},
        ).sample
        return answer[:, : self.latent_channels]


FAMILY = PixArtSigma.family()
