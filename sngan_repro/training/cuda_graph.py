"""The execution of updates: a random state and CUDA stream per run, and on a GPU one CUDA graph per update.

An update of a small network is bound by the launch overhead of many small kernels. A CUDA graph is captured once and
launched as a whole. Several runs on one GPU, each with a graph on its own stream, use what one run leaves idle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

EAGER_CALLS = 3
"""Eager updates before the capture: in these, cuDNN chooses algorithms and lasting memory is allocated."""

_one_at_a_time = threading.RLock()  # torch's random states belong to the process, not to a run


class RunContext:
    """Device, CUDA stream and random states of one run.

    Runs in several threads of one process do not see the random numbers of each other, so each computes what it
    computes alone.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        with _one_at_a_time:
            self._cpu_state = torch.get_rng_state()
            self.generator = self._default_generator().clone_state() if self.stream else None

    def _default_generator(self) -> torch.Generator:
        index = torch.cuda.current_device() if self.device.index is None else self.device.index
        return torch.cuda.default_generators[index]

    def on_stream(self) -> Any:
        """A context manager: kernels launched in the block go to the run's stream."""
        return torch.cuda.stream(self.stream) if self.stream else nullcontext()

    def alone(self) -> AbstractContextManager[Any]:
        """A context manager: no other run of the process captures a graph or runs eagerly during the block.

        Use it for work that may empty the allocator's cache (a first use of new shapes, linear algebra), which is not
        allowed during a capture, or that sets flags of the process.
        """
        return _one_at_a_time

    def join(self) -> None:
        """Let the caller's stream wait for the kernels on the run's stream."""
        if self.stream:
            torch.cuda.current_stream(self.device).wait_stream(self.stream)

    @contextmanager
    def random(self) -> Iterator[None]:
        """In the block, torch's global random states are those of the run; other runs wait for its end."""
        with _one_at_a_time, self.on_stream():
            outside = torch.get_rng_state()
            torch.set_rng_state(self._cpu_state)
            try:
                with self._own_generator():
                    yield
            finally:
                self._cpu_state = torch.get_rng_state()
                torch.set_rng_state(outside)

    @contextmanager
    def _own_generator(self) -> Iterator[None]:
        if self.generator is None:
            yield
            return
        default = self._default_generator()
        outside = default.graphsafe_get_state()
        default.graphsafe_set_state(self.generator)
        try:
            yield
        finally:
            default.graphsafe_set_state(outside)

    def state(self) -> dict[str, Tensor | None]:
        """The random states."""
        return {"cpu": self._cpu_state, "device": self.generator.get_state() if self.generator else None}

    def load(self, state: dict[str, Tensor | None]) -> None:
        """Continue from ``state``."""
        assert state["cpu"] is not None
        self._cpu_state = state["cpu"].cpu()
        if self.generator and state["device"] is not None:
            self.generator.set_state(state["device"].cpu())


class GraphedStep:
    """Calls ``function`` again and again: eagerly, or on a GPU as a CUDA graph after the first few calls.

    function: makes one update in device memory, draws from torch's global random states, and returns a tensor, which
    the next call overwrites. state: tensors by name that an update may change in place only. cuda_graph: False for
    eager updates. not_capturable: a reason why the function cannot be captured; empty if it can.

    ``mode`` is "eager" or "CUDA graph". ``reason`` says why a graph was wanted but is not used.
    """

    def __init__(
        self,
        context: RunContext,
        function: Callable[[], Tensor],
        state: dict[str, Tensor],
        cuda_graph: bool,
        not_capturable: str = "",
    ) -> None:
        self.context, self.function, self.state = context, function, state
        wanted = cuda_graph and context.stream is not None
        self._not_captured = f"no CUDA graph: {not_capturable}" if wanted and not_capturable else ""
        self._capturable = wanted and not not_capturable
        self.restart()

    def restart(self) -> None:
        """Forget the graph and the reason against one, for a function that has changed."""
        self.mode, self.reason = "eager", self._not_captured
        self._to_capture = self._capturable
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Tensor | None = None

    def __call__(self) -> Tensor:
        """Make one update."""
        if self._to_capture and self._graph is None and self._calls == EAGER_CALLS:
            self._capture()
        self._calls += 1
        if self._graph is not None:
            self._graph.replay()  # on the run's stream: the caller is inside context.on_stream()
            assert self._result is not None
            return self._result
        with self.context.random():
            return self.function()

    def _capture(self) -> None:
        """Record one update without running it. If that fails, the updates stay eager."""
        context = self.context
        assert context.generator is not None
        untouched = context.generator
        before = dict(self.state)
        graph = torch.cuda.CUDAGraph()
        try:
            context.generator = untouched.clone_state()  # a capture that fails leaves its generator unusable
            with (
                context.random(),
                torch.cuda.graph(graph, stream=context.stream, capture_error_mode="thread_local"),
            ):
                result = self.function()
            if replaced := [name for name, tensor in before.items() if self.state.get(name) is not tensor]:
                raise RuntimeError(f"state {', '.join(replaced)}: replaced by a new tensor, not changed in place")
        except RuntimeError as error:
            context.generator, self._to_capture = untouched, False
            self.state.update(before)
            self.reason = f"no CUDA graph: {str(error).strip().splitlines()[0]}"
            torch.cuda.synchronize(context.device)
            return
        self._graph, self._result, self.mode = graph, result, "CUDA graph"
