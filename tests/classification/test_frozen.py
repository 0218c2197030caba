"""Frozen features: the encoder's own, computed once, never taken for others; and the probe that is fitted on them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from classification.probe import AttentiveProbe, FrozenProbe, LinearProbe
from pretrain.checkpoint.load import build_net
from pretrain.data.dataset import ImageDataset
from pretrain.encoders.net import features
from pretrain.engine import features as engine_features
from pretrain.engine.features import Features, cache_key, cached_features, extract
from pretrain.files import cache_folder
from pretrain.frozen import FrozenEncoder
from pretrain.record import read_result
from pretrain.registry import DATASETS
from tools.main import main

pytestmark = pytest.mark.unit

KNN = Path(__file__).parents[2] / 'classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py'


def encoder(file: Path, **args) -> FrozenEncoder:
    given = {'checkpoint': str(file), **args.pop('encoder', {})}
    return FrozenEncoder(given, **{'num_classes': 3, 'image_size': 16, **args}).eval()


def loader(root: Path, part: str = 'val', size: int = 16) -> dict:
    dataset = {
        'type': 'ImageDataset',
        'labels': True,
        'source': {'type': 'FolderSource', 'root': str(root / part)},
        'transform': {'type': 'EvalAugment', 'resize': size, 'crop': size},
    }
    return {'dataset': dataset, 'batch_size': 5}


def build(cfg: dict) -> ImageDataset:
    return DATASETS.build(dict(cfg['dataset']))


def test_features_are_those_of_the_encoder(images: Path, encoder_file: Path) -> None:
    cfg = loader(images)
    dataset, model = build(cfg), encoder(encoder_file)
    found = extract(model, dataset, batch_size=5)
    net, _ = build_net(encoder_file)
    pixels = torch.stack([dataset[i]['image'] for i in range(len(dataset))]).float() / 255
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (model.mean, model.std))
    assert torch.allclose(found.x, features(net, (pixels - mean) / std).mean(1), atol=1e-5)
    assert found.label.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    token = extract(encoder(encoder_file, pool='cls'), dataset, batch_size=12).x
    assert torch.allclose(token, net.eval().forward_features((pixels - mean) / std)[:, 0], atol=1e-5)


def test_second_use_reads_the_cache(images: Path, encoder_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = loader(images)
    first = cached_features(encoder(encoder_file), build(cfg), cfg, cache_folder('features'))
    monkeypatch.setattr(engine_features, 'extract', None)
    again = cached_features(encoder(encoder_file), build(cfg), cfg, cache_folder('features'))
    assert torch.equal(first.x, again.x) and torch.equal(first.label, again.label)


def test_features_that_are_not_finite_are_one_line(
    images: Path, write_encoder: Callable, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Of a checkpoint whose numbers are finite and huge; k-NN would vote with NaN."""
    file = write_encoder()
    tensors = {name: tensor * 1e30 for name, tensor in load_file(file).items()}
    with safe_open(file, 'pt') as found:
        save_file(tensors, tmp_path / 'encoder.safetensors', found.metadata())
    words = ['transfer', KNN, '--checkpoint', tmp_path / 'encoder.safetensors', '--data', images / 'train']
    words += ['--val', images / 'val', '--work-dir', tmp_path / 'run']
    assert main(list(map(str, words))) == 2
    assert 'features hold NaN or infinity' in capsys.readouterr().err


