"""What readers of volume transformers share: patch embeddings of linear layers, and the size of the input."""

import math

from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError

KERNEL = 'patch_embed.proj.weight'
PATCH = 16


def as_volumes(reading: Reading, source: Source) -> Reading:
    """Bring the patch embedding into the form of a convolution, and find the input's size where positions tell it.

    A table whose rows are a cube's is read as one; anything else needs `img_size` in `--arch-args`. A linear patch
    embedding needs `patch_size` where it is not 16 voxels per side; both take `in_chans` from the shape.
    """
    weight = reading.tensors.get(KERNEL)
    if weight is None:
        raise CheckpointError(f'{source.path}: missing tensor {KERNEL}, which the architecture is read from')
    if weight.dim() == 2:
        patch = _patch(source)
        channels, rest = divmod(weight.shape[1], math.prod(patch))
        if rest or channels == 0:
            raise CheckpointError(
                f'{source.path}: a linear patch embedding of {weight.shape[1]} inputs is no patch of {patch} voxels; '
                'name it: --arch-args \'{"patch_size": [8, 8, 8], "img_size": [64, 64, 64]}\''
            )
        # Flattened patches are (p1 p2 p3 c), channels fastest.
        reading.tensors[KERNEL] = weight.reshape(-1, *patch, channels).movedim(-1, 1).contiguous()
    elif weight.dim() == 4:
        raise CheckpointError(f'{source.path}: its patch embedding is of images; MONAI images are not supported yet')
    kernel = reading.tensors[KERNEL]
    table = reading.tensors.get('pos_embed')
    if 'img_size' not in source.hints and table is not None:
        prefix = int('cls_token' in reading.tensors)
        for rows in (table.shape[1] - prefix, table.shape[1]):
            side = round(max(rows, 0) ** (1 / 3))
            if side and side**3 == rows:
                reading.net_args['img_size'] = [side * p for p in kernel.shape[2:]]
                break
    return reading


def _patch(source: Source) -> tuple[int, ...]:
    patch = source.hints.get('patch_size', PATCH)
    return (patch,) * 3 if isinstance(patch, int) else tuple(patch)
