"""Pictures that no model made, or only a part of: changed in a workspace, and kept there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textseg.provenance import credentials_in, label_in
from textseg.toolbox.arrange import arrange_picture
from textseg.toolbox.drafts import made_drafts
from textseg.toolbox.exporting import UNSIGNED
from textseg.toolbox.meaning import MadeAnswer, MadeT
from textseg.toolbox.retouch import retouch_picture
from textseg.toolbox.running import Host

if TYPE_CHECKING:
    from textseg.progress import Follow
    from textseg.scene import Scene
    from textseg.toolbox.arrange_facts import ArrangeArguments, ArrangeResult
    from textseg.toolbox.meaning import GivenMask
    from textseg.toolbox.retouch_facts import Meant, RetouchArguments, RetouchResult
    from textseg.toolbox.shelf import Shelf
    from textseg.workspace import Record


@dataclass(frozen=True)
class Desk:
    """What pictures of a workspace are changed with.

    Attributes:
        shelf: of the workspace.
        host: of the model.
        scene: has the model read a picture.
        seconds: the most that one call may take.
    """

    shelf: Shelf
    host: Host
    scene: Callable[[Record, Follow], Scene]
    seconds: float

    def retouch(self, arguments: RetouchArguments, follow: Follow) -> RetouchResult:
        """Return how a picture was changed.

        Where nothing is to be found no model is loaded, but its turn is waited for all the same:
        many large pictures at once would not fit into memory.
        """
        return self._made(retouch_picture, arguments, follow, kind="find")

    def arrange(self, arguments: ArrangeArguments, follow: Follow) -> ArrangeResult:
        """Return what was moved in a picture."""
        shown = "" if arguments.mask is None else self.shelf.query_of(arguments.mask)
        change = partial(arrange_picture, setup=self.host.setup, shown=shown)
        return self._made(change, arguments, follow, kind="edit")

    def _made(
        self,
        change: Callable[..., MadeAnswer[MadeT]],
        arguments: Meant,
        follow: Follow,
        *,
        kind: str,
    ) -> MadeT:
        """Return what a change makes of a picture of the workspace, and keep it."""
        workspace = self.shelf.workspace
        image = workspace.resolve(arguments.image)
        asked = arguments.model_copy(update={"image": image.handle})

        def work(at_work: Follow) -> MadeT:
            answer = change(
                workspace.picture(image),
                asked,
                mask=self._mask(image, asked),
                label=label_in(workspace.bytes_of(image)),
                open_scene=partial(self.scene, image, at_work),
                follow=at_work,
            )
            return self._keep(answer, asked, image)

        return self.host.run(work, follow, seconds=self.seconds, kind=kind)

    def _mask(self, image: Record, arguments: Meant) -> GivenMask:
        if arguments.mask is None:
            return None
        return self.shelf.mask_for(image, arguments.mask, resize=False)

    def _keep(self, answer: MadeAnswer[MadeT], arguments: Meant, image: Record) -> MadeT:
        """Keep the picture, with the mask of where it was changed; it is the latest then."""
        workspace = self.shelf.workspace
        result, drafts = made_drafts(answer, arguments, image, workspace)
        workspace.keep(drafts, head=result.picture)
        if not credentials_in(workspace.bytes_of(image)):
            return result
        return result.model_copy(update={"notes": [*result.notes, UNSIGNED]})
