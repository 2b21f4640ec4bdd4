"""A method in the loop: a few steps, in two precisions, with its state, interrupted and resumed."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor

from sngan_repro.extend.check_method.case import Case, Failure, kind, listed
from sngan_repro.methods import Method
from sngan_repro.training.trainer import Trainer

STEPS = 3
IN_PLACE = (
    "tensors in `self.state`, made in `build` and changed in place by .copy_, .add_, .lerp_ or .clamp_: only these are "
    "saved, resumed, and seen by a captured step"
)


def finite(case: Case) -> None:
    """A few steps leave finite losses, logs and weights."""
    for image, precision in ((case.images[0], "fp32"), (case.images[-1], "fp32"), (case.images[0], "bf16")):
        trainer = case.trainer(case.device, image, precision=precision)
        for step in range(1, STEPS + 1):
            bad = [name for name, value in trainer.step().items() if not value.isfinite()]
            if bad or not trainer.weights_are_finite():
                found = f"{listed(bad) or 'weights'} not finite in step {step} with `precision: {precision}`"
                raise Failure(found, f"finite numbers on random images at a rate of {trainer.spec.optimizer.rates[0]}")


def state_in_place(case: Case) -> None:
    """The state of a method is tensors in `self.state`, changed in place; nothing else changes from step to step."""
    image = case.images[0]
    method, G, D = case.build(image)
    state, tensors = method.state, dict(method.state)
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise Failure(f"`self.state['{name}']` is {kind(value)}", "a tensor, such as `torch.zeros(())`", "build")
    for turn in range(3):
        before = _attributes(method)
        for function, call in case.update(method, G, D, case.batch(image)):
            call()
            if method.state is not state:
                raise Failure(f"`{function}` replaces `self.state`", IN_PLACE, function)
            for name in tensors | state:
                if state.get(name) is not tensors.get(name):
                    raise Failure(f"`{function}` adds, removes or replaces `self.state['{name}']`", IN_PLACE, function)
                if state[name].requires_grad:
                    raise Failure(f"`self.state['{name}']` has a gradient after `{function}`", ".detach()", function)
            # What is made once, at the first call, may stay.
            if turn == 2 and (
                changed := [key for key, value in _attributes(method).items() if value != before.get(key)]
            ):
                raise Failure(f"`{function}` changes {listed(changed)} of `self`", IN_PLACE, function)


def _attributes(method: Method) -> dict[str, Any]:
    """Comparable copies of all that a method keeps besides its state."""
    kept = {name: value for name, value in vars(method).items() if name != "state"}
    return {name: value.tolist() if isinstance(value, Tensor) else repr(value) for name, value in kept.items()}


def resumes(case: Case) -> None:
    """2 steps, saved and loaded in a fresh trainer, and 2 more: the same bits as 4 steps."""
    whole = case.trainer()
    for _ in range(2):
        whole.step()
    expected = _numbers(whole)
    first = case.trainer()  # only now: making it seeds the random numbers that all share
    for _ in range(2):
        first.step()
    file = io.BytesIO()
    torch.save(first.state(), file)
    file.seek(0)
    second = case.trainer()
    second.load(torch.load(file, weights_only=True))
    found = _numbers(second)
    if names := [name for name, value in expected.items() if not torch.allclose(value, found[name], 0, 0, True)]:
        needed = "all that a step depends on in the networks or in `self.state`, and random numbers from torch alone"
        raise Failure(f"{listed(names)} differ after a state was saved and loaded", needed)


def _numbers(trainer: Trainer) -> dict[str, Tensor]:
    """The logs of two more steps, and all weights and states after them."""
    logs = [{f"{name} of step {step}": value for name, value in trainer.step().items()} for step in (3, 4)]
    nets = {
        f"{letter}.{name}": value for letter in "GD" for name, value in getattr(trainer, letter).state_dict().items()
    }
    return {
        **logs[0],
        **logs[1],
        **nets,
        **{f"self.state['{name}']": value for name, value in trainer.method.state.items()},
    }
