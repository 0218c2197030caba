"""Optimisers of published classification recipes that torch lacks."""

import timm.optim
import torch
from mmengine.registry import OPTIMIZERS
from torch.optim import Optimizer


@OPTIMIZERS.register_module()
class LARS(Optimizer):
    """Layer-wise adaptive rate scaling with momentum (You et al. 2017), in the form of MoCo-v3 and MAE.

    Args:
        lr: learning rate.
        weight_decay: L2 term, added to the gradient of tensors with two axes or more.
        momentum: of the velocity `v = momentum * v + scaled gradient`; then `p = p - lr * v`.
        trust_coefficient: the gradient of a tensor with two axes or more is scaled by `trust_coefficient * |p| / |g|`,
            by 1 when either norm is 0. One-dimensional tensors are neither scaled nor decayed.
    """

    def __init__(
        self, params, lr: float, weight_decay: float = 0.0, momentum: float = 0.9, trust_coefficient: float = 0.001
    ):
        defaults = {
            'lr': lr,
            'weight_decay': weight_decay,
            'momentum': momentum,
            'trust_coefficient': trust_coefficient,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group['params']:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _update(self, parameter: torch.Tensor, group: dict) -> None:
        update = parameter.grad
        if parameter.ndim > 1:
            update = update.add(parameter, alpha=group['weight_decay'])
            size, slope = torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(update)
            trust = group['trust_coefficient'] * size / slope
            update = update * torch.where((size > 0) & (slope > 0), trust, torch.ones_like(trust))
        state = self.state[parameter]
        if 'momentum_buffer' not in state:
            state['momentum_buffer'] = torch.zeros_like(parameter)
        velocity = state['momentum_buffer'].mul_(group['momentum']).add_(update)
        parameter.add_(velocity, alpha=-group['lr'])


if OPTIMIZERS.get('Lamb') is None:
    OPTIMIZERS.register_module(name='Lamb', module=timm.optim.Lamb)
