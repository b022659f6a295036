"""Change a picture at the selected mask, pixel by pixel: the state behind the strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from traitlets import Dict, Unicode

from textseg.panels.calls import PIXELS
from textseg.panels.controller import Controller
from textseg.panels.segment_controller import SegmentController
from textseg.progress import CancelToken, ProgressCallback
from textseg.retouching.asking import TAKEN
from textseg.toolbox.common import check_arguments

if TYPE_CHECKING:
    from textseg.retouching.words import ArrangeAction, RetouchAction
    from textseg.toolbox import MadeFacts
    from textseg.toolbox.retouch_facts import Meant

    Action = RetouchAction | ArrangeAction


class RetouchController(Controller):
    """Does with what a mask shows what one tool can; the picture of another controller is new then.

    Attributes:
        settings: what is given of the arguments of the tool, by name.
        colour: for the actions that take one: a name, or "#rrggbb".
        actions: what the tool can do.
        taken: the arguments that at least one of these takes.
    """

    settings = Dict()
    colour = Unicode("#1e90ff")

    def __init__(self, tool: str, owner: Controller, finding: SegmentController) -> None:
        """Use one of ``PIXELS`` on the picture of ``owner``, inside of what ``finding`` found."""
        super().__init__(owner.toolbox, beside=owner)
        self._tool, self._owner, self._finding = tool, owner, finding
        self.actions: tuple[Action, ...] = get_args(PIXELS[tool].model_fields["action"].annotation)
        self.taken = frozenset[str]().union(*(TAKEN[each] for each in self.actions))

    def arguments(self, action: Action) -> Meant:
        """Return what ``run`` asks the toolbox; where nothing was found the whole picture is meant.

        Raises:
            InvalidInputError: there is no picture, or a value is out of its range.
            QueryError: the action wants a thing, or another one as well.
        """
        image, found = self._owner.needs_image(), self._finding
        given = {"colour": self.colour, **self.settings}
        values = {name: value for name, value in given.items() if name in TAKEN[action]}
        if found.image == image and found.made:
            values |= {"mask": found.keep_binary(), "query": found.query}  # the query helps a fill
        return check_arguments(PIXELS[self._tool], {**values, "image": image, "action": action})

    def run(self, action: Action) -> None:
        """Make the change, on the thread of the job; the owner's ``image`` is the new picture then.

        Raises:
            TextsegError: it cannot be asked so; nothing was started.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        arguments = self.arguments(action)
        self.job.start(lambda progress, cancel: self._change(arguments, progress, cancel))

    def _change(self, arguments: Meant, progress: ProgressCallback, cancel: CancelToken) -> None:
        self._tell(self._tool, arguments)
        change = getattr(self.toolbox, self._tool)
        made: MadeFacts = change(arguments, progress=progress, cancel=cancel)
        assert made.picture is not None, "what is kept has a handle"
        self._owner.image = made.picture
