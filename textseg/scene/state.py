"""What a scene holds and remembers, and how it is copied."""

from __future__ import annotations

from copy import deepcopy
from typing import NoReturn, Self

from torch import Tensor

from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.apply import Paths
from textseg.editing.running import OpenedParts, Studio
from textseg.encoded import EncodedPicture, Texts
from textseg.errors import UnsupportedError
from textseg.images import Padding, Picture
from textseg.scene.comparing import Known
from textseg.scene.opening import describe
from textseg.scene.options import CaptionerLike, Made


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
        self._read = EncodedPicture(model, picture, self.rgb, latents.clone(), padding)
        self._texts = Texts(model)
        self._known = Known()
        self._paths = Paths(self._read.latents, trajectory.copied() if trajectory else None)
        self._studio = Studio(self._read, self._paths, self._texts, OpenedParts(self._read))
        self._caption: str | None = None

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return a scene of its own; what nobody can change is shared, and so is the model."""
        return type(self)(
            self.model,
            self.picture,
            self._read.latents,
            self.padding,
            trajectory=self._paths.made,
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
    def latents(self) -> Tensor:
        """What the model made of the picture, (1, c, h, w); a copy."""
        return self._read.latents.clone()

    @property
    def path(self) -> Trajectory | None:
        """The way the picture came about, where ``generate`` made it; a copy."""
        return None if self._paths.made is None else self._paths.made.copied()

    def caption(self) -> str | None:
        """Return what the captioner says is in the picture; ``None`` without a captioner."""
        if self._caption is None and self.captioner is not None:
            self._caption = describe(self.captioner, self.rgb, self.model.device)
        return self._caption
