"""RankMe, alpha-ReQ and LiDAR of spectra that are known."""

import math

import numpy as np
import pytest

from pretrain.engine.proxies import alpha_req, lidar, rankme
from pretrain.errors import UserError

pytestmark = pytest.mark.unit


def with_spectrum(singular: np.ndarray, n: int = 200) -> np.ndarray:
    """Features `(n, D)` with these singular values and mean zero."""
    rng = np.random.default_rng(0)
    tall = rng.normal(size=(n, len(singular)))
    left, _ = np.linalg.qr(tall - tall.mean(0))
    right, _ = np.linalg.qr(rng.normal(size=(len(singular), len(singular))))
    return left * singular @ right


def test_rankme_of_known_spectra() -> None:
    assert rankme(with_spectrum(np.full(16, 3.0))) == pytest.approx(16, rel=1e-4)
    assert rankme(with_spectrum(np.r_[np.full(4, 2.0), np.zeros(12)])) == pytest.approx(4, rel=1e-4)
    # Shares 1/2, 1/4, 1/4 have the entropy 1.5 log 2.
    assert rankme(with_spectrum(np.array([2.0, 1.0, 1.0]))) == pytest.approx(2**1.5, rel=1e-5)
    isotropic = np.random.default_rng(1).normal(size=(20000, 32))
    assert 31.9 < rankme(isotropic) < 32.001


def test_rankme_is_not_centred() -> None:
    """The paper takes the features as they are: a mean that dwarfs them leaves one direction."""
    x = np.random.default_rng(1).normal(size=(500, 8))
    assert rankme(x + 1e6) < 1.01 < 7 < rankme(x)


@pytest.mark.parametrize('alpha', [0.5, 1.0, 2.3])
def test_alpha_of_an_exact_power_law(alpha: float) -> None:
    eigenvalues = np.arange(1, 121.0) ** -alpha
    x = with_spectrum(np.sqrt(eigenvalues)) + 5  # the covariance has no mean
    assert alpha_req(x) == pytest.approx(alpha, abs=1e-6)
    assert alpha_req(x, first=1, last=40) == pytest.approx(alpha, abs=1e-6)


def test_alpha_is_fitted_between_eleven_and_a_hundred() -> None:
    k = np.arange(1, 121.0)
    eigenvalues = np.where(k < 11, 1e3, np.where(k > 100, 1e-6, k**-1.5))
    assert alpha_req(with_spectrum(np.sqrt(eigenvalues))) == pytest.approx(1.5, abs=1e-6)


def test_alpha_needs_enough_directions() -> None:
    with pytest.raises(UserError, match='give more images'):
        alpha_req(np.random.default_rng(0).normal(size=(13, 64)))  # 12 eigenvalues
    assert math.isfinite(alpha_req(np.random.default_rng(0).normal(size=(14, 64))))
    with pytest.raises(UserError, match='have 3 eigenvalues'):
        alpha_req(with_spectrum(np.r_[np.ones(3), np.zeros(20)]))


def test_lidar_by_hand() -> None:
    """Means (±3, 0), (0, ±1) and views (±1, 0), (0, ±2) around each: Sb = diag(4.5, 0.5), Sw = diag(0.5, 2)."""
    means = np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], dtype=float)
    views = np.array([[1, 0], [-1, 0], [0, 2], [0, -2]], dtype=float)
    x = means[:, None] + views + 7
    for delta in (1e-4, 0.5):
        share = np.array([4.5 / (0.5 + delta), 0.5 / (2 + delta)])
        share /= share.sum()
        assert lidar(x, delta) == pytest.approx(math.exp(-(share * np.log(share)).sum()), rel=1e-5)


def test_lidar_counts_what_tells_images_apart() -> None:
    """Five directions tell the images apart; fifteen are noise of the views, which RankMe counts too."""
    rng = np.random.default_rng(2)
    means = np.concatenate([np.eye(20)[:5], -np.eye(20)[:5]])
    views = means[:, None] + rng.normal(size=(10, 400, 20)) * np.r_[np.full(5, 0.01), np.full(15, 1.0)]
    assert lidar(views) == pytest.approx(5, abs=0.05)
    assert rankme(views.reshape(-1, 20)) > 17


def test_arrays_that_have_no_proxy_are_refused() -> None:
    with pytest.raises(UserError, match=r'expected \(N, D\)'):
        rankme(np.zeros((2, 3, 4)))
    with pytest.raises(UserError, match='zero'):
        rankme(np.zeros((4, 3)))
    with pytest.raises(UserError, match='NaN'):
        alpha_req(np.full((30, 20), np.nan))
    with pytest.raises(UserError, match=r'expected \(n, q, D\)'):
        lidar(np.ones((4, 3)))
    with pytest.raises(UserError, match='two of each'):
        lidar(np.ones((4, 1, 3)))
    with pytest.raises(UserError, match='same features'):
        lidar(np.ones((4, 2, 3)))
