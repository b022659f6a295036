"""One piece of work on a thread: its states, its reports, how it is stopped and how it fails."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from tests.panels.helpers import PATIENCE, Gate, until_cancelled
from textseg.errors import BusyError, InvalidInputError, TimeLimitError
from textseg.panels.job import Job, Throttle, one_line
from textseg.progress import CancelToken, Progress, ProgressCallback

ROOT = Path(__file__).parents[2]


def states_of(job: Job) -> list[str]:
    seen: list[str] = []
    job.observe(lambda change: seen.append(change["new"]), names="state")
    return seen


def interrupt_main() -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def test_work_runs_on_another_thread_to_its_end() -> None:
    job, where = Job(), []
    seen = states_of(job)
    job.start(lambda progress, cancel: where.append(threading.current_thread()))
    assert job.wait(PATIENCE)
    assert seen == ["running", "done"]
    assert where[0] is not threading.current_thread()
    assert where[0].daemon, "it must not keep a kernel from ending"


def test_nothing_is_waited_for_before_the_first_start() -> None:
    job = Job()
    assert job.wait(0)
    job.cancel()
    assert (job.state, job.at) == ("idle", None)


def test_second_start_is_refused_and_changes_nothing() -> None:
    job, gate = Job(), Gate()

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        with gate:
            progress(Progress("first", 1, 2))

    job.start(work)
    assert gate.at_work.wait(PATIENCE)
    with pytest.raises(BusyError, match="work going on"):
        job.start(until_cancelled)
    gate.go_on.set()
    assert job.wait(PATIENCE)
    assert (job.state, job.at) == ("done", Progress("first", 1, 2))


def test_cancelled_work_says_so_until_it_heeds_it() -> None:
    job, gate = Job(), Gate()
    seen = states_of(job)

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        with gate:
            cancel.raise_if_cancelled()

    job.start(work)
    assert gate.at_work.wait(PATIENCE)
    job.cancel()
    job.cancel()
    assert job.state == "cancelling"
    gate.go_on.set()
    assert job.wait(PATIENCE)
    assert seen == ["running", "cancelling", "cancelled"]
    assert job.error == ""


def test_work_that_ends_before_it_heeds_the_wish_is_done() -> None:
    job, gate = Job(), Gate()

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        with gate:
            pass

    job.start(work)
    assert gate.at_work.wait(PATIENCE)
    job.cancel()
    gate.go_on.set()
    assert job.wait(PATIENCE)
    assert job.state == "done"


def test_failure_is_one_line_with_details_and_the_next_start_forgets_it() -> None:
    job = Job()

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        raise TimeLimitError("too slow", hint="ask for less")

    job.start(work)
    assert job.wait(PATIENCE)
    assert (job.state, job.error) == ("failed", "too slow; ask for less")
    assert "Traceback" in job.details
    assert "in work" in job.details
    assert isinstance(job.failure, TimeLimitError)
    job.start(lambda progress, cancel: None)
    assert job.wait(PATIENCE)
    assert (job.state, job.error, job.details, job.failure) == ("done", "", "", None)


def test_line_about_a_foreign_error_names_its_kind() -> None:
    assert one_line(ZeroDivisionError("by\nzero")) == "ZeroDivisionError: by zero"
    assert one_line(KeyError()) == "KeyError"
    assert one_line(InvalidInputError("wrong", hint="do it")) == "wrong; do it"


def test_observers_see_error_and_last_report_before_the_end() -> None:
    job, seen = Job(), []
    job.observe(lambda _: seen.append((job.state, job.error, job.at)), names="state")

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        for step in range(1, 6):
            progress(Progress("walking", step, 5))
        raise InvalidInputError("stumbled")

    job.start(work)
    assert job.wait(PATIENCE)
    assert seen[-1] == ("failed", "stumbled", Progress("walking", 5, 5))


def test_observer_that_fails_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_type))
    job = Job()

    def fail(change: dict[str, object]) -> None:
        if change["new"] == "done":
            raise ZeroDivisionError

    job.observe(fail, names="state")
    job.start(lambda progress, cancel: None)
    assert job.wait(PATIENCE)
    assert job.state == "done"


# -- reports


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_reports_are_thinned_out_and_the_last_one_arrives() -> None:
    seen: list[int] = []
    clock = Clock()
    throttle = Throttle(lambda at: seen.append(at.step), interval=1000, clock=clock)
    for step in range(100):
        throttle(Progress("walking", step, 99))
    assert seen == [0]
    clock.now = 1000
    throttle(Progress("walking", 100, 200))
    throttle(Progress("walking", 101, 200))
    assert seen == [0, 100]
    throttle.flush()
    throttle.flush()
    assert seen == [0, 100, 101]


def test_report_that_is_held_back_is_shown_when_its_time_has_come() -> None:
    shown = threading.Event()
    throttle = Throttle(lambda at: shown.set() if at.step == 1 else None, interval=0.05)
    throttle(Progress("walking", 0, 2))
    throttle(Progress("walking", 1, 2))
    assert shown.wait(PATIENCE), "the work says nothing more for a long time"


def test_thousand_reports_of_a_job_are_few_changes() -> None:
    job, seen = Job(), []
    job.observe(lambda change: seen.append(change["new"]), names="at")
    reports = [Progress("walking", step, 999, 1.0) for step in range(1000)]

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        for each in reports:
            progress(each)

    job.start(work)
    assert job.wait(PATIENCE)
    assert len(seen) < 100, "a browser would have been flooded"
    assert job.at == reports[-1]


# -- interrupts


def test_interrupt_while_waiting_cancels_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    job, waiting = Job(), threading.Event()

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        assert waiting.wait(PATIENCE)
        interrupt_main()
        until_cancelled(progress, cancel)

    job.start(work)
    wait = job._finished.wait

    def waited(timeout: float | None = None) -> bool:
        waiting.set()  # an interrupt before this would hit the test instead
        return wait(timeout)

    monkeypatch.setattr(job._finished, "wait", waited)
    with pytest.raises(KeyboardInterrupt):
        job.wait(PATIENCE)
    assert job.state == "cancelled"


def test_kernel_that_is_interrupted_between_cells_cancels_the_work(tmp_path: Path) -> None:
    client = pytest.importorskip("jupyter_client", reason="needs a kernel: pip install ipykernel")
    pytest.importorskip("ipykernel", reason="needs a kernel: pip install ipykernel")
    code = """
import threading
from textseg.panels.job import Job
job, pause = Job(), threading.Event()
def work(progress, cancel):
    while True:
        cancel.raise_if_cancelled()
        pause.wait(0.01)
job.start(work)
"""
    manager, kernel = client.manager.start_new_kernel(kernel_name="python3", cwd=str(ROOT))

    def ask(expression: str) -> str:
        reply = kernel.execute_interactive(
            "", user_expressions={"x": expression}, timeout=PATIENCE, store_history=False
        )
        found: str = reply["content"]["user_expressions"]["x"]["data"]["text/plain"]
        return found

    try:
        kernel.execute_interactive(code, timeout=PATIENCE)
        assert ask("job.state") == "'running'"
        manager.interrupt_kernel()
        assert ask("job.wait(20)") == "True"
        assert ask("job.state") == "'cancelled'"
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
