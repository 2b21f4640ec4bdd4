"""Can an update be captured in a CUDA graph? This is checked without a GPU.

A graph repeats the work of the GPU, not that of Python. So the functions of a method must not copy a value from the GPU
to Python or back. Here they run on fake tensors, which have no values: code that reads a value is found, with its line.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.overrides import TorchFunctionMode

from sngan_repro.extend.check_method.case import Case, Failure, nets_for

SPECIAL = ("array", "bool", "contains", "float", "format", "index", "int", "repr")
READS = {getattr(Tensor, name) for name in ("item", "tolist", "numpy", "cpu", *(f"__{name}__" for name in SPECIAL))}
WRITES = (torch.tensor, torch.as_tensor, torch.from_numpy)
NEEDED = (
    "tensors all the way: torch.where, .clamp and .lerp_ in place of Python's if, min and max; constants made in "
    "`build` or by torch.full(..., device=real.images.device)"
)


class HostTransfer(Exception):
    """A value travels between the GPU and Python."""


class NoTransfers(TorchFunctionMode):
    """Raises HostTransfer at every function that carries a value from a tensor to Python, or from there to a GPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in READS:
            raise HostTransfer(f"a value is read from a tensor (Tensor.{func.__name__})")
        if func in WRITES and kwargs.get("device") is not None:
            raise HostTransfer(f"a value of Python is copied to the device (torch.{func.__name__})")
        result = func(*args, **kwargs)
        if func in (Tensor.to, Tensor.cuda, Tensor.copy_) and isinstance(result, Tensor):
            source = args[1] if func is Tensor.copy_ and len(args) > 1 else args[0]
            if isinstance(source, Tensor) and source.device.type != result.device.type:
                raise HostTransfer(f"a tensor is copied from {source.device.type} to {result.device.type}")
        return result


def no_transfers(case: Case) -> None:
    """The functions of the method can be captured in a CUDA graph, unless it says that they cannot."""
    if not case.build(case.images[0])[0].cuda_graph:
        return
    try:
        _try_on("cuda", case)
    except (RuntimeError, AssertionError) as error:
        # Derivatives inside a loss (a gradient penalty) ask for a real GPU; some builds of torch know none. On the CPU
        # all is found but tensors of the wrong device.
        if not any(words in str(error) for words in ("hasPrimaryContext", "device_index", "CUDA", "device index")):
            raise
        _try_on("cpu", case)


def _try_on(device: str, case: Case) -> None:
    image = case.images[0]
    with FakeTensorMode():
        with torch.device(device):
            method = case.method(case.options, image, nets_for(case.method))
            G, D = method.build()
        for function, call in case.update(method, G, D, case.batch(image, device)):
            try:
                with NoTransfers():
                    call()
            except (HostTransfer, DataDependentOutputException, DynamicOutputShapeException, RuntimeError) as error:
                found = f"{error} in `{function}`"
                if isinstance(error, DataDependentOutputException | DynamicOutputShapeException):
                    found = f"`{function}` depends on values of tensors ({error.func})"
                elif not isinstance(error, HostTransfer):
                    if "same device" not in str(error):
                        raise
                    found = f"`{function}` mixes tensors of the CPU and of the GPU"
                raise Failure(found, NEEDED, function, case.line_of(error)) from None
