"""Tables and arrays of findings: the layouts of NIH, CheXpert and MedMNIST, and what can be wrong in them."""

import importlib.util
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from medical import dicom
from medical.arrays import FindingArray
from medical.dicom import RadiographDataset, read_dicom
from medical.findings import NIH, CheXpertTable, FindingList, FindingNames, patients, source_of
from medical.image_task import ClassifyFindings, KNNFindings
from pretrain.data.augment import EvalAugment
from pretrain.data.dataset import ImageDataset
from pretrain.data.loader import build_eval_loader
from pretrain.engine.launch import load_config
from pretrain.engine.transfer import Request, run_transfer
from pretrain.errors import ConfigError, DataError, UserError

pytestmark = pytest.mark.unit
ZEROS = ' '.join('0' * 14)


@pytest.fixture
def images(tmp_path):
    (tmp_path / 'images').mkdir()
    for i in range(3):
        Image.fromarray(np.full((20, 20), 60 * i, np.uint8)).save(tmp_path / 'images' / f'{i:08d}_000.png')
    return tmp_path / 'images'


def test_neighbours_tell_the_brightness_of_images(tmp_path):
    """With random weights; three classes of grey, in a file of MedMNIST."""
    rng, arrays = np.random.default_rng(0), {}
    for part, count in (('train', 30), ('val', 9)):
        labels = np.arange(count) % 3
        arrays[f'{part}_images'] = (90 * labels[:, None, None] + rng.integers(0, 30, (count, 28, 28))).astype(np.uint8)
        arrays[f'{part}_labels'] = labels[:, None].astype(np.uint8)
    np.savez(tmp_path / 'set.npz', **arrays)
    options = {'task.k': 5, 'train_dataloader.num_workers': 0, 'val_dataloader.num_workers': 0}
    cfg = load_config('medical/configs/mini/mae_vit-base-p16_knn_1xb128-k20_medmnist.py', options)
    result, _ = run_transfer(cfg, Request('random', tmp_path / 'run', data=str(tmp_path / 'set.npz')))
    assert cfg.protocol.metric == 'auc' and result.scores['auc'] == result.scores['accuracy'] == 1


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


def test_an_image_with_two_rows(tmp_path):
    one = ZEROS[:-1] + '1'
    with pytest.raises(DataError, match=r'a.png is named 2 times'):
        FindingList(write(tmp_path, 'list.txt', f'a.png {ZEROS}\nb.png {ZEROS}\na.png {one}\n'))


def test_files_that_are_no_text(tmp_path):
    for name, kind in (('list.txt', FindingList), ('table.csv', FindingNames), ('table.csv', CheXpertTable)):
        (tmp_path / name).write_bytes(b'\x89PNG\xff\xfe')
        with pytest.raises(DataError, match=f'{name} is no text'):
            kind(tmp_path / name)
    with pytest.raises(DataError, match=r'table.csv is no text'):
        source_of(tmp_path / 'table.csv', 'train')
    with pytest.raises(DataError, match=r'list.txt is no text'):
        FindingNames(write(tmp_path, 'entry.csv', entry('a.png,Mass')), chosen=tmp_path / 'list.txt')


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
    with pytest.raises(DataError, match=r"entry.csv:3: b.png has nothing under 'Finding Labels'; write 'No Finding'"):
        FindingNames(write(tmp_path, 'entry.csv', entry('a.png,Mass', 'b.png,')))
    for row, differs in (('b.png', 'fewer'), ('b.png,Mass,7,8', 'more')):
        with pytest.raises(DataError, match=f'entry.csv:3: the row has {differs} cells'):
            FindingNames(write(tmp_path, 'entry.csv', entry('a.png,Mass') + f'{row}\n'))
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
    with pytest.raises(DataError, match=r'train.csv:4: the row has fewer cells'):
        CheXpertTable(write(folder, 'train.csv', CHEXPERT + 'CheXpert-v1.0-small/train/p2/view1.jpg,Frontal,1.0\n'))
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
        (grey, np.full((4, 2), 3), 'holds 3; findings are 0 or 1'),
        (grey, np.array([[0], [1], [-1], [0]]), 'holds -1; classes count from 0'),
        (grey[:0], np.zeros((0, 1), np.uint8), r'has shape \(0, 1\); there is nothing'),
    ):
        with pytest.raises(DataError, match=message):
            FindingArray(save_arrays(tmp_path / 'c.npz', images, labels))


