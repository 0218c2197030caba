"""Clouds as pictures: an orthographic view from a corner, near points dark, for a person to look at."""

import math

import torch
from torch import Tensor

from pretrain.errors import ConfigError

SIZE = 128
TURN, TILT = math.radians(35), math.radians(25)


UP = 'yz'
"""Axes that may point up: y in ShapeNet and the resampled ModelNet40, z in ModelNet's meshes and aerial LiDAR."""


def check_up(up: str) -> int:
    """The number of the axis that points up. ConfigError for one that is not drawn upwards."""
    if up not in tuple(UP):
        raise ConfigError(f'dataset.up is {up!r}; allowed: {", ".join(map(repr, UP))}')
    return 'xyz'.index(up)


def draw_clouds(
    points: Tensor, like: Tensor, size: int = SIZE, colours: Tensor | None = None, up: Tensor | None = None
) -> Tensor:
    """`(B, N, 3)`, NaN for what is not to be drawn, to pictures `(B, 3, size, size)` in [0, 1].

    All pictures of one cloud share the frame of `like` `(B, M, 3)`. `up` `(B,)` numbers the axis that points up, 1 or 2
    (`check_up`); None is y. Points are blue, near ones darker, or have their `colours` `(B, N, 3)`.
    """
    points, like = upright(points, up), upright(like, up)
    low, high = like.amin(1, keepdim=True), like.amax(1, keepdim=True)
    centre, reach = (low + high) / 2, (high - low).norm(dim=-1, keepdim=True).clamp(min=1e-9) / 2
    x, y, z = ((points - centre) / reach).float().cpu().unbind(-1)
    across = math.cos(TURN) * x + math.sin(TURN) * z
    depth = -math.sin(TURN) * x + math.cos(TURN) * z
    height, depth = math.cos(TILT) * y + math.sin(TILT) * -depth, math.sin(TILT) * y + math.cos(TILT) * depth
    pictures = torch.ones(len(points), 3, size, size)
    own = [None] * len(points) if colours is None else list(colours.float().cpu())
    for picture, column, row, far, given in zip(pictures, across, height, depth, own, strict=True):
        known = torch.isfinite(column)
        order = far[known].argsort()  # near points are drawn last
        i = ((1 - row[known][order]) / 2 * (size - 1)).round().long().clamp(0, size - 2)
        j = ((1 + column[known][order]) / 2 * (size - 1)).round().long().clamp(0, size - 2)
        near = ((far[known][order] + 1) / 2).clamp(0, 1)
        colour = torch.stack([0.75 - 0.7 * near, 0.8 - 0.5 * near, 0.95 - 0.35 * near])
        if given is not None:
            colour = given[known][order].T
        for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)):
            picture[:, i + di, j + dj] = colour
    return pictures


def upright(points: Tensor, up: Tensor | None) -> Tensor:
    """`(B, N, 3)` turned so that y points up: across, up and towards the eye. No turn mirrors."""
    return points if up is None else torch.where((up == 2)[:, None, None], points[..., [1, 2, 0]], points)


def part_colours(parts: Tensor) -> Tensor:
    """Part numbers `(B, N)` to colours `(B, N, 3)`; neighbouring numbers differ most."""
    hue = (parts.float() * 0.381966) % 1  # the golden section spreads them
    shift = torch.tensor([0.0, 2 / 3, 1 / 3], device=parts.device)
    return 0.45 + 0.4 * torch.cos(2 * math.pi * (hue.unsqueeze(-1) + shift))
