"""Accuracy of clips: the views of a video are averaged as probabilities, so that is what a model predicts."""

import torch
from torch import Tensor, nn

from pretrain.engine.accuracy import ClassMetrics


class ClipMetrics(ClassMetrics):
    """One row per video, keyed by its index in the data set, never by its name: file stems repeat in real sets."""

    def observe(self, model: nn.Module, batch: dict) -> None:
        prepared = model.data_preprocessor(batch)
        self.add(batch['index'], model.predict(prepared)['probabilities'], prepared['label'])

    def add(self, index: Tensor, probabilities: Tensor, label: Tensor) -> None:
        """`(B,)`, `(B, classes)` that add up to 1, `(B,)`. Raises RuntimeError when a probability is not finite."""
        shares = probabilities.detach().double()
        super().add(index, shares.clamp(min=torch.finfo(torch.float64).tiny).log(), label)
