"""What a job printed, read from the end: its last words, and whether they are those of a failure. No torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 16_384
FAILURE = re.compile(
    r"Traceback \(most recent call last\)|([\w-]+( [\w-]+)?: )?error: |Fatal Python error: |terminate called"
    r"|.*: (command )?not found$|.*Segmentation fault"
)
"""The beginning of a line by which Python, this package, a shell or a batch system says that the job ended badly."""
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt)\b")
OF_A_TRAINING = re.compile(r"update \d+/|.*/seed\d+: ")


@dataclass(frozen=True)
class JobLog:
    """The end of a log file."""

    path: Path
    time: float
    """When it was written last, in seconds of the epoch."""
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> JobLog | None:
        """None when there is no such file."""
        try:
            with path.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - TAIL_BYTES))
                text = stream.read().decode("utf-8", errors="replace")
                time = path.stat().st_mtime
        except FileNotFoundError:
            return None
        # Bars of other programs return the carriage; control characters would reach the reader's terminal.
        lines = ("".join(c if c.isprintable() else " " for c in line).rstrip() for line in re.split(r"[\r\n]+", text))
        return cls(path, time, tuple(line for line in lines if line))

    @property
    def failed(self) -> bool:
        """Whether the job said that it failed. One that was killed says nothing."""
        return any(FAILURE.match(line) for line in self.lines)

    @property
    def training_began(self) -> bool:
        """Whether a training has come as far as to print a line of its own."""
        return any(OF_A_TRAINING.match(line) for line in self.lines)

    @property
    def last_line(self) -> str:
        """The last line; of a traceback that ends in several, the one that names the exception."""
        named = [line for line in self.lines if EXCEPTION.match(line)]
        return named[-1] if named else self.lines[-1] if self.lines else ""
