"""Speed of grouping, and how the cost of an update grows with the number of points. Ratios; `-s` prints the times.

Seconds of the processor on one thread; measurements take turns and the fastest of each counts.
"""

import time

import numpy as np
import pytest
import torch

import pointcloud  # noqa: F401
from pretrain.points import farthest_points, group_points, nearest_points
from pretrain.registry import MODELS

pytestmark = pytest.mark.bench


def fastest(calls, rounds=2):
    best = dict.fromkeys(calls, float('inf'))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - start)
    return best


def plain_farthest(points, count):
    """The loop over the batch that a first version would be."""
    for cloud in points:
        nearest = np.full(len(cloud), np.inf)
        last = 0
        for _ in range(count - 1):
            nearest = np.minimum(nearest, ((cloud - cloud[last]) ** 2).sum(1))
            last = int(nearest.argmax())


def test_grouping_of_32_clouds():
    """32 x 2048 points to 256 groups of 32: batched sampling beats a loop over clouds."""
    points = torch.randn(32, 2048, 3)
    centres = points[:, :256]
    times = fastest(
        {
            'farthest points': lambda: farthest_points(points, 256),
            'neighbours': lambda: nearest_points(centres, points, 32),
            'both': lambda: group_points(points, 256, 32),
            'NumPy, cloud by cloud': lambda: plain_farthest(points.numpy(), 256),
        },
    )
    print('\n' + '\n'.join(f'{name}: {seconds * 1e3:.0f} ms' for name, seconds in times.items()))
    assert times['farthest points'] < times['NumPy, cloud by cloud']
    assert times['both'] < 2 * (times['farthest points'] + times['neighbours'])


def test_an_update_grows_with_the_tokens():
    """Point-MAE ViT-S, batch 2: 1k, 2k and 8k points in 64, 128 and 512 groups.

    Groups, embedding and linear layers are proportional to the tokens, attention and sampling to their square, which
    at 8 times the tokens must not have taken over: less than 16 times the time.
    """
    calls = {}
    for points, groups in ((1024, 64), (2048, 128), (8192, 512)):
        model = MODELS.build(
            dict(
                type='MaskedPoints',
                num_points=points,
                masking=dict(type='RandomMasking', ratio=0.6, rounding='floor(hidden)'),
                encoder=dict(type='PointEncoder', arch='point_small', num_groups=groups),
                head=dict(type='PointDecoder'),
                target=dict(type='GroupPoints'),
                loss=dict(type='ChamferLoss'),
            )
        )
        cloud = torch.randn(2, points, 3)

        def update(model=model, cloud=cloud):
            model.loss(model.data_preprocessor({'points': cloud}))['loss'].backward()

        calls[points] = update
    times = fastest(calls, rounds=2)
    print('\n' + '\n'.join(f'{n} points: {s:.2f} s, {s / times[1024]:.1f} x' for n, s in times.items()))
    assert times[2048] < 4 * times[1024] and times[8192] < 16 * times[1024]
