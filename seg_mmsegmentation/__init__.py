"""Semantic segmentation transfer through MMSegmentation. Importing this registers all of it.

Reading order: `task.py` (how a config is read, trained and scored), `labels.py` (what a mask file says), `datasets.py`
and `data.py` (both sets, compared and checked), `metrics.py`; then `fit.py`, `checks.py`, `pictures.py`.
"""

import contextlib
import io
import warnings

with contextlib.redirect_stdout(io.StringIO()):  # it prints that an optional client is not installed
    import mmseg.datasets  # noqa: F401

from seg_mmsegmentation import backbone, datasets, task, transforms

# The loss is averaged over all pixels, ignored ones among them, as in every published recipe here.
warnings.filterwarnings('ignore', 'Default ``avg_non_ignore`` is False')

__all__ = ['backbone', 'datasets', 'task', 'transforms']
