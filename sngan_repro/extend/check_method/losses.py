"""Networks, losses, logs and gradients of a method, outside any loop."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sngan_repro import nets
from sngan_repro.extend.check_method.case import BATCH, Case, Check, Failure, nets_for, size_text
from sngan_repro.nets.interface import ImageSpec

RESERVED_LOGS = {"d_loss", "g_loss", "grad_norm_d", "grad_norm_g", "step", "lr_d", "lr_g", "images_per_second"}
"""Columns of a run's log that are the loop's."""
ROUNDS = 3


def networks(case: Case) -> Iterator[Failure]:
    """`build` gives (G, D), and G is the generator that all methods share, from the same random state."""
    for image in case.images:
        where = size_text(image)
        torch.manual_seed(0)
        method = case.method(case.options, image, nets_for(case.method))
        built = method.build()
        if not (isinstance(built, tuple) and len(built) == 2 and all(isinstance(net, nn.Module) for net in built)):
            yield Failure(f"`build` returns {kind(built)}", "a pair of modules: `return G, D`", "build")
            return
        G = built[0]
        own = copy.deepcopy(G.state_dict())
        images = case.generate(G)
        if not isinstance(images, Tensor) or tuple(images.shape) != (BATCH, *image.shape):
            yield Failure(f"G gives {kind(images)} {where}", f"images of the shape {(BATCH, *image.shape)}", "build")
        elif images.dtype != torch.float32 or not bool(images.abs().max() <= 1):
            found = f"G gives {str(images.dtype)[6:]} up to {images.abs().max():.3g} {where}"
            yield Failure(found, "float32 in [-1, 1]", "build")
        torch.manual_seed(0)
        shared = nets.build_generator(nets_for(case.method), image).state_dict()
        if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in shared.items()}:
            needed = "the one of `nets.build_generator(self.nets, self.image)`: snapshots are read with it"
            yield Failure(f"G has other weights than the shared generator {where}", needed, "build")
        elif not all(torch.equal(own[name], shared[name]) for name in shared):
            needed = "build G first: runs of one seed then start with the same G under every method, and are paired"
            yield Failure(f"G starts with other weights than under other methods {where}", needed, "build")


def loss_values(case: Case) -> Iterator[Failure]:
    """Both losses are finite scalars that can be differentiated, with logs, at every size."""
    for image in case.images:
        method, G, D = case.build(image)
        real = case.real(image)
        for name, found in (
            ("d_loss", lambda: method.d_loss(D, real, case.fake(G, detach=True))),  # noqa: B023
            ("g_loss", lambda: method.g_loss(D, case.fake(G), real)),  # noqa: B023
        ):
            yield from loss_value(name, found(), image)


def loss_value(name: str, given: Any, image: ImageSpec) -> Iterator[Failure]:
    where, shown = size_text(image), f"`{name}`"
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict)):
        needed = "the loss and its logs: `return loss, {...}` (`{}` when there are none)"
        yield Failure(f"{shown} returns {kind(given)} {where}", needed, name)
        return
    loss = given[0]
    if not isinstance(loss, Tensor) or loss.ndim != 0:
        yield Failure(f"the loss of {shown} is {kind(loss)} {where}", "a scalar, such as `.mean()` gives", name)
    elif not loss.requires_grad:
        needed = "a loss that depends on the network; look for `.detach()`, `torch.no_grad()` and `.item()`"
        yield Failure(f"the loss of {shown} has no gradient {where}", needed, name)
    elif not bool(loss.isfinite()):
        needed = "a finite loss; look for a logarithm, a division or a root of 0"
        yield Failure(f"the loss of {shown} is {loss.item()} on random images {where}", needed, name)


def log_values(case: Case) -> Iterator[Failure]:
    """Logs are detached scalars under the same names each time, `d_real` and `d_fake` among them."""
    image = case.images[0]
    method, G, D = case.build(image)
    first: dict[str, set[str]] = {}
    for _ in range(ROUNDS):
        real = case.real(image)
        logs = {
            "d_loss": method.d_loss(D, real, case.fake(G, detach=True))[1],
            "g_loss": method.g_loss(D, case.fake(G), real)[1],
            "after_step": method.after_step(),
        }
        for function, values in logs.items():
            found = list(log_problems(function, values))
            if not found and (keys := set(values)) != first.setdefault(function, keys):
                one, other = sorted(first[function] - keys), sorted(keys - first[function])
                text = f"`{function}` logs {one or 'nothing more'} at one call and {other or 'nothing more'} at another"
                found = [Failure(text, "the same names at every call: the log is a table", function)]
            if found:
                yield from found
                return
        names = [name for values in logs.values() for name in values]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            functions = [function for function, values in logs.items() if twice[0] in values]
            found_text = f"`{twice[0]}` is logged by {' and '.join(f'`{function}`' for function in functions)}"
            yield Failure(found_text, "names that differ: one would hide the other", functions[-1])
            return


def log_problems(function: str, values: Any) -> Iterator[Failure]:
    if not isinstance(values, dict):
        yield Failure(f"`{function}` gives {kind(values)} as logs", "a dictionary; `{}` when there are none", function)
        return
    if function == "d_loss" and (missing := sorted({"d_real", "d_fake"} - values.keys())):
        needed = 'both: `{"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}`'
        yield Failure(f"`d_loss` does not log {' and '.join(f'`{name}`' for name in missing)}", needed, function)
    for name, value in values.items():
        if name in RESERVED_LOGS:
            yield Failure(f"`{function}` logs `{name}`, which the loop logs", "another name", function)
        if not isinstance(value, Tensor) or value.ndim != 0:
            needed = "a scalar tensor, such as `x.detach().mean()`; a Python number would make the loop wait for a GPU"
            yield Failure(f"the log `{name}` of `{function}` is {kind(value)}", needed, function)
        elif value.requires_grad:
            needed = f"`{name}` detached: `.detach()`; else every step keeps its graph in memory"
            yield Failure(f"the log `{name}` of `{function}` has a gradient", needed, function)
        elif not bool(value.isfinite()):
            yield Failure(f"the log `{name}` of `{function}` is {value.item()}", "finite logs", function)


def separation(case: Case) -> Iterator[Failure]:
    """D's step leaves G alone, and G's step leaves D's weights alone."""
    image = case.images[0]
    method, G, D = case.build(image)
    for _ in range(2):
        real, before = case.real(image), copy.deepcopy(G.state_dict())
        loss, _ = method.d_loss(D, real, case.fake(G, detach=True))
        after_forward = changed(before, G.state_dict(), running=True)
        loss.backward()
        if names := after_forward or [name for name, p in G.named_parameters() if p.grad is not None]:
            verb = "changes" if after_forward else "sends gradients to"
            yield Failure(
                f"`d_loss` {verb} {listed(names)} of G", "a loss of D alone, on the `fake` it is given", "d_loss"
            )
            return
        D.zero_grad()
        fake = case.fake(G)
        D.requires_grad_(False)
        before = {name: value.clone() for name, value in D.named_parameters()}
        loss, _ = method.g_loss(D, fake, real)
        loss.backward()
        graded = [name for name, p in D.named_parameters() if p.grad is not None]
        if names := changed(before, dict(D.named_parameters())) or graded:
            verb = "sends gradients to" if graded and names == graded else "changes"
            yield Failure(f"`g_loss` {verb} {listed(names)} of D", "D's weights change in D's step only", "g_loss")
            return
        for parameter in D.parameters():
            parameter.requires_grad_(True)
        G.zero_grad()


