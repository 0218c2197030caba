"""Image classification transfer: fine-tuning, linear probes, k-NN. Importing this registers all of it.

Reading order: `model.py` (the classifier), `encoder.py` (where its weights come from), `finetune.py` (the task that
trains), `metrics.py`; then `frozen.py`, `knn.py` and `probe.py`, which work on features.
"""

from classification import evaluate, finetune, frozen, knn, lars, model, probe, transforms

__all__ = ['evaluate', 'finetune', 'frozen', 'knn', 'lars', 'model', 'probe', 'transforms']
