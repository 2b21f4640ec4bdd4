"""The status of a study as text, printed once or repeatedly. Plain text, on a terminal and in a file."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from itertools import groupby

from sngan_repro.core.text import duration
from sngan_repro.study.layout import Layout
from sngan_repro.study.study import Study
from sngan_repro.workflow.status import STATES, RunStatus, StudyStatus, read_study

MANY_RUNS = 40
"""With more runs than this, only runs in progress or in trouble are listed, and the others are counted."""
LISTED = 20  # of each such state
WORTH_A_LINE = ("running", "stopped", "stale", "failed")
LONGEST_REASON = 160
ENTER, HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[H\x1b[2J", "\x1b[H", "\x1b[K", "\x1b[J"


def follow(study: Study, layout: Layout, every: float | None, show_all: bool, as_json: bool) -> bool:
    """Print the status; returns True if every run is scored.

    every: seconds to wait before it is printed again, until every run is scored or Ctrl-C. On a terminal it is replaced
    in place. as_json: one object; with ``every``, one line each time.
    """
    runs = study.runs()
    in_place = every is not None and not as_json and sys.stdout.isatty()
    print(ENTER if in_place else "", end="")
    try:
        while True:
            status = read_study(study, layout, runs, time.time())
            if as_json:
                print(json.dumps(status.to_dict(), indent=None if every else 2), flush=True)
            elif in_place:
                _renew(study_lines(status, show_all))
            else:
                print("\n".join([*study_lines(status, show_all), *([""] if every else [])]), flush=True)
            if every is None or status.complete:
                return status.complete
            time.sleep(every)
    except KeyboardInterrupt:
        print()
        return False


def _renew(lines: Sequence[str]) -> None:
    """Replace the text on the terminal, without flicker, by as many lines as fit."""
    columns, rows = shutil.get_terminal_size()
    room = rows - 2
    if len(lines) > room:
        lines = [*lines[: room - 1], f"... {len(lines) - room + 1} more lines; a higher window shows them"]
    text = "\n".join(line[: columns - 1] + CLEAR_LINE for line in [*lines, time.strftime("%H:%M:%S, Ctrl-C ends")])
    print(HOME + text + "\n" + CLEAR_BELOW, end="", flush=True)


def study_lines(status: StudyStatus, show_all: bool = False) -> list[str]:
    """The summary, the failed jobs that belong to no run, and the runs or their counts."""
    lines = [*_summary(status), *(f"failed: {log}: {_clip(line)}" for log, line in status.failed_jobs.items()), ""]
    if show_all or len(status.runs) <= MANY_RUNS:
        return [*lines, *run_lines(status.runs)]
    lines += count_table(status.runs)
    listed: list[RunStatus] = []
    for state in WORTH_A_LINE:
        listed += [run for run in status.runs if run.state == state][:LISTED]
    listed += [run for run in status.runs if run.scoring == "failed"][:LISTED]
    more = sum(run.state in WORTH_A_LINE or run.scoring == "failed" for run in status.runs) - len(listed)
    if listed:
        lines += ["", *run_lines(listed)]
    return [*lines, f"... and {more} more; --all lists every run"] if more > 0 else lines


def _summary(status: StudyStatus) -> list[str]:
    counts = ", ".join(f"{count} {state}" for state, count in status.counts.items())
    scored, failed = (sum(run.scoring == what for run in status.runs) for what in ("scored", "failed"))
    counts += f"; {scored} scored" + (f", {failed} failed to be scored" if failed else "")
    made, planned, unknown = status.steps
    progress = f"{made:,} of {planned:,} updates{_percent(made, planned)}"
    progress += f", {unknown} runs of unknown length" if unknown else ""
    left = status.seconds_left
    if left is not None:
        running = status.counts["running"]
        whose = "the run" if running == 1 else f"the {running} runs"
        progress += f"; about {duration(left)} of training left at the rate of {whose} in progress"
        progress += f" ({_number(status.rate)} updates/s)"
    elif made < planned and "running" not in status.counts:
        progress += "; no run is known to be in progress"
    return [f"study {status.study}, {len(status.runs)} runs: {counts}", progress]


def _percent(part: int, whole: int) -> str:
    return f" ({100 * part // whole} %)" if whole else ""  # rounded down: 100 % is complete


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def run_lines(runs: Sequence[RunStatus]) -> list[str]:
    """One line per run."""
    width = max((len(run.id) for run in runs), default=0)
    return [f"{run.id:<{width}}  {run.state:<8}  {_detail(run)}".rstrip() for run in runs]


def _detail(run: RunStatus) -> str:
    age = duration(run.age_seconds) if run.age_seconds is not None else ""
    at = f"update {run.steps:,}" + (f" of {run.steps_total:,}" if run.steps_total else "")
    at += _percent(run.steps, run.steps_total or 0)
    reason = _clip(run.reason or "")
    if run.state == "done":
        updates = [f"{run.steps:,} updates"] if run.steps_total or run.steps else []  # a program may make none
        words = [*updates, *([f"in {duration(run.seconds)}"] if run.seconds else [])]
        return ", ".join(filter(None, [" ".join(words), _scoring(run)]))
    if run.state == "diverged":
        return (
            f"at update {run.steps:,}: {reason}, {_scoring(run)}" if run.steps_total else f"{reason}, {_scoring(run)}"
        )
    if run.state == "failed":
        return f"{reason} (log: {run.log})"
    if run.state == "stopped":
        return f"by a signal at {at}, {age} ago; the same command goes on"
    if run.state == "waiting":
        return reason
    if run.age_seconds is not None and run.age_seconds < -1:
        age = f"{duration(-run.age_seconds)} in the future (the clocks differ)"
    else:
        age = f"{age} ago"
    if run.state == "stale":
        return ", ".join(filter(None, [reason, at if run.steps else "", f"last heartbeat {age}"]))
    parts = list(filter(None, [reason, at if run.steps_total != 0 else ""]))
    parts += [f"{_number(run.images_per_second)} images/s"] if run.images_per_second else []
    parts += [f"{duration(run.seconds_left)} left"] if run.seconds_left is not None else []
    return ", ".join([*parts, f"last heartbeat {age}"])


def _scoring(run: RunStatus) -> str:
    if run.scoring == "failed":
        return f"scoring failed: {_clip(run.scoring_reason or '')} (log: {run.scoring_log})"
    return run.scoring


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."


def count_table(runs: Sequence[RunStatus]) -> list[str]:
    """Counts by state for each dataset, method and setting, with a column for each state that occurs."""
    states = [state for state in STATES if any(run.state == state for run in runs)]
    one = len({run.dataset for run in runs}) == 1
    rows = [[*([] if one else ["dataset"]), "method", "setting", "runs", *states, "scored", "updates"]]
    words = len(rows[0]) - len(states) - 3
    for _, group in groupby(runs, key=lambda run: (run.dataset, run.label, run.setting)):
        cell = list(group)
        first = cell[0]
        counts = [len(cell), *(sum(run.state == state for run in cell) for state in states)]
        counts.append(sum(run.scoring == "scored" for run in cell))
        made, planned, _ = StudyStatus("", "", cell).steps
        share = f"{100 * made // planned} %" if planned else ""
        names = [] if one else [first.dataset]
        rows.append([*names, first.label, first.setting, *(str(count or "-") for count in counts), share])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{value:<{width}}" if i < words else f"{value:>{width}}"
            for i, (value, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