def test_the_cost_is_that_of_a_run_that_finds_nothing(
    images: Path, encoder_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever comes second looks cheap, and a report puts it on the Pareto front."""
    cfg = loader(images)
    really = engine_features.extract

    def slow(*given, **more) -> Features:
        time.sleep(0.5)
        return really(*given, **more)

    monkeypatch.setattr(engine_features, 'extract', slow)
    first, again = (cached_features(encoder(encoder_file), build(cfg), cfg, tmp_path / 'cache') for _ in range(2))
    assert first.saved == 0 and 0.5 < again.saved < 5
    monkeypatch.undo()
    words = ['transfer', KNN, '--checkpoint', encoder_file, '--data', images / 'train', '--val', images / 'val']
    words += ['--work-dir', tmp_path / 'run', '--force', '--cfg-options', 'model.image_size=16']
    for part in ('train', 'val'):
        words += [f'{part}_dataloader.num_workers=0', f'{part}_dataloader.dataset.transform.resize=16']
        words += [f'{part}_dataloader.dataset.transform.crop=16']
    assert main(list(map(str, words))) == 0
    for file in cache_folder('features').iterdir():
        save_file(load_file(file), file, {'seconds': '1000'})
    assert main(list(map(str, words))) == 0
    assert 2000 < read_result(tmp_path / 'run').cost.wall_seconds < 2100


def test_a_damaged_cache_is_computed_again(images: Path, encoder_file: Path, capsys: pytest.CaptureFixture) -> None:
    cfg, model = loader(images), encoder(encoder_file)
    first = cached_features(model, build(cfg), cfg, cache_folder('features'))
    (file,) = cache_folder('features').iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert torch.equal(cached_features(model, build(cfg), cfg, cache_folder('features')).x, first.x)
    assert 'is damaged' in capsys.readouterr().out


def test_other_features_have_another_key(images: Path, write_encoder: Callable[..., Path], tmp_path: Path) -> None:
    import shutil

    file = write_encoder(0)
    copy = tmp_path / 'copy.safetensors'
    shutil.copy(file, copy)
    moved = shutil.copytree(images, tmp_path / 'moved')
    cfg = loader(images)

    def key(model: FrozenEncoder, cfg: dict) -> str:
        return cache_key(model, build(cfg), cfg)

    first = key(encoder(file), cfg)
    assert key(encoder(copy), cfg) == first
    assert key(encoder(file), {**cfg, 'batch_size': 3}) == first
    random = FrozenEncoder({'like': str(file)}, num_classes=3, image_size=16)
    others = [
        key(encoder(write_encoder(1)), cfg),
        key(encoder(file, pool='cls'), cfg),
        key(encoder(file, mean=(0.5,) * 3), cfg),
        key(encoder(file), loader(images, 'train')),
        key(random, cfg),
        key(FrozenEncoder({'like': str(file)}, num_classes=3, image_size=16), cfg),
    ]
    resized = loader(images)
    resized['dataset']['transform']['resize'] = 20
    others.append(key(encoder(file), resized))
    others.append(key(encoder(file, encoder={'qk_norm': False}), cfg))
    assert len({first, *others}) == len(others) + 1
    here = key(encoder(file), loader(moved))
    Image.new('RGB', (20, 20)).save(moved / 'val' / 'red' / '00.png')
    assert key(encoder(file), loader(moved)) != here


def test_a_frozen_encoder_stays_frozen(write_encoder: Callable[..., Path]) -> None:
    model = LinearProbe(
        {'checkpoint': str(write_encoder(0, 'resnet18', in_chans=3))}, num_classes=3, image_size=32
    ).train()
    before = {n: t.clone() for n, t in model.net.state_dict().items()}
    loss = model.loss({'image': torch.randn(4, 3, 32, 32), 'label': torch.tensor([0, 1, 2, 0])})
    loss['loss'].backward()
    assert all(torch.equal(before[n], t) for n, t in model.net.state_dict().items())
    assert [n for n, p in model.named_parameters() if p.grad is not None] == ['head.1.weight', 'head.1.bias']
    assert model.head[0].eps == 1e-6 and not model.head[0].affine
    assert model.head[0].num_batches_tracked == 1


def test_frozen_probe_learns_what_is_separable_and_repeats() -> None:
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(90) % 3
    x = torch.randn(90, 8, generator=generator) + 3 * torch.nn.functional.one_hot(label, 8)
    probe = FrozenProbe(epochs=40, warmup=2, batch=30, lr=30.0)
    heads = [probe.fit(Features(x, label), 3, seed=4) for _ in range(2)]
    logits = [head(x) for head in heads]
    assert torch.equal(*logits)
    assert (logits[0].argmax(1) == label).float().mean() > 0.9


@pytest.mark.bench
def test_cached_features_are_five_times_faster(images: Path, write_encoder: Callable[..., Path]) -> None:
    file = write_encoder(0, 'vit_tiny_patch16_224', embed_dim=192, depth=6, patch_size=4, img_size=64)
    cfg, model = loader(images, 'train', 64), encoder(file, image_size=64)
    cfg['dataset']['transform'] = {'type': 'EvalAugment', 'resize': 64, 'crop': 64}
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        cached_features(model, build(cfg), cfg, cache_folder('features'))
        seconds.append(time.perf_counter() - start)
    assert seconds[0] > 5 * seconds[1], seconds


def test_attentive_probe_sees_every_token_and_trains_its_head_alone(encoder_file: Path) -> None:
    probe = AttentiveProbe({'checkpoint': str(encoder_file)}, num_classes=3, image_size=16, pool='mean')
    images = torch.rand(2, 3, 16, 16)
    probe.train()
    tokens = probe.features(images)
    assert torch.allclose(tokens, features(probe.net, images)) and tokens.ndim == 3 and not tokens.requires_grad
    probe.loss({'image': images, 'label': torch.tensor([0, 2])})['loss'].backward()
    trained = {name for name, p in probe.named_parameters() if p.grad is not None}
    assert trained and all(name.startswith('head.') for name in trained)
    score = probe.head(tokens)
    for i in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[:, i] += 10 * torch.randn_like(changed[:, i])
        assert not torch.allclose(probe.head(changed), score), f'token {i} is not looked at'
