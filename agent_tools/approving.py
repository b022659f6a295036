"""What a person reads before a call is made that makes or changes a picture: where, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from langchain.agents.middleware import HumanInTheLoopMiddleware, InterruptOnConfig
from langchain_core.runnables.config import run_in_executor

from agent_tools.failures import failure
from agent_tools.langchain import emit
from textseg.toolbox import plan_words
from textseg.toolbox.inputs import EditInput

if TYPE_CHECKING:
    from langchain.agents import AgentState
    from langchain_core.messages import ToolCall
    from langgraph.runtime import Runtime

    from textseg.toolbox import Toolbox

EDIT: Final = "edit_image"
NEEDS_APPROVAL: Final = (
    EDIT,
    "generate_and_edit",
    "retouch_image",
    "arrange_image",
    "export_image",
)
REMEMBERED: Final = 100  # calls that wait: a run that goes on asks once more what they would do


class Approval(HumanInTheLoopMiddleware[Any, Any, Any]):  # Any: langchain leaves them open
    """Stops before a call that makes, changes or exports a picture, and says what it would do."""

    def __init__(self, toolbox: Toolbox) -> None:
        """Plan what edits would do with a toolbox."""

        @lru_cache(maxsize=REMEMBERED)
        def described(_: str | None, name: str, arguments: str) -> str:
            return describe_call(toolbox, name, json.loads(arguments))

        def describe(tool_call: ToolCall, state: object, runtime: object) -> str:
            arguments = json.dumps(tool_call["args"])
            return described(tool_call["id"], tool_call["name"], arguments)

        asked = InterruptOnConfig(
            allowed_decisions=["approve", "edit", "reject", "respond"], description=describe
        )
        super().__init__(dict.fromkeys(NEEDS_APPROVAL, asked))

    async def aafter_model(
        self,
        state: AgentState[Any],
        runtime: Runtime[Any],  # Any: as above
    ) -> dict[str, Any] | None:
        """Return the same as ``after_model``, on a thread: to plan may take as long as to load."""
        return await run_in_executor(None, self.after_model, state, runtime)


def describe_call(toolbox: Toolbox, name: str, arguments: Mapping[str, Any]) -> str:
    """Return what is called with what; of an edit also what it would do, and the mask of where."""
    said = ", ".join(f"{argument} {value!r}" for argument, value in arguments.items())
    call = f"{name}: {said}"
    return f"{call}\n{_planned(toolbox, arguments)}" if name == EDIT else call


def _planned(toolbox: Toolbox, arguments: Mapping[str, Any]) -> str:  # Any: JSON
    try:
        plan = toolbox.plan_edit(EditInput.model_validate(arguments).arguments(), progress=emit)
    except Exception as error:  # whatever it is must not end the run: the call tells it as well
        return f"cannot be planned: {failure(error).message}"
    box = ",".join(str(side) for side in plan.box)
    return f"{plan_words(plan)}; box {box} of {plan.image}, mask {plan.region_mask}"
