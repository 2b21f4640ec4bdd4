"""Networks, losses, logs and gradients of a method, outside any loop."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sngan_repro import nets
from sngan_repro.extend.check_method.case import BATCH, NETS, Case, Check, Failure, Shape, size_text

RESERVED_LOGS = {"d_loss", "g_loss", "grad_norm_d", "grad_norm_g", "step", "lr_d", "lr_g", "images_per_second"}
"""Columns of a run's log that are the loop's."""
ROUNDS = 3


def networks(case: Case) -> Iterator[Failure]:
    """`build` gives (G, D), and G is the generator that all methods share, from the same random state."""
    for shape in case.shapes:
        where = size_text(shape)
        torch.manual_seed(0)
        method = case.method(case.options, shape, NETS)
        built = method.build()
        if not (isinstance(built, tuple) and len(built) == 2 and all(isinstance(net, nn.Module) for net in built)):
            yield Failure(f"`build` returns {kind(built)}", "a pair of modules: `return G, D`", "build")
            return
        G = built[0]
        own = copy.deepcopy(G.state_dict())
        images = G(torch.randn(BATCH, NETS.z_dim))
        if not isinstance(images, Tensor) or tuple(images.shape) != (BATCH, *shape):
            yield Failure(f"G gives {kind(images)} {where}", f"images of the shape {(BATCH, *shape)}", "build")
        elif images.dtype != torch.float32 or not bool(images.abs().max() <= 1):
            found = f"G gives {str(images.dtype)[6:]} up to {images.abs().max():.3g} {where}"
            yield Failure(found, "float32 in [-1, 1]", "build")
        torch.manual_seed(0)
        shared = nets.build_generator(NETS, shape).state_dict()
        if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in shared.items()}:
            needed = "the one of `nets.build_generator(self.nets, self.image_shape)`: snapshots are read with it"
            yield Failure(f"G has other weights than the shared generator {where}", needed, "build")
        elif not all(torch.equal(own[name], shared[name]) for name in shared):
            needed = "build G first: runs of one seed then start with the same G under every method, and are paired"
            yield Failure(f"G starts with other weights than under other methods {where}", needed, "build")


def loss_values(case: Case) -> Iterator[Failure]:
    """Both losses are finite scalars that can be differentiated, with logs, at every size."""
    for shape in case.shapes:
        method, G, D = case.build(shape)
        fake = G(case.latents())
        for name, found in (
            ("d_loss", lambda: method.d_loss(D, case.real(shape), fake.detach())),  # noqa: B023
            ("g_loss", lambda: method.g_loss(D, fake)),  # noqa: B023
        ):
            yield from loss_value(name, found(), shape)


def loss_value(name: str, given: Any, shape: Shape) -> Iterator[Failure]:
    where, shown = size_text(shape), f"`{name}`"
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
    shape = case.shapes[0]
    method, G, D = case.build(shape)
    first: dict[str, set[str]] = {}
    for _ in range(ROUNDS):
        fake = G(case.latents())
        logs = {
            "d_loss": method.d_loss(D, case.real(shape), fake.detach())[1],
            "g_loss": method.g_loss(D, fake)[1],
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
    shape = case.shapes[0]
    method, G, D = case.build(shape)
    for _ in range(2):
        before = copy.deepcopy(G.state_dict())
        loss, _ = method.d_loss(D, case.real(shape), G(case.latents()).detach())
        after_forward = changed(before, G.state_dict(), running=True)
        loss.backward()
        if names := after_forward or [name for name, p in G.named_parameters() if p.grad is not None]:
            verb = "changes" if after_forward else "sends gradients to"
            yield Failure(
                f"`d_loss` {verb} {listed(names)} of G", "a loss of D alone, on the `fake` it is given", "d_loss"
            )
            return
        D.zero_grad()
        fake = G(case.latents())
        D.requires_grad_(False)
        before = {name: value.clone() for name, value in D.named_parameters()}
        loss, _ = method.g_loss(D, fake)
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
    for shape in case.shapes[:2]:
        method, G, D = case.build(shape)
        frozen = [p for p in D.parameters() if not p.requires_grad]
        losses = {"d_loss": (lambda: method.d_loss(D, case.real(shape), G(case.latents()).detach()), D)}  # noqa: B023
        losses["g_loss"] = (lambda: method.g_loss(D, G(case.latents())), G)  # noqa: B023
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
        del frozen


def alone(case: Case) -> Iterator[Failure]:
    """Where a method says `batch_real_and_fake`, D treats each image alone and keeps nothing from one forward to the next."""
    shape = case.shapes[0]
    method, _, D = case.build(shape)
    if not getattr(method, "batch_real_and_fake", False):
        return
    needed = "`batch_real_and_fake = False`: real and fake images then pass through D apart"
    with torch.no_grad():
        before = copy.deepcopy(dict(D.named_buffers()))
        real, fake = case.real(shape), 0.2 * case.real(shape)
        together, apart = D(torch.cat([real, fake])), D(fake)
        parts = zip(together, apart, strict=True) if isinstance(together, tuple) else [(together, apart)]
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
    """What a value is, in words."""
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
