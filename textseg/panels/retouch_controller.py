"""Change a picture without a model, inside the selected mask: the state behind the strip."""

from __future__ import annotations

from typing import Final

from traitlets import Bool, Float, Unicode

from textseg.errors import InvalidInputError
from textseg.panels.controller import Controller
from textseg.panels.segment_controller import SegmentController
from textseg.progress import CancelToken, ProgressCallback
from textseg.retouching.asking import TAKES
from textseg.retouching.words import RetouchAction
from textseg.toolbox.common import check_arguments
from textseg.toolbox.retouch_facts import RetouchArguments

RETOUCH: Final = "retouch_image"


class RetouchController(Controller):
    """Blurs, colours, crops ... what a mask shows; the picture of another controller is new then.

    Attributes:
        amount: how much; 0 for as usual.
        colour: "#rrggbb", for the actions that take one.
        other: another thing, for the actions that take one.
        aspect: proportions of a crop; "" for those of the thing.
        around: do it around the thing instead.
    """

    amount = Float(0.0)
    colour = Unicode("#1e90ff")
    other = Unicode("")
    aspect = Unicode("")
    around = Bool(False)

    def __init__(self, owner: Controller, finding: SegmentController) -> None:
        """Change the picture of ``owner`` inside of what ``finding`` has found in it."""
        super().__init__(owner.toolbox, beside=owner)
        self._owner, self._finding = owner, finding

    def arguments(self, action: RetouchAction) -> RetouchArguments:
        """Return what ``run`` asks the toolbox; where nothing was found the whole picture is meant.

        Raises:
            InvalidInputError: there is no picture, or a value is out of its range.
            QueryError: the action wants a thing, or another one as well.
        """
        if not self._owner.image:
            raise InvalidInputError("there is no picture yet", hint="give one, or upload one")
        takes, found = TAKES[action], self._finding
        there = found.image == self._owner.image and bool(found.made)
        given = {
            "amount": self.amount if takes.usual else 0.0,
            "colour": "" if takes.colour == "" else self.colour,
            "other": self.other if takes.other else "",
            "aspect": self.aspect if action == "crop" else "",
            "mask": found.keep_binary() if there else None,
            "invert": self.around and there,
        }
        values = {"image": self._owner.image, "action": action, **given}
        return check_arguments(RetouchArguments, values)

    def run(self, action: RetouchAction) -> None:
        """Make the change, on the thread of the job; the owner's ``image`` is the new picture then.

        Raises:
            TextsegError: it cannot be asked so; nothing was started.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        arguments = self.arguments(action)
        self.job.start(lambda progress, cancel: self._change(arguments, progress, cancel))

    def back(self) -> None:
        """Go back to the picture that was changed; nothing is lost.

        Raises:
            InvalidInputError: it was made from no other.
            BusyError: there is work going on.
        """
        image = self._owner.image
        parent = self.toolbox.workspace.record(image).parent if image else None
        if parent is None:
            raise InvalidInputError("nothing to undo: this is the first picture")
        self._owner.choose(parent)

    def _change(
        self, arguments: RetouchArguments, progress: ProgressCallback, cancel: CancelToken
    ) -> None:
        self._tell(RETOUCH, arguments)
        result = self.toolbox.retouch_image(arguments, progress=progress, cancel=cancel)
        assert result.picture is not None, "what is kept has a handle"
        self._owner.image = result.picture
