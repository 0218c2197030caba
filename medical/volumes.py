"""NIfTI files read and checked: what is wrong with one is said in one line with its name."""

import zlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from medical.lists import Case
from pretrain.errors import DataError

_UNREADABLE = (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error)


def read_nifti(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels `(C, X, Y, Z)` in float32 and the affine that maps voxel indices to millimetres.

    Files with four axes have their channels last. Raises DataError naming the file when it cannot be read, has another
    number of axes, an affine without inverse, or voxels that are not finite.
    """
    if not Path(path).is_file():
        raise DataError(f'volume {str(path)!r} does not exist; correct the list, or the folder it lies in')
    try:
        image = nib.load(path)
        voxels = np.asarray(image.dataobj, dtype=np.float32)
    except _UNREADABLE as error:
        cause = ' '.join(str(error).split())
        raise DataError(f'volume {str(path)!r} cannot be read: {cause}; replace or remove it') from error
    if voxels.ndim not in (3, 4) or voxels.size == 0:
        raise DataError(f'volume {str(path)!r} has shape {voxels.shape}, expected (X, Y, Z) or (X, Y, Z, channels)')
    affine = check_affine(image.affine, path)
    if not np.isfinite(voxels).all():
        count = int((~np.isfinite(voxels)).sum())
        raise DataError(f'volume {str(path)!r} has {count} voxels with NaN or infinity; repair or remove it')
    return (voxels[None] if voxels.ndim == 3 else np.moveaxis(voxels, -1, 0)), affine


def check_affine(affine: np.ndarray | None, path: str | Path) -> np.ndarray:
    """The affine in float64. Raises DataError where it is missing, not finite, or gives a voxel no extent."""
    if affine is None:
        raise DataError(f'volume {str(path)!r} has no affine; write one that gives the voxels their size')
    affine = np.asarray(affine, dtype=np.float64)
    sizes = np.linalg.norm(affine[:3, :3], axis=0) if np.isfinite(affine).all() else np.zeros(3)
    if (sizes <= 0).any() or abs(np.linalg.det(affine[:3, :3])) < 1e-6 * np.prod(sizes):
        shown = np.array2string(affine[:3], precision=3, separator=',').replace('\n', '')
        raise DataError(f'volume {str(path)!r} has an affine that gives no voxel size: {shown}; repair its header')
    return affine


def read_image(files: Sequence[str], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """All channels `(C, X, Y, Z)` of a case and their affine. DataError where files or channels do not fit together."""
    parts = [read_nifti(file) for file in files]
    voxels, affine = parts[0]
    for file, (other, other_affine) in zip(files[1:], parts[1:], strict=True):
        check_same_place(files[0], voxels.shape[1:], affine, file, other.shape[1:], other_affine)
    voxels = np.concatenate([part for part, _ in parts])
    if len(voxels) != channels:
        raise DataError(f'volume {files[0]!r} has {len(voxels)} channels, the config has channels={channels}')
    return voxels, affine


def read_label(case: Case, shape: Sequence[int], affine: np.ndarray, ids: Sequence[int] | None) -> np.ndarray:
    """Class indices `(X, Y, Z)` uint8 of a case, as `read_indices` has them.

    Raises DataError as it does, and for a label of another size or place than the image.
    """
    indices, place = read_indices(case, ids)
    check_same_place(case.name, shape, affine, case.label or '', indices.shape, place)
    return indices


def read_indices(case: Case, ids: Sequence[int] | None) -> tuple[np.ndarray, np.ndarray]:
    """The label of a case as it is stored: class indices `(X, Y, Z)` uint8, the position of each voxel's id in `ids`,
    and the affine.

    Raises DataError for ids that are no whole numbers or not in the list, and for a label without any organ.
    """
    if case.label is None:
        raise DataError(f'{case.name} has no label in its list; training and scoring need one')
    voxels, place = read_nifti(case.label)
    if len(voxels) != 1:
        raise DataError(f'label {case.label!r} has {len(voxels)} channels, expected one id per voxel')
    found = np.unique(voxels)
    if (found != np.rint(found)).any():
        raise DataError(f'label {case.label!r} holds {found[found != np.rint(found)][0]:g}; ids are whole numbers')
    listed = np.asarray(ids if ids is not None else range(256))
    unknown = sorted(set(found.astype(int).tolist()) - set(listed.tolist()))
    if unknown:
        raise DataError(
            f'label {case.label!r} has id {unknown[0]}, which is not in the list {listed.tolist()}; correct the file '
            'or "labels" of the list'
        )
    if not (found != 0).any():
        raise DataError(f'label {case.label!r} is empty: every voxel is background; mend it or remove the case')
    return np.searchsorted(listed, voxels[0].astype(int)).astype(np.uint8), place


def check_same_place(
    name: str,
    shape: Sequence[int],
    affine: np.ndarray,
    other: str,
    other_shape: Sequence[int],
    other_affine: np.ndarray,
) -> None:
    """Raise DataError unless two volumes have the same size, and their corners lie within a tenth of a voxel."""
    if tuple(shape) != tuple(other_shape):
        raise DataError(f'{other!r} has {tuple(other_shape)} voxels, {name!r} has {tuple(shape)}; they must agree')
    corners = np.array([[*corner, 1] for corner in product(*((0, n - 1) for n in shape))], dtype=np.float64)
    apart = np.linalg.norm(corners @ (affine - other_affine).T, axis=1).max()
    smallest = np.linalg.norm(affine[:3, :3], axis=0).min()
    if apart > 0.1 * smallest:
        raise DataError(
            f'{other!r} lies up to {apart:.1f} mm away from {name!r}: their affines differ; write the same into both'
        )
