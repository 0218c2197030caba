"""SwinUNETR's volumetric Swin: its pre-training (`model_swinvit.pt`), the whole network, and their relatives.

`model_swinvit.pt` has `module.layers1.0.blocks.N.mlp.fc1`, pre-training runs `swin_vit.layers1...` beside their heads,
the network `swinViT.layers1.0.blocks.N.mlp.linear1`, disruptive autoencoders `encoder.layers1.0.0.blocks.N`. Whatever
stands before `layers1` is taken off, in one file the same everywhere.

How patches are merged belongs to the weights, and no name or shape tells it: MONAI until 1.4 took two of the eight
positions of a block twice and two never, from 1.5 on each once (MONAI#8284). Weights that were trained with the former
give it away, see `merging_of`; others are read as MONAI 1.5 and later read them. `{"merging": "raster"}` in
`--arch-args` is for networks with `downsample='mergingv2'`.
Facts: monai/networks/nets/swin_unetr.py (1.4, 1.5, 1.6), Project-MONAI/research-contributions (SwinUNETR/Pretrain,
SwinUNETR/BTCV); `filter_swinunetr` for disruptive autoencoders. The names of released files are those of this code; no
real file was read.
"""

import re
from collections import Counter
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from pretrain.checkpoint.canonical import COMPUTED
from pretrain.checkpoint.readers.reading import Reading, Rename, rename
from pretrain.checkpoint.source import Source
from pretrain.encoders.swin3d import MERGING, relative_index
from pretrain.errors import CheckpointError

FAMILY = 'swinunetr'

_BLOCK = re.compile(
    r'(?P<prefix>.*?)layers[1-9]\.0\.(?:0\.)?blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.(fc|linear)[12])\.weight'
)
_STAGE = r'layers(\d)\.0\.(?:0\.)?'
_RULES: Rename = [
    (_STAGE + r'(blocks\.\d+)\.mlp\.(?:fc|linear)([12])\.(.+)', r'layers.STAGE\1.\2.mlp.fc\3.\4'),
    (_STAGE + r'((?:blocks|downsample)\..+)', r'layers.STAGE\1.\2'),
    (r'layers(\d)c\.0\.layer\.(conv[12])\.conv\.weight', r'layers.STAGE\1.conv.\2.weight'),
]
"""STAGE1 is stage 0: names count from 1 there, from 0 here."""
_TASKS: Rename = [
    (r'(rotation|contrastive)_(pre|head)\..+', 'head of pre-training: rotation or contrast'),
    (r'conv\.(\d+\.)?(weight|bias)', 'head of pre-training: reconstruction'),
]
_DROPS: Rename = [
    *_TASKS,
    (r'mask_token', 'stands in for masked patches; features never mask'),
    (r'norm\.(weight|bias)', "norm of the pre-training's output; SwinUNETR's norms have no weights"),
]
_AROUND = 'decoder or head around the transformer'
_TUNED = 'encoder of a segmentation network; whether a pre-training came before its training is not in the file'


def detect(source: Source) -> int:
    return 50 if _prefixes(source).total() >= 2 else 0


def read(source: Source) -> Reading:
    found = _prefixes(source)
    if len(found) > 1:
        shown = ' and '.join(repr(prefix) for prefix in sorted(found))
        raise CheckpointError(f'{source.path} holds several volumetric Swins, below {shown}; save one of them alone')
    prefix = next(iter(found))
    inner = {name.removeprefix(prefix): t for name, t in source.state.items() if name.startswith(prefix)}
    outer = [name for name in source.state if not name.startswith(prefix)]
    # Without a prefix the decoder stands beside the encoder, under the names that MONAI gives it.
    parts = [name for name in inner if not prefix and re.fullmatch(r'(encoder\d+|decoder\d|out)\..+', name)]
    inner = {name: tensor for name, tensor in inner.items() if name not in parts}
    reading = rename(FAMILY, 'swin3d', inner, _RULES, _DROPS)
    _count_stages_from_zero(reading)
    _drop_indices(reading, source)
    reading.origin = {new: tuple(prefix + old for old in olds) for new, olds in reading.origin.items()}
    reading.dropped = {prefix + name: reason for name, reason in reading.dropped.items()}
    for name in [*outer, *parts]:
        reading.dropped[name] = next((why for pattern, why in _TASKS if re.fullmatch(pattern, name)), _AROUND)
    reading.facts = _facts(source, list(inner), [*outer, *parts])
    merging = source.hints.get('merging') or merging_of(reading.tensors)
    reading.net_args['merging'] = merging
    told = "MONAI's from 1.5 on; the file does not tell"
    if merging == 'repeated' or 'merging' in source.hints:
        told = 'as was said' if 'merging' in source.hints else "the weights show it; MONAI's until 1.4"
    reading.facts['notes'] = [*reading.facts['notes'], f'patches merged in the order {merging!r}: {told}']
    return reading


