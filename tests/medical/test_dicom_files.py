"""DICOM files as scanners write them, read by pydicom where it is installed, and trained on."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_files import write_dicom

from medical.dicom import RadiographDataset, RadiographList, read_dicom
from pretrain.data.augment import EvalAugment
from pretrain.errors import DataError, UserError
from tools.main import main

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(importlib.util.find_spec('pydicom') is None, reason='pydicom is not installed'),
]
RAMP = (4 * np.arange(1024).reshape(32, 32)).astype(np.uint16)
"""12 bits, 0 to 4092."""


def expected(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(((values.astype(float) - low) / (high - low)).clip(0, 1) * 255).astype(int)


CASES: dict[str, tuple[np.ndarray, dict, np.ndarray]] = {
    'plain': (RAMP, {}, expected(RAMP, 0, 4092)),
    'inverted': (RAMP, {'PhotometricInterpretation': 'MONOCHROME1'}, expected(4092.0 - RAMP, 0, 4092)),
    'signed': ((RAMP.astype(int) - 2048).astype(np.int16), {}, expected(RAMP, 0, 4092)),
    # PS3.3 C.11.2.1.2.1: linear between centre - 0.5 - (width - 1) / 2 and centre - 0.5 + (width - 1) / 2
    'first window': (RAMP, {'WindowCenter': [1000, 3], 'WindowWidth': [501, 2]}, expected(RAMP, 749.5, 1249.5)),
    'rescaled window': (
        RAMP,
        {'RescaleSlope': 0.5, 'RescaleIntercept': -1024, 'WindowCenter': -524, 'WindowWidth': 501},
        expected(RAMP, 499, 1499),
    ),
    'run lengths': (RAMP, {'syntax': 'RLELossless'}, expected(RAMP, 0, 4092)),
    'padding': (
        np.where(np.arange(32) < 8, 4095, RAMP // 4).astype(np.uint16),
        {'PixelPaddingValue': 4095},
        np.where(np.arange(32) < 8, 0, expected(RAMP // 4, 8, 1023)),
    ),
    'a range of padding': (
        RAMP,
        {'PixelPaddingValue': 4095, 'PixelPaddingRangeLimit': 2048},
        np.where(RAMP >= 2048, 0, expected(RAMP, 0, 2044)),
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_what_is_seen(name: str, tmp_path: Path) -> None:
    stored, tags, wanted = CASES[name]
    path = write_dicom(tmp_path / 'x.dcm', stored, **{'BitsStored': 12, **tags})
    found = read_dicom(str(path)).astype(int)
    assert found.shape == stored.shape and abs(found - wanted).max() <= 1, 'half a level may round either way'


def test_what_is_no_grey_picture(tmp_path: Path) -> None:
    """One line that names the file and the fix."""
    plain = write_dicom(tmp_path / 'plain.dcm', RAMP, BitsStored=12)
    write_dicom(tmp_path / 'frames.dcm', np.stack([RAMP] * 3))
    write_dicom(tmp_path / 'colour.dcm', np.zeros((8, 8, 3), np.uint8), PhotometricInterpretation='RGB')
    write_dicom(tmp_path / 'palette.dcm', np.zeros((8, 8), np.uint8), PhotometricInterpretation='PALETTE COLOR')
    (tmp_path / 'cut.dcm').write_bytes(plain.read_bytes()[:1500])
    (tmp_path / 'text.dcm').write_text('no picture')
    messages = {
        'frames': r'3 frame\(s\) of photometric interpretation MONOCHROME2; one grey frame',
        'colour': 'interpretation RGB; one grey frame',
        'palette': 'interpretation PALETTE COLOR; one grey frame',
        'cut': 'fewer|less than expected',
        'text': 'no DICOM header',
    }
    data = RadiographDataset(RadiographDataset.locate([str(tmp_path)]), EvalAugment(resize=8, crop=8), channels=1)
    for i in range(len(data)):
        stem = Path(data.source.name(i)).stem
        if stem == 'plain':
            assert data[i]['image'].shape == (1, 8, 8)
            continue
        with pytest.raises(DataError, match=f'{stem}.dcm.*({messages[stem]}).*; replace or remove it') as caught:
            data[i]
        assert '\n' not in str(caught.value)


def test_a_missing_plugin_is_no_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training would replace broken files; this stops it, whatever plugins are installed here."""
    from pydicom import pixels

    path = write_dicom(tmp_path / 'x.dcm', RAMP, 'RLELossless', BitsStored=12)
    monkeypatch.setattr(pixels, 'get_decoder', lambda syntax: type('Decoder', (), {'is_available': False}))
    data = RadiographDataset(RadiographDataset.locate([str(tmp_path)]), EvalAugment(resize=8, crop=8), channels=1)
    with pytest.raises(UserError, match=r'x.dcm is compressed \(RLE Lossless\).*install pylibjpeg') as caught:
        data[(0, 0)]
    assert not isinstance(caught.value, DataError) and path.exists()


