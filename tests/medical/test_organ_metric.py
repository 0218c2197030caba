"""Dice and HD95 against plain statements and MONAI, and their independence of batches, order and processes."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.metrics import compute_dice, compute_hausdorff_distance
from monai.transforms import SpatialResample
from scipy import ndimage

from medical.metrics import OrganMetric, hd95, to_grid
from medical.prepare import PrepareVolume
from pretrain.errors import ConfigError

pytestmark = pytest.mark.unit
SPACING = (1.0, 0.7, 3.0)


class Cases:
    """As much of a data set as the metric asks for."""

    def __init__(self, count: int):
        self.count = count

    def __len__(self) -> int:
        return self.count

    def name(self, i: int) -> str:
        return f'case_{i}.nii.gz'


def blobs(seed: int, organs: int = 2, shape=(14, 12, 9)) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(organs, *shape)), (0, 2, 2, 1.5))
    return torch.from_numpy(noise > np.quantile(noise, 0.85))


def plain_hd95(one: np.ndarray, other: np.ndarray, spacing) -> float:
    """From each surface voxel, one with a background neighbour, to the nearest one of the other mask, in mm."""

    def surface(mask):
        return np.argwhere(mask & ~ndimage.binary_erosion(mask)) * np.array(spacing)

    a, b = surface(one), surface(other)
    distance = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return max(np.percentile(distance.min(1), 95), np.percentile(distance.min(0), 95))


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('spacing', [SPACING, (1.0, 1.0, 1.0)])
def test_hd95_is_in_millimetres(seed, spacing):
    one, other = blobs(seed, 1)[0], blobs(seed + 50, 1)[0]
    found = hd95(one, other, spacing)
    assert found == pytest.approx(plain_hd95(one.numpy(), other.numpy(), spacing), rel=1e-5)
    whole = compute_hausdorff_distance(
        one[None, None].float(), other[None, None].float(), include_background=True, percentile=95, spacing=spacing
    )
    assert found == pytest.approx(float(whole), rel=1e-5)


def test_hd95_of_two_voxels_is_their_distance():
    one, other = torch.zeros(2, 5, 6, 9, dtype=torch.bool)
    one[2, 3, 1], other[2, 3, 5] = True, True
    assert hd95(one, other, (1.0, 1.0, 2.5)) == pytest.approx(10.0)
    assert hd95(one, other, (9.0, 9.0, 2.5)) == pytest.approx(10.0)


def filled(cases: int = 4, order=None) -> OrganMetric:
    metric = OrganMetric(Cases(cases), ['spleen', 'liver'])
    for i in order if order is not None else range(cases):
        metric.add(i, blobs(i), blobs(100 + i), SPACING)
    return metric


def test_dice_against_monai():
    found = filled().scores()
    for organ, name in enumerate(['spleen', 'liver']):
        per_case = [
            compute_dice(blobs(i)[None, organ : organ + 1], blobs(100 + i)[None, organ : organ + 1]) for i in range(4)
        ]
        assert found.per_class['dice'][name] == pytest.approx(float(torch.cat(per_case).mean()), rel=1e-6)
    assert found.overall['dice'] == pytest.approx(np.mean(list(found.per_class['dice'].values())))
    assert found.num_samples == 4


def test_order_and_processes_change_nothing():
    whole = filled().scores()
    assert filled(order=[3, 1, 0, 2]).scores() == whole
    for processes in (2, 3):
        parts = []
        for rank in range(processes):
            part = OrganMetric(Cases(4), ['spleen', 'liver'])
            for i in range(4 * rank // processes, 4 * (rank + 1) // processes):
                part.add(i, blobs(i), blobs(100 + i), SPACING)
            parts = part.rows + parts  # in whatever order processes answer
        joined = OrganMetric(Cases(4), ['spleen', 'liver'])
        joined.rows = parts
        assert joined.scores() == whole


def test_absent_and_missed_organs():
    metric = OrganMetric(Cases(3), ['spleen', 'liver'], groups={'one': ['liver']})
    some, none = blobs(1, 1)[0], torch.zeros(14, 12, 9, dtype=torch.bool)
    metric.add(0, torch.stack([some, some]), torch.stack([some, some]), SPACING)  # both found
    metric.add(1, torch.stack([some, none]), torch.stack([none, some]), SPACING)  # false alarm, missed
    metric.add(2, torch.stack([none, some]), torch.stack([none, some]), SPACING)  # absent, found
    found = metric.scores()
    assert found.per_class['dice'] == {'spleen': 1.0, 'liver': pytest.approx(2 / 3)}
    assert found.per_class['hd95'] == {'spleen': 0.0, 'liver': 0.0}
    assert found.per_class['present'] == {'spleen': 1.0, 'liver': 3.0}
    assert found.per_class['missed'] == {'spleen': 0.0, 'liver': 1.0}
    assert found.per_class['false_alarms'] == {'spleen': 1.0, 'liver': 0.0}
    assert found.overall['dice'] == pytest.approx((1 + 2 / 3) / 2)
    assert found.overall['dice_one'] == pytest.approx(2 / 3)


def test_nothing_found_has_no_distance():
    metric = OrganMetric(Cases(1), ['spleen'])
    metric.add(0, torch.zeros(1, 4, 4, 4, dtype=torch.bool), torch.ones(1, 4, 4, 4, dtype=torch.bool), SPACING)
    found = metric.scores()
    assert found.overall == {'dice': 0.0, 'missed': 1.0} and 'hd95' not in found.per_class


def test_counts_of_large_volumes_are_exact():
    side = 260  # more voxels than float32 counts
    metric = OrganMetric(Cases(1), ['spleen'], distances=False)
    true = torch.ones(1, side, side, side, dtype=torch.bool)
    predicted = true.clone()
    predicted[0, 0, 0, 0] = False
    metric.add(0, predicted, true, SPACING)
    voxels = side**3
    assert metric.rows[0].both[0] == voxels - 1
    assert metric.scores().overall['dice'] == 2 * (voxels - 1) / (2 * voxels - 1)


def plain_to_grid(mask: np.ndarray, affine: np.ndarray, shape, wanted: np.ndarray) -> np.ndarray:
    """Voxel by voxel: where it lies in millimetres, which voxel of the mask is there, and what that holds."""
    out = np.zeros(shape, bool)
    for place in np.ndindex(*shape):
        at = np.rint(np.linalg.solve(affine, wanted @ [*place, 1])[:3]).astype(int)
        if (at >= 0).all() and (at < mask.shape).all():
            out[place] = mask[tuple(at)]
    return out


OBLIQUE = np.array([[0.9, -0.3, 0.05, 4.0], [0.25, 1.1, 0.1, -7.0], [0.0, -0.2, 2.1, 2.0], [0, 0, 0, 1]])


@pytest.mark.parametrize('stored', [np.diag([-1.1, 0.83, 2.07, 1.0]), OBLIQUE], ids=['straight', 'oblique'])
def test_masks_on_the_voxels_of_the_file(stored):
    """After another orientation, another spacing and the cut to the foreground; against the plain way and MONAI's."""
    shape = (13, 16, 7)
    image = np.full((1, *shape), -1000, np.float32)
    image[0, 2:11, 3:15, 1:6] = np.random.default_rng(0).uniform(0, 200, (9, 12, 5))
    label = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=shape), 1.5) > 0
    prepare = PrepareVolume(window=(-175, 250), spacing=(0.97, 1.31, 1.61), foreground=True)
    volume = prepare(image, stored, label.astype(np.uint8), 'x')
    masks = torch.stack([volume.label == 1, volume.image[0] > 0.5])
    assert masks.shape[1:] != shape
    found = to_grid(masks, volume.affine, shape, torch.from_numpy(stored))
    for mask, back in zip(masks, found, strict=True):
        assert np.array_equal(back.numpy(), plain_to_grid(mask.numpy(), volume.affine.numpy(), shape, stored))
    resample = SpatialResample(mode='nearest', padding_mode='zeros')
    theirs = resample(MetaTensor(masks.float(), affine=volume.affine), dst_affine=stored, spatial_size=shape)
    assert torch.equal(found, theirs.as_tensor() > 0.5)
    inside = np.zeros(shape, bool)
    inside[2:11, 3:15, 1:6] = True
    assert (found[0].numpy() == label)[inside].mean() > 0.9  # the same organ at the same place


