"""The benchmarks of edits: tasks, an editor that does them, figures, and a report of them.

`scenes.py` asks about rendered scenes with known truth, `pie.py` and `tedbench.py` what others have
published. All of them ask an `Editor` (`tasks.py`) and run as `running.py` says.
"""
