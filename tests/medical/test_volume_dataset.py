"""Prepared volumes and their crops: geometry, intensities, and what chance depends on."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from medical.crops import CropVolume
from medical.datasets import VolumeDataset, voxel_statistics
from medical.lists import CaseList
from medical.prepare import PrepareVolume, Volume
from pretrain.data.loader import build_eval_loader, build_train_loader
from pretrain.data.sampler import SampleKey, TrainOrder
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit
CROP = dict(
    type='CropVolume',
    size=(16, 16, 16),
    positive=1,
    negative=1,
    flip=0.5,
    rotate90=0.5,
    scale=(0.5, 0.1),
    shift=(0.5, 0.1),
)


def dataset(folder: Path, **args) -> VolumeDataset:
    prepare = args.pop('prepare', dict(type='PrepareVolume', window=(-175, 250)))
    source = {k: args.pop(k) for k in ('part', 'root') if k in args}
    return VolumeDataset(CaseList(folder, **source), prepare, **{'labels': True, **args})


def test_all_orientations_end_in_one(tmp_path):
    """The same body stored towards LPS and RAS gives the same voxels, and the liver lies on the right in both."""
    voxels = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    label = np.zeros((5, 6, 7), np.uint8)
    label[4] = 1
    ras = nib.Nifti1Image(voxels, np.diag([1.0, 2.0, 3.0, 1.0]))
    marked = nib.Nifti1Image(label, ras.affine)
    turn = nib.orientations.axcodes2ornt(('S', 'L', 'P'))
    for name, image in (('image', ras), ('label', marked)):
        nib.save(image, tmp_path / f'{name}.nii.gz')
        nib.save(image.as_reoriented(turn), tmp_path / f'turned_{name}.nii.gz')
    entries = [{'image': f'{p}image.nii.gz', 'label': f'{p}label.nii.gz'} for p in ('', 'turned_')]
    content = {'labels': {'0': 'background', '1': 'liver'}, 'training': entries}
    (tmp_path / 'dataset.json').write_text(json.dumps(content))
    data = dataset(tmp_path, prepare=dict(type='PrepareVolume', standardise='all'))
    one, other = data[0], data[1]
    assert nib.load(tmp_path / 'turned_image.nii.gz').shape != voxels.shape
    torch.testing.assert_close(one['image'], other['image'], rtol=0, atol=1e-6)
    assert torch.equal(one['label'], other['label']) and torch.equal(one['spacing'], other['spacing'])
    assert one['spacing'].tolist() == [1.0, 2.0, 3.0] and bool((one['label'][4] == 1).all())


def test_spacing_changes_the_grid_and_is_reported(volumes):
    prepare = dict(type='PrepareVolume', window=(-175, 250), spacing=(2.0, 1.5, 3.0))
    before, after = dataset(volumes)[0], dataset(volumes, prepare=prepare)[0]
    assert after['spacing'].tolist() == [2.0, 1.5, 3.0]
    extent = [np.array(x['image'].shape[1:]) * x['spacing'].numpy() for x in (before, after)]
    assert np.abs(extent[0] - extent[1]).max() < 4
    assert set(after['label'].unique().tolist()) <= set(before['label'].unique().tolist())  # nearest, no mixtures


def test_labels_are_never_mixed():
    image, label = np.random.default_rng(0).random((1, 12, 12, 12)).astype(np.float32), np.zeros((12, 12, 12), np.uint8)
    label[3:9, 3:9, 3:9] = 2  # between 0 and 2 lies a class that is not there
    found = PrepareVolume(standardise='all', spacing=(0.7, 0.8, 1.3))(image, np.eye(4), label, 'x').label
    assert found.shape != label.shape and set(found.unique().tolist()) == {0, 2}


def test_intensities():
    image = np.linspace(-300, 400, 64, dtype=np.float32).reshape(1, 4, 4, 4)
    affine = np.eye(4)
    window = PrepareVolume(window=(-175, 250))(image.copy(), affine, None, 'x').image
    expected = ((image + 175) / 425).clip(0, 1)
    torch.testing.assert_close(window, torch.from_numpy(expected))
    shares = PrepareVolume(percentiles=(10, 90))(image.copy(), affine, None, 'x').image
    assert float(shares.min()) == 0 and float(shares.max()) == 1
    with_air = np.where(image < 0, 0, image)
    nonzero = PrepareVolume(standardise='nonzero')(with_air.copy(), affine, None, 'x').image
    inside = nonzero[torch.from_numpy(with_air) != 0]
    assert float(inside.mean()) == pytest.approx(0, abs=1e-5) and float(inside.std(correction=0)) == pytest.approx(1)
    assert bool((nonzero[torch.from_numpy(with_air) == 0] == 0).all())


def test_foreground_is_cut_with_its_label():
    image, label = np.full((1, 9, 9, 9), -1000, np.float32), np.zeros((9, 9, 9), np.uint8)
    image[0, 2:5, 3:6, 4:8], label[3, 4, 5] = 100, 1
    found = PrepareVolume(window=(-175, 250), foreground=True)(image, np.eye(4), label, 'x')
    assert found.image.shape == (1, 3, 3, 4) and found.label.nonzero().tolist() == [[1, 1, 1]]


@pytest.mark.parametrize('level', [-1000, 5000])
@pytest.mark.parametrize('foreground', [False, True])
def test_a_volume_beside_the_window_is_refused(level, foreground):
    """All air, or all above: after scaling it is one value, and a crop of it teaches nothing."""
    image = np.full((1, 6, 6, 6), level, np.float32) + np.arange(6, dtype=np.float32)
    with pytest.raises(DataError, match='no voxel above -175' if level < 0 else 'no contrast in channel 0'):
        PrepareVolume(window=(-175, 250), foreground=foreground)(image, np.eye(4), None, 'x')


def test_foreground_of_standardised_channels():
    """Background is 0 there, and tissue lies on both sides of it; any channel counts."""
    image = np.zeros((2, 9, 9, 9), np.float32)
    image[0, 2:5, 3:6, 4:8], image[1, 2:6, 3:6, 4:7] = np.arange(1, 5), np.arange(1, 4)
    found = PrepareVolume(standardise='nonzero', foreground=True)(image, np.eye(4), None, 'x')
    assert found.image.shape == (2, 4, 3, 4) and float(found.image.min()) < 0
    with pytest.raises(ConfigError, match='foreground'):
        PrepareVolume(standardise='all', foreground=True)


def test_prepared_volumes_know_their_place(volumes):
    """A voxel of the prepared volume and the one of the file at the same millimetres hold the same class."""
    prepare = dict(type='PrepareVolume', window=(-175, 250), spacing=(1.5, 0.8, 1.2), foreground=True)
    sample = dataset(volumes, part='validation', prepare=prepare, stored=True)[1]
    places = torch.cat([sample['label'].nonzero().double(), torch.ones(int((sample['label'] > 0).sum()), 1)], 1)
    indices = torch.linalg.solve(sample['stored_affine'], sample['affine'] @ places.T)[:3].round().long()
    there = sample['stored_label'][tuple(indices)]
    assert torch.equal(there.long(), sample['label'][sample['label'] > 0])
    assert 'stored_label' not in dataset(volumes, part='validation', prepare=prepare)[1]


def test_an_organ_that_preparation_loses_is_no_silence(tmp_path):
    """One voxel, between the voxels of a coarse grid."""
    image, label = np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32), np.zeros((12,) * 3, np.uint8)
    label[:6], label[7, 7, 7] = 1, 2
    for name, voxels in (('image', image), ('label', label)):
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / f'{name}.nii.gz')
    content = {'labels': {'0': 'background', '1': 'liver', '2': 'duct'}}
    content['training'] = [{'image': 'image.nii.gz', 'label': 'label.nii.gz'}]
    (tmp_path / 'dataset.json').write_text(json.dumps(content))
    coarse = dict(type='PrepareVolume', standardise='all', spacing=(3.0, 3.0, 3.0))
    for cache in ('memory', 'disk', 'disk'):
        with pytest.raises(DataError, match=r"image.nii.gz' loses duct by its preparation"):
            dataset(tmp_path, prepare=coarse, cache=cache)[0]
    assert int((dataset(tmp_path, prepare=coarse, stored=True)[0]['stored_label'] == 2).sum()) == 1
    assert dataset(tmp_path, prepare=coarse, crop=dict(type='CropVolume', size=(4, 4, 4)))[SampleKey(0, 0)]


def test_a_crop_depends_on_seed_epoch_and_index_alone(volumes):
    one, other = dataset(volumes, crop=CROP, seed=3), dataset(volumes, crop=CROP, seed=3)
    np.random.seed(7)
    first = one[SampleKey(2, 4)]
    other[SampleKey(0, 1)], other[SampleKey(5, 2)]
    np.random.seed(8)
    again = other[SampleKey(2, 4)]
    assert torch.equal(first['image'], again['image']) and torch.equal(first['label'], again['label'])
    assert not torch.equal(first['image'], one[SampleKey(3, 4)]['image'])
    assert not torch.equal(first['image'], dataset(volumes, crop=CROP, seed=4)[SampleKey(2, 4)]['image'])


def test_loading_draws_nothing_from_training(volumes):
    data, state = dataset(volumes, crop=CROP), np.random.get_state()[1].copy()
    before = torch.get_rng_state()
    data[SampleKey(0, 0)]
    assert torch.equal(before, torch.get_rng_state()) and (state == np.random.get_state()[1]).all()


@pytest.mark.parametrize('workers', [0, 2])
def test_workers_load_the_same(volumes, workers):
    data = dataset(volumes, crop=CROP)
    loader = build_train_loader(data, TrainOrder(6, 2), 2, num_iterations=3, num_workers=workers)
    sums = [batch['image'].sum().item() for batch in loader]
    keys = [key for i in range(3) for key in TrainOrder(6, 2).batch(i)]
    direct = [sum(data[key]['image'].sum().item() for key in keys[2 * i : 2 * i + 2]) for i in range(3)]
    assert sums == pytest.approx(direct, rel=1e-6)


def test_labels_follow_their_image(volumes):
    """An image that is its own label must stay so under every random change of place."""
    label = dataset(volumes).decode(0).label
    volume = Volume(label[None].float(), label, torch.eye(4))
    crop = CropVolume((16, 16, 16), positive=1, negative=1, flip=0.5, rotate90=0.5)
    for seed in range(20):
        out = crop(volume, seed)
        assert torch.equal(out['image'][0].long(), out['label'])


def test_crops_around_organs(volumes):
    volume = dataset(volumes).decode(0)
    around = CropVolume((5, 5, 5), positive=1, negative=0)
    assert all((around(volume, seed)['label'] > 0).any() for seed in range(10))


@pytest.mark.parametrize(('threshold', 'level'), [(0.0, 0.5), ('nonzero', -0.5)])
def test_crops_of_the_background_hold_more_than_air(threshold, level):
    """A body in much air, with an organ in it; half of the crops have their middle outside of the organ."""
    image, label = torch.zeros(1, 60, 60, 60), torch.zeros(60, 60, 60, dtype=torch.uint8)
    image[0, 25:35, 25:35, 25:35], label[29:31, 29:31, 29:31] = level, 1
    volume = Volume(image, label, torch.eye(4))
    for negative in (CropVolume((8,) * 3, 0, 1, threshold), CropVolume((64, 8, 8), 0, 1, threshold)):
        crops = [negative(volume, seed) for seed in range(12)]
        assert all(bool((crop['image'] != 0).any()) for crop in crops)
    with pytest.raises(ConfigError, match='threshold'):
        CropVolume((8,) * 3, threshold='air')


def test_crops_are_standardised_by_themselves():
    image = torch.zeros(2, 8, 8, 8)
    image[:, 4:] = torch.randn(2, 4, 8, 8) * 3 + 5
    crop = CropVolume((8, 8, 8), standardise='nonzero')(Volume(image, None, torch.eye(4)), 0)['image']
    inside = crop[:, 4:].flatten(1)
    torch.testing.assert_close(inside.mean(1), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(inside.std(1, correction=0), torch.ones(2), rtol=0, atol=1e-5)
    assert not crop[:, :4].any()


def test_small_volumes_are_padded(volumes):
    crop = CropVolume((64, 64, 64))(dataset(volumes, labels=False).decode(0), 0)
    assert crop['image'].shape == (1, 64, 64, 64) and 'label' not in crop


def test_several_crops_of_a_volume_in_an_epoch(volumes):
    data = dataset(volumes, crop=CROP, crops=4)
    assert len(data) == 24 and data.name(7) == data.name(4) != data.name(8)
    assert not torch.equal(data[SampleKey(0, 4)]['image'], data[SampleKey(0, 5)]['image'])


def test_volumes_of_different_sizes_stay_a_list(volumes):
    (batch,) = list(build_eval_loader(dataset(volumes, part='validation'), 3))
    assert isinstance(batch['image'], list) and len(batch['label']) == 3
    assert batch['spacing'].shape == (3, 3) and batch['affine'].shape == (3, 4, 4)
    assert batch['index'].tolist() == [0, 1, 2]


def test_cache_on_disk_notices_a_changed_file(volumes, tmp_path):
    shutil.copytree(volumes, tmp_path / 'copy')
    data = dataset(tmp_path / 'copy', cache='disk')
    first = data[0]['image']
    (kept,) = (tmp_path / 'cache' / 'volumes').glob('*.safetensors')
    data.prepare = None  # what is kept needs no preparing
    assert torch.equal(data[0]['image'], first)
    file = Path(data.name(0))
    image = nib.load(file)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) + 50, image.affine), file)
    fresh = dataset(tmp_path / 'copy', cache='disk')
    assert not torch.equal(fresh[0]['image'], first)
    kept.write_bytes(b'damaged')
    shutil.copy(volumes / 'imagesTr' / file.name, file)
    assert torch.equal(dataset(tmp_path / 'copy', cache='disk')[0]['image'], first)


def test_statistics(volumes):
    data = dataset(volumes)
    mean, std = voxel_statistics(data)
    everything = torch.cat([data.decode(i).image.flatten() for i in range(len(data))]).double()
    assert mean[0] == pytest.approx(float(everything.mean())) and std[0] == pytest.approx(
        float(everything.std()), rel=1e-4
    )


def test_wrong_arguments(volumes):
    with pytest.raises(ConfigError, match='cache'):
        dataset(volumes, cache='ram')
    with pytest.raises(ConfigError, match='rotate90'):
        CropVolume((8, 16, 16), rotate90=0.1)
    with pytest.raises(ConfigError, match='one list'):
        VolumeDataset.locate(['a', 'b'])
    with pytest.raises(ConfigError, match='crop is not set'):
        dataset(volumes)[SampleKey(0, 0)]
