"""Image classification transfer: fine-tuning, linear probes, k-NN, proxies. Importing this registers all of it.

Reading order: `model.py` (the classifier), `task.py` (the task that trains it, k-NN and proxies); then `probe.py`,
which works on the features of `pretrain/engine/features.py`.
"""

from classification import lars, model, probe, task

__all__ = ['lars', 'model', 'probe', 'task']
