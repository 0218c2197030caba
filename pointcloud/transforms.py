"""From stored clouds to equally large ones, augmented. All randomness is NumPy's, seeded by the data set per sample."""

import numpy as np

from pretrain.errors import ConfigError
from pretrain.registry import TRANSFORMS

SAMPLES = ('random', 'farthest', 'pool', 'first', 'replace', 'all')


@TRANSFORMS.register_module()
class PointTransform:
    """Sample, normalise and augment `(N, C)`, xyz first; further columns follow their points.

    Args:
        num_points: points that come out.
        sample: 'random' without replacement; 'farthest' points; 'pool', a random choice from the `pool` farthest
            points (training on ModelNet40, from 1200); 'first'; 'replace', at random with replacement (ShapeNetPart);
            'all', as they are stored; a data set refuses clouds that do not have `num_points`.
        normalise: 'before' or 'after' sampling: centred on the mean of the points, largest distance 1. None: as stored
            (ScanObjectNN).
        scale: range of a random factor for each axis (2/3 to 3/2 in Point-MAE); `isotropic` takes one for all.
        translate: largest random shift along each axis.
        rotate: axis, 'x', 'y' or 'z', of a random rotation.
        shuffle: random order of the points, so that groups do not begin at the same point each time.
        few: a cloud with fewer points is an 'error', or it may 'repeat' its points.

    Attributes:
        farthest_first: the points of a cloud come farthest first, so that of 'farthest' and 'pool' the first ones are
            the farthest (farthest points are nested); the data set sets it from its source.
    """

    farthest_first = False

    def __init__(
        self,
        num_points: int = 1024,
        sample: str = 'random',
        pool: int = 1200,
        normalise: str | None = None,
        scale: tuple[float, float] | None = None,
        isotropic: bool = False,
        translate: float = 0.0,
        rotate: str | None = None,
        shuffle: bool = False,
        few: str = 'error',
    ):
        if sample not in SAMPLES:
            raise ConfigError(f'transform.sample is {sample!r}; allowed: {", ".join(SAMPLES)}')
        if normalise not in (None, 'before', 'after') or rotate not in (None, 'x', 'y', 'z'):
            raise ConfigError(f"transform.normalise={normalise!r}, rotate={rotate!r}; 'before'/'after' and 'x'/'y'/'z'")
        if few not in ('error', 'repeat'):
            raise ConfigError(f"transform.few is {few!r}; allowed: 'error', 'repeat'")
        if scale is not None and not 0 < scale[0] <= scale[1]:
            raise ConfigError(f'transform.scale is {scale}; it takes (low, high) with 0 < low <= high')
        self.num_points, self.sample, self.pool, self.normalise = num_points, sample, pool, normalise
        self.scale, self.isotropic, self.translate, self.rotate = scale, isotropic, translate, rotate
        self.shuffle, self.few = shuffle, few

    def __call__(self, cloud: np.ndarray) -> np.ndarray:
        """Raises ValueError for a cloud with too few points."""
        cloud = np.array(cloud, dtype=np.float32)
        if self.normalise == 'before':
            cloud[:, :3] = unit_sphere(cloud[:, :3])
        cloud = cloud[self.choose(cloud[:, :3])]
        if self.normalise == 'after':
            cloud[:, :3] = unit_sphere(cloud[:, :3])
        cloud[:, :3] = self.augment(cloud[:, :3])
        return cloud

    def choose(self, points: np.ndarray) -> np.ndarray:
        """Indices of the points to keep, `num_points` of them ('all': every one)."""
        number, wanted = len(points), self.num_points
        if self.sample == 'all':
            chosen = np.arange(number)
        elif self.sample == 'replace':
            chosen = np.random.choice(number, wanted, replace=True)
        elif number < wanted:
            if self.few == 'error':
                raise ValueError(f"{number} points, {wanted} are asked for; transform.few='repeat' repeats points")
            extra = np.random.choice(number, wanted - number, replace=True) if self.shuffle else None
            extra = np.arange(wanted - number) % number if extra is None else extra
            chosen = np.concatenate([np.arange(number), extra])
        elif self.sample == 'random':
            chosen = np.random.choice(number, wanted, replace=False)
        elif self.sample == 'first':
            chosen = np.arange(wanted)
        elif self.sample == 'farthest':
            chosen = self.farthest(points, wanted)
        else:
            chosen = self.farthest(points, min(max(self.pool, wanted), number))
            chosen = np.random.choice(chosen, wanted, replace=False)
        return np.random.permutation(chosen) if self.shuffle else chosen

    def farthest(self, points: np.ndarray, count: int) -> np.ndarray:
        """Indices of farthest points, index 0 first."""
        return np.arange(count) if self.farthest_first else farthest(points, count)

    def augment(self, points: np.ndarray) -> np.ndarray:
        if self.rotate:
            points = points @ rotation(self.rotate, np.random.uniform(0, 2 * np.pi)).T
        if self.scale:
            factors = np.random.uniform(*self.scale, size=1 if self.isotropic else 3)
            points = points * factors.astype(np.float32)
        if self.translate:
            points = points + np.random.uniform(-self.translate, self.translate, size=3).astype(np.float32)
        return points


def unit_sphere(points: np.ndarray) -> np.ndarray:
    """`(N, 3)` centred on its mean, the largest distance from there 1. Points that coincide stay at 0."""
    points = points - points.mean(0)
    return points / max(float(np.linalg.norm(points, axis=1).max()), 1e-12)


def rotation(axis: str, angle: float) -> np.ndarray:
    """The matrix of a turn by `angle` around an axis."""
    i = 'xyz'.index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    turn = np.eye(3, dtype=np.float32)
    turn[j, j] = turn[k, k] = np.cos(angle)
    turn[j, k], turn[k, j] = -np.sin(angle), np.sin(angle)
    return turn


def farthest(points: np.ndarray, count: int) -> np.ndarray:
    """Indices of farthest points of `(N, 3)`, index 0 first: `pretrain.points.farthest_points` for one cloud."""
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    chosen = np.zeros(count, dtype=np.int64)
    x, y, z = np.ascontiguousarray(points.T, dtype=np.float32)  # sums over a last axis of 3 would take most of the time
    for i in range(1, count):
        last = chosen[i - 1]
        distance = np.square(x - x[last])
        distance += np.square(y - y[last])
        distance += np.square(z - z[last])
        np.minimum(nearest, distance, out=nearest)
        chosen[i] = nearest.argmax()
    return chosen