class Truth:
    """A model that predicts the prepared label, and its data set's answer."""

    organs = ('organ',)

    def __init__(self, label):
        self.label = label

    def segment(self, image):
        return self.masks_of(self.label[None])[0]

    def masks_of(self, label):
        return (label == 1)[:, None]


def test_grids_differ():
    """A thin plate that a coarse grid doubles: perfect there, not so where it was drawn."""
    label = np.zeros((12, 12, 12), np.uint8)
    label[3], stored = 1, torch.eye(4, dtype=torch.float64)
    volume = PrepareVolume(standardise='all', spacing=(3.0, 1.0, 1.0))(
        np.random.default_rng(0).normal(size=(1, 12, 12, 12)).astype(np.float32), np.eye(4), label, 'x'
    )
    assert volume.label.any()
    batch = {'index': torch.tensor([0]), 'image': volume.image[None], 'label': volume.label[None].long()}
    batch |= {'affine': volume.affine[None], 'stored_label': torch.from_numpy(label)[None]}
    batch['stored_affine'] = stored[None]
    scores = {}
    for grid in ('prepared', 'stored'):
        metric = OrganMetric(Cases(1), ['organ'], grid=grid)
        metric.observe(Truth(volume.label), batch)
        scores[grid] = metric.scores().overall
    assert scores['prepared'] == {'dice': 1.0, 'hd95': 0.0, 'missed': 0.0}
    assert scores['stored']['dice'] == pytest.approx(0.5) and scores['stored']['hd95'] == pytest.approx(1.0)
    with pytest.raises(ConfigError, match=r'task.grid'):
        OrganMetric(Cases(1), ['organ'], grid='file')


def test_wrong_masks_and_groups():
    with pytest.raises(ConfigError, match='pancreas'):
        OrganMetric(Cases(1), ['spleen'], groups={'x': ['pancreas']})
    with pytest.raises(RuntimeError, match='case_0'):
        OrganMetric(Cases(1), ['spleen']).add(0, blobs(0, 1), blobs(0, 1)[:, 1:], SPACING)
    with pytest.raises(RuntimeError, match='seen more than once'):
        filled(order=[0, 1, 2, 2]).scores()
