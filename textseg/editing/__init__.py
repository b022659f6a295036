"""Editing: one paper, one file. A method changes latents inside a mask and keeps the rest."""
