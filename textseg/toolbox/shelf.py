"""What people do with the pictures and masks in a workspace, and how they are opened again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from textseg.errors import InvalidInputError
from textseg.files import refuse_existing, write_files
from textseg.images import ImageLike, Picture, open_picture, png_bytes
from textseg.provenance import label_in
from textseg.saving import format_of, picture_bytes, save_picture
from textseg.toolbox.browsing import image_facts
from textseg.toolbox.correcting import correct_mask
from textseg.toolbox.drafts import mask_draft
from textseg.toolbox.segment_facts import SegmentResult
from textseg.toolbox.selecting import region_facts
from textseg.toolbox.shelf_facts import CorrectArguments, ImageFacts, MaskFacts

if TYPE_CHECKING:
    from PIL import Image

    from textseg.checking import Facts
    from textseg.diffusion.model import DiffusionModel
    from textseg.editing.result import Edit
    from textseg.scene import Scene
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation
    from textseg.workspace import Record, Workspace


class Shelf:
    """The pictures, masks and results of a workspace. Needs no model."""

    def __init__(self, workspace: Workspace) -> None:
        """Look after a workspace."""
        self.workspace = workspace

    def choose(self, handle: str) -> ImageFacts:
        """Make a picture the latest, to go on from there."""
        return self.image_facts(self.workspace.choose(handle))

    def image_facts(self, record: Record) -> ImageFacts:
        """Return the facts of a picture."""
        return image_facts(record, self.workspace.latest())

    def import_image(self, image: ImageLike, *, name: str = "") -> ImageFacts:
        """Return a picture of a person's choice, from anywhere, taken in; it is the latest then.

        Raises:
            ImageError: it cannot be read.
        """
        return self.image_facts(self.workspace.add_picture(image, name=name))

    def import_mask(
        self, mask: ImageLike | Mask, image: str = "latest", *, name: str = ""
    ) -> MaskFacts:
        """Return a mask that a person painted or corrected, taken in for a picture.

        Args:
            mask: a picture file or array of the picture's size, white = may change; or a ``Mask``.
            image: the handle of the picture.
            name: what it shows, in a few words.

        Raises:
            InvalidInputError: it has another size, or nothing may change in it.
        """
        from textseg.editing.masks import paint_mask
        from textseg.segmentation.mask import Mask

        record = self.workspace.resolve(image)
        rgb = self.workspace.picture(record).visible()
        if not isinstance(mask, Mask):
            painted = open_picture(mask, max_pixels=self.workspace.limits.max_pixels)
            soft = paint_mask(painted, (record.height, record.width), resize=False)
            mask = Mask.of(soft, rgb, name=name)
        return self._keep_mask(mask, record, operation="paint", arguments=None)

    def correct_mask(self, arguments: CorrectArguments) -> MaskFacts:
        """Return a mask with regions kept or dropped and strokes painted; a new one is kept.

        All that is said to be kept stays, but for what is said to be dropped; see ``corrected``.

        Raises:
            UnknownHandleError: there is no such mask.
            InvalidInputError: a point hits no region.
        """
        record = self.workspace.resolve(arguments.mask, kind="mask")
        mask = correct_mask(self.mask(record.handle), arguments.corrections)
        assert record.parent is not None, "a mask belongs to a picture"
        image = self.workspace.record(record.parent)
        return self._keep_mask(mask, image, operation="paint", arguments=arguments)

    def mask(self, handle: str) -> Mask:
        """Return a mask by its handle."""
        from textseg.segmentation.keeping import read_mask

        record = self.workspace.resolve(handle, kind="mask")
        return read_mask(self.workspace.bytes_of(record, "mask"), self._rgb_below(record))

    def mask_for(
        self, image: Record, reference: str, *, resize: bool
    ) -> NDArray[np.float32] | Mask:
        """Return where a mask lets a picture change.

        One that was found is widened and faded like any found mask; one that a person painted, or
        that an edit was, or was planned to be, confined to, is taken as it is.

        Raises:
            UnknownHandleError: there is no such mask.
            InvalidInputError: it has another size, or nothing may change in it.
        """
        from textseg.editing.masks import check_mask

        record = self.workspace.resolve(reference, kind="mask")
        size = (image.height, image.width)
        if (record.height, record.width) != size and not resize:
            raise InvalidInputError(
                f"the mask is {record.width} x {record.height}, the picture {image.width} x "
                f"{image.height}",
                hint="give a mask of this picture",
            )
        mask = self.mask(record.handle)
        if record.operation == "segment" and mask.size == size:
            return mask
        return check_mask(mask.soft, size, resize=resize)

    def query_of(self, mask: str) -> str:
        """Return what a mask was found for; "" for another one."""
        record = self.workspace.resolve(mask, kind="mask")
        if record.operation != "segment":
            return ""
        return SegmentResult.model_validate(record.result).queries[0].query

    def open_result(self, handle: str) -> Segmentation | Mask | Edit:
        """Return the ordinary result behind a handle, as the call in Python would have given it.

        A mask that was found for a query gives its ``Segmentation``, one that was narrowed or
        painted a ``Mask``, and a picture that an edit made its ``Edit``.

        Raises:
            UnknownHandleError: there is nothing of this name.
            InvalidInputError: it is a picture that was imported or generated: no result.
        """
        record = self.workspace.record(handle)
        if record.kind == "mask":
            narrowed = any(record.arguments.get(name) for name in ("exclude", "invert", "region"))
            if record.operation == "segment" and not narrowed:
                return self._segmentation(record, self._rgb_below(record))
            return self.mask(handle)
        if record.operation != "edit":
            raise InvalidInputError(
                f"{handle} is a picture, and no edit made it", hint="open it as a picture"
            )
        return self._edit(record)

    def picture(self, handle: str) -> Picture:
        """Return a picture by its handle."""
        return self.workspace.picture(self.workspace.resolve(handle))

    def path_of(self, handle: str) -> Path:
        """Return where the file of a picture or mask lies: to look at, not to change."""
        record = self.workspace.record(handle)
        return self.workspace.folder / "items" / record.files["picture"].name

    def open_scene(self, image: Record, model: DiffusionModel, captioner: str | None) -> Scene:
        """Return the scene of a picture; one that this model made keeps the way it came about."""
        from textseg.scene import Scene
        from textseg.scene.keeping import read_generation

        picture = self.workspace.picture(image)
        if "generation" in image.files:
            content = self.workspace.bytes_of(image, "generation")
            made = read_generation(content, picture, model, captioner=captioner)
            if made is not None:
                return made
        return Scene.open(picture, model, captioner=captioner)

    def preview(self, handle: str) -> Image.Image:
        """Return what a person would look at: the picture, or the mask lit up in its picture."""
        from PIL import Image

        from textseg.images import to_uint8

        record = self.workspace.record(handle)
        if record.kind == "image":
            return Image.fromarray(to_uint8(self.workspace.picture(record).visible()))
        return self.mask(handle).overlay()

    def png(self, handle: str, *, longest: int | None = None) -> bytes:
        """Return a picture, labelled as it came about, or a mask (255 = inside) as a PNG file.

        Written anew from the pixels: nothing else that an imported file says of itself is in it.

        Args:
            handle: of the picture or mask.
            longest: pixels that its longer side may have, a larger one is scaled down; None for
                all that there are.

        Raises:
            UnknownHandleError: there is nothing of this name.
        """
        record = self.workspace.record(handle)
        if record.kind == "mask":
            inside = np.where(self.mask(handle).binary(), np.uint8(255), np.uint8(0))
            return png_bytes(_within(inside, longest) > 127)
        picture = self.workspace.picture(record)
        label = label_in(self.workspace.bytes_of(record))
        pixels = _within(picture.pixels(), longest)
        return picture_bytes(pixels, "PNG", label=label, icc_profile=picture.icc_profile)

    def export(self, handle: str, path: str | Path, *, force: bool = False) -> Path:
        """Write a picture, labelled as it came about, or a mask (PNG, 255 = inside) to a file.

        Raises:
            UnknownHandleError: there is nothing of this name.
            OutputExistsError: the file exists and ``force`` is false.
            InvalidInputError: it cannot be written so.
        """
        path, record = Path(path), self.workspace.record(handle)
        refuse_existing([path], force=force)
        if record.kind == "mask":
            if format_of(path) != "PNG":
                raise InvalidInputError(f"a mask is written as PNG, not as {path.suffix}")
            return write_files(path.parent, [(path.name, self.png(handle))], force=force)[0]
        picture = self.workspace.picture(record)
        label, profile = label_in(self.workspace.bytes_of(record)), picture.icc_profile
        return save_picture(path, picture.pixels(), label=label, icc_profile=profile, force=force)

    def _keep_mask(
        self, mask: Mask, image: Record, *, operation: str, arguments: Facts | None
    ) -> MaskFacts:
        facts = MaskFacts(
            mask=self.workspace.new_handle("mask"),
            image=image.handle,
            name=mask.name,
            area=float(mask.binary().mean()),
            regions=region_facts(mask),
        )
        self.workspace.keep(
            [mask_draft(mask, arguments, facts, operation=operation, parent=image.handle)]
        )
        return facts

    def _rgb_below(self, record: Record) -> NDArray[np.float32]:
        """Return the picture (H, W, 3) that a mask belongs to."""
        assert record.parent is not None, "a mask belongs to a picture"
        return self.workspace.picture(self.workspace.record(record.parent)).visible()

    def _segmentation(self, record: Record, rgb: NDArray[np.float32]) -> Segmentation:
        from textseg.segmentation.keeping import read_segmentation

        return read_segmentation(self.workspace.bytes_of(record, "segmentation"), rgb)

    def _edit(self, record: Record) -> Edit:
        from textseg.scene.keeping import Around, read_edit

        assert record.parent is not None, "an edit changes a picture"
        before = self.workspace.picture(self.workspace.record(record.parent))
        after = replace(self.workspace.picture(record), mode=before.mode, notes=before.notes)
        found = (
            self._segmentation(record, before.visible()) if "segmentation" in record.files else None
        )
        return read_edit(self.workspace.bytes_of(record, "edit"), Around(before, after, found))


def _within(pixels: NDArray[np.uint8], longest: int | None) -> NDArray[np.uint8]:
    """Return pixels (H, W), (H, W, 3) or (H, W, 4), scaled down where a side is too long."""
    if longest is None or max(pixels.shape[:2]) <= longest:
        return pixels
    from PIL import Image

    small = Image.fromarray(pixels)
    small.thumbnail((longest, longest))
    return np.asarray(small)
