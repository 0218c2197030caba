"""Which timm architecture a set of timm-named tensors belongs to, from names and shapes alone."""

import math
from collections.abc import Callable
from typing import Any

import timm

from pretrain.checkpoint import point_shapes, stages
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.shapes import Shapes, hinted_grid, mlp_ratio, window_of
from pretrain.errors import CheckpointError

# Attention heads by width of the published plain transformers: ViT-Ti, S, B, L, H, g, G and DINOv2's giant, and the
# sizes between them of which timm has one kind only (medium, betwixt, SO-150M, SO-400M, ...).
HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 16, 1664: 16, 1536: 24}
HEADS |= {256: 4, 320: 5, 512: 8, 640: 10, 832: 13, 896: 14, 1152: 16}
_ROTARY = r'(.*\.)?(rope|rope_embed|pos_rope)\..+|freqs(_t_[xy])?'
_SIZES = {192: 'tiny', 384: 'small', 768: 'base', 1024: 'large', 1280: 'huge', 1408: 'giant'}


def infer(reading: Reading, hints: dict[str, Any], label: str) -> tuple[str, dict[str, Any]]:
    """timm's name and the arguments of `create_net`; `hints` (from `--arch-args`) win over everything inferred.

    Raises CheckpointError when a tensor that the answer depends on is missing, or when shapes leave it open.
    """
    known = dict(hints)
    arch = known.pop('arch', None)
    shapes = Shapes(reading.tensors, label)
    find = FINDERS[reading.kind]
    name, args = find(shapes, reading, known)
    return arch or name, {**args, **reading.net_args, **known}


