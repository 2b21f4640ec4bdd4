"""The functions of a method, called one by one outside any loop."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from sngan_repro import nets
from sngan_repro.extend.check_method.case import BATCH, Case, Failure, kind, listed, nets_for, seed
from sngan_repro.methods.symbols import unexplained

RESERVED_LOGS = {"d_loss", "g_loss", "grad_norm_d", "grad_norm_g", "step", "lr_d", "lr_g", "images_per_second"}
"""Columns of a run's log that are the loop's."""


def networks(case: Case) -> None:
    """`build` gives (G, D), and G is the generator that all methods share, from the same random state."""
    for image in case.images:
        seed(0)
        built = case.method(case.options, image, nets_for(case.method)).build()
        if not (isinstance(built, tuple) and len(built) == 2 and all(isinstance(net, nn.Module) for net in built)):
            raise Failure(f"`build` returns {kind(built)}", "a pair of modules: `return G, D`", "build")
        seed(0)
        shared = nets.build_generator(nets_for(case.method), image)
        own, expected = built[0].state_dict(), shared.state_dict()
        equal = own.keys() == expected.keys() and all(torch.equal(own[name], expected[name]) for name in own)
        if type(built[0]) is not type(shared) or not equal:
            needed = (
                "`G = nets.build_generator(self.nets, self.image)`, before all that draws random numbers: snapshots "
                "are read with it, and all methods start with the same G"
            )
            raise Failure("G differs from the generator that all methods share", needed, "build")


def losses(case: Case) -> None:
    """Losses are finite scalars, gradients reach their own network alone, logs are the same scalars at each call."""
    for image in case.images:
        method, G, D = case.build(image)
        logged: list[dict[str, set[str]]] = []
        for _ in range(2 if image == case.images[0] else 1):
            logged.append({})
            for function, call in case.update(method, G, D, case.batch(image)):
                own, other = {"d_loss": (D, G), "g_loss": (G, D)}.get(function, (None, D))
                before = {name: parameter.detach().clone() for name, parameter in other.named_parameters()}
                try:
                    result = call()
                    if own is not None:
                        result = _check_loss(function, result, own, other, before)
                    if function != "after_d_step":
                        _check_logs(function, result, logged)
                except Failure as failure:
                    found = f"{failure.found} at {image.size} px, {image.channels} channel{'s' * (image.channels > 1)}"
                    raise Failure(found, failure.needed, function) from None


def _check_loss(function: str, result: Any, own: nn.Module, other: nn.Module, before: dict[str, Tensor]) -> Any:
    """Check the loss of a network and its gradients; ``before``: the other one's parameters. Returns the logs."""
    letter, other_letter = "DG" if function == "d_loss" else "GD"
    loss, logs = result if isinstance(result, tuple) and len(result) == 2 else (None, None)
    if not (isinstance(loss, Tensor) and loss.ndim == 0 and loss.requires_grad):
        needed = "`return loss, logs`: a scalar with a gradient, such as `.mean()` gives, and a dictionary"
        raise Failure(f"`{function}` returns {kind(result)}", needed)
    if not loss.isfinite():
        needed = "a finite loss; look for a logarithm, a division or a root of 0"
        raise Failure(f"the loss of `{function}` is {loss.item()} on random images", needed)
    own.zero_grad()
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in own.named_parameters() if parameter.requires_grad}
    if names := [name for name, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()]:
        needed = f"use every parameter of {letter} in its loss; look for a root or a norm at 0, which has no derivative"
        raise Failure(f"`{function}` gives no gradient, or one that is not finite, to {listed(names)}", needed)
    if not any(gradient.any() for gradient in gradients.values() if gradient is not None):
        raise Failure(f"all gradients of `{function}` are 0 on random images", f"a loss that moves {letter}")
    parameters = other.named_parameters()
    if names := [name for name, p in parameters if p.grad is not None or not torch.equal(p, before[name])]:
        needed = f"a loss of {letter} alone, and weights that change in their own network's steps alone"
        raise Failure(f"`{function}` changes, or sends gradients to, {listed(names)} of {other_letter}", needed)
    own.zero_grad()
    return logs


