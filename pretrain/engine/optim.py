"""The optimiser wrapper: bf16 autocast, accumulation, clipping, and no update after a non-finite loss."""

import contextlib
import math

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch import distributed as dist

from pretrain.engine.precision import autocast_dtype
from pretrain.errors import ConfigError
from pretrain.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class GuardedOptimWrapper(OptimWrapper):
    """mmengine's wrapper without its host synchronisations, and with a guard.

    Args:
        optimizer: built by ParamGroups.
        precision: 'auto' (bf16 where the hardware multiplies it natively, else fp32), 'bf16' or 'fp32'.
        clip_grad: None or `dict(max_norm=...)`, the 2-norm over all parameters.
        accumulative_counts: micro-batches per update.

    After the backward pass of an update it looks, on the device, whether loss and gradient norm are finite on every
    rank. From the first time they are not, no parameter changes any more on any rank: a fused optimiser skips on the
    device and the loop finds out when it next reads the metrics; any other optimiser costs one host read per update.
    """

    def __init__(self, optimizer, precision: str = 'auto', clip_grad: dict | None = None, accumulative_counts: int = 1):
        super().__init__(optimizer, accumulative_counts=accumulative_counts)
        if clip_grad is not None and set(clip_grad) != {'max_norm'}:
            raise ConfigError(f'clip_grad is {clip_grad}; it takes one key: dict(max_norm=1.0)')
        self.max_norm = math.inf if clip_grad is None else float(clip_grad['max_norm'])
        self.device = next(p.device for g in optimizer.param_groups for p in g['params'])
        self.dtype = autocast_dtype(precision, self.device.type)
        self.grad_norm: Tensor | None = None
        self.failed = torch.zeros((), device=self.device)
        self.failed_at = torch.full((), -1, dtype=torch.int64, device=self.device)
        self.failed_here = torch.zeros((), dtype=torch.bool, device=self.device)
        self._finite = torch.ones((), dtype=torch.bool, device=self.device)
        self._skips_on_device = bool(optimizer.defaults.get('fused'))

    @property
    def updates(self) -> int:
        """Updates begun since the start of the training."""
        return self._inner_count // self._accumulative_counts

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Counts are updates here, and every update has all its micro-batches."""
        self._inner_count = init_counts * self._accumulative_counts
        self._max_counts = -1

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module):
        with super().optim_context(model):
            if self.dtype is None:
                yield
            else:
                with torch.autocast(self.device.type, dtype=self.dtype):
                    yield

    def update_params(self, loss: Tensor, step_kwargs=None, zero_kwargs=None) -> None:
        self._finite = self._finite & torch.isfinite(loss.detach())
        super().update_params(loss, step_kwargs, zero_kwargs)

    def step(self, **kwargs) -> None:
        params = [p for g in self.optimizer.param_groups for p in g['params'] if p.grad is not None]
        self.grad_norm = torch.nn.utils.clip_grad_norm_(params, self.max_norm)
        norm = self.grad_norm.full_tensor() if hasattr(self.grad_norm, 'full_tensor') else self.grad_norm
        failed = (~(self._finite & torch.isfinite(norm))).float()
        if dist.is_initialized():
            dist.all_reduce(failed, dist.ReduceOp.MAX)
        number = self.updates - 1
        first = (failed > 0) & (self.failed_at < 0)
        self.failed_here = torch.where(first, ~self._finite, self.failed_here)
        self.failed_at = torch.where(first, number, self.failed_at)
        self.failed = torch.maximum(self.failed, failed)
        self.grad_norm = norm
        self._finite = torch.ones_like(self._finite)
        if self._skips_on_device:
            self.optimizer.found_inf = self.failed
            self.optimizer.grad_scale = None
            self.optimizer.step(**kwargs)
        elif not bool(self.failed):
            self.optimizer.step(**kwargs)
