"""Tiny checkpoints of more transformers on latents."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from diffusers import (
    CogView4Pipeline,
    CogView4Transformer2DModel,
    DDPMScheduler,
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanDiT2DModel,
    HunyuanDiTPipeline,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    SanaPipeline,
    SanaSprintPipeline,
    SanaTransformer2DModel,
    SCMScheduler,
)
from tokenizers import Tokenizer, models, processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    GlmConfig,
    GlmModel,
    PreTrainedTokenizerFast,
)

from tests.tiny_families import build_vae_dc, quiet
from tests.tiny_parts import (
    T5_SIZES,
    TEXT_WIDTH,
    build_t5,
    build_t5_tokenizer,
    build_vae,
    stir,
)

COGVIEW4_SCHEDULER: Mapping[str, Any] = {
    "base_shift": 0.25,
    "max_shift": 0.75,
    "base_image_seq_len": 256,
    "use_dynamic_shifting": True,
    "time_shift_type": "linear",
}
HUNYUAN_SCHEDULER: Mapping[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.03,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "steps_offset": 1,
    "clip_sample": False,
}
GEMMA_WIDTH = 16
SANA_SCHEDULER: Mapping[str, Any] = {
    "use_flow_sigmas": True,
    "prediction_type": "flow_prediction",
    "flow_shift": 3.0,
}


def build_gemma_tokenizer() -> GemmaTokenizer:
    """Pieces of single characters, in which only "tree" is one token."""
    characters = [*string.ascii_letters, *string.digits, *"\u2581\n!?',.:;-<>()\""]
    merged = ["tr", "ee", "tree"]
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *characters, *merged]
    return GemmaTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[("t", "r"), ("e", "e"), ("tr", "ee")],
        add_bos_token=True,
    )


def build_gemma(tokenizer: GemmaTokenizer) -> Gemma2Model:
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=GEMMA_WIDTH,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        attn_implementation="eager",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return Gemma2Model(config).eval()


def build_sana(kind: type[SanaPipeline] = SanaPipeline, scheduler: Any = None) -> SanaPipeline:
    def build() -> SanaPipeline:
        tokenizer = build_gemma_tokenizer()
        return kind(
            transformer=stir(
                SanaTransformer2DModel(
                    in_channels=4,
                    out_channels=4,
                    num_layers=2,
                    num_attention_heads=2,
                    attention_head_dim=8,
                    num_cross_attention_heads=2,
                    cross_attention_head_dim=8,
                    cross_attention_dim=16,
                    caption_channels=GEMMA_WIDTH,
                    sample_size=16,
                ).eval()
            ),
            scheduler=scheduler or DPMSolverMultistepScheduler(**SANA_SCHEDULER),
            vae=build_vae_dc(),
            text_encoder=build_gemma(tokenizer),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_sprint(kind: type[SanaSprintPipeline] = SanaSprintPipeline) -> SanaSprintPipeline:
    def build() -> SanaSprintPipeline:
        parts = {**build_sana().components, "scheduler": SCMScheduler()}
        config = {**parts["transformer"].config, "guidance_embeds": True}
        config.pop("_use_default_values")  # the other one is among them
        network = SanaTransformer2DModel.from_config(config)
        return kind(**{**parts, "transformer": stir(network.eval())})

    return quiet(build)


def build_pixart(kind: type[PixArtSigmaPipeline] = PixArtSigmaPipeline) -> PixArtSigmaPipeline:
    def build() -> PixArtSigmaPipeline:
        tokenizer = build_t5_tokenizer()
        return kind(
            transformer=stir(
                PixArtTransformer2DModel(
                    sample_size=32,
                    out_channels=8,
                    num_layers=2,
                    attention_head_dim=8,
                    num_attention_heads=3,
                    caption_channels=T5_SIZES["d_model"],
                    cross_attention_dim=24,
                ).eval()
            ),
            scheduler=DPMSolverMultistepScheduler(beta_start=0.0001, beta_end=0.02),
            vae=build_vae(scaling_factor=0.13025),
            text_encoder=build_t5(tokenizer),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_lumina2(kind: type[Lumina2Pipeline] = Lumina2Pipeline, **scheduler: Any) -> Any:
    def build() -> Lumina2Pipeline:
        tokenizer = build_gemma_tokenizer()
        return kind(
            transformer=stir(
                Lumina2Transformer2DModel(
                    sample_size=16,
                    hidden_size=16,
                    num_layers=2,
                    num_refiner_layers=1,
                    num_attention_heads=2,
                    num_kv_heads=1,
                    multiple_of=16,
                    axes_dim_rope=(4, 2, 2),
                    axes_lens=(300, 20, 20),
                    cap_feat_dim=GEMMA_WIDTH,
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(**(scheduler or {"shift": 6.0})),
            vae=build_vae(latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159),
            text_encoder=build_gemma(tokenizer),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_glm_tokenizer() -> PreTrainedTokenizerFast:
    """Pieces of single characters, in which only "tree" is one token, behind two of its own."""
    characters = [*string.ascii_lowercase, *string.digits, *" !',.-"]
    tokens = ["<|endoftext|>", "[gMASK]", "<sop>", "<unk>", *characters, "tr", "ee", "tree"]
    merges = [("t", "r"), ("e", "e"), ("tr", "ee")]
    pieces = Tokenizer(
        models.BPE({token: k for k, token in enumerate(tokens)}, merges, unk_token="<unk>")
    )
    pieces.post_processor = processors.TemplateProcessing(
        single="[gMASK] <sop> $A", special_tokens=[("[gMASK]", 1), ("<sop>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="<|endoftext|>", unk_token="<unk>", padding_side="left"
    )


def build_cogview4(kind: type[CogView4Pipeline] = CogView4Pipeline, **scheduler: Any) -> Any:
    def build() -> CogView4Pipeline:
        tokenizer = build_glm_tokenizer()
        encoder = GlmConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            pad_token_id=tokenizer.pad_token_id,
        )
        return kind(
            transformer=stir(
                CogView4Transformer2DModel(
                    in_channels=4,
                    out_channels=4,
                    num_layers=2,
                    attention_head_dim=8,
                    num_attention_heads=4,
                    text_embed_dim=32,
                    time_embed_dim=8,
                    condition_dim=4,
                    pos_embed_max_size=64,
                    sample_size=16,
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(**(scheduler or COGVIEW4_SCHEDULER)),
            vae=build_vae(scaling_factor=1.0),
            text_encoder=GlmModel(encoder).eval(),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_bert_tokenizer() -> BertTokenizer:
    """Pieces of single characters, in which only "tree" is one token."""
    characters = [*string.ascii_lowercase, *string.digits, *"!',.-"]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*specials, *characters, *(f"##{each}" for each in characters), "tree"]
    return BertTokenizer(vocab={token: index for index, token in enumerate(tokens)})


def build_hunyuan_dit(scheduler: Any = None) -> HunyuanDiTPipeline:
    """With an autoencoder of the real stride, which the pipeline has in its code."""

    def build() -> HunyuanDiTPipeline:
        first, second = build_bert_tokenizer(), build_t5_tokenizer()
        bert = BertConfig(
            vocab_size=len(first),
            hidden_size=TEXT_WIDTH,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
        )
        return HunyuanDiTPipeline(
            transformer=stir(
                HunyuanDiT2DModel(
                    sample_size=16,
                    num_layers=2,
                    patch_size=2,
                    attention_head_dim=8,
                    num_attention_heads=3,
                    in_channels=4,
                    cross_attention_dim=TEXT_WIDTH,
                    cross_attention_dim_t5=T5_SIZES["d_model"],
                    pooled_projection_dim=16,
                    hidden_size=24,
                ).eval()
            ),
            scheduler=scheduler or DDPMScheduler(**HUNYUAN_SCHEDULER),
            vae=build_vae(
                block_out_channels=(8,) * 4,
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                scaling_factor=0.13025,
            ),
            text_encoder=BertModel(bert).eval(),
            tokenizer=first,
            text_encoder_2=build_t5(second),
            tokenizer_2=second,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )

    return quiet(build)


MORE: Mapping[str, Callable[[], DiffusionPipeline]] = {
    "sana": build_sana,
    "sana_sprint": build_sprint,
    "pixart": build_pixart,
    "lumina2": build_lumina2,
    "cogview4": build_cogview4,
    "hunyuan_dit": build_hunyuan_dit,
}
