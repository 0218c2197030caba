import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode, pil_to_tensor

from pretrain.data import EvalAugment, PretrainAugment
from pretrain.data.augment import crop_image, random_crop_box, resize
from pretrain.errors import ConfigError

pytestmark = pytest.mark.unit

RATIO = (3 / 4, 4 / 3)
FILTERS = {'bicubic': InterpolationMode.BICUBIC, 'bilinear': InterpolationMode.BILINEAR}


@pytest.fixture
def picture():
    """A smooth 90 x 70 image: rounding differs by one level, a wrong crop by tens."""
    coarse = Image.fromarray(np.random.RandomState(3).randint(0, 256, (6, 8, 3), dtype=np.uint8))
    return coarse.resize((90, 70), Image.BICUBIC)


def difference(a, b):
    return (a.int() - b.int()).abs().max().item()


@pytest.mark.parametrize('size', [(50, 70), (300, 20), (20, 300), (64, 64)])
@pytest.mark.parametrize('scale', [(0.2, 1.0), (0.08, 1.0), (0.9, 1.0)])
def test_crop_boxes_are_torchvisions(size, scale):
    """With the same generator state; elongated images reach the centred fallback."""
    image = torch.empty(3, *size)
    for seed in range(200):
        torch.manual_seed(seed)
        expected = v2.RandomResizedCrop(8, scale, RATIO).make_params([image])
        torch.manual_seed(seed)
        top, left, height, width = random_crop_box(*size, scale, RATIO)
        assert [top, left, height, width] == [expected[k] for k in ('top', 'left', 'height', 'width')]


@pytest.mark.parametrize('interpolation', ['bicubic', 'bilinear'])
@pytest.mark.parametrize('backend', ['pil', 'tensor'])
def test_pipeline_is_torchvisions_flip_then_crop(picture, backend, interpolation):
    ours = PretrainAugment(48, interpolation=interpolation, backend=backend)
    assert ours.wants_tensor == (backend == 'tensor')
    reference = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomResizedCrop(48, (0.2, 1.0), RATIO, FILTERS[interpolation]),
        ]
    )
    given = pil_to_tensor(picture) if backend == 'tensor' else picture
    for seed in range(30):
        torch.manual_seed(seed)
        expected = pil_to_tensor(reference(picture))
        torch.manual_seed(seed)
        image = ours(given)['image']
        assert image.dtype == torch.uint8 and image.is_contiguous() and image.shape == (3, 48, 48)
        assert difference(image, expected) <= (1 if backend == 'pil' else 3)


def test_jitter_comes_before_flip_and_crop(picture):
    """BEiT's order: contrast uses the mean of the whole image, so jittering the crop would give other pixels."""
    ours = PretrainAugment(48, scale=(0.08, 1.0), color_jitter=(0.4, 0.4, 0.4))
    assert not ours.wants_tensor
    crop = v2.RandomResizedCrop(48, (0.08, 1.0), RATIO, InterpolationMode.BICUBIC)
    jitter = v2.ColorJitter(0.4, 0.4, 0.4)
    orders = {'beit': [jitter, v2.RandomHorizontalFlip(), crop], 'late': [v2.RandomHorizontalFlip(), crop, jitter]}
    apart = dict.fromkeys(orders, 0)
    for seed in range(20):
        for name, order in orders.items():
            torch.manual_seed(seed)
            if name == 'beit':
                # v2's ColorJitter draws in another order than the classic one; hand it the same jittered image.
                whole = ours.jitter(picture)
                expected = pil_to_tensor(v2.Compose(order[1:])(whole))
            else:
                expected = pil_to_tensor(v2.Compose(order)(picture))
            torch.manual_seed(seed)
            apart[name] = max(apart[name], difference(ours(picture)['image'], expected))
    assert apart['beit'] <= 1 < apart['late']


def test_pillow_crop_resize_ignores_pixels_outside_the_crop(picture):
    """Which is why it is not one `resize(box=...)`."""
    array = np.array(picture)
    inside = np.zeros_like(array)
    inside[10:40, 20:60] = array[10:40, 20:60]
    crops = [resize(crop_image(Image.fromarray(a), 10, 20, 30, 40), (16, 16), 'bicubic') for a in (array, inside)]
    assert np.array_equal(*map(np.asarray, crops))
    boxes = [Image.fromarray(a).resize((16, 16), Image.BICUBIC, box=(20, 10, 60, 40)) for a in (array, inside)]
    assert not np.array_equal(*map(np.asarray, boxes))


