"""From "timm-like names" to exactly what timm's classes keep: the steps that several families share."""

import math
import re

from pretrain.checkpoint.fold import fuse_qkv_bias, split_qkv_bias
from pretrain.checkpoint.readers.reading import Reading

COMPUTED = 'computed from the window or image size, not a weight'
POOLED_NORM = "norm of the pooled features; the encoder's own tokens end before it"
HEAD = 'classification or prediction head'

_SHARED_TABLE = 'rel_pos_bias.relative_position_bias_table'
_BLOCK_TABLE = 'attn.relative_position_bias_table'


def finish(reading: Reading) -> Reading:
    """Bring a reading into the exact form of its kind. Called once, after the family's reader."""
    if reading.kind in ('vit', 'beit'):
        reading.kind = 'beit' if _needs_beit(reading) else 'vit'
        (_finish_beit if reading.kind == 'beit' else _finish_vit)(reading)
        _choose_norm(reading)
    elif reading.kind == 'vit3d':
        _finish_vit(reading)
        _choose_norm(reading)
    elif reading.kind == 'swin':
        reading.drop(reading.below(r'.*\.(relative_position_index|relative_coords_table|attn_mask)'), COMPUTED)
        reading.drop(reading.below(r'head\.(fc\.)?(weight|bias)'), HEAD)
    elif reading.kind in ('resnet', 'convnext'):
        reading.drop(reading.below(r'fc\.(weight|bias)|head\.(fc\.)?(weight|bias)'), HEAD)
    return reading


def _needs_beit(reading: Reading) -> bool:
    """timm's ViT has neither separate q and v biases nor relative tables; its Beit has both."""
    return bool(reading.below(r'blocks\.\d+\.attn\.([qv]_bias|relative_position_bias_table)|rel_pos_bias\..*'))


def _finish_vit(reading: Reading) -> None:
    """LayerScale under BEiT's names becomes timm's `ls1`, `ls2`."""
    for name in reading.below(r'blocks\.\d+\.gamma_[12]'):
        reading.put(re.sub(r'gamma_([12])$', r'ls\1.gamma', name), reading.tensors[name], [name])
    reading.drop(reading.below(r'(head|head_dist)\.(weight|bias)'), HEAD)


def _finish_beit(reading: Reading) -> None:
    reading.drop(reading.below(r'(.*\.)?relative_position_index'), COMPUTED)
    reading.drop(reading.below(r'head\.(weight|bias)'), HEAD)
    _copy_shared_table(reading)
    for name in reading.below(r'blocks\.\d+\.attn\.qkv\.bias'):
        _split_bias(reading, name)
    for name in reading.below(r'blocks\.\d+\.ls[12]\.gamma'):
        reading.put(re.sub(r'ls([12])\.gamma$', r'gamma_\1', name), reading.tensors[name], [name])


def _copy_shared_table(reading: Reading) -> None:
    """One table for all blocks is one copy in each block: the same function, and trainable apart afterwards."""
    if _SHARED_TABLE not in reading.tensors:
        return
    table, sources = reading.tensors.pop(_SHARED_TABLE), reading.origin.pop(_SHARED_TABLE)
    for block in sorted({int(m.group(1)) for m in (re.match(r'blocks\.(\d+)\.', n) for n in reading.tensors) if m}):
        name = f'blocks.{block}.{_BLOCK_TABLE}'
        if name in reading.tensors:  # summed with the block's own table by the original; published files have one kind
            reading.tensors[name] = reading.tensors[name] + table
            reading.origin[name] += sources
        else:
            reading.tensors[name], reading.origin[name] = table.clone(), sources


def _split_bias(reading: Reading, name: str) -> None:
    q_bias, v_bias = split_qkv_bias(reading.tensors.pop(name))
    sources = reading.origin.pop(name)
    attn = name[: -len('.qkv.bias')]
    for part, value in (('q_bias', q_bias), ('v_bias', v_bias)):
        reading.tensors[f'{attn}.{part}'], reading.origin[f'{attn}.{part}'] = value, sources


def join_biases(reading: Reading) -> None:
    """`attn.q_bias` and `attn.v_bias` to the fused `attn.qkv.bias` that timm's ViT keeps."""
    for name in reading.below(r'blocks\.\d+\.attn\.q_bias'):
        attn = name[: -len('q_bias')]
        pair = [name, f'{attn}v_bias']
        if pair[1] in reading.tensors:
            q_bias, v_bias = (reading.tensors[n] for n in pair)
            reading.put(f'{attn}qkv.bias', fuse_qkv_bias(q_bias, v_bias), pair)


def _choose_norm(reading: Reading) -> None:
    """Keep the norm that the family's encoder applies to its tokens; a norm after pooling is not part of them."""
    has_norm = bool(reading.below(r'norm\.(weight|bias)'))
    pooled = reading.below(r'fc_norm\.(weight|bias)')
    reading.drop(pooled, POOLED_NORM)
    if 'final_norm' not in reading.net_args and not has_norm and (pooled or reading.norm_optional):
        reading.net_args['final_norm'] = False


def end_to_start_downsample(reading: Reading) -> Reading:
    """Move Swin's patch merging from the end of a stage to the start of the next one, where timm keeps it.

    Also reads the image size off the attention masks that the original stores: one row per window of the stage.
    """
    for name in sorted(reading.below(r'layers\.\d+\.downsample\..+'), reverse=True):
        _, stage, rest = name.split('.', 2)
        reading.put(f'layers.{int(stage) + 1}.{rest}', reading.tensors[name], [name])
    _note_image_side(reading)
    return reading


def _note_image_side(reading: Reading) -> None:
    patch = reading.tensors.get('patch_embed.proj.weight')
    for name in reading.below(r'layers\.\d+\.blocks\.\d+\.attn_mask'):
        mask, stage = reading.tensors[name], int(name.split('.')[1])
        if patch is not None and mask.dim() == 3 and reading.image_side is None:
            windows, tokens = math.isqrt(mask.shape[0]), math.isqrt(mask.shape[1])
            reading.image_side = windows * tokens * patch.shape[-1] * 2**stage
