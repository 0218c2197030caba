"""Cheap proxies of a checkpoint: how many directions its features use, how their spectrum decays, and its own loss.

`rankme`, `alpha_req` and `lidar` take arrays; `FeatureProxies` measures them, and the loss of pre-training on samples
that it has not seen. None looks at labels. The first three were published for joint-embedding methods; whether they
order masked image models by what they score downstream is what `benchmark.correlation` is for.
"""

from typing import Any

import numpy as np
import scipy.linalg
from mmengine.config import Config

from pretrain.data.build import build_dataset
from pretrain.data.parts import LabelledData
from pretrain.engine.features import FrozenRun, extract, frozen_run
from pretrain.engine.processes import is_main
from pretrain.engine.reconstruction import Keyed, NoLossError, choose, pretraining_run, reconstruction_loss
from pretrain.engine.task import TransferTask
from pretrain.engine.transfer import RANDOM, Request
from pretrain.errors import ConfigError, DataError, UserError
from pretrain.record import Result, Scores

EPSILON = 1e-7
DELTA = 1e-4
FIRST, LAST = 11, 100
"""Eigenvalues that `alpha_req` fits, counted from 1."""
FEWEST = FIRST + 3
"""Samples: it fits three eigenvalues at least, and one is lost to the mean."""


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
            f'to {last} are fitted, three at least: give more images, {first + 3} at least'
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


class FeatureProxies(TransferTask):
    """Proxies of a frozen encoder over the validation samples; beside a domain's task, before it.

    Best are samples that pre-training has not seen. The scores are `rankme`, `alpha_req`, `lidar` and, where the
    checkpoint lies in the run directory of its pre-training, `reconstruction_loss`; a note says why that is absent. The
    protocol's metric is `rankme`, and more is better, as its paper has it. Samples, views and masks follow from `seed`
    alone: they are part of the protocol and the same for all checkpoints and seeds of a run, of which only the weights
    of a random control depend. Batch, workers and processes change nothing but rounding.

    Args:
        augment: config of the transform of LiDAR's views; `view_transform` of the domain completes it.
        samples: for all but LiDAR; all if the set has fewer, else a sample.
        view_samples, views: n and q of LiDAR.
        seed: of sample, views and masks.
        domain: arguments of the domain's task.
    """

    def __init__(
        self, augment: dict, samples: int = 25600, view_samples: int = 1000, views: int = 50, seed: int = 0, **domain
    ):
        super().__init__(**domain)
        fewest_of = {'samples': (samples, FEWEST), 'view_samples': (view_samples, 2), 'views': (views, 2)}
        for name, (value, fewest) in fewest_of.items():
            if value < fewest:
                raise ConfigError(f'task.{name} is {value}; it must be {fewest} at least')
        self.augment, self.seed = augment, seed
        self.samples, self.view_samples, self.views = samples, view_samples, views

    def view_transform(self, plain: dict[str, Any], model: Any) -> dict[str, Any]:
        """The config of the transform that gives an augmented view, of the size that the model takes.

        Args:
            plain: config of the transform that the features are of.
        """
        raise NotImplementedError

    def read_data(self, cfg: Config) -> LabelledData:
        data: Any = super().read_data(cfg)
        if len(data.val) < FEWEST:
            raise DataError(
                f'{len(data.val)} validation {data.samples}; the proxies need {FEWEST} at least, --val names others'
            )
        return data

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        found = frozen_run(self, cfg, request, config_hash)
        setting = found.setting
        index = choose(len(setting.data.val), self.samples, self.seed)
        x = found.val.x[index].numpy()
        scores = {'rankme': rankme(x), 'alpha_req': alpha_req(x)}
        views = self.view_features(found)
        scores['lidar'] = lidar(views)
        try:
            scores['reconstruction_loss'] = self.loss(found)
        except NoLossError as error:
            setting.notes.append(str(error))
            if is_main():
                print(f'note: {error}')
        used = {'samples': len(index), 'view_samples': len(views), 'views': self.views}
        return found.record(Scores(scores), derived=used)

    def view_features(self, found: FrozenRun) -> np.ndarray:
        """`(n, q, D)` of augmented validation samples."""
        loading = found.setting.cfg.val_dataloader.to_dict()
        settings = {**loading.pop('dataset'), 'seed': self.seed, 'on_corrupt': 'raise'}
        settings['transform'] = self.view_transform(settings['transform'], found.model)
        dataset = build_dataset(settings)
        chosen = choose(len(dataset), self.view_samples, self.seed)
        keys = [(view, number) for number in chosen for view in range(self.views)]
        return extract(found.model, Keyed(dataset, keys), **loading).x.numpy().reshape(len(chosen), self.views, -1)

    def loss(self, found: FrozenRun) -> float:
        """Of pre-training, on the validation samples. NoLossError where it cannot be known."""
        request, loader = found.setting.request, found.setting.cfg.val_dataloader
        if request.checkpoint == RANDOM:
            raise NoLossError('random weights have no reconstruction_loss, for no pre-training made them')
        run = pretraining_run(request.checkpoint)
        workers = loader.get('num_workers', 0)
        source = loader.dataset.source.to_dict()
        return reconstruction_loss(run, source, request.checkpoint, self.samples, workers, self.seed)


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
