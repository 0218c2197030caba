"""Point clouds: masked pre-training, classification, few-shot, linear SVM, part segmentation. Importing registers all.

Reading order: `pretrain/points.py` and `pretrain/encoders/point_net.py` in the core; then `model.py` (the masked
model), `decoder.py`, `targets.py`; `datasets.py` with `files.py`, `sources.py`, `transforms.py`; `classifier.py`,
`task.py`; `frozen.py` and `svm.py`, which train a head or nothing.
"""

from pointcloud import (
    classifier,
    datasets,
    decoder,
    fewshot,
    frozen,
    m2ae,
    maskpoint,
    model,
    modelnet,
    parts,
    segmentation,
    selection,
    sources,
    svm,
    targets,
    task,
    tokens,
    transforms,
)

__all__ = [
    'classifier',
    'datasets',
    'decoder',
    'fewshot',
    'frozen',
    'm2ae',
    'maskpoint',
    'model',
    'modelnet',
    'parts',
    'segmentation',
    'selection',
    'sources',
    'svm',
    'targets',
    'task',
    'tokens',
    'transforms',
]
