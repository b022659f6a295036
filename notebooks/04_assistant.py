# %% [markdown]
# # 4. An assistant for pictures
#
# Everything so far was Python. This notebook hands the same operations to an assistant: a language
# model, or, as here, a reader of plain English commands that needs no language model at all.
# Whoever asks, the answers are the same, because they all come out of one toolbox.

# %%
import tempfile
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image

from textseg.picturebook import scenes
from textseg.picturebook.demo import PICTURES
from textseg.toolbox import EditArguments, SegmentArguments, open_toolbox


def row(*pictures):
    """Pictures of one height, side by side."""
    return Image.fromarray(np.hstack([np.asarray(each.convert("RGB")) for each in pictures]))


# %% [markdown]
# ## A desk with two pictures
#
# An assistant should see only what you show it. So there is a folder with two pictures, and a
# toolbox that may read from this folder and from nowhere else. What it makes goes into a workspace,
# where nothing is ever overwritten.

# %% alt="Left: a meadow with a house, a tree and a mushroom. Right: a sea with a boat and a fish"
desk = Path(tempfile.mkdtemp())
for name in ("meadow", "sea"):
    Image.fromarray(scenes.render(PICTURES[name][0], size=256).image).save(desk / f"{name}.png")

toolbox = open_toolbox(desk / "workspace", roots=[desk])
row(Image.open(desk / "meadow.png"), Image.open(desk / "sea.png"))

# %% [markdown]
# ## What the toolbox says
#
# The operations take plain arguments and return plain facts, which is what makes them fit for
# programs. Pictures and masks get short names, called handles.

# %%
found = toolbox.segment_image(SegmentArguments(image="sea.png", queries=["orange fish"]))
fish = found.queries[0]
print("picture:", found.image)
print("mask:   ", fish.mask)
print("there?  ", fish.present, f"({fish.presence:.0%})")
for region in fish.regions:
    print("region: ", region.position, region.box)

# %% [markdown]
# A handle opens as the very object that Python would have given you, so you can go on by hand
# wherever the assistant stopped. Behind a mask is the `Segmentation` of notebook 1.

# %% alt="The sea in grey with the orange fish lit up"
toolbox.shelf.open_result(fish.mask)

# %% [markdown]
# An edit makes a new picture with a new handle. After it the toolbox looks at the result again and
# reports what it sees, whether that is good news or not.

# %%
edited = toolbox.edit_image(EditArguments(image="sea.png", query="boat", target="yellow boat"))
print("new picture:", edited.picture, "made from", edited.image)
print("pixels changed outside of the mask:", edited.check.changed_outside)
look = edited.check.look
print("is there a yellow boat now?", look.present, f"({look.presence:.0%})")

# %% [markdown]
# ## The tools
#
# For language models these operations are tools. The descriptions below are all that a model
# gets to read. They are LangChain tools, and need no more than `langchain-core`.

# %%
from agent_tools.langchain import get_tools

tools = {tool.name: tool for tool in get_tools(toolbox)}
for tool in tools.values():
    print(textwrap.fill(f"{tool.name}: {tool.description}", 96, subsequent_indent="    "))

# %% [markdown]
# A call gives back three things: a few words of measured facts for the model, a small picture for
# models that can see, and the full result for the program around it.

# %%
call = {"name": "segment_image", "args": {"query": "mushroom", "image": "meadow.png"}}
message = tools["segment_image"].invoke(call | {"type": "tool_call", "id": "1"})
for block in message.content:
    print(textwrap.fill(block.get("text") or f"and a picture, {block['mime_type']}", 96))
print(type(message.artifact).__name__)

# %% [markdown]
# ## Plain English
#
# Now the assistant itself. It is an ordinary LangChain agent, which takes one more package: `pip
# install 'textseg[agent]'`. Give it any chat model, as in `create_image_assistant("ollama:qwen3",
# toolbox)`, and the model decides which tools to call. Give it none, and the embedded command
# reader does.
#
# The reader understands plain requests about pictures, and asks back when it is not sure what you
# mean. It has no opinions and cannot chat, but it is quick, it is free, and it never makes anything
# up.

# %%
from langgraph.checkpoint.memory import InMemorySaver

