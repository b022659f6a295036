"""What all methods are written in: one coordinate system, one denoising loop, no network."""
