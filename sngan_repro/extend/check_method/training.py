"""A method in the loop: a few steps, in two precisions, with its state, interrupted and resumed."""

from __future__ import annotations

import copy
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sngan_repro.extend.check_method.case import Case, Check, Failure, line_text
from sngan_repro.extend.check_method.losses import kind, listed
from sngan_repro.methods import Method
from sngan_repro.training.trainer import Trainer

STEPS = 3


def steps_are_finite(case: Case) -> Iterator[Failure]:
    """A few steps move both networks and leave finite numbers."""
    for image in (case.images[0], case.images[-1]):
        yield from _steps(case, case.trainer(case.device, image))


def steps_in_bf16(case: Case) -> Iterator[Failure]:
    """A few steps with `precision: bf16` leave finite numbers."""
    yield from _steps(case, case.trainer(case.device, case.images[0], precision="bf16"), " with `precision: bf16`")


def _steps(case: Case, trainer: Trainer, how: str = "") -> Iterator[Failure]:
    nets = {"D": trainer.D, "G": trainer.G}
    before = {letter: copy.deepcopy(net.state_dict()) for letter, net in nets.items()}
    for step in range(1, STEPS + 1):
        logs = trainer.step()
        if bad := sorted(name for name, value in logs.items() if not bool(torch.as_tensor(value).isfinite())):
            text = f"{listed(bad)} not finite in step {step}{how}"
            yield Failure(text, "finite numbers on random images at a rate of 0.0002", f"{bad[0][0]}_loss")
            return
    for letter, net in nets.items():
        trained = dict(net.named_parameters())
        after = net.state_dict()
        if bad := [name for name, value in after.items() if not bool(value.isfinite().all())]:
            yield Failure(f"{listed(bad)} of {letter} not finite after {STEPS} steps{how}", "finite weights")
        elif all(torch.equal(before[letter][name], after[name]) for name in trained):
            yield Failure(f"{letter} does not change in {STEPS} steps{how}", f"a loss that moves {letter}")


class WatchedState(dict[str, Tensor]):
    """A method's state that remembers from which line a tensor was replaced."""

    def __init__(self, values: dict[str, Tensor]) -> None:
        super().__init__(values)
        self.lines: dict[str, str] = {}

    def __setitem__(self, name: str, value: Tensor) -> None:
        self.lines[name] = _caller()
        super().__setitem__(name, value)


def _caller() -> str:
    frame = sys._getframe(2)
    return line_text(Path(frame.f_code.co_filename), frame.f_lineno)


def watched(method: Method) -> dict[str, str]:
    """Attribute -> the line that set it last, filled as the method sets attributes of its own from now on."""
    lines: dict[str, str] = {}

    def remember(self: Any, name: str, value: Any) -> None:
        lines[name] = _caller()
        object.__setattr__(self, name, value)

    method.__class__ = type(type(method).__name__, (type(method),), {"__setattr__": remember})
    return lines


def state_in_place(case: Case) -> Iterator[Failure]:
    """The state of a method is tensors in `self.state`, changed in place."""
    image = case.images[0]
    method, G, D = case.build(image)
    for name, value in method.state.items():
        if not isinstance(value, Tensor) or value.requires_grad:
            found = f"`self.state['{name}']` is {kind(value)}{' with a gradient' * isinstance(value, Tensor)}"
            yield Failure(found, "a tensor without gradient, such as `torch.zeros(())`", "build")
            return
    method.state = state = WatchedState(method.state)
    tensors = dict(state)
    lines = watched(method)
    remembered: dict[str, Any] = {}
    for turn in range(3):
        for function in ("d_loss", "after_d_step", "g_loss", "after_step"):
            real, fake, detached = case.real(image), case.fake(G), case.fake(G, detach=True)
            arguments = {
                "d_loss": (D, real, detached),
                "after_d_step": (D,),
                "g_loss": (D, fake, real),
                "after_step": (),
            }
            with torch.set_grad_enabled(function != "after_d_step"):
                getattr(method, function)(*arguments[function])
            if failure := _rebound(method, state, tensors, function, lines):
                yield failure
                return
        if turn == 1:  # what is made once at the first call may stay
            remembered = _own_attributes(method)
    for name, value in _own_attributes(method).items():
        if name not in remembered or not _equal(value, remembered[name]):
            needed = (
                "a tensor in `self.state`, made in `build`: only that is saved, resumed, and seen by a captured step"
            )
            yield Failure(f"the attribute `{name}` changes from step to step", needed, line=lines.get(name, ""))


