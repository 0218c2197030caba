import io

import numpy as np
import pytest
import torch
from PIL import Image

from pretrain.data.decode import decode_pil, decode_tensor, to_uint8
from pretrain.data.sources import FolderSource

pytestmark = pytest.mark.unit


def png(array, mode=None, format='PNG', **options):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, format, **options)
    return buffer.getvalue()


def hwc(image):
    return np.atleast_3d(np.asarray(image))


@pytest.fixture
def rgb():
    return np.random.RandomState(0).randint(0, 256, (9, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('kind', ['jpeg', 'jpeg-grey', 'jpeg-cmyk', 'png', 'png-grey', 'palette', 'rgba', 'bilevel'])
def test_both_decoders_give_pillows_pixels(rgb, kind, channels):
    data = {
        'jpeg': lambda: png(rgb, format='JPEG', quality=85),
        'jpeg-grey': lambda: png(rgb, 'L', 'JPEG'),
        'jpeg-cmyk': lambda: png(rgb, 'CMYK', 'JPEG'),
        'png': lambda: png(rgb),
        'png-grey': lambda: png(rgb, 'L'),
        'palette': lambda: png(rgb, 'P'),
        'rgba': lambda: png(rgb, 'RGBA'),
        'bilevel': lambda: png(rgb, '1'),
    }[kind]()
    expected = hwc(Image.open(io.BytesIO(data)).convert('RGB' if channels == 3 else 'L'))
    assert np.array_equal(hwc(decode_pil(data, channels)), expected)
    tensor = decode_tensor(data, channels)
    assert tensor.dtype == torch.uint8
    assert np.array_equal(tensor.permute(1, 2, 0).numpy(), expected)


def test_real_jpegs_decode_equally(shared_data):
    for folder in ('tiny_imagenet_sub/val', 'bccd/JPEGImages'):
        source = FolderSource(shared_data / folder)
        for i in range(0, len(source), len(source) // 25):
            data = source.read(i)
            assert np.array_equal(decode_tensor(data).permute(1, 2, 0).numpy(), np.asarray(decode_pil(data)))


@pytest.mark.parametrize('format', ['PNG', 'TIFF'])
def test_16_bit_grey_keeps_its_scale(format):
    values = np.array([[0, 257, 25700], [32896, 65278, 65535]], dtype=np.uint16)
    data = png(values, format=format)
    for decoded in (hwc(decode_pil(data, 1)), decode_tensor(data, 1).permute(1, 2, 0).numpy()):
        assert decoded[..., 0].tolist() == [[0, 1, 100], [128, 254, 255]]
    assert np.array_equal(hwc(decode_pil(data, 3)), np.repeat(hwc(decode_pil(data, 1)), 3, axis=2))


def test_12_bit_data_needs_its_range():
    data = png(np.array([[0, 2048, 4095, 9999]], dtype=np.uint16))
    assert decode_tensor(data, 1)[0].tolist() == [[0, 8, 16, 39]]
    assert decode_tensor(data, 1, value_range=(0, 4095))[0].tolist() == [[0, 128, 255, 255]]


def test_float_tiff():
    data = png(np.array([[0.0, 0.5, 1.0]], dtype=np.float32), format='TIFF')
    assert decode_tensor(data, 1)[0].tolist() == [[0, 128, 255]]
    data = png(np.array([[-1000.0, 0.0, 1000.0]], dtype=np.float32), format='TIFF')
    with pytest.raises(ValueError, match='value_range'):
        decode_tensor(data, 1)
    assert decode_tensor(data, 1, value_range=(-1000, 1000))[0].tolist() == [[0, 128, 255]]


def test_arrays():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(decode_tensor(grey, 1)[0].numpy(), grey)
    assert torch.equal(decode_tensor(grey, 3), decode_tensor(grey, 1).expand(3, -1, -1))
    five = np.random.RandomState(0).randint(0, 65536, (3, 4, 5)).astype(np.uint16)
    assert np.array_equal(decode_tensor(five, 5).permute(1, 2, 0).numpy(), np.rint(five / 257).astype(np.uint8))
    with pytest.raises(ValueError, match='has 5 channels, expected 3'):
        decode_tensor(five, 3)


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.zeros((2, 2), np.int32), 'no known range'),
        (np.full((2, 2), np.nan), 'NaN or infinity'),
        (np.full((2, 2), 1.5), 'exceed'),
        (np.zeros(4, np.uint8), 'expected'),
        (np.zeros((0, 4), np.uint8), 'expected'),
    ],
)
def test_unusable_arrays(array, message):
    with pytest.raises(ValueError, match=message):
        to_uint8(array)


@pytest.mark.parametrize('decode', [decode_pil, decode_tensor])
def test_truncated_and_foreign_files_fail(rgb, decode):
    big = np.random.RandomState(0).randint(0, 256, (64, 64, 3), dtype=np.uint8)
    for data in (png(big, format='JPEG'), png(big)):
        with pytest.raises((OSError, RuntimeError, SyntaxError, ValueError)):
            decode(data[: len(data) // 2])
    for data in (b'', b'no image', b'\xff\xd8\xff\xe0'):
        with pytest.raises((OSError, RuntimeError)):
            decode(data)


def test_exif_orientation_is_ignored(rgb):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = png(rgb, format='JPEG', exif=exif)
    assert decode_pil(data).size == (7, 9)
    assert decode_tensor(data).shape == (3, 9, 7)
