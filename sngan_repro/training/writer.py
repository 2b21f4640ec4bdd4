"""Work off the critical path: copies of tensors without waiting for the device, and a thread that writes files."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

PENDING_BYTES = 256 * 2**20
"""Copies that may wait to be written. A single larger one may wait alone."""
JOB_BYTES = 2**20
"""The least that a job counts, so that the number of jobs is bounded, too."""


class HostCopy:
    """A copy of all tensors of nested dictionaries, lists and tuples, in the memory of the host.

    It does not wait for the device. The originals may be changed or deleted at once: from a GPU the copy is made on the
    current stream, into page-locked memory; from a CPU it is a clone. ``num_bytes``: its size.
    """

    def __init__(self, value: Any) -> None:
        self.num_bytes = 0
        self._event: torch.cuda.Event | None = None
        self._copy = self._copied(value)
        if self._event is not None:
            self._event.record()

    def get(self) -> Any:
        """The copy, after a wait for the device if it is not complete yet."""
        if self._event is not None:
            self._event.synchronize()
        return self._copy

    def _copied(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            self.num_bytes += value.nbytes
            if value.device.type == "cpu":
                return value.detach().clone()
            self._event = self._event or torch.cuda.Event(blocking=True)  # a wait that leaves the core to others
            kept = torch.empty_like(value, device="cpu", pin_memory=True, requires_grad=False)
            return kept.copy_(value.detach(), non_blocking=True)
        if isinstance(value, dict):
            copied = copy.copy(value)  # a state_dict has versions as an attribute
            copied.update((key, self._copied(part)) for key, part in value.items())
            return copied
        if isinstance(value, list | tuple):
            return type(value)(self._copied(part) for part in value)
        return value


class Writer:
    """Runs jobs in one thread, in the order in which they are submitted.

    If a job fails, no later job runs, so no file refers to one that was not written. The next call of any method raises
    the error. Not more than PENDING_BYTES wait at a time.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pending = 0
        self._error: BaseException | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="files")  # it starts with the first job

    def submit(self, job: Callable[[], None], num_bytes: int = 0) -> None:
        """Run ``job`` after those submitted before. num_bytes: memory that it holds until then.

        Waits for earlier jobs if too much memory is held. Raises the error of an earlier job.
        """
        size = max(num_bytes, JOB_BYTES)
        with self._changed:
            self._changed.wait_for(lambda: not self._pending or self._pending + size <= PENDING_BYTES)
            self._raise()
            self._pending += size
        self._thread.submit(self._run, job, size)

    def _run(self, job: Callable[[], None], size: int) -> None:
        try:
            if self._error is None:
                job()
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._pending -= size
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all jobs are done. Raises the error of a job."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pending)
            self._raise()

    def close(self) -> None:
        """Wait until all jobs are done and end the thread, without raising an error."""
        self._thread.shutdown()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
