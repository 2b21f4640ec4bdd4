"""The files that a program must write, checked when it ends and before they are scored. No torch here.

Every message names the file, the content found, and the content needed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sngan_repro.core.schema import ConfigError, Model, parse
from sngan_repro.data.arrays import read_images

STATUS = "status.json"


class ProgramStatus(Model):
    """``status.json`` of a program: values that only the program knows. All of them are optional."""

    state: Literal["ok", "diverged"] = Field("ok", description="diverged: a result; a failure is an exit code not 0")
    reason: str | None = Field(None, min_length=1, description="why it diverged, for the report")
    diverged_at: int | None = Field(None, ge=0, description="after how many updates it diverged")
    images_seen: int | None = Field(None, ge=0, description="real images shown to it up to its end")
    num_parameters: dict[Literal["generator", "discriminator"], int] = Field({}, description="sizes of its networks")
    versions: dict[str, str] = Field({}, description="name -> version of the software that it used")
    device: Literal["cpu", "cuda"] | None = Field(None, description="the device that it used")
    device_name: str | None = Field(None, description="such as the model of the GPU")

    @model_validator(mode="after")
    def _divergence_complete(self) -> ProgramStatus:
        given = [name for name in ("reason", "diverged_at") if getattr(self, name) is not None]
        if self.state == "ok" and given:
            raise ValueError(f"`{given[0]}` is given, but the state is ok; set `state` to diverged, or remove it")
        if self.state == "diverged" and len(given) < 2:
            raise ValueError("a diverged program gives `reason` and `diverged_at`, the updates after which it diverged")
        return self


def read_status(out: Path) -> ProgramStatus:
    """The status that a program wrote, or the default one if there is none. Raises ConfigError if it is not valid."""
    path = out / STATUS
    if not path.exists():
        return ProgramStatus()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not JSON ({error}); needed: a mapping such as {{}}, or no such file") from None
    return parse(ProgramStatus, values, str(path))


def file_name(steps: int) -> str:
    """The name of the samples after ``steps`` updates, such as ``00000400.npy``."""
    return f"{steps:08d}.npy"


def check_output(
    out: Path, steps: list[int], image_shape: tuple[int, int, int], num_samples: int
) -> tuple[ProgramStatus, list[int]]:
    """Check the output of a program that has ended: (its status, the updates of its samples, increasing).

    steps: the updates at which samples are expected. A diverged program may write fewer arrays, but at least one from
    before the divergence; the last one may be at any update. image_shape: (C, H, W).
    Raises ConfigError with every problem found, one line each.
    """
    status = read_status(out)
    folder = out / "samples"
    expected = {file_name(number): number for number in steps}
    found = sorted(path.name for path in folder.iterdir() if path.name != ".gitkeep") if folder.is_dir() else []
    problems: list[str] = []
    if status.state == "diverged":
        assert status.diverged_at is not None
        if status.diverged_at > steps[-1]:
            problems.append(f"{out / STATUS}: `diverged_at` is {status.diverged_at}, beyond the budget of {steps[-1]}")
        numbered = {name: int(name[:8]) for name in found if re.fullmatch(r"\d{8}\.npy", name)}
        expected = {name: number for name, number in numbered.items() if number <= status.diverged_at}
        if not expected:
            problems.append(
                f"{folder}: no samples up to update {status.diverged_at}; a diverged program leaves its last sound "
                f"ones, {file_name(status.diverged_at)} or earlier"
            )
    else:
        problems += [
            f"{folder / name}: missing; the program must write it (samples after {number} updates)"
            for name, number in expected.items()
            if name not in found
        ]
    extra = [name for name in found if name not in expected]
    if extra:
        names = ", ".join(extra[:3]) + (f" and {len(extra) - 3} more" if len(extra) > 3 else "")
        problems.append(f"{folder}: {names}: not expected; expected: {', '.join(expected) or 'nothing'}")
    for name in expected:
        if name in found:
            problems += check_samples(folder / name, image_shape, num_samples)
    if problems:
        raise ConfigError("\n".join(problems))
    return status, sorted(expected.values())


def check_samples(path: Path, image_shape: tuple[int, int, int], num_samples: int) -> list[str]:
    """The problems of one array of samples: none for uint8 (at least num_samples, H, W, C) that look like images."""
    try:
        read_images(path, image_shape, num_samples)
    except ConfigError as error:
        return [str(error)]
    return []
