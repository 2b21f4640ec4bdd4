"""The parts that figures are made of, without a study."""

from itertools import pairwise

import numpy as np
import pytest

from sngan_repro.analysis.figures import style
from sngan_repro.analysis.figures.curves import snapshot_ticks
from sngan_repro.analysis.figures.grids import evenly, tile, tiles_across
from sngan_repro.analysis.figures.logs import smooth, spread
from sngan_repro.analysis.figures.maps import time_unit
from sngan_repro.analysis.figures.scores import dot_positions


def test_ticks_are_snapshots_with_the_last():
    assert snapshot_ticks([100, 200, 300, 400], 5) == [100, 200, 300, 400]
    assert snapshot_ticks(list(range(100, 1300, 100)), 5) == [100, 300, 500, 800, 1000, 1200]
    assert snapshot_ticks([10, 20, 40, 5000, 10000], 2) == [40, 5000, 10000]  # the first ones would touch
    assert snapshot_ticks([], 2) == []


def test_methods_differ_in_colour_and_marker_and_keep_them():
    labels = [f"M{k}" for k in range(40)]
    found = style.method_styles(labels)
    assert len({(s.color, s.marker) for s in found.values()}) == 40
    assert len({s.color for s in list(found.values())[:8]}) == 8
    assert style.method_styles(labels[:3]) == {label: found[label] for label in labels[:3]}


def relative_luminance(color):
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_stand_out_from_paper():
    for found in style.method_styles([str(k) for k in range(8)]).values():
        assert 1.05 / (relative_luminance(found.color) + 0.05) > 2


def test_tiles_are_placed_row_by_row_with_white_gaps():
    images = np.zeros((4, 16, 16, 1), np.uint8) + np.array([10, 20, 30, 40], np.uint8)[:, None, None, None]
    grid = tile(images, 2)
    times = grid.shape[0] // 33  # 2 x 16 pixels and a gap of 1
    assert grid.shape == (33 * times, 33 * times, 3)
    small = grid[::times, ::times]
    assert [small[0, 0, 0], small[0, 17, 0], small[17, 0, 0], small[17, 17, 0]] == [10, 20, 30, 40]
    assert (small[16] == 255).all()
    assert (small[:, 16] == 255).all()


def test_missing_tiles_stay_white():
    grid = tile(np.zeros((1, 16, 16, 3), np.uint8), 2)
    assert (grid[-1, -1] == 255).all()
    assert (grid[0, 0] == 0).all()


@pytest.mark.parametrize(("size", "across"), [(16, 8), (32, 8), (64, 4), (128, 3)])
def test_large_images_get_fewer_tiles(size, across):
    assert tiles_across(size) == across


def test_evenly_keeps_first_and_last():
    assert evenly(4, 6) == [0, 1, 2, 3]
    assert evenly(11, 6) == [0, 2, 4, 6, 8, 10]
    assert len(evenly(100, 6)) == 6


def test_smooth_is_a_running_mean_on_a_grid_that_seeds_share():
    total = 320  # every 2 updates, window 8
    curve = smooth(np.arange(1, 321), np.arange(1.0, 321.0), total)
    assert curve.index.tolist() == list(range(2, 321, 2))
    assert curve[100] == np.mean(range(93, 101))
    cut = smooth(np.arange(1, 51), np.arange(1.0, 51.0), total)
    assert cut.equals(curve[curve.index <= 50])


def test_smooth_leaves_out_what_is_not_finite():
    values = np.array([1.0, np.inf, 3.0, np.nan])
    assert smooth(np.arange(1, 5), values, 80)[4] == 3.0
    assert smooth(np.arange(1, 5), values, 160)[3] == 2.0  # the window holds 1, inf, 3


def test_labels_are_pushed_apart_in_order():
    placed = spread([0.5, 0.5, 0.5, 0.9], 0.1)
    assert all(b - a >= 0.1 - 1e-6 for a, b in pairwise(placed))
    assert sum(placed[:3]) / 3 == pytest.approx(0.5)
    assert spread([0.1, 0.5], 0.1) == [0.1, 0.5]


def test_positions_of_dots_leave_a_gap_between_methods():
    first, second = dot_positions([3, 3])
    assert first == [0, 1, 2]
    assert second[0] - first[-1] > 1.5
    assert second[1] - second[0] == pytest.approx(1)


def test_time_units():
    assert [time_unit(s)[0] for s in (90, 120, 7199, 7200)] == ["s", "min", "min", "h"]


def test_long_labels_are_broken():
    assert style.fit("short", 2) == "short"
    assert max(map(len, style.fit("a rather long name of a method", 1).split("\n"))) <= 13
