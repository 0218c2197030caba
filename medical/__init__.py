"""Medical images and volumes: segmentation of CT and MRI, classification of X-rays. Importing this registers all of it.

Reading order for volumes: `lists.py` (which files), `volumes.py` (reading and checking them), `prepare.py` and
`crops.py` (MONAI's transforms), `datasets.py`; then `unetr.py`, `swinunetr.py` and `segmenter.py`, `metrics.py`,
`task.py`.
For images: `findings.py` (tables), `arrays.py`, `dicom.py`, then `classifier.py`, `auc.py`, `image_task.py`.
"""

from medical import arrays, classifier, crops, datasets, dicom, findings, image_task, prepare, segmenter, task

__all__ = [
    'arrays',
    'classifier',
    'crops',
    'datasets',
    'dicom',
    'findings',
    'image_task',
    'prepare',
    'segmenter',
    'task',
]
