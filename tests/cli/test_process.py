"""What a command does in a process of its own, beside the command itself."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sngan_repro import __main__ as process


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize("mistake", [False, True])
def test_fewer_searches_for_garbage_and_none_at_the_end(monkeypatch, collector, mistake: bool):
    inside = []

    def command() -> None:
        inside.append((gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()))
        if mistake:
            raise SystemExit(2)

    frozen, (_, *others) = gc.get_freeze_count(), gc.get_threshold()
    monkeypatch.setattr(process, "main", command)
    if mistake:
        with pytest.raises(SystemExit):
            process.run()
    else:
        process.run()
    assert inside == [(True, (process.ALLOCATIONS, *others), frozen)]
    assert gc.get_freeze_count() > frozen + 1000
