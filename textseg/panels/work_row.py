"""How far the work is, how it ended or what went wrong, and the button that cancels it."""

from __future__ import annotations

import html
import traceback
from collections.abc import Callable

import ipywidgets as widgets

from textseg.errors import TextsegError
from textseg.panels.fields import button, row
from textseg.panels.job import Job, one_line


class WorkRow(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A line about a job.

    Attributes:
        cancel: stops the job at its next step.
        line: what is going on, with a bar; how it ended; what went wrong.
        details: where an error came from, folded up; empty without one.
    """

    def __init__(self, job: Job) -> None:
        """Follow a job."""
        self._job = job
        self._starters: tuple[widgets.Button, ...] = ()
        self._told = ""
        self.cancel = button("Cancel", "Stop at the next step", icon="stop")
        self.line, self.details = widgets.HTML(""), widgets.HTML("")
        super().__init__([row([self.cancel, self.line]), self.details])
        self.cancel.on_click(lambda _: self._job.cancel())
        job.observe(self._follow, names=["state", "at"])
        self._follow(None)

    def starts(self, press: widgets.Button, action: Callable[[], object]) -> None:
        """Have a button do something, and not be pressed while the job is at work."""
        self._starters = (*self._starters, press)
        press.on_click(self.guarded(action))

    def enters(self, field: widgets.Text, press: widgets.Button) -> None:
        """Have Enter in a field do what a button does, while that can be pressed."""

        def hear(_: object, said: dict[str, object], __: object) -> None:
            if said.get("event") == "submit" and not press.disabled:
                press.click()

        field.on_msg(hear)

    def guarded(self, action: Callable[[], object]) -> Callable[[object], None]:
        """Return what a widget may call: errors of the action are shown instead of lost."""

        def act(_: object) -> None:
            try:
                action()
            except Exception as error:
                # whatever it is would vanish: nobody sees what a callback raises
                known = isinstance(error, TextsegError)
                self.complain(one_line(error), "" if known else traceback.format_exc())

        return act

    def tell(self, words: str) -> None:
        """Show what was found or made; of work that goes on, at its end."""
        self._told = words
        if not self._job.at_work:
            self.line.value, self.details.value = _status(html.escape(words)), ""

    def complain(self, words: str, details: str = "") -> None:
        """Show what went wrong, and where, to be unfolded."""
        mark = '<span aria-hidden="true">⚠</span>'
        style = ' style="color: var(--jp-error-color1, #b00020)"'
        self.line.value = _status(f"{mark} {html.escape(words)}", style)
        self.details.value = _folded(details)

    def _follow(self, change: object) -> None:
        job, state = self._job, self._job.state
        for each in self._starters:
            each.disabled = job.at_work
        self.cancel.disabled = state != "running"
        if state == "running" and job.at is None:
            self._told = ""
        if job.at_work:
            self.line.value, self.details.value = _status(_progress(job)), ""
        elif state == "failed":
            self.complain(job.error, job.details)
        elif state == "cancelled":
            self.tell("Cancelled: nothing was changed.")
        elif state == "done":
            self.tell(self._told or "Done.")


def _progress(job: Job) -> str:
    """Return how far the work is, as HTML; the bar is a native one, which is read out."""
    if job.state == "cancelling":
        return "Cancelling …"
    at = job.at
    if at is None:
        return "Waiting for the model …"
    stage = html.escape(at.stage)
    if at.step >= at.of:  # what comes now has no steps
        return f'<progress aria-label="{stage}"></progress> {stage}: done, going on …'
    left = "" if at.remaining is None else f", {at.remaining:.0f} s left"
    bar = f'<progress max="{at.of}" value="{at.step}" aria-label="{stage}"></progress>'
    return f"{bar} {stage}: step {at.step} of {at.of}{left}"


def _status(content: str, style: str = "") -> str:
    return f'<div role="status" aria-live="polite"{style}>{content}</div>'


def _folded(words: str) -> str:
    if not words:
        return ""
    return f"<details><summary>Details</summary><pre>{html.escape(words)}</pre></details>"
