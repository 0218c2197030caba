"""Video: masked pre-training on clips, and action recognition. Importing this registers all of it.

Reading order: `sources.py`, `tables.py` and `published.py` (which videos), `decode.py` (their frames), `sampling.py`
(which frames), `transforms.py`, `dataset.py`; then `model.py`, `data.py`, `task.py`, `metrics.py`.
"""

from video import dataset, model, published, sampling, sources, tables, task, transforms

__all__ = ['dataset', 'model', 'published', 'sampling', 'sources', 'tables', 'task', 'transforms']
