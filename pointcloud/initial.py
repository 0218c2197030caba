"""The point network that a transfer starts from: of a point checkpoint, of an image checkpoint, or random."""

from collections.abc import Sequence
from typing import Any

from pretrain.checkpoint.initial import Initial, card_of, initial_net, opened, random_net
from pretrain.checkpoint.load import build_net
from pretrain.checkpoint.to_points import FRESH, point_args, points_from_image


def initial_points(
    num_points: int,
    checkpoint: str | None = None,
    like: str | None = None,
    allow_missing: Sequence[str] = (),
    **encoder: Any,
) -> Initial:
    """`initial_net` for clouds of `num_points`, which also takes image checkpoints.

    Args:
        checkpoint: of a point network, or of a plain image ViT, whose blocks, final norm and class token are taken.
        like: for the control; of an image checkpoint the point network that it would become.
        encoder: `arch`, `arch_args` for random weights; further arguments of the network (`num_groups`,
            `drop_path_rate`), `position` ('every' or 'once') among them.
    """
    source = checkpoint or like
    if source is None or opened(source, tuple(allow_missing)).card.arch.startswith('point_'):
        return initial_net(
            (num_points,), 3, checkpoint=checkpoint, like=like, allow_missing=tuple(allow_missing), **encoder
        )
    args = {name: value for name, value in encoder.items() if name not in ('arch', 'arch_args')}
    found = opened(source, tuple(allow_missing))
    converted = points_from_image(found, args)
    if checkpoint:
        net, report = build_net(converted, allow_missing=(*allow_missing, *FRESH))
        initial = Initial(net, found.card, report, found.sha256)
    else:
        arch, args = point_args(found.card, args)
        initial = Initial(random_net(card_of(3, (num_points,), arch=arch, arch_args=args), (num_points,)), found.card)
    opened.cache_clear()
    return initial
