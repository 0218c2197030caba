"""LARS against its definition, written plainly."""

import numpy as np
import pytest
import torch

from classification.lars import LARS

pytestmark = pytest.mark.unit


def plain(weights, gradients, lr, decay, momentum, trust):
    """Per tensor: two axes or more are decayed and scaled by trust * |w| / |g|; then momentum, then the step."""
    weights, speed = [w.copy() for w in weights], [np.zeros_like(w) for w in weights]
    for step in gradients:
        for i, g in enumerate(step):
            if weights[i].ndim > 1:
                g = g + decay * weights[i]
                size, slope = np.linalg.norm(weights[i]), np.linalg.norm(g)
                g = g * (trust * size / slope if size > 0 and slope > 0 else 1.0)
            speed[i] = momentum * speed[i] + g
            weights[i] = weights[i] - lr * speed[i]
    return weights


@pytest.mark.parametrize('decay', [0.0, 0.3])
def test_against_the_definition(decay: float) -> None:
    rng = np.random.default_rng(0)
    shapes = [(4, 3), (5,), (2, 3, 2), (3, 3)]
    weights = [rng.normal(size=shape) for shape in shapes]
    weights[3][:] = 0  # its norm is 0: no scaling
    gradients = [[rng.normal(size=shape) for shape in shapes] for _ in range(4)]
    parameters = [torch.nn.Parameter(torch.tensor(w)) for w in weights]
    optimizer = LARS(parameters, lr=0.7, weight_decay=decay)
    for step in gradients:
        for parameter, gradient in zip(parameters, step):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
    expected = plain(weights, gradients, 0.7, decay, 0.9, 0.001)
    for parameter, value in zip(parameters, expected):
        assert torch.allclose(parameter.detach(), torch.tensor(value), atol=1e-12)
