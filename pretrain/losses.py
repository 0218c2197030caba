"""Losses: how far a prediction is from its goal, and over which tokens that is averaged.

Every loss first averages over the values of a token (P, or the classes), then over the chosen tokens:
`sum(loss * chosen) / sum(chosen)`. With `mean='tokens'` that is MAE's normaliser, and also SimMIM's and A2MIM's
(`sum / (pixels + 1e-5) / channels` on images) up to their 1e-5. `mean='sample'` averages each sample first, as iBOT and
AttMask do; the two differ only when samples have different counts. Nothing here reads a value back from the device.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.mask import Mask
from pretrain.registry import MODELS

ON = ('masked', 'visible', 'all')
MEAN = ('tokens', 'sample')


def select(goal: Tensor, mask: Mask) -> Tensor:
    """The goal of the tokens to predict: `(B, N, ...)` to `(B, M, ...)` in the order of `mask.predict_index`."""
    index = mask.predict_index
    index = index.reshape(*index.shape, *(1,) * (goal.dim() - 2)).expand(-1, -1, *goal.shape[2:])
    return goal.gather(1, index)


def counted(mask: Mask, on: str) -> Tensor:
    """The tokens that a loss averages over, `(B, N)` bool; `on` as in TokenLoss."""
    chosen = {'masked': mask.predict, 'visible': mask.visible}.get(on)
    return torch.ones_like(mask.predict) if chosen is None else chosen


def align(prediction: Tensor, goal: Tensor, mask: Mask, on: str) -> tuple[Tensor, Tensor]:
    """The goal in the layout of the prediction, and which of its tokens count: `(B, N or M)` bool.

    A prediction with as many tokens as the goal is in raster order; a shorter one holds the tokens to predict only.
    Raises ConfigError when such a prediction is asked about other tokens, or has a wrong length.
    """
    if prediction.shape[1] == goal.shape[1]:
        return goal, counted(mask, on)
    if on != 'masked':
        raise ConfigError(
            f'loss on={on!r}, but the head predicts masked tokens only; use on="masked" or a head for all'
        )
    goal = select(goal, mask)
    if prediction.shape[1] != goal.shape[1]:
        raise ConfigError(f'{prediction.shape[1]} tokens predicted, {goal.shape[1]} to predict; head and mask differ')
    padding = mask.predict_padding
    return goal, torch.ones(goal.shape[:2], dtype=torch.bool, device=goal.device) if padding is None else ~padding


def reduce(loss: Tensor, chosen: Tensor, mean: str) -> Tensor:
    """`(B, N)` losses to a scalar. A batch (or, for `sample`, a sample) without a chosen token counts as zero."""
    loss = torch.where(chosen, loss, 0.0)
    if mean == 'tokens':
        return loss.sum() / chosen.sum().clamp(min=1)
    return (loss.sum(1) / chosen.sum(1).clamp(min=1)).mean()


class TokenLoss(nn.Module):
    """A loss per token, reduced over tokens.

    Args:
        on: the tokens that count, `masked` (those to predict), `visible` or `all`.
        mean: `tokens`, over all chosen tokens of the batch, or `sample`, per sample first.
        weight: factor on the result.

    The prediction is `(B, N, P)` in raster order or `(B, M, P)` in the order of `mask.predict_index`, in any precision;
    the goal is always that of all N tokens; `mask` is on the grid of the prediction. If counts differ between samples
    and one sample predicts all N tokens, both layouts have the same shape: give all tokens in raster order then.
    """

    def __init__(self, on: str = 'masked', mean: str = 'tokens', weight: float = 1.0):
        super().__init__()
        for name, value, allowed in (('on', on, ON), ('mean', mean, MEAN)):
            if value not in allowed:
                raise ConfigError(f'{type(self).__name__}: {name}={value!r}; allowed: {", ".join(allowed)}')
        self.on = on
        self.mean = mean
        self.weight = weight

    def forward(self, prediction: Tensor, goal: Tensor, mask: Mask) -> Tensor:
        goal, chosen = align(prediction, goal, mask, self.on)
        return self.weight * reduce(self.per_token(prediction.float(), goal), chosen, self.mean)

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        """`(B, N, P)` fp32 and its goal to `(B, N)`."""
        raise NotImplementedError

    def metrics(self, prediction: Tensor, goal: Tensor, mask: Mask) -> dict[str, Tensor]:
        """Scalars worth logging beside the loss, without a gradient."""
        return {}

    def extra_repr(self) -> str:
        return f'on={self.on!r}, mean={self.mean!r}, weight={self.weight}'


@MODELS.register_module()
class MSE(TokenLoss):
    """Squared error, averaged over the values of a token (MAE, MaskFeat)."""

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        return (prediction - goal).square().mean(-1)


@MODELS.register_module()
class L1(TokenLoss):
    """Absolute error, averaged over the values of a token (SimMIM; A2MIM on ViT)."""

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        return (prediction - goal).abs().mean(-1)


@MODELS.register_module()
class SmoothL1(TokenLoss):
    """Quadratic below `beta`, linear above, averaged over the values of a token (data2vec vision: beta 2)."""

    def __init__(self, beta: float = 1.0, **reduction):
        super().__init__(**reduction)
        self.beta = beta

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        return F.smooth_l1_loss(prediction, goal, reduction='none', beta=self.beta).mean(-1)


@MODELS.register_module()
class Cosine(TokenLoss):
    """One minus the cosine between the predicted and the goal vector of a token (EVA's loss plus 1)."""

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        return 1 - F.cosine_similarity(prediction, goal, dim=-1)


@MODELS.register_module()
class FocalL1(TokenLoss):
    """Absolute error d weighted by its own size, `d * (2 * sigmoid(beta * d) - 1) ** gamma` (A2MIM on CNNs: 0.2 and 1).

    The gradient flows through the weight too.
    """

    def __init__(self, beta: float = 0.2, gamma: float = 1.0, **reduction):
        super().__init__(**reduction)
        self.beta = beta
        self.gamma = gamma

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        distance = (prediction - goal).abs()
        return (distance * (2 * torch.sigmoid(self.beta * distance) - 1) ** self.gamma).mean(-1)


@MODELS.register_module()
class CrossEntropy(TokenLoss):
    """Cross-entropy of class scores `(B, N, V)` with token ids `(B, N)` (BEiT)."""

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        return F.cross_entropy(prediction.flatten(0, 1), goal.flatten(), reduction='none').view(goal.shape)

    @torch.no_grad()
    def metrics(self, prediction: Tensor, goal: Tensor, mask: Mask) -> dict[str, Tensor]:
        """`accuracy`: share of the chosen tokens whose highest score is the right id, 0 to 1."""
        goal, chosen = align(prediction, goal, mask, self.on)
        return {'accuracy': reduce((prediction.argmax(-1) == goal).float(), chosen, self.mean)}


@MODELS.register_module()
class SoftCrossEntropy(TokenLoss):
    """Cross-entropy of class scores `(B, N, V)` with probabilities `(B, N, V)`, summed over the classes (mc-BEiT)."""

    def per_token(self, prediction: Tensor, goal: Tensor) -> Tensor:
        return -(goal * prediction.log_softmax(-1)).sum(-1)

    @torch.no_grad()
    def metrics(self, prediction: Tensor, goal: Tensor, mask: Mask) -> dict[str, Tensor]:
        """`accuracy`: share of the chosen tokens whose highest score is the most probable id, 0 to 1."""
        goal, chosen = align(prediction, goal, mask, self.on)
        return {'accuracy': reduce((prediction.argmax(-1) == goal.argmax(-1)).float(), chosen, self.mean)}


@MODELS.register_module()
class FocalFrequency(nn.Module):
    """Distance of two spectra `(B, C, H, W, 2)` that looks hardest where they differ most.

    With `batch_mean` both spectra are first averaged over the batch (over this process's share of it). The squared
    distance of every frequency is weighted by `log(1 + distance ** alpha)`, scaled to a largest weight of 1 and
    detached; the mean over channels and frequencies is the loss (A2MIM; Westlake-AI/openmixup, `FocalFrequencyLoss`).
    The mask plays no part: `Spectrum.view` has put the image together already.

    Args:
        weight: factor on the result; A2MIM uses 0.1 for ViT and 0.5 for CNNs.
    """

    def __init__(self, weight: float = 1.0, alpha: float = 1.0, batch_mean: bool = True):
        super().__init__()
        self.weight = weight
        self.alpha = alpha
        self.batch_mean = batch_mean

    def forward(self, prediction: Tensor, goal: Tensor, mask: Mask | None = None) -> Tensor:
        difference = prediction.float() - goal
        if self.batch_mean:
            difference = difference.mean(0, keepdim=True)
        squared = difference.square().sum(-1)
        focus = torch.log1p(squared.detach().sqrt() ** self.alpha)
        focus = focus / focus.max().clamp(min=torch.finfo(focus.dtype).tiny)
        return self.weight * (focus * squared).mean()

    def metrics(self, prediction: Tensor, goal: Tensor, mask: Mask | None = None) -> dict[str, Tensor]:
        return {}