from agent_tools.assistant import create_image_assistant

assistant = create_image_assistant(workspace=toolbox, checkpointer=InMemorySaver())
conversation = {"configurable": {"thread_id": "notebook"}}


def say(text):
    """Tell the assistant something and print what happens, step by step."""
    print("you:      ", text)
    state = assistant.invoke({"messages": [("user", text)]}, conversation)
    messages = state["messages"]
    start = max(k for k, each in enumerate(messages) if each.type == "human")
    for each in messages[start + 1 :]:
        for call in getattr(each, "tool_calls", []):
            print("calls:    ", call["name"], call["args"])
        if each.type == "ai" and each.text:
            print(textwrap.fill(f"assistant: {each.text}", 96, subsequent_indent=" " * 11))
    print()


# %%
say("find the mushroom in meadow.png")
say("make it red")

# %% [markdown]
# "It" is what was talked about last. And each picture that is made becomes the latest one, so that
# requests build on one another:

# %%
say("remove the tree")
say("undo")
say("make the house blue, but not the mushroom")

# %% [markdown]
# What it cannot understand it does not do:

# %%
say("make it nicer")

# %% [markdown]
# ## Look over its shoulder
#
# The workspace remembers every picture, what was done to make it, and what it was made from.

# %%
for image in reversed(toolbox.list_images().images):
    print(f"{image.handle}  {image.made_by:<7}{image.what:<28}from {image.parent or 'a file'}")

# %% alt="All pictures in the workspace, oldest first"
handles = [image.handle for image in reversed(toolbox.list_images().images)]
row(*[toolbox.shelf.preview(handle).resize((128, 128)) for handle in handles])

# %% [markdown]
# Undo only says which picture is the latest; the picture that was undone is still there. And behind
# the handle of an edit is the whole edit, with its mask, its seed and everything else.

# %%
latest = next(image.handle for image in toolbox.list_images().images if image.latest)
edit = toolbox.shelf.open_result(latest)
print(edit)
print("the model followed:", edit.prompt)

# %% [markdown]
# You can also look at it in a panel, correct the mask with a brush and go on from there. The
# assistant sees what you made, and you see what it made, because both work on the same shelf.

# %% alt="The panel's picture: before, mask and after of the latest edit"
from textseg.panels import EditPanel

panel = EditPanel(toolbox=toolbox)
panel.show(latest)
panel

# %% [markdown]
# ## Asking first
#
# With `approve=True` the assistant stops before it makes or changes anything, and waits for a
# person.

# %%
careful = create_image_assistant(workspace=toolbox, checkpointer=InMemorySaver(), approve=True)
waiting = {"configurable": {"thread_id": "careful"}}
state = careful.invoke({"messages": [("user", "remove the house")]}, waiting)
for request in state["__interrupt__"][0].value["action_requests"]:
    print("may I?", request["name"], request["args"])

# %%
from langgraph.types import Command

no = {"type": "reject", "message": "the person said no"}
state = careful.invoke(Command(resume={"decisions": [no]}), waiting)
print(state["messages"][-1].text)

# %% [markdown]
# ## In a desktop assistant
#
# The same tools speak MCP, the protocol of desktop assistants and editors. Install
# `textseg[mcp]` and put this into the configuration of the program, with folders of yours:
#
# ```json
# {
#   "mcpServers": {
#     "textseg": {
#       "command": "textseg-mcp",
#       "args": ["--root", "/path/to/pictures", "--workspace", "/path/to/results"]
#     }
#   }
# }
# ```
#
# ## What to try next
#
# - `textseg chat` in a terminal is this assistant, with a line to type on.
# - Say more with `say`: "draw a red mushroom in the snow", "add a yellow ball at the top right of
#   sea.png", "make the left house purple", "which pictures are there?"
# - Use a chat model you have, and compare what it does with the same requests.
# - `toolbox.shelf.export(latest, "result.png")` takes a picture out of the workspace, labelled as
#   what a model made.
# - [SECURITY.md](../SECURITY.md) says what an assistant can and cannot do with these tools.
# - [Notebook 5](05_your_own_checkpoint.ipynb) brings a model of your own.
