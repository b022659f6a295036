"""Work in threads on behalf of clients: what they are told of it, and who is waited for."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pydantic import Field

from agent_tools.mcp.calls import WHOLE, Meter, carry_out
from tests.agents.mcp_helpers import Gate, until
from textseg.progress import CancelToken, Follow, Progress
from textseg.toolbox.inputs import ToolInput, shown_schema


async def ignore(done: float, of: float | None, text: str | None) -> None:
    """Listen, and forget."""


def readings(*reports: Progress) -> list[float]:
    meter = Meter()
    told = [meter.reading(report) for report in reports]
    return [round(reading.done, 3) for reading in told if reading is not None]


def test_client_is_told_the_share_of_the_whole_in_percent() -> None:
    reports = [Progress("asking", step, 4, share=step / 8) for step in range(5)]
    assert readings(*reports, Progress("editing", 1, 2, share=0.75)) == [
        0, 12.5, 25, 37.5, 50, 75,
    ]  # fmt: skip


def test_what_a_client_is_told_grows_whatever_is_reported() -> None:
    reports = [Progress("asking", step, 2, share=share) for step, share in ((0, 0.5), (1, 0.25))]
    assert readings(*reports, Progress("again", 0, 2), Progress("again", 1, 2, share=1.0)) == [
        50, 50.01, 50.02, 99.9,
    ]  # fmt: skip
    meter = Meter()
    many = [meter.reading(Progress("asking", step % 3, 2, share=1.0)) for step in range(40)]
    done = [each.done for each in many if each is not None]
    assert done == sorted(set(done))
    assert done[-1] < WHOLE


def test_report_that_says_nothing_new_is_left_out() -> None:
    assert readings(Progress("asking", 1, 2), Progress("asking", 1, 2)) == [0]


def test_message_names_stage_and_estimate() -> None:
    meter = Meter()
    first = meter.reading(Progress("asking", 0, 20))
    later = meter.reading(Progress("asking", 5, 20, remaining=11.6))
    assert first is not None
    assert later is not None
    assert first.message == "asking: 0 of 20"
    assert later.message == "asking: 5 of 20, about 12 s left"


def test_work_does_not_wait_for_a_client_that_does_not_listen() -> None:
    told: list[float] = []
    done = threading.Event()

    async def slow(step: float, of: float | None, text: str | None) -> None:
        await until(done)  # nothing is taken from us before the work is over
        told.append(step)

    def work(follow: Follow) -> str:
        assert follow.progress is not None
        for step in range(200):
            follow.progress(Progress("asking", step, 200))
        done.set()
        return "done"

    assert asyncio.run(carry_out(work, slow)) == "done"
    assert len(told) == 200
    assert told == sorted(set(told))


def test_client_that_has_gone_does_not_end_the_work() -> None:
    import anyio

    async def gone(step: float, of: float | None, text: str | None) -> None:
        raise anyio.BrokenResourceError

    def work(follow: Follow) -> str:
        assert follow.progress is not None
        follow.progress(Progress("asking", 1, 2))
        follow.progress(Progress("asking", 2, 2))
        return "done"

    assert asyncio.run(carry_out(work, gone)) == "done"


def test_cancelled_request_raises_the_flag_and_is_over_at_once() -> None:
    gate = Gate()
    seen: list[CancelToken] = []

    def work(follow: Follow) -> str:
        assert follow.cancel is not None
        assert follow.progress is not None
        seen.append(follow.cancel)
        gate.wait()
        follow.progress(Progress("asking", 1, 2))  # to nobody
        return "done"

    async def leave() -> bool:
        task = asyncio.create_task(carry_out(work, ignore))
        await until(gate.reached)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return gate.opened.is_set()

    assert not asyncio.run(leave())
    assert seen[0].cancelled
    gate.opened.set()


def test_schema_of_an_input_keeps_an_argument_called_title() -> None:
    class Titled(ToolInput):
        title: str = Field(description="of a picture")

    properties = shown_schema(Titled)["properties"]
    assert properties == {"title": {"description": "of a picture", "type": "string"}}
