"""Opening a checkpoint of any format, and building the network from it with proof that every tensor went in."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pretrain.checkpoint import architecture, describe, exchange, readers, timm_config
from pretrain.checkpoint.audit import LoadReport, audit
from pretrain.checkpoint.canonical import finish
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.nets import expected_shapes, make_net, meta_net, required, shapes_of
from pretrain.checkpoint.sizes import input_args, resize_state
from pretrain.checkpoint.source import open_source, require_finite, wrong_type
from pretrain.checkpoint.unpickle import is_safetensors
from pretrain.errors import CheckpointError


@dataclass
class Opened:
    """A checkpoint in the house's terms.

    `state` holds float32 tensors in timm's names, complete for `card.arch`; `origin` and `dropped` tell how they follow
    from the file; `sha256` is that of the opened file (the card's is that of the original source).
    """

    path: Path
    card: Card
    state: dict[str, Tensor]
    report: LoadReport
    sha256: str
    origin: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)

    def net_args(self) -> dict[str, Any]:
        """Arguments for `make_net` beside the architecture's name."""
        return dict(self.card.arch_args)


def open_checkpoint(
    path: str | os.PathLike,
    student: bool = False,
    arch_args: Mapping[str, Any] | None = None,
    allow_missing: Sequence[str] = (),
) -> Opened:
    """Read an exchange file or a foreign checkpoint of any known family, and check that it is complete and finite.

    Args:
        student: take the student of a teacher-student file (the teacher otherwise).
        arch_args: what the file cannot tell, such as `{'num_heads': 3}`; `arch` replaces the architecture's name.
        allow_missing: shell patterns of tensors that the file may lack; recorded in the report.

    Raises CheckpointError, on one line, naming the file, the cause and the remedy.
    """
    path = Path(path)
    card = _card_of(path)
    if card is not None:
        return _open_exchange(path, card, student, dict(arch_args or {}), allow_missing)
    source = open_source(path, student, dict(arch_args or {}))
    reading = finish(readers.read(source))
    hints = {**timm_config.arguments(source, reading), **source.hints}
    arch, args = architecture.infer(reading, hints, str(path))
    dropped = {**source.dropped, **reading.dropped}
    shapes = expected_shapes(arch, args, str(path))
    report = audit(
        str(path), required(arch, shapes, reading.tensors), reading.tensors, reading.origin, dropped, allow_missing
    )
    _require_weights(report.loaded, reading.tensors, reading.origin, path)
    digest = exchange.sha256(path)
    card = describe.card_for_reading(source, reading, arch, args, digest)
    state = {name: reading.tensors[name] for name in shapes if name in reading.tensors}
    if report.allowed:
        card.notes.append(f'missing, as allowed: {", ".join(report.allowed)}')
    return Opened(path, card, state, report, digest, dict(reading.origin), dropped)


def build_net(
    checkpoint: str | os.PathLike | Opened,
    image_size: int | Sequence[int] | None = None,
    allow_missing: Sequence[str] = (),
    drop: Mapping[str, str] | None = None,
    **net_args,
) -> tuple[nn.Module, LoadReport]:
    """The checkpoint's network with its weights, and the report that proves it.

    Args:
        image_size: build for another input, `(H, W)` or a side; positions and tables are resized to it.
        allow_missing: shell patterns of the network's tensors that may keep their initial values.
        drop: reason by shell pattern of the checkpoint's tensors to leave out (`{'norm.*': 'pooled first'}`).
        net_args: arguments that override the card's (`drop_path_rate`, `num_classes`, `window_size`, ...).

    Raises CheckpointError unless every tensor is accounted for.
    """
    opened = checkpoint if isinstance(checkpoint, Opened) else open_checkpoint(checkpoint, allow_missing=allow_missing)
    args = {**opened.card.arch_args, **net_args}
    if image_size is not None:
        args.update(input_args(opened.card, image_size, net_args))
    net = make_net(opened.card.arch, **args)
    return net, load_state(net, opened, allow_missing, drop)


def load_state(
    net: nn.Module,
    opened: Opened,
    allow_missing: Sequence[str] = (),
    drop: Mapping[str, str] | None = None,
) -> LoadReport:
    """Put a checkpoint into a timm network, resizing positions and relative tables to it.

    Every tensor that is to be filled is first set to NaN, and every one is compared with its source afterwards, so no
    tensor can stay as it was initialised. Raises CheckpointError for anything missing, unexpected or of another shape.
    """
    label = str(opened.path)
    dropped = {**opened.dropped}
    state = {}
    for name, tensor in opened.state.items():
        reason = next((why for pattern, why in (drop or {}).items() if fnmatch(name, pattern)), None)
        if reason is None:
            state[name] = tensor
        else:
            dropped[name] = reason
    state, resized = resize_state(state, opened.card, net)
    slots = net.state_dict()
    expected = required(opened.card.arch, {name: tuple(slot.shape) for name, slot in slots.items()}, state)
    origin = {name: sources for name, sources in opened.origin.items() if name in state}
    report = audit(label, expected, state, origin, dropped, allow_missing)
    report.resized = resized
    _fill(label, slots, {name: state[name] for name in report.loaded})
    return report


@torch.no_grad()
def _fill(label: str, slots: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Copy and prove: NaN first, values second, comparison last."""
    for name in state:
        if slots[name].is_floating_point():
            slots[name].fill_(math.nan)
    for name, tensor in state.items():
        slots[name].copy_(tensor)
    wrong = [
        n for n, t in state.items() if not torch.equal(slots[n], t.to(device=slots[n].device, dtype=slots[n].dtype))
    ]
    if wrong:
        raise CheckpointError(f'{label}: {len(wrong)} tensors differ after loading ({", ".join(wrong[:3])})')


def at_size(opened: Opened, image_size: int | Sequence[int], allow_missing: Sequence[str] = (), **net_args) -> Opened:
    """The same checkpoint for another image size: positions and tables resized, card and report brought up to date.

    Raises ConfigError for a size that the patches do not divide.
    """
    card = opened.card.model_copy(deep=True)
    card.arch_args.update({**input_args(card, image_size, net_args), **net_args})
    net = meta_net(card.arch, card.arch_args)
    state, resized = resize_state(opened.state, opened.card, net)
    expected = required(card.arch, shapes_of(net), state)
    report = audit(str(opened.path), expected, state, opened.origin, opened.dropped, allow_missing)
    report.resized = resized
    describe.place(card, state)
    if resized:
        kinds = sorted({'bicubic' if entry['target'] == 'pos_embed' else 'geometric' for entry in resized})
        change = f'from {opened.card.grid} to {card.grid} tokens'
        card.notes.append(f'{len(resized)} position tensors resized {change} ({", ".join(kinds)})')
    return Opened(opened.path, card, state, report, opened.sha256, opened.origin, opened.dropped)


def _card_of(path: Path) -> Card | None:
    if not path.is_file():
        return None
    with open(path, 'rb') as file:
        head = file.read(16)
    return exchange.read_card(path) if is_safetensors(head) else None


def _require_weights(
    names: Sequence[str], state: Mapping[str, Tensor], origin: Mapping[str, Sequence[str]], path: Path
) -> None:
    """Integers go into a network as counters only: anywhere else they are codes of a quantised file."""
    for name in names:
        if not state[name].is_floating_point() and not name.endswith('num_batches_tracked'):
            raise wrong_type(' + '.join(origin.get(name, (name,))), state[name], path)


def _open_exchange(path: Path, card: Card, student: bool, hints: dict, allow_missing: Sequence[str]) -> Opened:
    if student:
        raise CheckpointError(f'{path} is an exchange checkpoint of one encoder; leave out --student')
    state = exchange.read_tensors(path)
    require_finite(state, path)
    arch = hints.pop('arch', card.arch)
    card = card.model_copy(update={'arch': arch, 'arch_args': {**card.arch_args, **hints}})
    expected = required(card.arch, expected_shapes(card.arch, card.arch_args, str(path)), state)
    report = audit(str(path), expected, state, allow_missing=allow_missing)
    _require_weights(report.loaded, state, {}, path)
    return Opened(path, card, state, report, exchange.sha256(path))
