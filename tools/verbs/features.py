"""`mimbench features`: the tokens that an encoder makes of its input, for any checkpoint that can be opened."""

import argparse
from pathlib import Path

from tools.verbs.inspect import add_reading_options

HELP = 'write the features of images, clips, volumes or point clouds under a checkpoint'
BATCH = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='an exchange checkpoint, or a foreign one of any known family')
    parser.add_argument(
        '--input',
        required=True,
        metavar='X.npy',
        help='float32 (B, C, H, W) of images, (B, C, T, H, W) of clips and so on, (B, N, 3) of clouds, normalised',
    )
    parser.add_argument(
        '--output', required=True, metavar='Y.npy', help='float32 (B, N, D): tokens in raster or centre order'
    )
    add_reading_options(parser)


def run(args: argparse.Namespace) -> int:
    import numpy as np
    import torch

    from pretrain.checkpoint.load import build_net, open_checkpoint
    from pretrain.encoders.net import features

    opened = open_checkpoint(args.file, student=args.student, arch_args=args.arch_args)
    clouds = opened.card.position == 'coordinates'
    images = read_images(args.input, opened.card.channels, axes=0 if clouds else len(opened.card.patch))
    size = tuple(images.shape[1:2] if clouds else images.shape[2:])
    net, report = build_net(opened, image_size=size)
    with torch.inference_mode():
        parts = [features(net, torch.from_numpy(images[i : i + BATCH])) for i in range(0, len(images), BATCH)]
    tokens = torch.cat(parts).float().numpy()
    write_array(args.output, np.ascontiguousarray(tokens))
    print(f'{args.output}: {tokens.shape[0]} x {tokens.shape[1]} tokens x {tokens.shape[2]}; {report.line()}')
    if report.resized:
        shown = ['x'.join(map(str, sides)) for sides in (opened.card.image_size, size)]
        print(f'{len(report.resized)} position tensors resized from {shown[0]} to {shown[1]} pixels')
    return 0


def read_images(path: str, channels: int, axes: int = 2):
    """The float32 array `(B, C, H, W)`, or with three axes, of an .npy file; with no axes clouds `(B, N, C)`.

    Raises DataError for anything else.
    """
    import numpy as np

    from pretrain.errors import DataError

    try:
        images = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f'{path} cannot be read as .npy: {error}; write it with numpy.save') from error
    shape = getattr(images, 'shape', ())
    if len(shape) != (2 + axes if axes else 3) or images.dtype != np.float32:
        dtype = getattr(images, 'dtype', type(images).__name__)
        wanted = {0: '(B, N, 3)', 2: '(B, C, H, W)'}.get(axes, '(B, C, T or D, H, W)')
        raise DataError(f'{path} holds {dtype} of shape {tuple(shape)}; expected float32 {wanted}')
    if shape[0] == 0:
        raise DataError(f'{path} holds no images (shape {tuple(shape)})')
    if shape[1 if axes else 2] != channels:
        raise DataError(f'{path} has {shape[1 if axes else 2]} channels, the checkpoint takes {channels}')
    if not np.isfinite(images).all():
        raise DataError(f'{path} holds NaN or infinity; normalise finite pixels')
    return images


def write_array(path: str, array) -> None:
    """Write an .npy file under a temporary name and rename it: a failure leaves no half file."""
    import numpy as np

    from pretrain.errors import DataError
    from pretrain.files import atomic

    target = Path(path)
    if not target.parent.is_dir():
        raise DataError(f'cannot write {target}: the folder {target.parent} does not exist; create it first')
    with atomic(target) as temporary, open(temporary, 'wb') as file:
        np.save(file, array)
