"""DICOM files as scanners write them, by pydicom, which is no dependency."""

from pathlib import Path
from typing import Any

import numpy as np


def write_dicom(path: Path, stored: np.ndarray, syntax: str = 'ExplicitVRLittleEndian', **tags: Any) -> Path:
    """Write stored values `(H, W)`, or `(frames, H, W)`, or `(H, W, 3)` with `PhotometricInterpretation='RGB'`.

    Args:
        syntax: a name of pydicom.uid; of the compressed ones RLELossless is encoded here.
        tags: further attributes, and others than the ones that follow from the array (`BitsStored`).
    """
    from pydicom import uid
    from pydicom.dataset import Dataset, FileMetaDataset

    colour = tags.get('PhotometricInterpretation') == 'RGB'
    content = Dataset()
    content.file_meta = FileMetaDataset()
    content.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    content.SOPClassUID = content.file_meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    content.SOPInstanceUID = content.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid(entropy_srcs=[path.name])
    content.Modality, content.PatientID = 'DX', '1'
    content.SamplesPerPixel, content.PhotometricInterpretation = (3, 'RGB') if colour else (1, 'MONOCHROME2')
    if colour:
        content.PlanarConfiguration = 0
    content.Rows, content.Columns = stored.shape[:2] if colour else stored.shape[-2:]
    if stored.ndim == 3 and not colour:
        content.NumberOfFrames = len(stored)
    content.BitsAllocated = content.BitsStored = 8 * stored.dtype.itemsize
    content.PixelRepresentation = int(stored.dtype.kind == 'i')
    for name, value in tags.items():
        setattr(content, name, value)
    content.HighBit = content.BitsStored - 1
    content.PixelData = stored.tobytes()
    if syntax != 'ExplicitVRLittleEndian':
        content.compress(getattr(uid, syntax))
    path.parent.mkdir(parents=True, exist_ok=True)
    content.save_as(path, enforce_file_format=True)
    return path
