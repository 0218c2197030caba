"""Cheap proxies of a checkpoint from its features: how many directions they use, and how their spectrum decays.

The first three functions take arrays; `measure_proxies` computes all of a checkpoint over a set of images. None needs
labels. They were published for joint-embedding methods; whether they order masked image models by what they score
downstream is what `benchmark.correlation` is for.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import torch

from benchmark.reconstruction import Keyed, choose, reconstruction_loss
from pretrain.checkpoint.initial import Initial, card_of, initial_net
from pretrain.classifier import default_pool, pooled
from pretrain.data.card import IMAGENET_MEAN, IMAGENET_STD
from pretrain.data.dataset import ImageDataset
from pretrain.data.loader import build_eval_loader
from pretrain.data.locate import source_config
from pretrain.data.seeding import preserved_rng
from pretrain.engine.evaluation import full_precision
from pretrain.errors import CheckpointError, UserError
from pretrain.model import ImagePreprocessor
from pretrain.registry import register_all

EPSILON = 1e-7
DELTA = 1e-4
FIRST, LAST = 11, 100
"""Eigenvalues that `alpha_req` fits, counted from 1."""


def rankme(features: np.ndarray) -> float:
    """RankMe of features `(N, D)`: their effective rank, from 1 to about min(N, D).

    exp(-sum p_k log p_k) with p_k = s_k / sum(s) + 1e-7 over the singular values s of the features, which are not
    centred (Garrido et al. 2023, "RankMe"; the paper takes 25,600 images). Compare values over the same
    images only: the rank cannot exceed N. Raises UserError for features that are not `(N, D)` or not finite, or that
    are all zero.
    """
    s = scipy.linalg.svdvals(_checked(features, 2))
    if s[0] == 0:
        raise UserError('RankMe: all features are zero; look at the checkpoint')
    return _effective_rank(s)


def alpha_req(features: np.ndarray, first: int = FIRST, last: int = LAST) -> float:
    """Approximation of alpha-ReQ of features `(N, D)`: their covariance has eigenvalues that fall as k^-alpha.

    Minus the slope of log eigenvalue over log k by least squares (Agrawal et al. 2022, "alpha-ReQ"). The formula does
    not say which eigenvalues are fitted; here those from `first` to `last`, counted from 1, which its authors' code
    (arnab39/reptrix) takes, as far as there are any above rounding. That code also weights each by 1 / k; here all
    count alike. The paper expects good features near 1: smaller is flatter, larger is closer to collapse.

    Raises UserError when fewer than three eigenvalues are left.
    """
    x = _checked(features, 2)
    x = x - x.mean(0)
    eigenvalues = scipy.linalg.svdvals(x) ** 2 / len(x)
    # With N images one direction is lost to the mean, and what remains of it is rounding.
    eigenvalues = eigenvalues[: min(len(x) - 1, x.shape[1])]
    sound = eigenvalues[eigenvalues > eigenvalues[:1] * x.shape[1] * np.finfo(np.float32).eps ** 2]
    k = np.arange(1, len(sound) + 1)[first - 1 : last]
    if len(k) < 3:
        raise UserError(
            f'alpha-ReQ: features of shape {x.shape} have {len(sound)} eigenvalues above rounding; those from {first} '
            f'to {last} are fitted, three at least: give more images, or a smaller first'
        )
    slope, _ = np.polyfit(np.log(k), np.log(sound[first - 1 : last]), 1)
    return float(-slope)


def lidar(features: np.ndarray, delta: float = DELTA) -> float:
    """Approximation of LiDAR of features `(n, q, D)` of `q` augmented views of each of `n` clean images.

    The effective rank, as in RankMe, of the eigenvalues of Sw^-1/2 Sb Sw^-1/2, where Sb is the covariance of the
    images' means and Sw that of the views around the mean of their image, plus `delta` times the identity (Thilak et
    al. 2024, "LiDAR"; about 1000 images with 50 views). Images are the classes, so it lies between 1 and min(n - 1, D).
    An approximation: covariances are divided by n and by n q, the small number added to p is RankMe's, and the paper's
    views are those of the method's own objective, which masked image models mostly lack. `delta` is absolute: features
    of another scale have another LiDAR. Compare values of the same n and q only: with few views the noise of the means
    counts as structure.

    Raises UserError for another shape, fewer than two images or views, NaN or infinity, or no difference between
    images.
    """
    x = _checked(features, 3)
    if min(x.shape[:2]) < 2:
        raise UserError(f'LiDAR: {x.shape[0]} images with {x.shape[1]} views each; give two of each at least')
    means = x.mean(1)
    centred = means - means.mean(0)
    within = (x - means[:, None]).reshape(-1, x.shape[2])
    sw = within.T @ within / len(within) + delta * np.eye(x.shape[2])
    # A generalised eigenproblem has the eigenvalues of the LDA matrix and needs no root of Sw.
    eigenvalues = scipy.linalg.eigh(centred.T @ centred / len(x), sw, eigvals_only=True).clip(min=0)
    if not eigenvalues.max() > 0:
        raise UserError('LiDAR: all images have the same features; look at the checkpoint')
    return _effective_rank(eigenvalues)


def measure_proxies(
    checkpoint: str | Path,
    data: str | Path,
    run: str | Path | None = None,
    part: str = 'val',
    image_size: int | None = None,
    images: int = 2048,
    view_images: int = 512,
    views: int = 10,
    batch_size: int = 64,
    num_workers: int = 0,
    allow_missing: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, float]:
    """All proxies of a checkpoint over a set of images, best one that pre-training has not seen.

    Deterministic: images, views and masks follow from `seed` and are the same for every checkpoint. `batch_size` and
    `num_workers` change nothing but rounding. Features are in fp32 without autocast, the mean of the patch tokens after
    the final norm for plain transformers and the network's own pooling for Swin and convolutional networks. Pixels are
    normalised as the checkpoint's card says, or as ImageNet's where it does not say. On a GPU if there is one.

    Args:
        checkpoint: of images, in any known format.
        data: folder, list, shards, parquet or `.npz`, as `--data` of the command line takes it; labels are not read.
        run: directory of the pre-training that made the checkpoint, for `reconstruction_loss`, see there.
        part: of `.npz` arrays.
        image_size: side in pixels; None takes the checkpoint's own. Images are resized to it on the shorter side.
        images: for RankMe, alpha-ReQ and the reconstruction; all if the set has fewer, else a sample.
        view_images, views: n and q of LiDAR; the views are random crops of 20 to 100 % of the area, half of them
            flipped (torchvision's RandomResizedCrop, MAE's augmentation).
        allow_missing: patterns of tensors that the checkpoint may lack.

    Returns `rankme`, `alpha_req` and `lidar`, and with `run` also `reconstruction_loss`. Raises UserError for what
    cannot be opened or measured, such as checkpoints of clips, volumes or clouds, and fewer than 14 images.
    """
    register_all()
    found = open_network(checkpoint, image_size, allow_missing)
    size = image_size or found.card.image_size[0]
    settings: dict[str, Any] = {
        'source': source_config(data, part),
        'channels': found.card.channels,
        'on_corrupt': 'raise',
    }
    crop = {'type': 'EvalAugment', 'resize': size, 'crop': size}
    augment = {'type': 'PretrainAugment', 'size': size, 'scale': (0.2, 1.0), 'backend': 'pil'}
    clean = ImageDataset(**settings, transform=crop)
    augmented = ImageDataset(**settings, transform=augment, seed=seed)
    keys = choose(len(clean), images, seed)
    viewed = [(view, index) for index in choose(len(clean), view_images, seed) for view in range(views)]
    loading = {'batch_size': batch_size, 'num_workers': num_workers}
    x = np.concatenate(list(_features(found, Keyed(clean, keys), loading)))
    v = np.concatenate(list(_features(found, Keyed(augmented, viewed), loading)))
    out = {'rankme': rankme(x), 'alpha_req': alpha_req(x), 'lidar': lidar(v.reshape(-1, views, v.shape[1]))}
    if run is not None:
        out['reconstruction_loss'] = reconstruction_loss(run, data, checkpoint, part, images, num_workers, seed)
    return out


def open_network(checkpoint: str | Path, image_size: int | None = None, allow_missing: Sequence[str] = ()) -> Initial:
    """The frozen network of an image checkpoint, in evaluation mode. Raises CheckpointError for other kinds."""
    card = card_of(3, checkpoint=str(checkpoint), allow_missing=allow_missing)
    sides = card.image_size if image_size is None else (image_size, image_size)
    if sides[0] != sides[1]:
        raise CheckpointError(f'{checkpoint} takes {sides[0]}x{sides[1]} pixels; give a square image_size')
    with preserved_rng():  # weights are drawn before they are filled
        found = initial_net(sides, card.channels, checkpoint=str(checkpoint), allow_missing=allow_missing)
    found.net.requires_grad_(False).eval().to('cuda' if torch.cuda.is_available() else 'cpu')
    return found


@torch.inference_mode()
def _features(found: Initial, dataset: Keyed, loading: dict[str, Any]) -> Iterator[np.ndarray]:
    card, pool = found.card, default_pool(found.net)
    if card.mean is None and card.channels != 3:
        raise CheckpointError(
            f'{card.arch}: its card has no mean and std of {card.channels} channels; export it with those of its images'
        )
    preprocess = ImagePreprocessor(card.mean or IMAGENET_MEAN, card.std or IMAGENET_STD)
    preprocess.to(next(found.net.parameters()).device)
    for batch in build_eval_loader(dataset, rank=0, world_size=1, **loading):
        with full_precision():
            yield pooled(found.net, preprocess({'image': batch['image']})['image'], pool).double().cpu().numpy()


def _checked(features: np.ndarray, axes: int) -> np.ndarray:
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != axes or not x.size:
        wanted = '(N, D)' if axes == 2 else '(n, q, D)'
        raise UserError(f'features of shape {x.shape}; expected {wanted}, none of them 0')
    if not np.isfinite(x).all():
        raise UserError('features hold NaN or infinity; look at the checkpoint and its input')
    return x


def _effective_rank(values: np.ndarray) -> float:
    """exp of the entropy of non-negative values, each as its share of the sum plus a small number."""
    p = values / values.sum() + EPSILON
    return float(np.exp(-(p * np.log(p)).sum()))
