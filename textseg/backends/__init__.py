"""One model family, one file: each implements ``textseg.diffusion.model.DiffusionModel``."""
