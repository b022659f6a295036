"""The ``textseg`` command: arguments in, the toolbox's facts out.

Exit codes: 0 it ran, also when nothing matched; 1 it failed while running; 2 the call or its input
is wrong; 130 interrupted. Results go to stdout, progress (on a terminal only) and errors to stderr.
With ``--json`` stdout has one JSON object: the result, or ``{"error": {"code": ...}}``.
"""

from __future__ import annotations

import sys

from textseg.process import drop_unwritten, leave_at_interrupt, prepare_streams


def main() -> None:
    """Run the command and end the process."""
    leave_at_interrupt()
    prepare_streams()
    from textseg.cli.app import app  # takes a moment

    try:
        app()
    except OSError as error:  # of help and version; the commands look after theirs
        sys.exit(f"textseg: standard output: {error.strerror}")
    finally:
        drop_unwritten()
