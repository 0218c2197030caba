"""Images per second and core: this loader against torchvision's ImageFolder in a plain DataLoader.

Both make the same output, normalised float batches on the device, from the same JPEG files of ImageNet's mean size with
MAE's augmentation. The peer converts and normalises in its workers, as the official recipes do; here uint8 travels and
the normalisation, done with the batch, is part of the measured time. Without workers the clock is the CPU time of the
process, so the rate is per core whatever else the machine does; with one worker it is the wall clock, for information.
"""

import io
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from pretrain.data import IMAGENET_MEAN, IMAGENET_STD, FolderSource, ImageDataset, PretrainAugment, TarSource
from pretrain.data.loader import build_train_loader
from pretrain.data.sampler import TrainOrder

pytestmark = pytest.mark.bench

IMAGES, BATCH, ROUNDS = 96, 32, 5


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """500 x 375 JPEGs of about 110 kB, as ImageNet has them, with detail on every scale."""
    root = tmp_path_factory.mktemp('bench')
    rng = np.random.RandomState(0)
    for i in range(IMAGES):
        image = np.zeros((375, 500, 3), np.float32)
        for side, weight in ((4, 90), (16, 40), (64, 25), (250, 30)):
            noise = Image.fromarray(rng.randint(0, 256, (side, side, 3), dtype=np.uint8))
            image += weight * (np.asarray(noise.resize((500, 375), Image.BICUBIC), np.float32) / 128 - 1)
        buffer = io.BytesIO()
        Image.fromarray((image + 128).clip(0, 255).astype(np.uint8)).save(buffer, 'JPEG', quality=95)
        path = root / 'class' / f'{i:04d}.jpg'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(buffer.getvalue())
    return root


def peer(folder, workers):
    steps = [
        transforms.RandomResizedCrop(224, (0.2, 1.0), interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]
    dataset = datasets.ImageFolder(folder, transforms.Compose(steps))
    loader = DataLoader(
        dataset, BATCH, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=workers > 0
    )
    return lambda: sum(len(image) for image, _ in loader)


def ours(source, workers, **options):
    dataset = ImageDataset(source, PretrainAugment(224, **options))
    order = TrainOrder(IMAGES, BATCH)
    loader = build_train_loader(dataset, order, BATCH, num_iterations=IMAGES // BATCH, num_workers=workers)
    mean = 255 * torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    scale = 1 / (255 * torch.tensor(IMAGENET_STD).view(3, 1, 1))
    shift = mean * scale

    def run():
        return sum(len(batch['image'].float().mul_(scale).sub_(shift)) for batch in loader)

    return run


@pytest.mark.parametrize('workers', [0, 1])
def test_images_per_second(folder, workers, capsys):
    clock = time.perf_counter if workers else time.process_time
    loaders = {
        'torchvision ImageFolder + DataLoader': peer(folder, workers),
        'mimbench, Pillow pixels': ours(FolderSource(folder), workers, backend='pil'),
        'mimbench': ours(FolderSource(folder), workers),
    }
    seconds = {name: [] for name in loaders}
    for _ in range(ROUNDS + 1):
        for name, run in loaders.items():  # alternating, so that other load on the machine meets all of them
            start = clock()
            assert run() == IMAGES
            seconds[name].append(clock() - start)
    rates = {name: IMAGES / min(times[1:]) for name, times in seconds.items()}
    base = next(iter(rates.values()))
    with capsys.disabled():
        print(f'\n{workers} workers:')
        for name, rate in rates.items():
            print(f'  {name:38s} {rate:7.0f} images/s  {rate / base:5.2f} x')
    assert workers or rates['mimbench'] > 1.2 * base


def test_small_images(shared_images, capsys):
    """64 px images, where the cost of the loader itself shows. No bound: the peer has nothing to compare."""
    dataset = ImageDataset(TarSource(shared_images), PretrainAugment(64))
    loader = build_train_loader(dataset, TrainOrder(len(dataset), 250), 250, num_iterations=8)
    start = time.perf_counter()
    count = sum(len(batch['image']) for batch in loader)
    with capsys.disabled():
        print(f'\n  64 px from tar: {count / (time.perf_counter() - start):7.0f} images/s')


@pytest.fixture
def shared_images(request):
    path = request.config.rootpath.parent / 'shared' / 'data' / 'tiny_imagenet_unlabelled'
    if not path.exists():
        pytest.skip(f'the real data folder {path} is not here')
    return path / '*.tar'
