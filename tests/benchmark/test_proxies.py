"""Proxies of spectra that are known, and of a checkpoint over images."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.proxies import alpha_req, lidar, measure_proxies, open_network, rankme
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.load import build_net
from pretrain.checkpoint.nets import make_net
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError, DataError, UserError

pytestmark = pytest.mark.unit

TINY = {'embed_dim': 24, 'num_heads': 2, 'depth': 2, 'patch_size': 4, 'img_size': 16}


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


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images of 24 x 20 pixels in two class folders."""
    root, rng = tmp_path_factory.mktemp('images'), np.random.default_rng(0)
    for i in range(40):
        folder = root / ('a' if i < 20 else 'b')
        folder.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(folder / f'{i:02d}.png')
    return root


@pytest.fixture(scope='module')
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp('encoder') / 'encoder.safetensors', 'vit_tiny_patch16_224', TINY)


def write_encoder(path: Path, arch: str, args: dict) -> Path:
    torch.manual_seed(0)
    net = make_net(arch, **args)
    facts = {'method': 'MAE', 'initial_stage': 'mim', 'mean': (0.4, 0.5, 0.6), 'std': (0.2, 0.3, 0.4)}
    exchange.write(path, net.state_dict(), card_for_net(net, arch, args, **facts))
    return path


def test_proxies_are_those_of_the_encoders_features(images: Path, encoder: Path) -> None:
    found = measure_proxies(encoder, images, view_images=6, views=3)
    net, _ = build_net(encoder)
    paths = sorted(images.rglob('*.png'))
    small = [Image.open(path).resize((19, 16), Image.Resampling.BICUBIC).crop((2, 0, 18, 16)) for path in paths]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in small])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)))
    x = features(net, (pixels - mean) / std).mean(1).numpy()
    assert found['rankme'] == pytest.approx(rankme(x), rel=1e-4)
    assert found['alpha_req'] == pytest.approx(alpha_req(x), rel=1e-3)
    assert 1 < found['lidar'] <= 5.01
    assert set(found) == {'rankme', 'alpha_req', 'lidar'}


def test_batches_and_workers_change_nothing(images: Path, encoder: Path) -> None:
    sizes = {'images': 30, 'view_images': 8, 'views': 3}
    first = measure_proxies(encoder, images, batch_size=64, **sizes)
    assert measure_proxies(encoder, images, batch_size=64, **sizes) == first
    np.random.seed(7)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    again = measure_proxies(encoder, images, batch_size=7, num_workers=1, **sizes)
    assert again == pytest.approx(first, rel=1e-4)
    assert torch.equal(state, torch.get_rng_state())
    assert measure_proxies(encoder, images, seed=1, **sizes) != pytest.approx(first, rel=1e-4)


def test_convolutional_networks_are_pooled_as_they_do_it(images: Path, tmp_path: Path) -> None:
    path = write_encoder(tmp_path / 'resnet.safetensors', 'resnet18', {'in_chans': 3})
    found = measure_proxies(path, images, image_size=32, view_images=5, views=2)
    assert 1 < found['rankme'] <= 40.01 and 1 < found['lidar'] <= 4.01


def test_what_cannot_be_measured_is_refused(images: Path, encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no data'):
        measure_proxies(encoder, tmp_path / 'nothing')
    with pytest.raises(UserError, match='give more images'):
        measure_proxies(encoder, images, images=12, view_images=4, views=2)
    volume = {'embed_dim': 24, 'num_heads': 2, 'depth': 1, 'patch_size': [4, 4, 4], 'img_size': [8, 8, 8]}
    with pytest.raises(CheckpointError, match='clips or volumes'):
        open_network(write_encoder(tmp_path / 'v.safetensors', 'vit3d_base_patch16', volume))
