"""Architectures of several stages, from the shapes of their timm-named tensors: Swin over images and volumes, CNNs."""

from typing import Any

import timm

from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.shapes import Shapes, mlp_ratio, window_of
from pretrain.encoders.swin3d import SIZES as SWINS_3D
from pretrain.errors import CheckpointError

_RESNETS: dict[tuple[str, tuple[int, ...]], str] = {
    ('basic', (2, 2, 2, 2)): 'resnet18',
    ('basic', (3, 4, 6, 3)): 'resnet34',
    ('bottleneck', (3, 4, 6, 3)): 'resnet50',
    ('bottleneck', (3, 4, 23, 3)): 'resnet101',
    ('bottleneck', (3, 8, 36, 3)): 'resnet152',
}
_SWINS: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (2, 2, 6, 2)): 'tiny',
    (96, (2, 2, 18, 2)): 'small',
    (128, (2, 2, 18, 2)): 'base',
}
_SWINS[(192, (2, 2, 18, 2))] = 'large'
_CONVNEXTS: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (3, 3, 9, 3)): 'tiny',
    (96, (3, 3, 27, 3)): 'small',
    (128, (3, 3, 27, 3)): 'base',
}
_CONVNEXTS[(192, (3, 3, 27, 3))] = 'large'


def swin(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    patch = shapes.need('patch_embed.proj.weight', 4)
    stages = shapes.count(r'layers\.(\d+)\.')
    width = shapes.common(r'layers\.0\.blocks\.\d+\.norm[12]\.(weight|bias)')
    hidden = shapes.common(r'layers\.0\.blocks\.\d+\.mlp\.fc1\.(weight|bias)')
    depths = [shapes.count(rf'layers\.{i}\.blocks\.(\d+)\.') for i in range(stages)]
    tables = [rf'layers\.{i}\.blocks\.\d+\.attn\.relative_position_bias_table' for i in range(stages)]
    windows = [window_of(shapes.common(table), shapes.label, None, known)[0] for table in tables]
    args = {
        'patch_size': list(patch[2:]),
        'in_chans': patch[1],
        'embed_dim': width,
        'depths': depths,
        'num_heads': [shapes.common(table, axis=1) for table in tables],
        'window_size': max(windows),
        'mlp_ratio': mlp_ratio(width, hidden),
    }
    side = reading.image_side or _swin_side(windows, patch[2])
    args['img_size'] = [side, side]
    size = _SWINS.get((width, tuple(depths)), 'tiny')
    name = f'swin_{size}_patch{patch[2]}_window{args["window_size"]}_{side}'
    return (name if timm.is_model(name) else f'swin_{size}_patch4_window7_224'), args


def _swin_side(windows: list[int], patch: int) -> int:
    """The image side that the windows imply.

    A stage smaller than the window has a window of its own size; else the last stage is taken to be one window, as
    published (224 px with windows of 7, 192 with 6, 384 with 12).
    """
    for stage, window in enumerate(windows):
        if window < max(windows):
            return window * patch * 2**stage
    return windows[-1] * patch * 2 ** (len(windows) - 1)


def swin3d(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    """No tensor depends on the size of the input: `--arch-args`, else the published 96 voxels where they fit."""
    patch = shapes.need('patch_embed.proj.weight', 5)
    stages = shapes.count(r'layers\.(\d+)\.')
    width = shapes.common(r'layers\.0\.blocks\.\d+\.norm[12]\.(weight|bias)')
    hidden = shapes.common(r'layers\.0\.blocks\.\d+\.mlp\.fc1\.(weight|bias)')
    tables = [rf'layers\.{i}\.blocks\.\d+\.attn\.relative_position_bias_table' for i in range(stages)]
    args: dict[str, Any] = {
        'patch_size': list(patch[2:]),
        'in_chans': patch[1],
        'embed_dim': width,
        'depths': [shapes.count(rf'layers\.{i}\.blocks\.(\d+)\.') for i in range(stages)],
        'num_heads': [shapes.common(table, axis=1) for table in tables],
        'window_size': list(known.get('window_size') or _cube(shapes.common(tables[0]), shapes.label)),
        'mlp_ratio': mlp_ratio(width, hidden),
        'qkv_bias': shapes.any(r'layers\.\d+\.blocks\.\d+\.attn\.qkv\.bias'),
        'use_v2': shapes.any(r'layers\.\d+\.conv\..*'),
    }
    strides = [p * 2**stages for p in patch[2:]]
    args['img_size'] = [max(96 // stride, 1) * stride for stride in strides]
    size = next((name for name, known_width in SWINS_3D.items() if known_width == width), 'base')
    return f'swin3d_{size}_patch2', args


def _cube(rows: int, label: str) -> list[int]:
    """The cubic window of a relative table with `rows` rows."""
    side = round(rows ** (1 / 3))
    if side**3 != rows or side % 2 == 0:
        raise CheckpointError(
            f'{label}: a relative table of {rows} rows is no cubic window; give it: '
            '--arch-args \'{"window_size": [7, 7, 7]}\''
        )
    return [(side + 1) // 2] * 3


def resnet(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    stem = shapes.need('conv1.weight', 4)
    if stem[2] != 7 or stem[0] != 64:
        raise CheckpointError(f'{shapes.label}: a ResNet stem of shape {stem}; only the 64 wide 7x7 stem is supported')
    block = 'bottleneck' if shapes.any(r'layer1\.\d+\.conv3\.weight') else 'basic'
    stages = shapes.count(r'layer(\d+)\.') - 1
    depths = tuple(shapes.count(rf'layer{i + 1}\.(\d+)\.') for i in range(stages))
    last = 'bn3' if block == 'bottleneck' else 'bn2'
    expansion = 4 if block == 'bottleneck' else 1
    widths = [shapes.common(rf'layer{i + 1}\.\d+\.{last}\.(weight|bias)') // expansion for i in range(stages)]
    args: dict[str, Any] = {'in_chans': stem[1], 'layers': list(depths), 'channels': widths}
    if block == 'bottleneck':
        inner = shapes.common(r'layer1\.\d+\.conv2\.weight')
        args['cardinality'] = inner // shapes.common(r'layer1\.\d+\.conv2\.weight', axis=1)
        args['base_width'] = round(64 * inner / (widths[0] * args['cardinality']))
    return _RESNETS.get((block, depths), 'resnet50' if block == 'bottleneck' else 'resnet18'), args


def convnext(shapes: Shapes, reading: Reading, known: dict) -> tuple[str, dict[str, Any]]:
    stem = shapes.need('stem.0.weight', 4)
    stages = shapes.count(r'stages\.(\d+)\.')
    depths = tuple(shapes.count(rf'stages\.{i}\.blocks\.(\d+)\.') for i in range(stages))
    dims = [shapes.common(rf'stages\.{i}\.blocks\.\d+\.norm\.(weight|bias)') for i in range(stages)]
    args: dict[str, Any] = {'in_chans': stem[1], 'patch_size': stem[2], 'depths': list(depths), 'dims': dims}
    scaled = shapes.any(r'stages\.\d+\.blocks\.\d+\.gamma')
    args['use_grn'] = shapes.any(r'.*\.mlp\.grn\..*')
    if any(t.dim() == 4 for n, t in shapes.tensors.items() if n.endswith('mlp.fc1.weight')):
        args['conv_mlp'] = True
    return f'{"convnext" if scaled else "convnextv2"}_{_CONVNEXTS.get((dims[0], depths), "tiny")}', args
