"""Point clouds as tokens: farthest-point sampling, nearest neighbours, groups, and the Chamfer distance between sets.

Pure torch, on any device, deterministic: sampling begins at index 0 and equal distances go to the smaller index.
Distances are squared differences in fp32, never the expanded form, whose rounding would reorder neighbours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.errors import ConfigError

CHUNK = 1 << 24
"""Distances held at once; larger problems are cut along the batch, and one large cloud along its queries."""
NEAR_ORIGIN = 1e-3
"""Squared norm up to which the CUDA kernel of pointnet2_ops never samples a point."""
NORMS = ('l2', 'l1')


def farthest_points(points: Tensor, count: int, skip_near_origin: bool = False) -> Tensor:
    """Indices `(B, count)` of points of `(B, N, 3)`, each the farthest from all before it, index 0 first.

    Args:
        skip_near_origin: as the CUDA kernel behind the published results, never take a point whose squared norm is at
            most 1e-3 (index 0 excepted). Other implementations do not have this rule.

    Raises ConfigError when there are fewer than `count` points.
    """
    batch, number = points.shape[:2]
    if not 0 < count <= number:
        raise ConfigError(f'{count} points cannot be sampled from {number}; give more points or ask for fewer')
    points = points.detach().float()
    nearest = torch.full((batch, number), torch.inf, device=points.device)
    if skip_near_origin:
        nearest = torch.where(points.square().sum(-1) <= NEAR_ORIGIN, -1.0, nearest)
    chosen = torch.zeros(batch, count, dtype=torch.long, device=points.device)
    axes = [axis.contiguous() for axis in points.unbind(-1)]  # sums over a last axis of 3 would take most of the time
    for i in range(1, count):
        last = chosen[:, i - 1 : i]
        distance = sum((axis - axis.gather(1, last)).square_() for axis in axes)
        nearest = torch.minimum(nearest, distance)  # type: ignore[arg-type]  # there is an axis
        chosen[:, i] = nearest.argmax(1)  # the first of equal ones, as torch promises
    return chosen


def nearest_points(queries: Tensor, points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """For each of the queries `(B, Q, 3)` its `count` nearest points of `(B, N, 3)`, nearest first.

    Returns squared distances, without a gradient, and indices, both `(B, Q, count)`. Raises ConfigError for fewer than
    `count` points.
    """
    if not 0 < count <= points.shape[1]:
        raise ConfigError(f'{count} neighbours of {points.shape[1]} points; give more points or ask for fewer')
    with torch.no_grad():
        found = [_smallest(distances, count) for distances in _pieces(queries.float(), points.float())]
        distance, index = (torch.cat([f[k].flatten(0, 1) for f in found]) for k in (0, 1))
        return distance.view(*queries.shape[:2], count), index.view(*queries.shape[:2], count)


def gather_points(points: Tensor, index: Tensor) -> Tensor:
    """`(B, N, C)` and indices `(B, ...)` to `(B, ..., C)`."""
    flat = index.flatten(1).unsqueeze(-1).expand(-1, -1, points.shape[-1])
    return points.gather(1, flat).reshape(*index.shape, points.shape[-1])


@dataclass
class Groups:
    """A batch of clouds cut into groups.

    Attributes:
        centres: `(B, G, 3)` in sampling order.
        neighbours: `(B, G, K, 3)` relative to their centre, nearest first.
        index: `(B, G, K)` of the neighbours in the cloud.
    """

    centres: Tensor
    neighbours: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def device(self) -> torch.device:
        return self.centres.device

    def to(self, device: torch.device | str) -> 'Groups':
        return Groups(*(t.to(device) for t in (self.centres, self.neighbours, self.index)))


def group_points(points: Tensor, groups: int, size: int, skip_near_origin: bool = False) -> Groups:
    """Cut `(B, N, 3)` into `groups` overlapping groups: farthest points as centres, `size` nearest neighbours each."""
    points = points.float()
    centres = gather_points(points, farthest_points(points, groups, skip_near_origin))
    _, index = nearest_points(centres, points, size)
    return Groups(centres, gather_points(points, index) - centres.unsqueeze(2), index)


def chamfer(one: Tensor, other: Tensor, norm: str = 'l2') -> Tensor:
    """Chamfer distance `(B,)` between sets `(B, N, 3)` and `(B, M, 3)`, with a gradient to both.

    'l2': mean squared distance to the nearest point of the other set, both ways added. 'l1': the mean of the two mean
    distances; not the Manhattan norm, which other libraries mean by 1 (Point-MAE extensions/chamfer_dist). The
    gradient of 'l1' is 0 where points coincide.
    """
    if norm not in NORMS:
        raise ConfigError(f'chamfer norm is {norm!r}; allowed: {", ".join(NORMS)}')
    one, other = one.float(), other.float()
    there, back = _to_nearest(one, other), _to_nearest(other, one)
    if norm == 'l1':
        return (_root(there).mean(1) + _root(back).mean(1)) / 2
    return there.mean(1) + back.mean(1)


def _to_nearest(points: Tensor, others: Tensor) -> Tensor:
    """Squared distances `(B, N)` to the nearest of `others`, with a gradient to both: none to the other distances."""
    _, index = nearest_points(points, others, 1)
    return (points - gather_points(others, index.squeeze(-1))).square().sum(-1)


def _root(x: Tensor) -> Tensor:
    """Square root with gradient 0 at 0."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0).sqrt(), 0.0)


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Squared distances `(B, N, M)` without the expanded form."""
    distance = torch.zeros(*one.shape[:2], other.shape[1], device=one.device)
    for axis in range(one.shape[-1]):
        distance += (one[..., axis].unsqueeze(2) - other[..., axis].unsqueeze(1)).square_()
    return distance


def _smallest(distances: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest of the last axis and their indices, in order; of equal ones the smaller index first.

    topk promises no order of equal values. Distances are no less than 0, where floats are ordered as their bits: with
    the index behind them, no two are equal.
    """
    if count == 1:
        value, index = distances.min(-1, keepdim=True)  # the first of equal ones, as torch promises
        return value, index
    key = distances.view(torch.int32).long().bitwise_left_shift_(32)
    key |= torch.arange(distances.shape[-1], device=distances.device)
    index = key.topk(count, dim=-1, largest=False).values & 0xFFFFFFFF
    return distances.gather(-1, index), index


def _pieces(one: Tensor, other: Tensor) -> Iterator[Tensor]:
    """Distances `(b, n, M)` in pieces of at most CHUNK (or of one query), in the order of batch and queries."""
    across = max(other.shape[1], 1)
    rows = max(1, CHUNK // (across * max(one.shape[1], 1)))
    queries = max(1, CHUNK // across)
    for a, b in zip(one.split(rows), other.split(rows), strict=True):
        for part in a.split(queries, dim=1):
            yield _distances(part, b)
