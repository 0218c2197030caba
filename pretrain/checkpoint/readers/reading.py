"""What a reader returns, and the tools all readers share: renaming with a trace of where every tensor came from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

IMAGENET = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}

Rename = Sequence[tuple[str, str]]


@dataclass
class Reading:
    """A foreign state dict in timm's names.

    Attributes:
        kind: which class it becomes: `vit`, `vit3d`, `beit`, `swin`, `swin3d`, `resnet`, `convnext`,
            `points` or `point-pyramid`.
        tensors: by timm name.
        origin: the names in the file that each tensor was made from.
        dropped: reason by name in the file.
        facts: fields of the card that the file or its family determines.
        net_args: arguments of the architecture that shapes cannot tell.
        heads: attention heads by width, where the family differs from the usual table.
        norm_optional: the family's own encoder may end without a norm.
        image_side: pixels per side, where the file tells and positions do not (Swin).
    """

    family: str
    kind: str
    tensors: dict[str, Tensor]
    origin: dict[str, tuple[str, ...]]
    dropped: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    net_args: dict[str, Any] = field(default_factory=dict)
    heads: dict[int, int] = field(default_factory=dict)
    norm_optional: bool = False
    image_side: int | None = None

    def drop(self, names: Iterable[str], reason: str) -> None:
        """Leave tensors out on purpose, with the reason."""
        for name in list(names):
            for source in self.origin[name]:
                if not any(source in sources for target, sources in self.origin.items() if target != name):
                    self.dropped[source] = reason
            del self.tensors[name], self.origin[name]

    def put(self, name: str, tensor: Tensor, replaces: Iterable[str]) -> None:
        """Store `tensor`, computed from the tensors `replaces`, which are taken away. Order of names is kept."""
        replaces = list(replaces)
        sources = tuple(source for old in replaces for source in self.origin[old])
        for old in replaces:
            if old != name:
                del self.tensors[old], self.origin[old]
        self.tensors[name], self.origin[name] = tensor, sources

    def below(self, pattern: str) -> list[str]:
        """Names that the regular expression matches as a whole."""
        return [name for name in self.tensors if re.fullmatch(pattern, name)]


def rename(
    family: str, kind: str, state: dict[str, Tensor], rules: Rename = (), drops: Rename = (), **reading
) -> Reading:
    """Apply the first matching `(regular expression, replacement)` rule to each name; keep names that match none.

    `drops` are `(regular expression, reason)` and come first. Two tensors that would get one name keep their own names,
    so that the audit reports the second as unexpected. Floating-point tensors become float32.
    """
    result = Reading(family, kind, {}, {}, **reading)
    for name, tensor in state.items():
        reason = next((why for pattern, why in drops if re.fullmatch(pattern, name)), None)
        if reason is not None:
            result.dropped[name] = reason
            continue
        new = name
        for pattern, replacement in rules:
            if re.fullmatch(pattern, name):
                new = re.sub(pattern, replacement, name)
                break
        new = name if new in result.tensors else new
        result.tensors[new] = tensor.float() if tensor.is_floating_point() else tensor
        result.origin[new] = (name,)
    return result


def strip(prefix: str) -> tuple[str, str]:
    """The rule that removes a leading prefix."""
    return re.escape(prefix) + '(.*)', r'\1'


def fuse_attention(reading: Reading, attn: str, parts: tuple[str, str, str], to: str = 'qkv') -> None:
    """Join the q, k and v projections below `attn` into `to.weight` and their biases into one bias.

    A missing key bias beside present q and v biases becomes zero: softmax does not see it. Incomplete triples are left
    for the audit to report.
    """
    names = [f'{attn}.{part}' for part in parts]
    weights = [f'{name}.weight' for name in names]
    if all(name in reading.tensors for name in weights):
        reading.put(f'{attn}.{to}.weight', torch.cat([reading.tensors[name] for name in weights]), weights)
    biases = [f'{name}.bias' for name in names]
    q, k, v = (reading.tensors.get(name) for name in biases)
    if q is not None and v is not None:
        k = torch.zeros_like(q) if k is None else k
        present = [name for name in biases if name in reading.tensors]
        reading.put(f'{attn}.{to}.bias', torch.cat([q, k, v]), present)
