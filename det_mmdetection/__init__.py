"""COCO detection and instance segmentation through MMDetection. Importing this registers all of it.

Reading order: `backbone.py` (the adapter), `annotations.py` and `datasets.py` (what is read, and what is refused),
`task.py` (how a transfer is run), `metrics.py` and `coco_scores.py` (how it is scored), `pictures.py`.
"""

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()):  # it announces data sets that it could not import
    import mmdet.datasets
    import mmdet.models  # noqa: F401  (registers)

from det_mmdetection import backbone, datasets, metrics, pictures, task

__all__ = ['backbone', 'datasets', 'metrics', 'pictures', 'task']
