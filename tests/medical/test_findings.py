"""Tables and arrays of findings: the layouts of NIH, CheXpert and MedMNIST, and what can be wrong in them."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from medical import findings as source_files
from medical.findings import NIH, CheXpertTable, FindingArray, FindingList, FindingNames, read_dicom, source_of
from pretrain.data.augment import EvalAugment
from pretrain.data.dataset import ImageDataset
from pretrain.data.loader import build_eval_loader
from pretrain.errors import ConfigError, DataError, UserError

pytestmark = pytest.mark.unit
ZEROS = ' '.join('0' * 14)


@pytest.fixture
def images(tmp_path):
    (tmp_path / 'images').mkdir()
    for i in range(3):
        Image.fromarray(np.full((20, 20), 60 * i, np.uint8)).save(tmp_path / 'images' / f'{i:08d}_000.png')
    return tmp_path / 'images'


def write(folder, name: str, text: str):
    (folder / name).write_text(text)
    return folder / name


def test_list_of_nih(tmp_path, images):
    row = ' '.join('1' if name in ('Mass', 'Hernia') else '0' for name in NIH)
    path = write(tmp_path, 'list.txt', f'00000000_000.png {ZEROS}\n\n00000001_000.png {row}\n')
    source = FindingList(path, images)
    assert len(source) == 2 and source.classes == list(NIH)
    assert [NIH[i] for i in source.label(1).nonzero().flatten()] == ['Mass', 'Hernia']
    data = ImageDataset(source, EvalAugment(resize=16, crop=16), channels=1, labels=True)
    (batch,) = build_eval_loader(data, 2)
    assert batch['image'].shape == (2, 1, 16, 16) and batch['label'].shape == (2, 14)
    assert batch['label'].dtype == torch.float32


@pytest.mark.parametrize('line', ['a.png 0 1', f'a.png {ZEROS} 0', f'a.png {ZEROS[:-1]}2', f'a b.png {ZEROS}'])
def test_wrong_line_of_a_list(tmp_path, line):
    with pytest.raises(DataError, match=r'list.txt:2: .* 14 columns'):
        FindingList(write(tmp_path, 'list.txt', f'ok.png {ZEROS}\n{line}\n'))


def entry(*rows: str) -> str:
    return 'Image Index,Finding Labels,Patient ID\n' + ''.join(f'{row},7\n' for row in rows)


def test_strings_of_findings(tmp_path):
    path = write(tmp_path, 'entry.csv', entry('a.png,No Finding', 'b.png,Effusion|Pleural_Thickening'))
    source = FindingNames(path)
    assert source.label(0).sum() == 0
    assert [NIH[i] for i in source.label(1).nonzero().flatten()] == ['Effusion', 'Pleural_Thickening']
    chosen = write(tmp_path, 'val.txt', 'b.png\n')
    assert FindingNames(path, chosen=chosen).name(0).endswith('b.png')
    with pytest.raises(DataError, match=r'the first: c.png'):
        FindingNames(path, chosen=write(tmp_path, 'val.txt', 'b.png\nc.png\n'))


def test_unknown_string_is_named_with_its_line(tmp_path):
    path = write(tmp_path, 'entry.csv', entry('a.png,Mass', 'b.png,Mass|Broken Rib'))
    with pytest.raises(
        DataError, match=r"entry.csv:3: b.png has the unknown finding 'Broken Rib'; allowed: No Finding"
    ):
        FindingNames(path)
    with pytest.raises(DataError, match=r"no column 'Finding Labels'"):
        FindingNames(write(tmp_path, 'entry.csv', 'Image Index,Label\na.png,Mass\n'))


CHEXPERT = """Path,Frontal/Lateral,Atelectasis,Cardiomegaly,Consolidation,Edema,Pleural Effusion
CheXpert-v1.0-small/train/p1/view1.jpg,Frontal,1.0,,0.0,-1.0,1.0
CheXpert-v1.0-small/train/p1/view2.jpg,Lateral,0.0,1.0,,,
"""


def test_table_of_chexpert(tmp_path):
    folder = tmp_path / 'CheXpert-v1.0-small'
    folder.mkdir()
    path = write(folder, 'train.csv', CHEXPERT)
    ignored = CheXpertTable(path)
    label = ignored.label(0)
    assert label[:3].tolist() == [1, 0, 0] and bool(label[3].isnan()) and label[4] == 1
    assert ignored.name(0) == str(tmp_path / 'CheXpert-v1.0-small/train/p1/view1.jpg')
    assert (
        CheXpertTable(path, uncertain='ones').label(0)[3] == 1
        and CheXpertTable(path, uncertain='zeros').label(0)[3] == 0
    )
    assert len(CheXpertTable(path, frontal=True)) == 1
    with pytest.raises(ConfigError, match='uncertain'):
        CheXpertTable(path, uncertain='maybe')
    with pytest.raises(DataError, match=r"train.csv:2: label '2.0'"):
        CheXpertTable(write(folder, 'train.csv', CHEXPERT.replace('1.0,,0.0', '2.0,,0.0')))


def save_arrays(path, images, labels, part='train'):
    np.savez(path, **{f'{part}_images': images, f'{part}_labels': labels})
    return path


def test_arrays_of_medmnist(tmp_path):
    grey = np.zeros((4, 28, 28), np.uint8)
    one = FindingArray(save_arrays(tmp_path / 'a.npz', grey, np.array([[0], [1], [1], [0]], np.uint8)))
    assert not one.multi_label and one.label(1) == 1 and one.classes is None and one.read(0).shape == (28, 28)
    many = FindingArray(save_arrays(tmp_path / 'b.npz', grey, np.eye(4, 14, dtype=np.int64)))
    assert many.multi_label and many.label(2).tolist() == np.eye(4, 14)[2].tolist() and len(many.classes) == 14
    with pytest.raises(DataError, match=r"no array 'val_images'"):
        FindingArray(tmp_path / 'a.npz', part='val')
    for images, labels, message in (
        (grey, np.zeros((3, 1), np.uint8), 'for 4 images'),
        (np.zeros((4, 8, 8, 8), np.uint8), np.zeros((4, 1), np.uint8), 'volumes are no images'),
        (grey, np.full((4, 2), 3), 'findings are 0 or 1'),
    ):
        with pytest.raises(DataError, match=message):
            FindingArray(save_arrays(tmp_path / 'c.npz', images, labels))


@pytest.mark.skipif(importlib.util.find_spec('pydicom') is not None, reason='pydicom is installed')
def test_dicom_names_its_package(tmp_path):
    (tmp_path / 'x.dcm').write_bytes(b'')
    with pytest.raises(UserError, match=r'x.dcm is a DICOM file, which needs the package pydicom'):
        source_files.read_image(str(tmp_path / 'x.dcm'))


def test_dicom_is_rescaled_and_inverted(monkeypatch):
    """With a stand-in for pydicom, which is no dependency: only what is done to its pixels is shown."""
    content = SimpleNamespace(
        pixel_array=np.array([[0, 10], [20, 40]], np.int16),
        RescaleSlope=2,
        RescaleIntercept=-1000,
        PhotometricInterpretation='MONOCHROME1',
    )
    monkeypatch.setattr(
        source_files.importlib, 'import_module', lambda name: SimpleNamespace(dcmread=lambda p: content)
    )
    assert read_dicom('x.dcm').tolist() == [[255, 191], [128, 0]]


def test_paths_become_sources(tmp_path, images):
    assert source_of(images, 'train')['type'] == 'FolderSource'
    save_arrays(tmp_path / 'a.npz', np.zeros((1, 4, 4), np.uint8), np.zeros((1, 1), np.uint8))
    assert source_of(tmp_path / 'a.npz', 'val')['part'] == 'val'
    assert source_of(write(tmp_path, 'x.csv', CHEXPERT), 'train')['type'] == 'CheXpertTable'
    assert source_of(write(tmp_path, 'y.csv', entry()), 'train')['type'] == 'FindingNames'
    with pytest.raises(DataError, match='no labelled set'):
        source_of(tmp_path / 'none.json', 'train')


CONFIG = 'medical/configs/mini/selfmedmae_vit-base-p16_ft_8xb32-100e_nih.py'
SMALL = [
    '--cfg-options',
    'train_cfg.epochs=1',
    'param_scheduler.warmup=0',
    'train_dataloader.num_workers=0',
    'val_dataloader.num_workers=0',
    'train_dataloader.batch_size=16',
    'train_cfg.effective_batch=16',
]


@pytest.mark.smoke
@pytest.mark.parametrize('labels', ['classes', 'findings'])
def test_a_transfer_writes_its_result(mimbench, repo, tmp_path, labels):
    rng = np.random.default_rng(0)
    arrays = {}
    for part in ('train', 'val'):
        arrays[f'{part}_images'] = rng.integers(0, 255, (24, 28, 28)).astype(np.uint8)
        arrays[f'{part}_labels'] = rng.integers(0, 2, (24, 1 if labels == 'classes' else 3))
    np.savez(tmp_path / 'set.npz', **arrays)
    words = ['--data', tmp_path / 'set.npz', '--work-dir', tmp_path / 'run', *SMALL]
    done = mimbench('transfer', repo / CONFIG, '--checkpoint', 'random', *words)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'run' / 'result.json').read_text())
    assert result['num_samples'] == {'train': 24, 'val': 24}
    assert result['scores']['scored'] == (1 if labels == 'classes' else 3) and 0 <= result['scores']['auc'] <= 1