def merging_of(tensors: dict[str, Tensor]) -> str:
    """'repeated' where the weights of the merging layers show that two positions were taken twice, else 'corners'.

    Where a position is taken twice, both copies see the same and are changed in nearly the same way, so that their
    weights stay nearer to each other than others do. Of the 28 pairs of positions these two are then the two nearest.
    By chance a layer has them so once in 378; at least half of the layers and two must.
    """
    order = MERGING['repeated']
    twice = {(i, j) for i, j in combinations(range(8), 2) if order[i] == order[j]}
    votes = []
    for name in (n for n in tensors if re.fullmatch(r'layers\.\d+\.downsample\.reduction\.weight', n)):
        weight = tensors[name]
        if weight.dim() != 2 or weight.shape[1] % 8:
            continue
        parts = weight.double().unflatten(1, (8, -1)).transpose(0, 1).flatten(1)
        apart = {(i, j): float((parts[i] - parts[j]).square().sum()) for i, j in combinations(range(8), 2)}
        votes.append(set(sorted(apart, key=lambda pair: apart[pair])[:2]) == twice)
    return 'repeated' if sum(votes) >= max(2, len(votes) / 2) else 'corners'


def _prefixes(source: Source) -> Counter[str]:
    """What stands before `layers1`, and how many tensors it stands before."""
    matches = (_BLOCK.fullmatch(name) for name in source.state)
    return Counter(match['prefix'] for match in matches if match)


def _count_stages_from_zero(reading: Reading) -> None:
    for name in reading.below(r'layers\.STAGE\d\..+'):
        new = re.sub(r'STAGE(\d)', lambda match: str(int(match[1]) - 1), name)
        reading.put(new, reading.tensors[name], [name])


def _drop_indices(reading: Reading, source: Source) -> None:
    """Rows of tables are computed here. CheckpointError where the file's are others: its tables have another layout."""
    for name in reading.below(r'.*\.relative_position_index'):
        index = reading.tensors[name]
        side = round(len(index) ** (1 / 3)) if index.dim() == 2 else 0
        if not source.hints.get('window_size') and not torch.equal(index, relative_index((side,) * 3)):
            raise CheckpointError(
                f'{source.path}: {name} is not that of a cubic window; give the window: '
                '--arch-args \'{"window_size": [7, 7, 7]}\''
            )
    reading.drop(reading.below(r'.*\.relative_position_index'), COMPUTED)


def _facts(source: Source, inside: list[str], around: list[str]) -> dict[str, Any]:
    """Who made the weights, where the names tell. `fc1` is in the released file of the pre-training alone."""
    if 'mask_token' in inside:
        return {'method': 'dae', 'initial_stage': 'mim', 'notes': []}
    if any(re.search(r'(^|\.)(out\.conv|decoder\d)\.', name) for name in around):
        return {'method': 'swinunetr', 'initial_stage': 'unknown', 'notes': [_TUNED]}
    tasks = any(re.fullmatch(pattern, name) for name in [*inside, *around] for pattern, _ in _TASKS)
    if tasks or any(name.endswith('.mlp.fc1.weight') for name in source.state):
        return {'method': 'swinunetr-ssl', 'initial_stage': 'mim', 'notes': []}
    return {'initial_stage': 'unknown', 'notes': []}
