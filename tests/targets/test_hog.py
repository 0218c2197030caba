"""HOG against loops over pixels written from its definition (MaskFeat; reference section 1.6)."""

import math

import numpy as np
import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.targets.hog import HOG

pytestmark = pytest.mark.unit

SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], dtype=float)


def _cell_histogram(plane, top, left, cell, bins):
    """The unit-length histogram of the cell whose first pixel is (top, left), for one reflected channel."""
    histogram = np.zeros(bins)
    for row in range(top, top + cell):
        for column in range(left, left + cell):
            around = plane[row : row + 3, column : column + 3]
            gx, gy = (around * SOBEL).sum(), (around * SOBEL.T).sum()
            histogram[math.floor(math.atan2(gx, gy) / math.pi * bins) % bins] += math.hypot(gx, gy)
    length = np.linalg.norm(histogram)
    return histogram / length if length > 0 else histogram


def _plain_hog(image, bins, cell, patch):
    """`(B, N, P)`, P in the order channel, bin, cell row, cell column."""
    batch, channels, height, width = image.shape
    tokens = [(top, left) for top in range(0, height, patch) for left in range(0, width, patch)]
    per_side = patch // cell
    out = np.zeros((batch, len(tokens), channels, bins, per_side, per_side))
    for b in range(batch):
        for c in range(channels):
            plane = np.pad(image[b, c], 1, mode='reflect')
            for n, (top, left) in enumerate(tokens):
                for i in range(per_side):
                    for j in range(per_side):
                        out[b, n, c, :, i, j] = _cell_histogram(plane, top + i * cell, left + j * cell, cell, bins)
    return out.reshape(batch, len(tokens), -1)


@pytest.mark.parametrize(
    ('patch', 'cell', 'bins', 'channels', 'size'),
    [(16, 8, 9, 3, (32, 16)), (4, 4, 9, 3, (8, 12)), (4, 2, 9, 1, (8, 8)), (8, 4, 6, 2, (16, 8))],
)
def test_equals_the_plain_loops(patch, cell, bins, channels, size):
    image = torch.randn(2, channels, *size, generator=torch.Generator().manual_seed(0))
    target = HOG(bins, cell, patch, image_size=size, channels=channels)
    goal = target({'image': image})
    assert goal.shape == (2, target.grid.num_tokens, target.dim)
    np.testing.assert_allclose(goal.numpy(), _plain_hog(image.double().numpy(), bins, cell, patch), atol=1e-5)


def test_dimension_of_maskfeat():
    assert HOG().dim == 108


def test_every_cell_has_norm_one_or_zero():
    image = torch.randn(2, 3, 32, 32)
    image[0, 1, :, :16] = 0.7
    goal = HOG(image_size=32)({'image': image}).unflatten(-1, (3, 9, 2, 2))
    norm = goal.norm(dim=3)
    assert (((norm - 1).abs() < 1e-5) | (norm == 0)).all()
    assert (norm == 0).any() and (norm > 0).any()


def test_direction_falls_into_the_expected_bin():
    """A ramp along columns has gx alone: atan2(gx, 0) is +-90 degrees, bin 4 of 9. Along rows gy alone: bin 0."""
    ramp = torch.arange(16.0).expand(16, 16)
    across = HOG(image_size=16, channels=1)({'image': ramp[None, None]}).unflatten(-1, (1, 9, 2, 2))
    down = HOG(image_size=16, channels=1)({'image': ramp.T[None, None]}).unflatten(-1, (1, 9, 2, 2))
    assert across.argmax(3).unique().tolist() == [4]
    assert down.argmax(3).unique().tolist() == [0]


def test_precision_does_not_follow_autocast():
    image = torch.randn(1, 3, 16, 16).requires_grad_()
    target = HOG(image_size=16)
    plain = target({'image': image})
    with torch.autocast('cpu', torch.bfloat16):
        goal = target({'image': image})
    assert goal.dtype == torch.float32 and not goal.requires_grad
    assert torch.equal(goal, plain)


def test_cell_must_divide_the_patch():
    with pytest.raises(ConfigError, match=r'patch \(8, 16\) is not square'):
        HOG(patch=(8, 16), image_size=(32, 64))
    with pytest.raises(ConfigError, match='patch 16 is no multiple of cell 6'):
        HOG(cell=6)