def test_arrays_that_are_none(tmp_path):
    path = save_arrays(tmp_path / 'a.npz', np.zeros((4, 28, 28), np.uint8), np.zeros((4, 1), np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a.npz' cannot be read"):
        FindingArray(path)
    np.save(tmp_path / 'b.npy', np.zeros(3))
    (tmp_path / 'b.npy').rename(tmp_path / 'b.npz')
    with pytest.raises(DataError, match=r"b.npz' holds one array"):
        FindingArray(tmp_path / 'b.npz')
    np.savez(tmp_path / 'c.npz', train_images=np.zeros((2, 4, 4)), train_labels=np.array([{}, {}]))
    with pytest.raises(DataError, match=r"c.npz' cannot be read"):
        FindingArray(tmp_path / 'c.npz')


@pytest.mark.skipif(importlib.util.find_spec('pydicom') is not None, reason='pydicom is installed')
def test_dicom_names_its_package(tmp_path):
    (tmp_path / 'x.dcm').write_bytes(b'')
    with pytest.raises(UserError, match=r'x.dcm is a DICOM file, which needs the package pydicom'):
        dicom.read_image(str(tmp_path / 'x.dcm'))
    with pytest.raises(UserError, match=r'x.dcm is a DICOM file'):
        dicom.RadiographFolder(tmp_path)
    with pytest.raises(UserError, match=r'x.dcm is a DICOM file'):
        FindingList(write(tmp_path, 'list.txt', f'x.dcm {ZEROS}\n'))


@pytest.fixture
def stand_in(monkeypatch):
    """For pydicom, which is no dependency: a slope, an intercept and a window that cuts off."""
    pixels = np.array([[0, 10], [20, 40]], np.int16)
    plain = SimpleNamespace(TransferSyntaxUID=SimpleNamespace(is_compressed=False))
    content = SimpleNamespace(pixel_array=pixels, PhotometricInterpretation='MONOCHROME1', file_meta=plain)

    def window(values, of):
        return np.clip(values, *of.window) if hasattr(of, 'window') else values

    modules = {
        'pydicom': SimpleNamespace(dcmread=lambda path: content),
        'pydicom.errors': SimpleNamespace(InvalidDicomError=EOFError),
        'pydicom.pixels': SimpleNamespace(apply_modality_lut=lambda x, of: 2.0 * x - 1000, apply_voi_lut=window),
    }
    monkeypatch.setattr(dicom.importlib, 'import_module', modules.__getitem__)
    return content


def test_dicom_is_windowed_and_inverted(stand_in):
    assert read_dicom('x.dcm').tolist() == [[255, 191], [128, 0]]
    stand_in.window = (-1000, -960)
    assert read_dicom('x.dcm').tolist() == [[255, 128], [0, 0]]


def test_folders_of_dicom(tmp_path, stand_in):
    for name in ('ill/a.dcm', 'ill/b.DCM', 'sound/c.dcm', 'sound/notes.doc'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b'')
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / 'sound' / 'd.png')
    for source, labelled in ((source_of(tmp_path, 'train'), True), (RadiographDataset.locate([str(tmp_path)]), False)):
        data = RadiographDataset(source, EvalAugment(resize=2, crop=2), channels=1, labels=labelled)
        assert [data.source.name(i)[-5:] for i in range(4)] == ['a.dcm', 'b.DCM', 'c.dcm', 'd.png']
        assert data[0]['image'][0].tolist() == [[255, 191], [128, 0]]
        assert data.classes == ['ill', 'sound'] and not data[3]['image'].any()


CLASSIFY = 'medical/configs/mini/selfmedmae_vit-base-p16_ft_8xb32-100e_nih.py'


def table_config(repo, train, val):
    cfg = load_config(repo / CLASSIFY)
    for part, file in (('train', train), ('val', val)):
        cfg[f'{part}_dataloader'].dataset.source = dict(type='FindingList', file=str(file), findings=['a', 'b'])
    return cfg


def test_patients_and_images_are_in_one_part_only(repo, tmp_path):
    read = ClassifyFindings().read_data
    train = write(tmp_path, 'train.txt', '00000001_000.png 0 1\n00000002_000.png 1 0\n')
    with pytest.raises(DataError, match="1 patients are in training and validation data, for example '00000002'"):
        read(table_config(repo, train, write(tmp_path, 'val.txt', '00000002_003.png 0 1\n00000003_000.png 0 1\n')))
    Image.new('L', (4, 4)).save(tmp_path / '00000001_000.png')
    (tmp_path / 'other.png').symlink_to(tmp_path / '00000001_000.png')
    with pytest.raises(DataError, match=r"1 images are in .*00000001_000.png'"):
        read(table_config(repo, train, write(tmp_path, 'val.txt', 'other.png 0 1\n')))
    assert read(table_config(repo, train, write(tmp_path, 'val.txt', '00000003_000.png 0 1\n'))).num_classes == 2
    folder = tmp_path / 'CheXpert'
    folder.mkdir()
    rows = CHEXPERT.replace('/p1/', '/patient00001/study1/')
    assert patients(CheXpertTable(write(folder, 'train.csv', rows))) == {'patient00001'}


def test_the_part_that_a_config_scores_wins(repo, tmp_path):
    path = save_arrays(tmp_path / 'a.npz', np.zeros((2, 4, 4), np.uint8), np.zeros((2, 1), np.uint8))
    for name, part in (('medmnist', 'val'), ('medmnist-test', 'test')):
        cfg = load_config(repo / f'medical/configs/mae_vit-base-p16_linear_1xb128-20e_{name}.py')
        ClassifyFindings().set_data(cfg, Request('random', tmp_path, data=str(path)))
        parts = [cfg[f'{part}_dataloader'].dataset.source.part for part in ('train', 'val')]
        assert parts == ['train', part] and cfg.val_dataloader.dataset.source.file == str(path)


def test_paths_become_sources(tmp_path, images):
    assert source_of(images, 'train')['type'] == 'RadiographFolder'
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


def test_neighbours_do_not_vote_for_several_findings():
    with pytest.raises(ConfigError, match='several findings each; take a probe'):
        KNNFindings(k=3).set_kind(load_config('medical/configs/mini/mae_vit-base-p16_knn_1xb128-k20_medmnist.py'), True)
