"""Positions on other grids: identity, constants, prefix rows, the published algorithm."""

import math

import numpy as np
import pytest
import torch
from scipy import interpolate

from pretrain.checkpoint import positions
from pretrain.errors import CheckpointError

pytestmark = pytest.mark.unit


def published_relative_resize(table, src, dst):
    """BEiT's resizing of one head's square table `(src, src)` to `(dst, dst)`, restated step by step.

    From run_class_finetuning.py: search q so that 1 + q + ... + q^(n-1) reaches the new half width, place the old
    entries at those distances to both sides, fit a bicubic spline through them, read it at the whole distances.
    interp2d is gone from SciPy; its spline is FITPACK's `regrid`, which is called here through `bisplrep`-free means:
    two passes of one-dimensional not-a-knot cubic splines, the tensor-product interpolant itself.
    """
    left, right = 1.01, 1.5
    while right - left > 1e-6:
        q = (left + right) / 2.0
        total = (1.0 - q ** (src // 2)) / (1.0 - q)
        if total > dst // 2:
            right = q
        else:
            left = q
    distances, step = [], 1.0
    for i in range(src // 2):
        distances.append((distances[-1] if distances else 0.0) + step)
        step = q ** (i + 1)
    places = np.array([-d for d in reversed(distances)] + [0.0] + distances)
    wanted = np.clip(np.arange(dst) - dst // 2, places[0], places[-1])
    rows = interpolate.make_interp_spline(places, table, k=3, axis=0)(wanted)
    return interpolate.make_interp_spline(places, rows, k=3, axis=1)(wanted)


@pytest.mark.parametrize(('old', 'new'), [(14, 32), (14, 40), (14, 20), (7, 14), (6, 7), (4, 8), (14, 64)])
def test_relative_tables_follow_the_published_algorithm(old, new):
    table = torch.randn((2 * old - 1) ** 2 + 3, 2, dtype=torch.float64)
    resized = positions.resize_relative(table, (old, old), (new, new))
    assert resized.dtype == torch.float64 and resized.shape == ((2 * new - 1) ** 2 + 3, 2)
    for head in range(2):
        square = table[:-3, head].reshape(2 * old - 1, 2 * old - 1).numpy()
        expected = published_relative_resize(square, 2 * old - 1, 2 * new - 1)
        mine = resized[:-3, head].reshape(2 * new - 1, 2 * new - 1).numpy()
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-9)
    assert torch.equal(resized[-3:], table[-3:])


def test_relative_tables_are_untouched_at_equal_size():
    table = torch.randn(27 * 27 + 3, 4)
    assert positions.resize_relative(table, (14, 14), (14, 14)) is table


@pytest.mark.parametrize(
    ('old', 'new'), [((4, 4), (4, 7)), ((4, 6), (8, 6)), ((3, 5), (6, 9)), ((2, 2), (3, 5)), ((1, 3), (2, 6))]
)
@pytest.mark.parametrize('extra', [0, 3])
def test_relative_tables_of_rectangles(old, new, extra):
    rows = math.prod(2 * n - 1 for n in old)
    table = torch.randn(rows + extra, 3)
    resized = positions.resize_relative(table, old, new, extra)
    assert resized.shape == (math.prod(2 * n - 1 for n in new) + extra, 3)
    centre = positions.resize_relative(table, old, new, extra)[math.prod(2 * n - 1 for n in new) // 2]
    torch.testing.assert_close(centre, table[rows // 2], rtol=0, atol=1e-5)
    constant = torch.full((rows + extra, 3), 2.5)
    torch.testing.assert_close(
        positions.resize_relative(constant, old, new, extra), constant.new_full(resized.shape, 2.5)
    )


def test_an_axis_of_equal_length_is_not_resampled():
    table = torch.randn(7 * 7, 1)
    resized = positions.resize_relative(table, (4, 4), (4, 9), extra=0).reshape(7, 17)
    columns = positions.resize_relative(table[:7].repeat(7, 1), (4, 4), (4, 9), extra=0).reshape(7, 17)
    torch.testing.assert_close(resized[0], columns[0])


def test_turning_a_rectangle_turns_the_result():
    table = torch.randn(7, 11, 2)
    one = positions.resize_relative(table.reshape(-1, 2), (4, 6), (5, 9), 0).reshape(9, 17, 2)
    two = positions.resize_relative(table.transpose(0, 1).reshape(-1, 2), (6, 4), (9, 5), 0).reshape(17, 9, 2)
    torch.testing.assert_close(one, two.transpose(0, 1))


def test_a_table_that_does_not_fit_its_window_is_refused():
    with pytest.raises(CheckpointError, match='does not fit'):
        positions.resize_relative(torch.zeros(50, 3), (4, 4), (5, 5))


@pytest.mark.parametrize('prefix', [0, 1, 5])
def test_absolute_positions(prefix):
    table = torch.randn(1, prefix + 20, 8)
    assert positions.resize_absolute(table, (4, 5), (4, 5), prefix) is table
    resized = positions.resize_absolute(table, (4, 5), (7, 3), prefix)
    assert resized.shape == (1, prefix + 21, 8)
    assert torch.equal(resized[:, :prefix], table[:, :prefix])
    constant = torch.full((1, prefix + 20, 8), -1.5)
    torch.testing.assert_close(
        positions.resize_absolute(constant, (4, 5), (7, 3), prefix)[:, prefix:], constant.new_full((1, 21, 8), -1.5)
    )


def test_absolute_positions_keep_their_axes():
    """A ramp along the rows stays a ramp along the rows."""
    ramp = torch.arange(4.0)[:, None].expand(4, 6).reshape(1, 24, 1)
    resized = positions.resize_absolute(ramp, (4, 6), (8, 6), prefix=0).reshape(8, 6)
    assert (resized[1:] > resized[:-1]).all() and torch.allclose(resized, resized[:, :1].expand(8, 6), atol=1e-5)


def test_absolute_positions_that_do_not_fit_are_refused():
    with pytest.raises(CheckpointError, match='prefix rows'):
        positions.resize_absolute(torch.zeros(1, 26, 8), (4, 5), (5, 5))


def test_fixed_positions_entry_by_entry():
    from foreign_files import fixed_positions

    for order in ('xy', 'yx'):
        table = positions.sincos((5, 5), 48, order).reshape(1, 25, 48)
        torch.testing.assert_close(table, fixed_positions(order)[:, 1:], rtol=0, atol=1e-6)


def test_the_two_orders_are_transposes_and_told_apart():
    xy, yx = positions.sincos((6, 6), 32, 'xy'), positions.sincos((6, 6), 32, 'yx')
    assert torch.equal(xy, yx.transpose(0, 1))
    assert torch.equal(xy, torch.cat([yx[..., 16:], yx[..., :16]], -1))
    assert positions.kind_of(xy.reshape(36, 32), (6, 6)) == 'sincos-xy'
    assert positions.kind_of(yx.half(), (6, 6)) == 'sincos-yx'
    assert positions.kind_of(xy + 0.01, (6, 6)) == 'learned'
    assert positions.kind_of(positions.sincos((3, 5), 32, 'yx').reshape(15, 32), (3, 5)) == 'sincos-yx'


def test_fixed_positions_of_volumes():
    table = positions.sincos_nd((2, 3, 4), 26)
    assert table.shape == (2, 3, 4, 26)
    assert torch.equal(table[..., :8], table[:, :1, :1, :8].expand(2, 3, 4, 8))  # time alone
    assert torch.equal(table[..., 16:24], table[:1, :1, :, 16:24].expand(2, 3, 4, 8))  # column alone
    assert (table[..., 24:] == 0).all()
    with pytest.raises(CheckpointError):
        positions.sincos_nd((2, 3, 4), 5)


def test_decomposed_tables():
    table = torch.arange(7.0)[:, None].expand(7, 3)
    assert positions.resize_decomposed(table, 7) is table
    resized = positions.resize_decomposed(table, 14)
    assert resized.shape == (14, 3) and (resized[1:] >= resized[:-1]).all()
    assert torch.equal(resized[0], table[0]) and torch.equal(resized[-1], table[-1])