def gradients(case: Case) -> Iterator[Failure]:
    """Gradients reach every trainable parameter of D and G."""
    for image in case.images[:2]:
        method, G, D = case.build(image)
        real = case.real(image)
        losses = {"d_loss": (lambda: method.d_loss(D, real, case.fake(G, detach=True)), D)}  # noqa: B023
        losses["g_loss"] = (lambda: method.g_loss(D, case.fake(G), real), G)  # noqa: B023
        for function, (loss, net) in losses.items():
            net.zero_grad()
            loss()[0].backward()
            own = dict(net.named_parameters())
            unreached = [name for name, p in own.items() if p.requires_grad and p.grad is None]
            letter = function[0].upper()
            if unreached:
                needed = f"use every parameter of {letter} in its loss, or leave it out of the network"
                yield Failure(f"`{function}` does not reach {listed(unreached)} of {letter}", needed, function)
            elif not any(p.grad is not None and bool((p.grad != 0).any()) for p in own.values()):
                yield Failure(
                    f"all gradients of `{function}` are 0 on random images", f"a loss that moves {letter}", function
                )
            elif names := [n for n, p in own.items() if p.grad is not None and not bool(p.grad.isfinite().all())]:
                needed = "finite gradients; look for a root or a norm at 0"
                yield Failure(
                    f"`{function}` gives non-finite gradients to {listed(names)} of {letter}", needed, function
                )
            if function == "d_loss":
                D.requires_grad_(False)


def alone(case: Case) -> Iterator[Failure]:
    """With `batch_real_and_fake`, D treats each image alone and keeps no state from one forward to the next."""
    image = case.images[0]
    method, _, D = case.build(image)
    if not getattr(method, "batch_real_and_fake", False):
        return
    needed = "`batch_real_and_fake = False`: real and fake images then pass through D apart"
    with torch.no_grad():
        before = copy.deepcopy(dict(D.named_buffers()))
        real, fake = case.real(image).images, 0.2 * case.real(image).images
        parts = zip(tensors(D(torch.cat([real, fake]))), tensors(D(fake)), strict=True)
        if not all(torch.allclose(one[BATCH:], other, rtol=1e-3, atol=1e-4) for one, other in parts):
            yield Failure(
                "with `batch_real_and_fake = True`, what D says of an image depends on the others of its batch",
                needed,
                "build",
            )
        elif names := changed(before, dict(D.named_buffers())):
            yield Failure(
                f"with `batch_real_and_fake = True`, {listed(names)} of D change with every forward", needed, "build"
            )


def tensors(output: Any) -> list[Tensor]:
    """All tensors in the output of D; None is left out."""
    if output is None:
        return []
    return [found for part in output for found in tensors(part)] if isinstance(output, tuple) else [output]


def changed(before: dict[str, Tensor], after: dict[str, Tensor], running: bool = False) -> list[str]:
    """Names whose values differ; ``running``: leave out statistics that a forward pass moves anyway."""
    ignored = ("running_mean", "running_var", "num_batches_tracked") if running else ()
    return [
        name
        for name, value in before.items()
        if not name.endswith(ignored or "\0") and not torch.equal(value, after[name])
    ]


def listed(names: list[str], most: int = 3) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def kind(value: Any) -> str:
    """The kind of a value, in words."""
    if isinstance(value, Tensor):
        return f"a tensor of the shape {tuple(value.shape)}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "nothing" if value is None else f"a {type(value).__name__}"


CHECKS: tuple[Check, ...] = (
    ("`build` gives G and D, and G is the one of all methods", networks),
    ("both losses are finite scalars at every size", loss_values),
    ("logs are detached scalars, `d_real` and `d_fake` among them, the same each time", log_values),
    ("D's step leaves G alone, G's step leaves D alone", separation),
    ("gradients reach every trainable parameter", gradients),
    ("`batch_real_and_fake` is set only where D treats each image alone", alone),
)
