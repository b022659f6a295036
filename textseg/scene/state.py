"""What a scene holds and remembers, and how it is copied."""

from __future__ import annotations

from collections.abc import Hashable
from copy import deepcopy
from dataclasses import dataclass
from typing import NoReturn, Self

from torch import Tensor

from textseg.diffusion.extras import adapters_of
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.apply import Paths
from textseg.editing.running import OpenedParts, Studio
from textseg.encoded import EncodedPicture, Texts
from textseg.errors import UnsupportedError
from textseg.images import Padding, Picture
from textseg.scene.comparing import Known
from textseg.scene.looking import ReadWindows
from textseg.scene.opening import describe
from textseg.scene.options import CaptionerLike, Made


@dataclass(frozen=True, eq=False)
class Kept:
    """What a scene keeps between calls, which holds for one state of the model's adapters."""

    adapters: Hashable
    known: Known
    windows: ReadWindows
    studio: Studio

    @classmethod
    def of(cls, read: EncodedPicture, path: Trajectory | None) -> Self:
        """Return what is known at the beginning: the way that the picture came about, if any."""
        paths, texts = Paths(read.latents, path), Texts(read.model)
        studio = Studio(read, paths, texts, OpenedParts(read))
        return cls(adapters_of(read.model), Known(), ReadWindows(read), studio)


class SceneState:
    """A picture that is read, and what further calls can reuse; see ``Scene``."""

    def __init__(
        self,
        model: DiffusionModel,
        picture: Picture,
        latents: Tensor,
        padding: Padding,
        *,
        trajectory: Trajectory | None = None,
        made: Made | None = None,
        captioner: CaptionerLike | None = None,
    ) -> None:
        """Hold a picture that is encoded already; ``Scene.open`` is the usual way in."""
        self.model, self.picture, self.padding = model, picture, padding
        self.rgb = picture.visible()
        self.made, self.captioner = made, captioner
        self._encoded = EncodedPicture(model, picture, self.rgb, latents.clone(), padding)
        self._kept = Kept.of(self._encoded, trajectory.copied() if trajectory else None)
        self._caption: str | None = None

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return a scene of its own; what nobody can change is shared, and so is the model."""
        return type(self)(
            self.model,
            self.picture,
            self._encoded.latents,
            self.padding,
            trajectory=self._studio.paths.made,
            made=self.made,
            captioner=self.captioner,
        )

    def __copy__(self) -> Self:
        """Return the same as ``copy.deepcopy``: two scenes never share what they remember."""
        return deepcopy(self)

    def __reduce__(self) -> NoReturn:
        """Raise ``UnsupportedError``: a model does not go into a pickle."""
        raise UnsupportedError(
            f"a Scene cannot be pickled, because it holds a model ({self.model.name!r})",
            hint="keep the picture and the model's name, and open both again with "
            "Scene.open(picture, model); a workspace (textseg.workspace) keeps results on disk",
        )

    @property
    def _memory(self) -> Kept:
        """What was kept of earlier calls; nothing of those to a model with other adapters."""
        if self._kept.adapters != adapters_of(self.model):
            self._kept = Kept.of(self._encoded, None)
        return self._kept

    @property
    def _studio(self) -> Studio:
        return self._memory.studio

    @property
    def latents(self) -> Tensor:
        """What the model made of the picture, (1, c, h, w); a copy."""
        return self._encoded.latents.clone()

    @property
    def path(self) -> Trajectory | None:
        """The way the picture came about, where ``generate`` made it; a copy."""
        made = self._studio.paths.made
        return None if made is None else made.copied()

    def caption(self) -> str | None:
        """Return what the captioner says is in the picture; ``None`` without a captioner."""
        if self._caption is None and self.captioner is not None:
            self._caption = describe(self.captioner, self.rgb, self.model.device)
        return self._caption
