"""``textseg chat``; it joins the other commands by an entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textseg.cli.drawn import Fields, Given, drawn
from textseg.cli.interrupts import interruptible
from textseg.cli.shared import plain_failures, say
from textseg.errors import InvalidInputError
from textseg.toolbox import Setup

Folder = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        help="Where the pictures are kept; nothing in it is ever overwritten.",
        show_default="a new private folder",
    ),
]


@plain_failures
@drawn
def chat(
    image: Annotated[
        Path | None, typer.Argument(metavar="[IMAGE]", help="Picture to begin with.")
    ] = None,
    *,
    workspace: Folder = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Folder whose pictures may be named in the chat; may be repeated."
        ),
    ] = None,
    assistant: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help='Language model for LangChain, e.g. "ollama:qwen3".',
            show_default="the embedded command reader",
        ),
    ] = None,
    exports: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder into which pictures may be exported; without it, none is."
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Small language model that only reads the commands; what it reads is checked.",
            show_default="the rules of the command reader",
        ),
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Ask before anything is made or changed.")
    ] = False,
    setting: Annotated[Given, Fields(Setup, but=("batch_size", "captioner", "editor"))],
) -> None:
    """Talk about pictures: find, change and make them with plain commands."""
    from agent_tools.assistant import open_chat_model, open_reader
    from agent_tools.chat import GREETING, Chat, talk, typed_lines
    from textseg.images import open_picture
    from textseg.toolbox import check_arguments, open_toolbox

    setup = check_arguments(Setup, setting)
    if assistant and reader:
        raise InvalidInputError(
            "--assistant and --reader name two models that would both read the commands",
            hint="give one of them",
        )
    talker = open_reader(reader) if reader else open_chat_model(assistant)
    if image is not None:
        open_picture(image, max_pixels=setup.max_pixels)  # what cannot begin leaves no folder
    toolbox = open_toolbox(workspace, roots=root or [], setup=setup, exports=exports)
    if image is not None:
        opened = toolbox.shelf.import_image(image)
        say(f"{image}: {opened.width} x {opened.height}, {opened.handle}")
    say(f"{GREETING}\nPictures are kept in {toolbox.workspace.folder}")
    with interruptible():
        talk(Chat(toolbox, ask=input, say=say, model=talker, approve=approve), typed_lines())
