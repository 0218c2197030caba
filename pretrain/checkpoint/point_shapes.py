"""Point networks: their arguments from names and shapes, as far as those tell."""

from typing import Any

from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.shapes import Shapes, mlp_ratio
from pretrain.encoders.point_net import SIZES
from pretrain.errors import CheckpointError

KNOWN = {width: (size, heads) for size, (width, _, heads) in SIZES.items()}
"""Name and attention heads by width. Every published network is 384 wide; the others are as image transformers."""


def points(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    """Name and arguments. No tensor depends on the groups: `--arch-args`, else what the reader knows of its family."""
    width = shapes.common(r'blocks\.\d+\.norm[12]\.(weight|bias)')
    size, usual = KNOWN.get(width, ('small', None))
    heads = known.get('num_heads') or reading.net_args.get('num_heads') or usual
    if not heads:
        raise CheckpointError(
            f'{shapes.label}: the number of attention heads of a {width} wide point network cannot be told from the '
            'file; give it: --arch-args \'{"num_heads": 6}\''
        )
    args: dict[str, Any] = {
        'embed_dim': width,
        'depth': shapes.count(r'blocks\.(\d+)\.'),
        'num_heads': heads,
        'mlp_ratio': mlp_ratio(width, shapes.common(r'blocks\.\d+\.mlp\.fc1\.(weight|bias)')),
        'qkv_bias': shapes.any(r'blocks\.\d+\.attn\.qkv\.bias'),
        'class_token': 'cls_token' in shapes,
    }
    convs = [f'patch_embed.{name}.weight' for name in ('first_conv.0', 'first_conv.3', 'second_conv.0')]
    args['group_inner'] = [shapes.need(name, 3)[0] for name in convs]
    if 'reduce_dim.weight' in shapes:
        args['group_width'] = shapes.need('reduce_dim.weight', 2)[1]
    return f'point_{size}', args


def pyramid(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    """Widths and depths of the levels of a point pyramid; groups as for `points`."""
    levels = shapes.count(r'stages\.(\d+)\.')
    args = {
        'widths': [shapes.common(rf'stages\.{i}\.blocks\.\d+\.norm1\.weight') for i in range(levels)],
        'depths': [shapes.count(rf'stages\.{i}\.blocks\.(\d+)\.') for i in range(levels)],
        'num_heads': known.get('num_heads') or 6,
        'finer_norms': shapes.any(r'stages\.0\.norm\.weight'),
    }
    return 'point_pyramid_small', args
