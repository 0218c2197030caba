"""Image classification transfer: fine-tuning, linear probes, k-NN, proxies. Importing this registers all of it.

Reading order: `model.py` (the classifier), `task.py` (the task that trains it), `metrics.py`; then `frozen.py`,
`knn.py`, `probe.py` and `proxies.py`, which work on features.
"""

from classification import frozen, knn, lars, model, probe, proxies, task

__all__ = ['frozen', 'knn', 'lars', 'model', 'probe', 'proxies', 'task']
