"""From a text query and a picture to a soft mask: compare, soften, refine, decide presence."""