def _check_logs(function: str, logs: Any, logged: list[dict[str, set[str]]]) -> None:
    """Check the logs of one call. logged: for each update, the names that each function has logged; it is added to."""
    if not isinstance(logs, dict):
        raise Failure(f"`{function}` gives {kind(logs)} as logs", "a dictionary; `{}` when there are none")
    if function == "d_loss" and (missing := sorted({"d_real", "d_fake"} - logs.keys())):
        needed = 'both: `{"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}`'
        raise Failure(f"`d_loss` does not log {listed(missing)}", needed)
    for name, value in logs.items():
        if not isinstance(value, Tensor) or value.ndim != 0 or value.requires_grad:
            needed = "a detached scalar tensor, such as `x.detach().mean()`: the loop neither waits nor keeps a graph"
            raise Failure(f"the log `{name}` of `{function}` is {kind(value)}", needed)
        for owner, names in (*logged[-1].items(), ("the loop", RESERVED_LOGS)):
            if name in names:
                raise Failure(f"`{function}` logs `{name}`, as {owner} does", "another name: one would hide the other")
    logged[-1][function] = set(logs)
    if changed := sorted(logged[0][function] ^ logged[-1][function]):
        raise Failure(f"`{function}` logs {listed(changed)} at some calls only", "the same names at every call")


def alone(case: Case) -> None:
    """With `batch_real_and_fake`, D treats each image alone and keeps no state from one forward to the next."""
    method, _, D = case.build(case.images[0])
    if not method.batch_real_and_fake:
        return
    buffers = copy.deepcopy(dict(D.named_buffers()))
    with torch.no_grad():
        real, fake = case.batch(case.images[0]).images, 0.2 * case.batch(case.images[0]).images
        pairs = zip(_tensors(D(torch.cat([real, fake]))), _tensors(D(fake)), strict=True)
        equal = all(torch.allclose(both[BATCH:], one, rtol=1e-3, atol=1e-4) for both, one in pairs)
    if not equal or not all(torch.equal(value, buffers[name]) for name, value in D.named_buffers()):
        found = "with `batch_real_and_fake = True`, D's output depends on other images of the batch, or on earlier ones"
        needed = "`batch_real_and_fake = False`: real and fake images then pass through D separately"
        raise Failure(found, needed, "build")


def _tensors(output: Any) -> list[Tensor]:
    """All tensors in the output of D."""
    if isinstance(output, tuple):
        return [found for part in output for found in _tensors(part)]
    return [] if output is None else [output]


def equations(case: Case) -> None:
    """Pandoc and Typst can set the equations, as the report does."""
    latex = case.method.equations_for(case.options).replace("\n", " ")
    formulas = [part.strip() for part in latex.split(r", \qquad ")]
    if not any(formulas) or not _problem(" \\\\\n&".join(formulas)):
        return
    for formula in [*formulas, latex]:
        if problem := _problem(formula):
            raise Failure(f"`{formula}` cannot be set: {problem}", "LaTeX that pandoc reads, without `$`")


def symbols(case: Case) -> None:
    """No letter of the equations is left without a meaning: the report prints that of each."""
    if left := unexplained(case.method, case.options):
        latex = left[0] if len(left[0]) == 1 else f"\\{left[0]}"
        needed = (
            f"an entry of `symbols` for each, such as symbols = {{r'{latex}': 'the ...'}}; that of an option's value "
            r"begins with the option and a colon. Words in an equation are in \text{...}"
        )
        raise Failure(f"no meaning of {listed(left)} in `symbols`, nor in those of all methods", needed)


def _problem(formula: str) -> str:
    """Why pandoc or Typst cannot set a formula; empty if they can."""
    import pypandoc
    import typst

    text = f"$$\\begin{{aligned}}\n&{formula}\n\\end{{aligned}}$$"
    html = pypandoc.convert_text(text, "html5", format="markdown", extra_args=["--mathml", "--quiet"])
    if "<math" not in html or 'class="math' in html:
        return "pandoc does not read it"
    try:
        typst.compile(pypandoc.convert_text(text, "typst", format="markdown").encode(), format="pdf")
    except typst.TypstError as error:
        return f"Typst: {' '.join(error.message.split())}"
    return ""
