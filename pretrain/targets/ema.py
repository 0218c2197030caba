"""The EMA teacher: a network that follows another one slowly."""

import copy
import math

import torch
from torch import nn

from pretrain.errors import ConfigError
from pretrain.registry import MODELS

RAMPS = ('constant', 'linear', 'cosine')


@MODELS.register_module()
class EMATeacher(nn.Module):
    """A copy of a network whose weights move by `teacher = m * teacher + (1 - m) * net` after each update of the net.

    Always in eval mode (no drop path, running statistics), never trained. Buffers and integers are copied as they are.

    Args:
        net: the network to follow.
        momentum, final_momentum: m at the start and, when it ramps, at the end.
        ramp: `constant`, `linear` (data2vec, MSN) or `cosine` (iBOT, SiameseIM).
        until: share of the training after which m stays at its final value (data2vec vision ramps 0.999 -> 0.9998).

    Attributes:
        net: the averaged network; it belongs to the training checkpoint, so that a run resumes exactly.
    """

    def __init__(
        self,
        net: nn.Module,
        momentum: float = 0.999,
        final_momentum: float = 1.0,
        ramp: str = 'constant',
        until: float = 1.0,
    ):
        super().__init__()
        if ramp not in RAMPS:
            raise ConfigError(f'EMATeacher: ramp={ramp!r}; allowed: {", ".join(RAMPS)}')
        if not 0 <= momentum <= 1 or not 0 <= final_momentum <= 1 or not 0 < until <= 1:
            raise ConfigError(
                f'EMATeacher: momentum={momentum}, final_momentum={final_momentum}, until={until}; all lie in 0..1'
            )
        self.momentum, self.final_momentum, self.ramp, self.until = momentum, final_momentum, ramp, until
        self.net = copy.deepcopy(net).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> 'EMATeacher':
        """Stays in eval mode."""
        return super().train(False)

    def momentum_at(self, progress: float) -> float:
        """m after a share `progress` (0 to 1) of the training."""
        if self.ramp == 'constant':
            return self.momentum
        share = min(progress / self.until, 1.0)
        if self.ramp == 'cosine':
            share = (1 - math.cos(math.pi * share)) / 2
        return self.momentum + (self.final_momentum - self.momentum) * share

    @torch.no_grad()
    def update(self, net: nn.Module, progress: float) -> None:
        """Move towards `net`, after its optimiser step. Raises ValueError when it is not the same network."""
        own, other = _named(self.net), _named(net)
        if own.keys() != other.keys():
            raise ValueError(f'teacher and net differ in {sorted(own.keys() ^ other.keys())[:3]}')
        averaged = [name for name, tensor in self.net.named_parameters() if tensor.is_floating_point()]
        torch._foreach_lerp_([own[n] for n in averaged], [other[n] for n in averaged], 1 - self.momentum_at(progress))
        copied = sorted(own.keys() - set(averaged))
        if copied:
            torch._foreach_copy_([own[n] for n in copied], [other[n] for n in copied])


def _named(net: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(net.named_parameters()), **dict(net.named_buffers())}
