"""Transformer blocks of an image checkpoint as the start of a point network (Pix4Point), every tensor accounted for."""

from collections.abc import Mapping
from typing import Any

from pretrain.checkpoint.audit import audit
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.describe import place
from pretrain.checkpoint.load import Opened
from pretrain.checkpoint.nets import make_net, meta_net, shapes_of
from pretrain.encoders.net import family
from pretrain.errors import CheckpointError

CARRIED = ('blocks.', 'norm.', 'cls_token')
FRESH = ('patch_embed.*', 'pos_mlp.*', 'reduce_dim.*', 'cls_pos')
"""Of the point network, what no image network has: fresh, and recorded as missing but allowed."""
REASONS = {
    'patch_embed.': 'patches of pixels; groups of points have an embedding of their own',
    'pos_embed': 'positions in an image; a point network computes them from coordinates',
}


def point_args(card: Card, args: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the point network whose blocks are exactly those of an image network.

    `args` may choose what blocks do not depend on: groups, `position`, drop path. Its blocks keep the image network's
    epsilon of 1e-6 and its query, key and value biases. Raises CheckpointError for a network whose blocks are others:
    only plain ViTs without LayerScale, registers, query norms and relative positions fit.
    """
    if card.arch.startswith('point_'):
        return card.arch, {**card.arch_args, **(args or {})}
    net = meta_net(card.arch, card.arch_args)
    names = set(shapes_of(net))
    odd = next((n for n in names if 'ls1.' in n or 'q_norm' in n or 'reg_token' in n or 'norm_pre' in n), None)
    if family(net) != 'vit' or card.relative_bias or odd or 'norm.weight' not in names:
        cause = f'it has {odd}' if odd else f'it is a {card.arch}'
        raise CheckpointError(
            f'blocks of {card.source_file or card.arch} do not fit a point network: {cause}; use a plain ViT with a '
            'final norm, such as MAE ViT-S'
        )
    block = net.blocks[0]
    shape = {
        'embed_dim': net.embed_dim,
        'depth': len(net.blocks),
        'num_heads': block.attn.num_heads,
        'mlp_ratio': block.mlp.fc1.out_features / net.embed_dim,
        'qkv_bias': 'blocks.0.attn.qkv.bias' in names,
        'class_token': 'cls_token' in names,
        'norm_eps': block.norm1.eps,
    }
    return 'point_small', {**shape, **(args or {})}


def points_from_image(opened: Opened, args: Mapping[str, Any] | None = None) -> Opened:
    """The same checkpoint as that of a point network whose embedding and positions are still to be filled.

    To be built with `allow_missing=FRESH`, which the load report records. Blocks, final norm and class token are
    carried; the patch embedding and the positions are dropped with their reasons.
    """
    arch, args = point_args(opened.card, args)
    if opened.card.arch.startswith('point_'):
        return opened
    state = {name: t for name, t in opened.state.items() if name.startswith(CARRIED)}
    dropped = dict(opened.dropped)
    for name in set(opened.state) - set(state):
        reason = next((why for start, why in REASONS.items() if name.startswith(start)), None)
        if reason is not None:
            dropped[name] = reason
        else:
            state[name] = opened.state[name]  # for the audit to report
    expected = shapes_of(make_net(arch, **args))
    origin = {name: sources for name, sources in opened.origin.items() if name in state}
    report = audit(str(opened.path), expected, state, origin, dropped, FRESH)
    card = opened.card.model_copy(deep=True, update={'arch': arch, 'arch_args': args, 'mean': None, 'std': None})
    card.notes.append(f'blocks of the image network {opened.card.arch}, for points')
    place(card, state)
    return Opened(opened.path, card, state, report, opened.sha256, origin, dropped)
