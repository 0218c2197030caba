"""Procedural CT-like volumes in real files: NIfTI with oblong voxels and several orientations, in decathlon layout."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

from medical.lists import FILE
from pretrain.data.drawn import draw_once

PARTS = ('imagesTr', 'labelsTr')
LABELS = {'0': 'background', '1': 'liver', '2': 'kidney', '3': 'vessel'}
SPACINGS = ((1.0, 1.0, 1.5), (1.2, 1.2, 1.0), (1.0, 1.5, 1.0))
AXES = (('R', 'A', 'S'), ('L', 'P', 'S'), ('L', 'A', 'S'))


def write_volumes(folder: str | Path, train: int = 12, val: int = 4, side: int = 40, seed: int = 0) -> Path:
    """Write `train` and `val` labelled volumes of about `side` voxels per axis, once; the path of their list.

    A body with a large organ on its right, a small one on its left, and a vessel along it; intensities like Hounsfield
    units with noise. The organs are equally bright: where they are and how large they are tells which is which. Files
    differ in size, spacing and orientation, as real ones do.
    """
    settings = {'train': train, 'val': val, 'side': side, 'seed': seed}

    def files(folder: Path) -> None:
        entries = []
        for name in PARTS:
            (folder / name).mkdir()
        for i in range(train + val):
            rng = np.random.default_rng([seed, i])
            image, label, spacing = draw_volume(rng, side, SPACINGS[i % len(SPACINGS)])
            names = {'image': f'imagesTr/case_{i:03d}.nii.gz', 'label': f'labelsTr/case_{i:03d}.nii.gz'}
            axes = AXES[i % len(AXES)]
            for key, voxels in (('image', image), ('label', label)):
                nib.save(_oriented(voxels, spacing, axes), folder / names[key])
            entries.append(names)
        content = {
            'name': 'procedural volumes',
            'modality': {'0': 'CT'},
            'labels': LABELS,
            'training': entries[:train],
            'validation': entries[train:],
        }
        (folder / FILE).write_text(json.dumps(content, indent=1) + '\n')

    return draw_once(folder, settings, (*PARTS, FILE), files) / FILE


def draw_volume(
    rng: np.random.Generator, side: int, spacing: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """An int16 image and a uint8 label `(X, Y, Z)`, axes towards right, front and head."""
    shape = tuple(int(side / s + rng.integers(-2, 3)) for s in spacing)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing='ij')
    label = np.zeros(shape, np.uint8)
    body = (x / 0.92) ** 2 + (y / 0.8) ** 2 < 1
    values = np.where(body, 10.0, -900.0)

    def put(number: int, level: float, where: np.ndarray) -> None:
        label[where & body] = number
        values[where & body] = level

    jitter = rng.uniform(-0.08, 0.08, (3, 3))
    size = rng.uniform(0.9, 1.15, 3)
    put(1, 90, _ball(x, y, z, np.array([0.4, 0.1, 0.1]) + jitter[0], np.array([0.38, 0.4, 0.5]) * size[0]))
    put(2, 90, _ball(x, y, z, np.array([-0.45, -0.2, -0.1]) + jitter[1], np.array([0.22, 0.2, 0.38]) * size[1]))
    centre = jitter[2][:2] + np.stack([0.08 * np.sin(3 * z), 0.05 * np.cos(2 * z)]).transpose(1, 2, 3, 0)
    put(3, 170, (x - centre[..., 0]) ** 2 + (y + 0.35 - centre[..., 1]) ** 2 < (0.16 * size[2]) ** 2)
    values += rng.normal(0, 25, shape)
    return values.clip(-1000, 1000).astype(np.int16), label, spacing


def _ball(x, y, z, centre, radius) -> np.ndarray:
    return ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 + (
        (z - centre[2]) / radius[2]
    ) ** 2 < 1


def _oriented(voxels: np.ndarray, spacing: tuple[float, float, float], axes: tuple[str, ...]) -> nib.Nifti1Image:
    """The volume as a file whose axes run towards `axes`."""
    ras = nib.Nifti1Image(voxels, np.diag([*spacing, 1.0]))
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(ras.affine), nib.orientations.axcodes2ornt(axes)
    )
    return ras.as_reoriented(turn)
