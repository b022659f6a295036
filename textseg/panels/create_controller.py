"""From words to a picture, and on from there: the state behind ``CreatePanel``."""

from __future__ import annotations

from traitlets import Dict, Int, Unicode

from textseg.editing.options import MakingOptions
from textseg.errors import InvalidInputError
from textseg.panels.calls import CREATE
from textseg.panels.controller import Controller, given_of
from textseg.panels.edit_controller import EditController
from textseg.progress import CancelToken, Progress, ProgressCallback
from textseg.toolbox import CreateArguments, Toolbox, check_arguments


class CreateController(Controller):
    """Makes a picture from a prompt, has it described, and hands it on to be edited.

    Attributes:
        prompt: what to show.
        settings: what is given of ``MakingOptions``, by name.
        height: of the picture in pixels; 0 with width 0 for what the model was made for.
        width: likewise.
        caption: what a captioner sees in the picture; "" where there is none.
        editing: what changes the picture.
    """

    prompt = Unicode("")
    settings = Dict()
    height = Int(0)
    width = Int(0)

    caption = Unicode("")

    def __init__(self, toolbox: Toolbox) -> None:
        """Make pictures with a toolbox, in its workspace."""
        super().__init__(toolbox)
        self.editing = EditController(toolbox, beside=self)

    def arguments(self) -> CreateArguments:
        """Return what ``run`` asks the toolbox.

        Raises:
            InvalidInputError: a value is out of its range, or there is no prompt.
        """
        values: dict[str, object] = {"prompt": self.prompt, **self.settings}
        if self.height or self.width:
            side = self.height or self.width
            values["size"] = [self.height or side, self.width or side]
        return check_arguments(CreateArguments, values)

    def run(self) -> None:
        """Make a picture, on the thread of the job; ``image`` and ``caption`` follow.

        Raises:
            InvalidInputError: it cannot be asked so; nothing was started.
            BusyError: there is work going on.
        """
        self.job.check_idle()
        arguments = self.arguments()
        self.job.start(lambda progress, cancel: self._create(arguments, progress, cancel))

    def open(self, handle: str) -> None:
        """Show a picture that was made before, with what was changed in it, whoever did it.

        Raises:
            UnknownHandleError: there is no such picture.
            InvalidInputError: it does not come from a prompt.
        """
        record = self.toolbox.workspace.resolve(handle)
        first = self.toolbox.workspace.record(record.root)
        if first.operation != "generate":
            raise InvalidInputError(
                f"{record.handle} was not made from a prompt", hint="open it in an EditPanel"
            )
        made = CreateArguments.model_validate(first.arguments)
        self.prompt, self.settings = made.prompt, given_of(MakingOptions, made)
        self.height, self.width = made.size or (0, 0)
        caption = first.result["caption"]
        self.caption = caption if isinstance(caption, str) else ""
        self.image = first.handle
        self.editing.image = record.handle
        self.editing.adopt()

    def _create(
        self, arguments: CreateArguments, progress: ProgressCallback, cancel: CancelToken
    ) -> None:
        self._tell(CREATE, arguments)
        made = self.toolbox.generate_and_edit(arguments, progress=progress, cancel=cancel)
        assert made.picture is not None, "what is kept has a handle"
        self.caption = ""
        self.image = self.editing.image = made.picture
        progress(Progress("describing", 0, 1))
        self.caption = self.toolbox.scene(made.picture).caption() or ""
        progress(Progress("describing", 1, 1))
