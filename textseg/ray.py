"""Labels in a Ray Data pipeline of your own.

    import ray
    import textseg.ray

    photos = ray.data.read_parquet("photos.parquet")  # with a column "path"
    rows = photos.map_batches(
        textseg.ray.Label,
        fn_constructor_kwargs={"queries": ["tree", "red house"]},
        batch_size=16, num_gpus=0.25, concurrency=8,
    )
    rows.write_parquet("labels")

The rows are those of ``textseg label``.
"""

from __future__ import annotations

from textseg.labelling.engines.ray_batches import LabelBatches as Label

__all__ = ["Label"]