def test_lists(tmp_path: Path) -> None:
    """The first line of a csv is no header when it names a DICOM file."""
    write_dicom(tmp_path / 'a.dcm', RAMP), write_dicom(tmp_path / 'b.DCM', RAMP)
    for name, text in (('list.txt', 'a.dcm 0\nb.DCM 1\n'), ('list.csv', 'a.dcm,0\nb.DCM,1\n')):
        (tmp_path / name).write_text(text)
        source = RadiographDataset.locate([str(tmp_path / name)])
        assert source['type'] == 'RadiographList'
        found = RadiographList(source['file'])
        assert len(found) == 2 and found.label(1) == 1 and found.read(1).shape == (32, 32)


@pytest.fixture
def shots(tmp_path: Path) -> Callable[[str], Path]:
    """A folder of two classes, 24 files each to train and 8 to validate, of every kind of `CASES` in turn."""
    rng = np.random.default_rng(0)
    for part, count in (('train', 24), ('val', 8)):
        for i in range(2 * count):
            _, tags, _ = list(CASES.values())[i // 2 % len(CASES)]
            values = rng.integers(0, 2000, (32, 32)) + (2000 * (np.arange(32) < 16) if i % 2 else 0)
            stored = values.astype(np.uint16)
            write_dicom(tmp_path / part / f'class{i % 2}' / f'{part}{i:03d}.dcm', stored, **{'BitsStored': 12, **tags})
    return lambda part: tmp_path / part


MINI = 'medical/configs/mini'
FAST = ['train_dataloader.num_workers=0', 'train_dataloader.batch_size=16', 'train_cfg.effective_batch=16']


@pytest.mark.parametrize('listed', [False, True], ids=['folder', 'list'])
def test_pretraining_and_transfer(shots, tmp_path: Path, monkeypatch, repo: Path, listed: bool) -> None:
    monkeypatch.chdir(tmp_path)
    data, val = shots('train'), shots('val')
    if listed:
        for part in ('train', 'val'):
            names = sorted(path.relative_to(tmp_path) for path in shots(part).rglob('*.dcm'))
            (tmp_path / f'plain-{part}.txt').write_text(''.join(f'{name}\n' for name in names))
            rows = [
                f'{name} {" ".join("1" if i == number % 14 else "0" for i in range(14))}'
                for number, name in enumerate(names)
            ]
            (tmp_path / f'{part}.txt').write_text('\n'.join(rows) + '\n')
    words = ['pretrain', repo / MINI / 'medicalmae_vit-small-p16_dec512x2_8xb256-800e_cxr.py', '--work-dir', 'run']
    words += ['--data', tmp_path / 'plain-train.txt' if listed else data, '--cfg-options', *FAST, 'train_cfg.epochs=4']
    assert main([*map(str, words)]) == 0
    words = ['transfer', repo / MINI / 'medicalmae_vit-small-p16_ft_8xb128-75e_nih.py', '--work-dir', 'ft']
    words += ['--checkpoint', 'run/encoder.safetensors']
    words += ['--data', tmp_path / 'train.txt' if listed else data, '--val', tmp_path / 'val.txt' if listed else val]
    assert main([*map(str, words), '--cfg-options', *FAST, 'val_dataloader.num_workers=0', 'train_cfg.epochs=4']) == 0
    assert Path('ft/result.json').exists() and not Path('run/quarantine.jsonl').exists()
