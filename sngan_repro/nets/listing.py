"""The layers of a network as it computes: the layers of its modules and of its functions, in the order of the pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

from sngan_repro.nets.weights import LAYERS, normalisers_of


class Layer(NamedTuple):
    """One line of a table of layers."""

    what: str
    """For example ``convolution 4 × 4, stride 2, batch norm, ReLU``."""
    output: tuple[int, ...]
    """Its shape without the batch: (C, H, W), or (features,)."""
    parameters: int
    """Trained ones; those of a weight normaliser are among them."""


def layers_of(net: nn.Module, *inputs: Any) -> list[Layer]:
    """The layers of a network in the order in which a pass over ``inputs`` uses them.

    Normalisers of activations and activations are on the line of the layer before them. A layer that is used twice
    counts its parameters once. inputs: tensors with the batch first, on the device of the network, or None.
    """
    lines: list[_Line] = []
    seen: set[nn.Module] = set()
    depth = 0

    def enter(module: nn.Module, given: Any) -> None:
        nonlocal depth
        depth += 1

    def leave(module: nn.Module, given: Any, output: Any) -> None:
        nonlocal depth
        depth -= 1
        if depth == 0 and isinstance(output, Tensor):
            own = 0 if module in seen else sum(p.numel() for p in module.parameters() if p.requires_grad)
            _add(lines, _Line(module_text(module), tuple(output.shape[1:]), own, _joins(module, given[0], output)))
            seen.add(module)

    listed = [module for module in net.modules() if _is_layer(module)]
    inner = {id(part) for module in listed for part in module.modules()} - {id(module) for module in listed}
    hooks = []
    for module in listed:
        if id(module) not in inner:
            hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with torch.no_grad(), _Functions(lines, lambda: depth == 0):
            net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [Layer(line.what, line.output, line.parameters) for line in lines]


class _Line(NamedTuple):
    what: str
    output: tuple[int, ...]
    parameters: int
    joins: bool
    """True if it belongs on the line of the layer before it."""


def _add(lines: list[_Line], new: _Line) -> None:
    if not new.what:
        return
    if new.joins and lines and lines[-1].output == new.output:
        last = lines.pop()
        new = _Line(f"{last.what}, {new.what}", new.output, last.parameters + new.parameters, last.joins)
    lines.append(new)


def _is_layer(module: nn.Module) -> bool:
    """True for a module of PyTorch that computes something, or one with parameters of its own."""
    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict | parametrize.ParametrizationList):
        return False
    known = type(module).__module__.startswith("torch.nn.modules")
    return known or parametrize.is_parametrized(module) or next(module.parameters(recurse=False), None) is not None


def _joins(module: nn.Module, given: Any, output: Tensor) -> bool:
    return not isinstance(module, LAYERS) and isinstance(given, Tensor) and given.shape == output.shape


def _by(size: Any) -> str:
    sides = [size, size] if isinstance(size, int) else list(size)
    return " × ".join(map(str, sides))


def _convolution(module: Any) -> str:
    stride = module.stride[0]
    kind = "transposed convolution" if isinstance(module, nn.ConvTranspose2d) else "convolution"
    return f"{kind} {_by(module.kernel_size)}" + (f", stride {stride}" if stride != 1 else "")


def _norm(name: str) -> Callable[[Any], str]:
    return lambda module: name if getattr(module, "affine", True) else f"{name} without gain"


TEXTS: list[tuple[type[nn.Module] | tuple[type[nn.Module], ...], Callable[[Any], str]]] = [
    ((nn.Conv2d, nn.ConvTranspose2d), _convolution),
    (nn.Linear, lambda module: "dense" + ("" if module.bias is not None else " without bias")),
    (nn.modules.batchnorm._BatchNorm, _norm("batch norm")),
    (nn.GroupNorm, lambda module: _norm("layer norm" if module.num_groups == 1 else "group norm")(module)),
    (nn.LeakyReLU, lambda module: f"leaky ReLU {module.negative_slope:g}"),
    (nn.ReLU, lambda module: "ReLU"),
    (nn.MaxPool2d, lambda module: f"maximum pooling {_by(module.kernel_size)}"),
    (nn.AvgPool2d, lambda module: f"average pooling {_by(module.kernel_size)}"),
    (nn.Dropout, lambda module: f"dropout {module.p:g}"),
    ((nn.Flatten, nn.Unflatten, nn.Identity), lambda module: ""),
]
"""Type of a module -> its words; without a type of this list, the name of its class in words."""


def module_text(module: nn.Module) -> str:
    """The words for one module, with the normaliser of its weight; empty for a change of shape alone.

    A module of ours says its words in ``listed_as``, or they are the name of its class.
    """
    plain = type(module)
    if parametrize.is_parametrized(module):
        plain = plain.__bases__[0]  # the class that the parametrization replaced
    exact = plain.__module__.startswith("torch.nn.modules")
    text = next((words(module) for kind, words in TEXTS if isinstance(module, kind)), _in_words(plain.__name__))
    if not exact:
        text = getattr(module, "listed_as", _in_words(plain.__name__))
    normalisers = "".join(f", {_in_words(type(each).__name__)} of the weight" for each in normalisers_of(module))
    return text + normalisers


def _in_words(name: str) -> str:
    """``ConditionalBatchNorm2d`` -> ``conditional batch norm``."""
    words, before = "", ""
    for char in name.removesuffix("2d").removesuffix("1d"):
        words += (" " if char.isupper() and before.islower() else "") + char.lower()
        before = char
    return words


class _Functions(TorchFunctionMode):
    """Records the functions that a network calls outside of its layers."""

    def __init__(self, lines: list[_Line], outside: Callable[[], bool]) -> None:
        super().__init__()
        self.lines, self.outside = lines, outside

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        noted = self.outside() and name in FUNCTIONS
        output = func(*args, **kwargs)
        if noted and isinstance(output, Tensor) and args and isinstance(args[0], Tensor):
            joins = name in ("relu", "leaky_relu", "tanh", "sigmoid") and args[0].shape == output.shape
            _add(self.lines, _Line(FUNCTIONS[name](args, kwargs, output), tuple(output.shape[1:]), 0, joins))
        return output


def _of_maps(text: str) -> Callable[..., str]:
    """The words if all tensors are maps (N, C, H, W); a sum of two outputs is no layer."""
    return lambda args, kwargs, output: text if output.ndim == 4 and _is_map(args[1:2]) else ""


def _is_map(args: Any) -> bool:
    return bool(args) and isinstance(args[0], Tensor) and args[0].ndim == 4


def _scaled(args: Any, kwargs: Any, output: Tensor) -> str:
    return f"upsampling × {output.shape[-1] // args[0].shape[-1]}, {kwargs.get('mode', 'nearest')}"


FUNCTIONS: dict[str, Callable[..., str]] = {
    "relu": lambda args, kwargs, output: "ReLU",
    "leaky_relu": lambda args, kwargs, output: f"leaky ReLU {[*args[1:2], kwargs.get('negative_slope', 0.01)][0]:g}",
    "tanh": lambda args, kwargs, output: "tanh",
    "sigmoid": lambda args, kwargs, output: "sigmoid",
    "avg_pool2d": lambda args, kwargs, output: f"average pooling {args[0].shape[-1] // output.shape[-1]}",
    "max_pool2d": lambda args, kwargs, output: f"maximum pooling {args[0].shape[-1] // output.shape[-1]}",
    "interpolate": _scaled,
    "sum": lambda args, kwargs, output: "sum over the pixels" if args[0].ndim == 4 and output.ndim == 2 else "",
    "add": _of_maps("sum of both ways"),
    "__add__": _of_maps("sum of both ways"),
}
"""Name of a function of torch -> its words, of (arguments, keywords, output); empty for none."""
