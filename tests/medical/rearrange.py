"""What MONAI's transformers take from einops: `Rearrange('b h (qkv l d) -> qkv b l h d', qkv=3, l=4)`.

einops is no dependency of this project. This stand-in is written from the notation alone: split the axes in brackets,
permute, join.
"""

import math
import re

from torch import Tensor, nn


class Rearrange(nn.Module):
    def __init__(self, pattern: str, **sizes: int):
        super().__init__()
        self.before, self.after = (self._axes(side) for side in pattern.split('->'))
        self.sizes = sizes

    @staticmethod
    def _axes(side: str) -> list[list[str]]:
        return [part.strip('()').split() for part in re.findall(r'\([^)]*\)|\S+', side)]

    def forward(self, x: Tensor) -> Tensor:
        known = dict(self.sizes)
        for group, length in zip(self.before, x.shape, strict=True):
            unknown = [name for name in group if name not in known]
            if unknown:
                (name,) = unknown
                known[name] = length // math.prod(known[other] for other in group if other != name)
        flat = [name for group in self.before for name in group]
        order = [flat.index(name) for group in self.after for name in group]
        x = x.reshape([known[name] for name in flat]).permute(order)
        return x.reshape([math.prod(known[name] for name in group) for group in self.after])
