"""How the updates of a run are carried out: its own random state and stream, and on a GPU one CUDA graph.

Many small kernels are bound by launching them, one by one, from Python. A graph is captured once and launched as a
whole; several runs on one GPU, each with a graph on a stream of its own, fill what one of them leaves idle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

PLAIN_CALLS = 3
"""GraphedStep that run kernel by kernel before the capture: they choose algorithms and allocate what lasts."""

_one_at_a_time = threading.RLock()  # torch's random states belong to the process, not to a run


class RunContext:
    """Where a run computes: a device, and on a GPU a stream of its own; with random states of its own.

    Runs in threads of one process do not see each other's random numbers, so each computes what it does alone.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        with _one_at_a_time:
            self._cpu_state = torch.get_rng_state()
            self.generator = self._default().clone_state() if self.stream else None

    def _default(self) -> torch.Generator:
        index = torch.cuda.current_device() if self.device.index is None else self.device.index
        return torch.cuda.default_generators[index]

    def on_stream(self) -> Any:
        """What is launched in this block goes to the run's stream."""
        return torch.cuda.stream(self.stream) if self.stream else nullcontext()

    def alone(self) -> AbstractContextManager[Any]:
        """Within the block no other run of the process captures a graph or launches kernels one by one.

        For work that may empty the allocator's cache (a first use of new shapes, linear algebra), which a capture
        forbids, or that sets flags of the process.
        """
        return _one_at_a_time

    def join(self) -> None:
        """Let the caller's stream wait for what was launched on the run's."""
        if self.stream:
            torch.cuda.current_stream(self.device).wait_stream(self.stream)

    @contextmanager
    def random(self) -> Iterator[None]:
        """Within the block torch's global random states are the run's own; other runs wait for its end."""
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
        default = self._default()
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
        """Go on from ``state``."""
        assert state["cpu"] is not None
        self._cpu_state = state["cpu"].cpu()
        if self.generator and state["device"] is not None:
            self.generator.set_state(state["device"].cpu())


class GraphedStep:
    """Calls ``function`` again and again: kernel by kernel, or on a GPU as a graph once it has run a few times.

    function: makes one update from and into device memory, draws from torch's global random states, and returns a
    tensor, which is overwritten by the next call. state: the tensors by name that an update may change in place only.
    ``mode`` says how updates run, ``reason`` why not as a graph where one was wanted.
    """

    def __init__(
        self, context: RunContext, function: Callable[[], Tensor], state: dict[str, Tensor], graph: bool
    ) -> None:
        self.context, self.function, self.state = context, function, state
        self.mode, self.reason = "kernel by kernel", ""
        self._wanted = graph and context.stream is not None
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Tensor | None = None

    def __call__(self) -> Tensor:
        """Make one update."""
        if self._wanted and self._graph is None and self._calls == PLAIN_CALLS:
            self._capture()
        self._calls += 1
        if self._graph is not None:
            self._graph.replay()  # on the run's stream: the caller is inside context.on_stream()
            assert self._result is not None
            return self._result
        with self.context.random():
            return self.function()

    def _capture(self) -> None:
        """Record one update without running it; whatever goes wrong, the updates go on kernel by kernel."""
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
            context.generator, self._wanted = untouched, False
            self.state.update(before)
            self.reason = f"no CUDA graph: {str(error).strip().splitlines()[0]}"
            torch.cuda.synchronize(context.device)
            return
        self._graph, self._result, self.mode = graph, result, "CUDA graph"
