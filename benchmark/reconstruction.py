"""The loss of a pre-training recipe on images that it has not seen, from the run directory of the pre-training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.checkpoint import exchange
from pretrain.data.build import build_dataset
from pretrain.data.loader import build_loader, collate
from pretrain.data.locate import keep_arguments, place_data, source_config
from pretrain.data.seeding import mix, preserved_rng
from pretrain.engine import checkpointing
from pretrain.engine.evaluation import full_precision
from pretrain.engine.launch import load_config
from pretrain.engine.seeding import seed_step
from pretrain.errors import DataError, UserError
from pretrain.registry import MODELS, register_all

EXPORT = 'encoder.safetensors'


class Keyed(Dataset):
    """The items of a data set under chosen keys: indices, or `(epoch, index)` for one of the augmentations of each."""

    def __init__(self, dataset: Any, keys: Sequence):
        self.dataset, self.keys = dataset, list(keys)
        if not self.keys:
            raise DataError('the data set is empty; give a set with images')

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self.dataset[self.keys[i]]


def choose(total: int, wanted: int, seed: int = 0) -> list[int]:
    """`wanted` of `total` indices without replacement, ascending, the same for the same seed; all if there are fewer.

    Not the first ones, because class folders come one after the other.
    """
    if wanted >= total:
        return list(range(total))
    return np.sort(np.random.RandomState(seed).permutation(total)[:wanted]).tolist()


def pretraining_run(checkpoint: str | Path) -> Path:
    """The run directory that an `encoder.safetensors` lies in. Raises UserError when it lies in none.

    That is a folder with the resolved `config.py` and `checkpoints/`; exports of single epochs lie two levels below.
    """
    path = Path(checkpoint)
    for folder in (path.parent, path.parent.parent.parent):
        if (folder / 'config.py').is_file() and checkpointing.finished(folder / 'checkpoints'):
            return folder
    raise UserError(
        f'{path}: no config.py and training checkpoints beside it, so its reconstruction loss is not available; '
        'keep the run directory of the pre-training'
    )


def reconstruction_loss(
    run: str | Path,
    data: str | Path,
    checkpoint: str | Path | None = None,
    part: str = 'val',
    images: int = 2048,
    num_workers: int = 0,
    seed: int = 0,
) -> float:
    """The mean over images of the loss that a recipe trains, on held-out data with fixed masks.

    Model and weights are those of the run directory: `config.py` and the training checkpoint whose encoder is exactly
    that of `checkpoint`. Weights are in evaluation mode, in fp32. Each image is seen once, under the recipe's own
    augmentation and one mask, which follow from `seed` and the image's number alone, so that every run of a recipe
    meets the same ones; and alone in its batch, so that nothing depends on the others.

    Losses compare runs of one target only: a mask ratio, a target or an augmentation that makes the task easier gives
    a smaller one. Masks are drawn on the device, so a GPU draws others than a CPU.

    Args:
        run: directory of a pre-training.
        data: held-out samples, as `--data` of the command line takes them.
        checkpoint: the exchange file whose encoder is meant; None for `encoder.safetensors` of the run.
        part: of `.npz` images.
        images: samples at most.

    Raises UserError when the run directory holds no training checkpoint of that encoder: of a run with intermediate
    exports only the last two training checkpoints are kept.
    """
    register_all()
    folder = Path(run)
    if not (folder / 'config.py').is_file():
        raise UserError(f'{folder}: no config.py, so its reconstruction loss is not available; give a pre-training run')
    cfg = load_config(folder / 'config.py')
    model = _matching(cfg, folder, Path(checkpoint) if checkpoint else folder / EXPORT)
    model.eval().requires_grad_(False).to('cuda' if torch.cuda.is_available() else 'cpu')
    dataset = _held_out(cfg.train_dataloader.dataset.to_dict(), data, part, seed)
    index = choose(len(dataset), images, seed)
    join = getattr(dataset, 'collate', collate)
    # A key with an epoch means training: a plain index gives clips and volumes as evaluation sees them, uncropped.
    chosen = Keyed(dataset, [(0, number) for number in index])
    loader = build_loader(chosen, num_workers, collate_fn=join, batch_size=1, shuffle=False)
    losses = [_loss(model, batch, mix(seed, number) >> 32) for number, batch in zip(index, loader, strict=True)]
    value = float(np.mean(losses))
    if not np.isfinite(value):
        raise UserError(f'{folder}: the reconstruction loss is {value}; the pre-training diverged')
    return value


def _held_out(settings: dict[str, Any], data: str | Path, part: str, seed: int) -> Any:
    """The recipe's data set over other samples."""
    if settings['type'] == 'ImageDataset':
        found = source_config(data, part)
        settings['source'] = keep_arguments(settings.get('source') or {}, found)
    else:
        place_data(settings, [data])
    dataset = build_dataset(settings)
    dataset.seed = seed
    return dataset


def _matching(cfg: Config, folder: Path, checkpoint: Path) -> Any:
    """The run's model with the weights of the training checkpoint whose encoder is that of an exchange file."""
    wanted = exchange.read_tensors(checkpoint)
    candidates = checkpointing.finished(folder / 'checkpoints')
    if not candidates:
        raise UserError(f'{folder}: no training checkpoint, so its reconstruction loss is not available; keep them')
    with preserved_rng():
        model: Any = MODELS.build(cfg.model)
    if not hasattr(model, 'exchange'):
        raise UserError(f'{folder}: {type(model).__name__} exports no encoder; give the run of a masked model')
    for _, path in candidates:
        model.load_state_dict(checkpointing.load(path)['model'], strict=True)
        encoder, _ = model.exchange({}, '')
        if encoder.keys() == wanted.keys() and all(torch.equal(t.cpu(), wanted[n]) for n, t in encoder.items()):
            return model
    raise UserError(
        f'{checkpoint} is the encoder of none of the training checkpoints in {folder / "checkpoints"}, so its '
        'reconstruction loss is not available; only the last ones of a run are kept'
    )


@torch.inference_mode()
def _loss(model: Any, batch: dict[str, Any], seed: int) -> float:
    if batch.get('replaced'):  # training takes another sample then, which would count twice here
        path, error = batch['replaced'][0]
        raise DataError(f'{path} is damaged ({error}); remove it from the held-out data')
    batch = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
    batch = model.data_preprocessor(batch)
    with preserved_rng(), full_precision():
        seed_step(seed, 0, 0)
        losses = model.loss(batch)
    return sum(float(value) for name, value in losses.items() if 'loss' in name)
