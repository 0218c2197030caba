"""Probes of frozen features: a batch norm without parameters and a linear layer, or attention over all tokens.

`LinearProbe` is MAE's recipe: the engine trains the head on features of freshly augmented images. `FrozenProbe` is the
cheap variant: the same head on cached features of unaugmented images. Their scores differ, and so do their protocols.
`AttentiveProbe` chooses among the tokens, which helps encoders whose mean token says little, as masked ones' often.
"""

import math

import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor, nn

from classification.lars import LARS
from classification.task import ClassificationTask
from pretrain.classifier import AttentiveHead, check_classes, probe_head
from pretrain.encoders.net import forward_tokens
from pretrain.engine.accuracy import ClassMetrics
from pretrain.engine.derive import learning_rate
from pretrain.engine.features import Features, frozen_run
from pretrain.engine.processes import is_main
from pretrain.engine.schedule import WarmupCosine
from pretrain.engine.transfer import Request
from pretrain.frozen import FrozenEncoder
from pretrain.record import Result
from pretrain.registry import MODELS, TASKS


@MODELS.register_module()
class LinearProbe(FrozenEncoder):
    """A frozen encoder with a head that trains; arguments of FrozenEncoder."""

    def __init__(self, encoder: dict, **common):
        super().__init__(encoder, **common)
        self.head = probe_head(self.net.num_features, check_classes(self.num_classes))

    def loss(self, batch: dict) -> dict[str, Tensor]:
        logits = self.head(self.features(batch['image'])).float()
        accuracy = (logits.detach().argmax(1) == batch['label']).float().mean()
        return {'loss': F.cross_entropy(logits, batch['label']), 'accuracy': accuracy}

    @torch.no_grad()
    def predict(self, batch: dict) -> dict[str, Tensor]:
        """Logits `(B, classes)` of preprocessed images."""
        return {'logits': self.head(self.features(batch['image']))}


@MODELS.register_module()
class AttentiveProbe(LinearProbe):
    """A frozen encoder whose tokens are pooled by attention that trains; `pool` is not used."""

    def __init__(self, encoder: dict, **common):
        super().__init__(encoder, **common)
        self.head = AttentiveHead(self.net.num_features, check_classes(self.num_classes), std=0.02)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Normalised `(B, C, H, W)` to tokens `(B, N, D)` after the final norm."""
        return forward_tokens(self.net, images)


@TASKS.register_module()
class FrozenProbe(ClassificationTask):
    """Trains the probe's head on cached features with LARS, warm-up and cosine decay, in fp32.

    Args:
        epochs, warmup: length of the training and of the warm-up.
        batch: images per update; the number of training images if that is smaller.
        lr: a number, or `dict(base=0.1, per=256)` for base * batch / per.
        weight_decay: of the linear layer.
    """

    def __init__(self, epochs: int = 90, warmup: int = 10, batch: int = 16384, lr=None, weight_decay: float = 0.0):
        self.epochs, self.warmup, self.batch, self.weight_decay = epochs, warmup, batch, weight_decay
        self.lr = {'base': 0.1, 'per': 256} if lr is None else lr

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        found = frozen_run(self, cfg, request, config_hash)
        setting, device = found.setting, found.device
        train, val = found.train, found.val  # a damaged image is found before the head trains
        batch = min(self.batch, len(train.x))
        derived = {'batch_size': batch, 'lr': learning_rate(self.lr, batch)}
        if is_main():
            print(f'effective batch {batch}, peak lr {derived["lr"]:.4g}, {self.epochs} epochs')
        head = self.fit(train, setting.data.num_classes, setting.seed, device)
        with torch.no_grad():
            logits = torch.cat([head(part.to(device)).cpu() for part in val.x.split(1024)])
        metrics = ClassMetrics(len(logits), setting.data.num_classes, setting.data.val.classes)
        metrics.add(torch.arange(len(logits)), logits, val.label)
        return found.record(metrics.scores(), derived=derived, effective_batch=batch)

    def fit(self, train: Features, num_classes: int, seed: int = 0, device: torch.device | str = 'cpu') -> nn.Module:
        """The trained head, in evaluation mode. Every epoch is a permutation; a last partial batch is left out."""
        batch = min(self.batch, len(train.x))
        per_epoch = len(train.x) // batch
        generator = torch.Generator().manual_seed(seed)
        x, label = train.x.to(device), train.label.to(device)
        torch.manual_seed(seed)
        head = probe_head(x.shape[1], num_classes).to(device).train()
        peak = learning_rate(self.lr, batch)
        optimizer = LARS(head.parameters(), peak, self.weight_decay)
        schedule = WarmupCosine(total=self.epochs * per_epoch, per_epoch=per_epoch, warmup=self.warmup)
        for update in range(self.epochs * per_epoch):
            if update % per_epoch == 0:
                order = torch.randperm(len(x), generator=generator).to(device)
            rows = order[update % per_epoch * batch :][:batch]
            optimizer.param_groups[0]['lr'] = peak * schedule(update)
            loss = F.cross_entropy(head(x[rows]), label[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        last = loss.item()
        if not math.isfinite(last):
            raise RuntimeError(f'the probe diverged (loss {last}); lower task.lr')
        return head.eval()
