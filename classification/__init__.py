"""Image classification transfer: fine-tuning, linear probes, k-NN. Importing this registers all of it.

Reading order: `model.py` (the classifier), `task.py` (the task that trains it), `metrics.py`; then `frozen.py`,
`knn.py` and `probe.py`, which work on features.
"""

from classification import frozen, knn, lars, model, probe, task

__all__ = ['frozen', 'knn', 'lars', 'model', 'probe', 'task']
