"""Lists and NIfTI files: layouts that are understood, and one line for each thing that can be wrong."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medical.datasets import VolumeDataset
from medical.lists import CaseList, same_cases
from medical.prepare import PrepareVolume
from medical.volumes import read_nifti
from pretrain.data.sampler import SampleKey
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit
LABELS = {'0': 'background', '1': 'spleen', '3': 'liver'}
AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])


def save(path: Path, voxels: np.ndarray, affine=AFFINE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = nib.Nifti1Header()
    header.set_data_dtype(voxels.dtype)
    header.set_sform(affine, code=1)
    nib.save(nib.Nifti1Image(voxels, None, header), path)
    return path.name


@pytest.fixture
def case(tmp_path):
    """A list with one sound case; what is given replaces a part of it."""

    def write(image=None, label=None, image_affine=AFFINE, label_affine=AFFINE, labels=LABELS, **more) -> Path:
        rng = np.random.default_rng(0)
        image = rng.normal(size=(6, 7, 8)).astype(np.float32) if image is None else image
        if label is None:
            label = np.zeros((6, 7, 8), np.uint8)
            label[2:4, 2:4, 2:4], label[4:, 4:, 4:] = 1, 3
        save(tmp_path / 'image.nii.gz', image, image_affine)
        save(tmp_path / 'label.nii.gz', label, label_affine)
        content = {'labels': labels, 'training': [{'image': 'image.nii.gz', 'label': 'label.nii.gz'}], **more}
        (tmp_path / 'dataset.json').write_text(json.dumps(content))
        return tmp_path

    return write


def dataset(folder: Path, **args) -> VolumeDataset:
    prepare = PrepareVolume(standardise='all')
    source = {k: args.pop(k) for k in ('part', 'root') if k in args}
    return VolumeDataset(CaseList(folder, **source), prepare, labels=True, **args)


def test_a_sound_case(case):
    sample = dataset(case())[0]
    assert sample['image'].shape == (1, 6, 7, 8) and sample['spacing'].tolist() == [1.0, 1.0, 2.0]
    assert sorted(sample['label'].unique().tolist()) == [0, 1, 2]  # positions in the list of ids, not ids
    assert int((sample['label'] == 2).sum()) == 2 * 3 * 4


BROKEN = {
    'size': (dict(label=np.ones((6, 7, 9), np.uint8)), r"label.nii.gz' has \(6, 7, 9\) voxels, .*\(6, 7, 8\)"),
    'place': (dict(label_affine=AFFINE + np.diag([0, 0, 0.5, 0])), r"label.nii.gz' lies up to 3.5 mm away"),
    'singular': (dict(image_affine=np.diag([1.0, 1.0, 0.0, 1.0])), r'image.nii.gz.* affine that gives no voxel size'),
    'unknown id': (dict(label=np.full((6, 7, 8), 2, np.uint8)), r"label.nii.gz' has id 2, which is not in the list"),
    'fraction': (dict(label=np.full((6, 7, 8), 0.5, np.float32)), r"label.nii.gz' holds 0.5"),
    'empty': (dict(label=np.zeros((6, 7, 8), np.uint8)), r"label.nii.gz' is empty"),
    'nan': (dict(image=np.full((6, 7, 8), np.nan, np.float32)), r"image.nii.gz' has 336 voxels with NaN"),
    'contrast': (dict(image=np.ones((6, 7, 8), np.float32)), r"image.nii.gz' has no contrast in channel 0"),
    'channels': (dict(image=np.ones((6, 7, 8, 2), np.float32)), r"image.nii.gz' has 2 channels"),
    'axes': (dict(image=np.ones((6, 7), np.float32)), r"image.nii.gz' has shape \(6, 7\)"),
}


@pytest.mark.parametrize('kind', BROKEN)
def test_a_broken_case_stops_evaluation_and_is_named(case, kind):
    changes, message = BROKEN[kind]
    with pytest.raises(DataError, match=message):
        dataset(case(**changes))[0]


def test_files_that_are_no_volumes(tmp_path, case):
    folder = case()
    (folder / 'image.nii.gz').write_bytes(b'no volume')
    with pytest.raises(DataError, match=r"image.nii.gz' cannot be read"):
        dataset(folder)[0]
    whole = (case() / 'image.nii.gz').read_bytes()
    (folder / 'image.nii.gz').write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"image.nii.gz' cannot be read"):
        dataset(folder)[0]
    (folder / 'image.nii.gz').unlink()
    with pytest.raises(DataError, match='does not exist'):
        dataset(folder)[0]


def test_training_replaces_a_broken_volume_and_reports_it(volumes, tmp_path):
    content = json.loads((volumes / 'dataset.json').read_text())
    first = content['training'][0]
    (tmp_path / 'broken.nii.gz').write_bytes(b'x')
    content['training'][0] = {**first, 'image': str(tmp_path / 'broken.nii.gz')}
    (tmp_path / 'list.json').write_text(json.dumps(content))
    data = dataset(tmp_path / 'list.json', root=volumes, crop=dict(type='CropVolume', size=(16, 16, 16)))
    sample = data[SampleKey(0, 0)]
    assert sample['index'] != 0 and sample['replaced'][0][0].endswith('broken.nii.gz')
    with pytest.raises(DataError, match=r'broken\.nii'):
        data[0]


def test_several_files_are_channels(tmp_path):
    shape = (4, 4, 4)
    for i in range(3):
        save(tmp_path / f'{i}.nii.gz', np.random.default_rng(i).normal(size=shape).astype(np.float32))
    files = ['0.nii.gz', '1.nii.gz', '2.nii.gz']
    (tmp_path / 'dataset.json').write_text(json.dumps({'training': [{'image': files}]}))
    data = VolumeDataset(CaseList(tmp_path), PrepareVolume(standardise='all'), channels=3)
    assert data[0]['image'].shape == (3, *shape) and 'label' not in data[0]
    save(tmp_path / '2.nii.gz', np.zeros((4, 4, 5), np.float32))
    with pytest.raises(DataError, match=r'2.nii.gz'):
        VolumeDataset(CaseList(tmp_path), PrepareVolume(standardise='all'), channels=3)[0]


def write_list(folder: Path, **content) -> Path:
    path = folder / 'list.json'
    path.write_text(json.dumps(content))
    return path


def test_folds(tmp_path):
    entries = [{'image': f'{i}.nii.gz', 'fold': i % 2} for i in range(5)]
    path = write_list(tmp_path, training=entries)
    assert [len(CaseList(path, part, fold=0)) for part in ('training', 'validation')] == [2, 3]
    plain = write_list(tmp_path, training=[{'image': f'{i:02d}.nii.gz'} for i in reversed(range(10))])
    parts = [CaseList(plain, part, fold=1, folds=5) for part in ('training', 'validation')]
    names = [{Path(case.name).name for case in part.cases} for part in parts]
    assert names[1] == {'01.nii.gz', '06.nii.gz'} and not names[0] & names[1] and len(names[0]) == 8
    with pytest.raises(DataError, match='"fold"'):
        CaseList(plain, 'training', fold=1)
    numbered = write_list(tmp_path, training=entries)
    for part in ('training', 'validation'):
        with pytest.raises(ConfigError, match=r'fold is 9; .* has the folds 0, 1'):
            CaseList(numbered, part, fold=9)
    with pytest.raises(DataError, match=r'"training"\[0\] has no "image"'):
        CaseList(write_list(tmp_path, training=[{'label': 'a'}]), fold=0, folds=2)


def test_a_case_is_the_same_by_any_path(tmp_path):
    """Two names of one file, and a second channel that is the first one elsewhere."""
    for name in 'abc':
        (tmp_path / f'{name}.nii.gz').write_bytes(b'')
    (tmp_path / 'link.nii.gz').symlink_to(tmp_path / 'a.nii.gz')
    (tmp_path / 'below').mkdir()
    one = CaseList(write_list(tmp_path, training=[{'image': ['a.nii.gz', 'b.nii.gz']}])).cases
    for other, shared in (('link.nii.gz', 'a'), ('below/../b.nii.gz', 'b'), ('c.nii.gz', None)):
        found = same_cases(one, CaseList(write_list(tmp_path, training=[other])).cases)
        assert found == ([str(tmp_path.resolve() / f'{shared}.nii.gz')] if shared else [])


def test_the_first_few(tmp_path):
    path = write_list(tmp_path, training=['c', 'a', 'b'])
    assert [Path(case.name).name for case in CaseList(path, first=2).cases] == ['c', 'a']
    for wrong in (0, 4):
        with pytest.raises(ConfigError, match=f'first is {wrong}; .* has 3'):
            CaseList(path, first=wrong)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'training': []}, "no part 'training', only none"),
        ({'training': [{'label': 'x'}]}, r'list.json: "training"\[0\] has no "image"'),
        ({'training': ['a', 7]}, r'"training"\[1\] has no "image": 7'),
        ({'training': [{'image': 7}]}, r'"training"\[0\]: "image" is \'7\''),
        ({'training': [{'image': []}]}, r'"training"\[0\]: "image" is'),
        ({'training': [{'image': ['a', 3]}]}, r'"training"\[0\]: "image" is'),
        ({'training': [{'image': 'a', 'label': 3}]}, '"label" of a is 3'),
        ({'training': {'image': 'a'}}, '"training" is an object'),
        ({'training': 'a'}, '"training" is a word'),
        ({'training': ['a'], 'labels': ['background', 'spleen']}, '"labels" is a list'),
        ({'training': ['a'], 'labels': {'background': 0, 'tumour': [1, 2]}}, r"region 'tumour' of the ids \[1, 2\]"),
        ({'training': ['a'], 'labels': {'background': 'zero', 'spleen': 'one'}}, "'zero' in the place of an id"),
        ({'training': ['a'], 'labels': {'0': 'background', '-1': 'spleen'}}, 'in the place of an id'),
        ({'training': ['a', 'a']}, 'twice'),
        ({'training': ['a'], 'labels': {'1': 'spleen'}}, '0 for the background'),
        ({'file_ending': '.nii.gz'}, 'nnU-Net'),
    ],
)
def test_malformed_lists(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        CaseList(write_list(tmp_path, **content))


def test_lists_of_other_layouts(tmp_path):
    path = write_list(tmp_path, training=['a'], labels={'background': 0, 'spleen': 1})
    assert CaseList(path).ids == [0, 1] and CaseList(path).classes == ['background', 'spleen']
    renamed = CaseList(path, names={'0': 'background', '1': 'milt'})
    assert renamed.classes[1] == 'milt' and renamed.listed[1] == 'spleen'
    with pytest.raises(DataError, match='ids'):
        CaseList(path, names={'0': 'background', '4': 'ET'})


def test_read_nifti_moves_channels_first(tmp_path):
    save(tmp_path / 'x.nii.gz', np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(np.float32))
    voxels, _ = read_nifti(tmp_path / 'x.nii.gz')
    assert voxels.shape == (5, 2, 3, 4) and voxels[1, 0, 0, 0] == 1


@pytest.mark.parametrize(
    'args',
    [{}, dict(window=(0, 1), standardise='all'), dict(window=(5, 1)), dict(standardise='some'), dict(spacing=(1, 1))],
)
def test_arguments_of_prepare(args):
    with pytest.raises(ConfigError, match='PrepareVolume'):
        PrepareVolume(**args)
