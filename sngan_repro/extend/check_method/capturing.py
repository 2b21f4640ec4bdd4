"""Can an update be captured in a CUDA graph? This is checked without a GPU.

A graph repeats the work of the GPU, not that of Python. So the functions of a method must not copy a value from the GPU
to Python or back. Here they run on fake tensors, which have no values: code that reads a value is found, with its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.overrides import TorchFunctionMode

from sngan_repro.extend.check_method.case import Case, Check, Failure, nets_for
from sngan_repro.nets.interface import Batch

READS: dict[Any, str] = {
    Tensor.item: ".item()",
    Tensor.tolist: ".tolist()",
    Tensor.numpy: ".numpy()",
    Tensor.cpu: ".cpu()",
    Tensor.__bool__: "a tensor as a condition",
    Tensor.__float__: "float()",
    Tensor.__int__: "int()",
    Tensor.__index__: "a tensor as an index of Python",
    Tensor.__array__: "a NumPy array",
    Tensor.__repr__: "print()",
    Tensor.__format__: "a formatted text",
    Tensor.__contains__: "in",
}
WRITES = {torch.tensor: "torch.tensor", torch.as_tensor: "torch.as_tensor", torch.from_numpy: "torch.from_numpy"}


class HostTransfer(Exception):
    """A value travels between the GPU and Python."""


class NoTransfers(TorchFunctionMode):
    """Raises HostTransfer at every function that carries a value from a tensor to Python, or from there to a GPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in READS:
            raise HostTransfer(f"a value is read from a tensor ({READS[func]})")
        if func in WRITES and kwargs.get("device") is not None:
            raise HostTransfer(f"a value of Python is copied to the device ({WRITES[func]})")
        result = func(*args, **kwargs)
        if func in (Tensor.to, Tensor.cuda, Tensor.copy_) and isinstance(result, Tensor):
            source = args[1] if func is Tensor.copy_ and len(args) > 1 else args[0]
            if isinstance(source, Tensor) and source.device.type != result.device.type:
                raise HostTransfer(f"a tensor is copied from {source.device.type} to {result.device.type}")
        return result


def no_transfers(case: Case) -> Iterator[Failure]:
    """The functions of the method can be captured in a CUDA graph, unless it says that they cannot."""
    if not case.build(case.images[0])[0].cuda_graph:
        return
    try:
        yield from _tried_on("cuda", case)
    except (RuntimeError, AssertionError) as error:
        # Derivatives inside a loss (a gradient penalty) ask for a real GPU; some builds of torch know none. On the CPU
        # all is found but tensors of the wrong device.
        if not any(words in str(error) for words in ("hasPrimaryContext", "device_index", "CUDA", "device index")):
            raise
        yield from _tried_on("cpu", case)


def _tried_on(device: str, case: Case) -> Iterator[Failure]:
    image = case.images[0]
    with FakeTensorMode():
        with torch.device(device):
            method = case.method(case.options, image, nets_for(case.method))
            G, D = method.build()
            real, latents, labels = case.real(image), case.latents(), case.labels
        calls = {
            "d_loss": lambda: method.d_loss(D, real, Batch(G(latents, labels).detach(), labels)),
            "after_d_step": lambda: method.after_d_step(D),
            "g_loss": lambda: method.g_loss(D, Batch(G(latents, labels), labels), real),
            "after_step": method.after_step,
        }
        for function, call in (*calls.items(), *calls.items()):
            D.requires_grad_(function != "g_loss")
            try:
                with NoTransfers(), torch.set_grad_enabled(function != "after_d_step"):
                    call()
            except HostTransfer as error:
                needed = (
                    "tensors all the way: torch.where, .clamp, .lerp_ in place of Python's if, min and max; constants "
                )
                needed += "made in `build` or by torch.full(..., device=real.device)"
                yield Failure(f"{error} in `{function}`", needed, function, case.line_of(error))
                return
            except (DataDependentOutputException, DynamicOutputShapeException) as error:
                needed = (
                    "shapes and flow that do not depend on values: torch.where and weights of 0 in place of selecting"
                )
                text = f"`{function}` depends on values of tensors ({error.func})"
                yield Failure(text, needed, function, case.line_of(error))
                return
            except RuntimeError as error:
                if "same device" not in str(error):
                    raise
                needed = "tensors made where the images are: `device=real.device`, or in `build`"
                text = f"`{function}` mixes tensors of the CPU and of the GPU"
                yield Failure(text, needed, function, case.line_of(error))
                return


CHECKS: tuple[Check, ...] = (("no value travels between the GPU and Python in a step", no_transfers),)