@pytest.mark.parametrize('flip', [0.0, 0.5, 1.0])
@pytest.mark.parametrize(('interpolation', 'tensor'), [('lanczos', False), ('bicubic', True)])
def test_second_is_the_same_crop(picture, flip, interpolation, tensor):
    augment = PretrainAugment(64, flip=flip, second=dict(size=32, interpolation=interpolation))
    assert augment.wants_tensor == tensor
    given = pil_to_tensor(picture) if tensor else picture
    for seed in range(10):
        torch.manual_seed(seed)
        out = augment(given)
        assert out['second'].shape == (3, 32, 32)
        halved = torch.nn.functional.avg_pool2d(out['image'].float(), 2)
        assert (halved - out['second'].float()).abs().mean() < 1.5
        assert (halved.flip(-1) - out['second'].float()).abs().mean() > 8


def test_flip_probability(picture):
    small = pil_to_tensor(picture)
    augment = PretrainAugment((70, 90), scale=(1.0, 1.0), ratio=(9 / 7, 9 / 7), flip=0.3)
    torch.manual_seed(0)
    flipped = sum(not torch.equal(augment(small)['image'], small) for _ in range(400))
    assert 80 < flipped < 160


@pytest.mark.parametrize('channels', [1, 2, 5])
def test_grey_and_n_channels(channels):
    """Every channel of a tensor goes through the same crop and flip."""
    one = torch.randint(0, 256, (1, 40, 30), dtype=torch.uint8)
    torch.manual_seed(1)
    out = PretrainAugment(24, second=dict(size=12))(one.expand(channels, -1, -1))
    assert out['image'].shape == (channels, 24, 24) and out['second'].shape == (channels, 12, 12)
    assert torch.equal(out['image'], out['image'][:1].expand(channels, -1, -1))
    grey = PretrainAugment(24, backend='pil')(Image.fromarray(one[0].numpy()))
    assert grey['image'].shape == (1, 24, 24)


@pytest.mark.parametrize('tensor', [False, True])
@pytest.mark.parametrize('shape', [(90, 70), (70, 90), (64, 64), (301, 77)])
def test_eval_is_torchvisions(shape, tensor):
    array = np.random.RandomState(0).randint(0, 256, (shape[0] // 6, shape[1] // 6, 3), dtype=np.uint8)
    picture = Image.fromarray(array).resize(shape[::-1], Image.BICUBIC)
    reference = v2.Compose([v2.Resize(41, InterpolationMode.BICUBIC), v2.CenterCrop(32)])
    out = EvalAugment(41, 32)(pil_to_tensor(picture) if tensor else picture)['image']
    assert difference(out, pil_to_tensor(reference(picture))) <= (3 if tensor else 0)


def test_eval_without_resize_or_crop(picture):
    assert torch.equal(EvalAugment(None, None)(picture)['image'], pil_to_tensor(picture))
    assert EvalAugment((20, 30), None)(picture)['image'].shape == (3, 20, 30)
    assert EvalAugment(64, (64, 48))(picture)['image'].shape == (3, 64, 48)
    with pytest.raises(ConfigError, match='exceeds the resized image'):
        EvalAugment(32, 48)(picture)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(interpolation='cubic'), 'interpolation'),
        (dict(scale=(0.5, 0.2)), 'scale'),
        (dict(flip=2), 'flip'),
        (dict(backend='cuda'), 'backend'),
        (dict(backend='tensor', color_jitter=(0.4, 0.4, 0.4)), 'colour jitter'),
        (dict(backend='tensor', second=dict(size=8, interpolation='lanczos')), 'lanczos'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ConfigError, match=message):
        PretrainAugment(32, **options)


def test_n_channels_refuse_pillow_only_steps():
    image = torch.zeros(5, 20, 20, dtype=torch.uint8)
    with pytest.raises(ConfigError, match='1 or 3 channels'):
        PretrainAugment(8, color_jitter=(0.4, 0.4, 0.4))(image)
    with pytest.raises(ConfigError, match='lanczos'):
        PretrainAugment(8, second=dict(size=4, interpolation='lanczos'))(image)