def _rebound(
    method: Method, state: WatchedState, tensors: dict[str, Tensor], function: str, lines: dict[str, str]
) -> Failure | None:
    if method.state is not state:
        needed = "the dictionary of `build`, and its tensors changed in place: `self.state['k'].copy_(...)`"
        return Failure(f"`{function}` replaces `self.state`", needed, line=lines.get("state", ""))
    if other := sorted(tensors.keys() ^ state.keys()):
        needed = "all of the state made in `build`: what is made later is not there when a run is resumed"
        verb = "adds" if other[0] in state else "removes"
        return Failure(
            f"`{function}` {verb} `self.state['{other[0]}']`", needed, function, state.lines.get(other[0], "")
        )
    for name, value in state.items():
        if value is not tensors[name]:
            needed = f"the same tensor, changed in place: `self.state['{name}'].copy_(...)`, or .add_, .lerp_, .clamp_"
            found = f"`{function}` puts another tensor in the place of `self.state['{name}']`"
            return Failure(found, needed, function, state.lines.get(name, ""))
        if value.requires_grad:
            return Failure(
                f"`self.state['{name}']` gets a gradient in `{function}`", "detached values: .detach()", function
            )
    return None


PLAIN = (int, float, complex, str, bytes, bool, type(None), tuple, list, dict, set, Tensor)


def _own_attributes(method: Method) -> dict[str, Any]:
    """Copies of the plain values that a method keeps besides its state."""
    kept = {"state", "options", "nets", "image"}
    values = {name: value for name, value in vars(method).items() if name not in kept and isinstance(value, PLAIN)}
    return {
        name: value.detach().clone() if isinstance(value, Tensor) else _copied(value) for name, value in values.items()
    }


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # a container of something that cannot be copied: compared by identity
        return value


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.equal(one, other)
    try:
        return bool(one == other)
    except Exception:  # tensors inside a container
        return repr(one) == repr(other)


def resumes(case: Case) -> Iterator[Failure]:
    """n steps, saved and loaded in a fresh trainer, m steps: the same bits as n + m steps."""
    whole = case.trainer()
    expected = [whole.step() for _ in range(4)][2:]
    first = case.trainer()  # only now: making it seeds the random numbers that all share
    for _ in range(2):
        first.step()
    file = io.BytesIO()
    torch.save(first.state(), file)
    file.seek(0)
    second = case.trainer()
    second.load(torch.load(file, weights_only=True))
    for step, wanted in enumerate(expected, 1):
        logs = second.step()
        if names := [name for name in wanted if not _same(torch.as_tensor(logs[name]), torch.as_tensor(wanted[name]))]:
            needed = (
                "all that later steps depend on in the networks or in `self.state`, and random numbers from torch's "
                "global generator only"
            )
            yield Failure(f"{listed(names)} differ in step {step} after a state was saved and loaded", needed)
            return
    pairs = [("G", whole.G, second.G), ("D", whole.D, second.D)]
    for letter, one, other in pairs:
        loaded = other.state_dict()
        if names := [name for name, value in one.state_dict().items() if not _same(value, loaded[name])]:
            yield Failure(f"{listed(names)} of {letter} differ after a state was saved and loaded", "the same bits")
    if names := [name for name, value in whole.method.state.items() if not _same(value, second.method.state[name])]:
        yield Failure(f"{listed(names)} of `self.state` differ after a state was saved and loaded", "the same bits")


def _same(one: Tensor, other: Tensor) -> bool:
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


CHECKS: tuple[Check, ...] = (
    ("a few steps move both networks and stay finite", steps_are_finite),
    ("the same under `precision: bf16`", steps_in_bf16),
    ("what the method remembers is in `self.state`, changed in place", state_in_place),
    ("a run that is interrupted and resumed gives the same bits", resumes),
)