def _vit(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    if shapes.any(_ROTARY):
        raise CheckpointError(
            f'{shapes.label}: rotary positions (RoPE), which are not supported: use a network without'
        )
    args = _transformer(shapes, reading, known)
    if shapes.any(r'norm_pre\..*') and 'arch' not in known and 'pre_norm' not in known:
        raise CheckpointError(
            f'{shapes.label}: a norm before the blocks (CLIP style), whose activation the file does not tell; '
            'name it: --arch-args \'{"pre_norm": true, "act_layer": "quick_gelu"}\''
        )
    registers = shapes.need('reg_token', 3)[1] if 'reg_token' in shapes else 0
    prefix = int('cls_token' in shapes) + registers
    if 'pos_embed' in shapes or reading.net_args.get('pos_embed') != 'none':
        grid, prefixed = _absolute_grid(shapes, args['patch_size'], prefix, known)
        if not prefixed and prefix:
            args['no_embed_class'] = True
        args['img_size'] = [n * p for n, p in zip(grid, args['patch_size'], strict=True)]
    args['class_token'] = 'cls_token' in shapes
    if registers:
        args['reg_tokens'] = registers
    if shapes.any(r'blocks\.\d+\.ls[12]\.gamma'):
        args['init_values'] = 1e-5
    if shapes.any(r'blocks\.\d+\.attn\.[qk]_norm\..*'):
        args['qk_norm'] = True
    if not shapes.any(r'blocks\.\d+\.attn\.qkv\.bias'):
        args['qkv_bias'] = False
    return _plain_name('vit', args, known), args


def _beit(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    args = _transformer(shapes, reading, known)
    tables = shapes.any(r'blocks\.\d+\.attn\.relative_position_bias_table')
    if tables and 'num_heads' not in known:
        args['num_heads'] = shapes.common(r'blocks\.\d+\.attn\.relative_position_bias_table', axis=1)
    args['use_rel_pos_bias'] = tables
    args['use_abs_pos_emb'] = 'pos_embed' in shapes
    if args['use_abs_pos_emb']:
        grid, _ = _absolute_grid(shapes, args['patch_size'], 1, known)
    elif tables:
        rows = shapes.common(r'blocks\.\d+\.attn\.relative_position_bias_table') - 3
        grid = window_of(rows, shapes.label, args['patch_size'], known)
    elif 'img_size' in known and known.get('use_rel_pos_bias') is False:
        grid = hinted_grid(known['img_size'], args['patch_size'])
    else:
        raise CheckpointError(
            f'{shapes.label}: no positions: neither pos_embed nor a relative_position_bias_table; a BEiT-like encoder '
            'without them is incomplete (to accept it: --arch-args \'{"use_rel_pos_bias": false, "img_size": 224}\')'
        )
    args['img_size'] = [n * p for n, p in zip(grid, args['patch_size'], strict=True)]
    scaled = shapes.any(r'blocks\.\d+\.gamma_[12]')
    args['init_values'] = (
        (0.1 if args['embed_dim'] < 1024 else 1e-5) if scaled else 0.0
    )  # timm takes None for its default
    args['qkv_bias'] = shapes.any(r'blocks\.\d+\.attn\.[qv]_bias')
    return _plain_name('beit', args, known), args


def _vit3d(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    """Rows of three axes cannot be told apart, so the reader, or `--arch-args`, says what the input was."""
    args = _transformer(shapes, reading, known, axes=3)
    size = known.get('img_size') or reading.net_args.get('img_size')
    if size is None:
        raise CheckpointError(
            f'{shapes.label}: the size of the clips or volumes cannot be told from the file; give it: '
            '--arch-args \'{"img_size": [16, 224, 224]}\''
        )
    args['class_token'] = 'cls_token' in shapes
    rows = math.prod(n // p for n, p in zip(size, args['patch_size'], strict=True))
    if 'pos_embed' in shapes:
        found = shapes.need('pos_embed', 3)[1]
        if found == rows and args['class_token']:
            args['no_embed_class'] = True
        elif found != rows + args['class_token']:
            raise CheckpointError(
                f'{shapes.label}: pos_embed has {found} rows, an input of {list(size)} with patch '
                f'{args["patch_size"]} has {rows} tokens: correct img_size in --arch-args'
            )
    args['img_size'] = list(size)
    if not shapes.any(r'blocks\.\d+\.attn\.qkv\.bias'):
        args['qkv_bias'] = False
    return f'vit3d_{_SIZES.get(args["embed_dim"], "base")}_patch16', args


def _transformer(shapes: Shapes, reading: Reading, known: dict, axes: int = 2) -> dict[str, Any]:
    """What plain transformers have in common."""
    patch = shapes.need('patch_embed.proj.weight', 2 + axes)
    width = shapes.common(r'blocks\.\d+\.norm[12]\.(weight|bias)')
    hidden = shapes.common(r'blocks\.\d+\.mlp\.fc1\.(weight|bias)')
    if shapes.common(r'blocks\.\d+\.mlp\.fc2\.weight', axis=1) != hidden and 'mlp_layer' not in known:
        raise CheckpointError(
            f'{shapes.label}: the two layers of the MLP do not fit ({hidden} out, then '
            f'{shapes.common(r"blocks[.][0-9]+[.]mlp[.]fc2[.]weight", axis=1)} in): a gated MLP is not supported'
        )
    return {
        'patch_size': list(patch[2:]),
        'in_chans': patch[1],
        'embed_dim': width,
        'depth': shapes.count(r'blocks\.(\d+)\.'),
        'num_heads': known.get('num_heads') or _heads(width, reading, shapes.label),
        'mlp_ratio': mlp_ratio(width, hidden),
    }


def _heads(width: int, reading: Reading, label: str) -> int:
    """Heads leave no trace in the tensors: the family, then a table of published widths, else the user must tell."""
    heads = reading.net_args.get('num_heads') or reading.heads.get(width)
    if heads:
        return heads
    if width in HEADS:
        # With a class token all published networks of a width agree. Without one they do not: timm's
        # vit_base_patch16_gap_224 has 16 heads, SigLIP's base of the same width 12.
        if reading.kind == 'vit' and 'cls_token' not in reading.tensors:
            reading.facts['notes'] = [*reading.facts.get('notes', ()), f'heads assumed: {HEADS[width]}']
        return HEADS[width]
    if reading.kind == 'beit' and reading.below(r'blocks\.\d+\.attn\.relative_position_bias_table'):
        return 1  # replaced by the tables' own count
    raise CheckpointError(
        f'{label}: the number of attention heads of a {width} wide transformer cannot be told from the file; '
        'give it: --arch-args \'{"num_heads": 3}\''
    )


def _absolute_grid(shapes: Shapes, patch: list[int], prefix: int, known: dict) -> tuple[tuple[int, int], bool]:
    """The token grid of `pos_embed`, and whether it has rows for the prefix tokens."""
    rows = shapes.need('pos_embed', 3)[1]
    if 'img_size' in known:
        grid = hinted_grid(known['img_size'], patch)
        if math.prod(grid) == rows - prefix:
            return grid, True
        if math.prod(grid) == rows:
            return grid, False
        raise CheckpointError(
            f'{shapes.label}: pos_embed has {rows} rows, but img_size {known["img_size"]} with patch {patch} is a '
            f'grid of {grid} and {prefix} prefix tokens: correct img_size in --arch-args'
        )
    for count, prefixed in ((rows - prefix, True), (rows, False)):
        side = math.isqrt(max(count, 0))
        if side and side * side == count:
            return (side, side), prefixed
    raise CheckpointError(
        f'{shapes.label}: pos_embed has {rows} rows, which is no square grid with {prefix} prefix tokens; '
        'a tensor is missing or the grid is a rectangle: --arch-args \'{"img_size": [H, W]}\''
    )


def _plain_name(prefix: str, args: dict, known: dict) -> str:
    """timm's name of the same width, patch and image size where there is one, else the base model's."""
    size = known.get('img_size', args.get('img_size', 224))
    side = size if isinstance(size, int) else size[0]
    size_name = _SIZES.get(args['embed_dim'], 'base')
    patch = args['patch_size'][0]
    for name in (f'{prefix}_{size_name}_patch{patch}_{side}', f'{prefix}_{size_name}_patch{patch}_224'):
        if timm.is_model(name):
            return name
    name = f'{prefix}_{size_name}_patch{14 if size_name in ("huge", "giant") else 16}_224'
    return name if timm.is_model(name) else f'{prefix}_base_patch16_224'


FINDERS: dict[str, Callable[[Shapes, Reading, dict], tuple[str, dict[str, Any]]]] = {
    'vit': _vit,
    'vit3d': _vit3d,
    'beit': _beit,
    'swin': stages.swin,
    'swin3d': stages.swin3d,
    'resnet': stages.resnet,
    'convnext': stages.convnext,
    'points': point_shapes.points,
    'point-pyramid': point_shapes.pyramid,
}
"""By the kind of a reading: what finds the architecture. A new kind is a line here."""
