"""The loss of a pre-training recipe on images that it has not seen, from the run directory of the pre-training."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.checkpoint import exchange
from pretrain.data.build import build_dataset
from pretrain.data.loader import build_eval_loader, collate
from pretrain.data.locate import keep_arguments, place_data, source_config
from pretrain.data.seeding import mix, preserved_rng
from pretrain.engine import checkpointing
from pretrain.engine.evaluation import full_precision, gather_rows
from pretrain.engine.launch import load_config
from pretrain.engine.seeding import seed_step
from pretrain.errors import DataError, UserError
from pretrain.files import ENCODER
from pretrain.registry import MODELS, register_all

CONFIG = 'config.py'
BESIDE = Path(__file__).resolve().parents[2]
"""Where the packages of the domains lie."""


class NoLossError(UserError):
    """A checkpoint whose reconstruction loss cannot be known; the message says why."""


class Keyed(Dataset):
    """The samples of a data set under chosen keys: indices, or `(epoch, index)` for one of the augmentations of each.

    `index` of a sample is its place among the keys.
    """

    def __init__(self, dataset: Any, keys: Sequence):
        self.dataset, self.keys = dataset, list(keys)
        if not self.keys:
            raise DataError('the data set is empty; give a set with images')

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {**self.dataset[self.keys[i]], 'index': i}


def choose(total: int, wanted: int, seed: int = 0) -> list[int]:
    """`wanted` of `total` indices without replacement, ascending, the same for the same seed; all if there are fewer.

    Not the first ones, because class folders come one after the other.
    """
    if wanted >= total:
        return list(range(total))
    return np.sort(np.random.RandomState(seed).permutation(total)[:wanted]).tolist()


def pretraining_run(checkpoint: str | Path) -> Path:
    """The run directory that an `encoder.safetensors` lies in. Raises NoLossError when it lies in none.

    That is a folder with the resolved `config.py` and `checkpoints/`; exports of single epochs lie two levels below.
    """
    path = Path(checkpoint).absolute()
    for folder in (path.parent, path.parent.parent.parent):
        if (folder / CONFIG).is_file() and (checkpointing.finished(folder / 'checkpoints') or _beside(path).is_file()):
            return folder
    raise NoLossError(
        f'{checkpoint}: no config.py and training checkpoints beside it, so its reconstruction loss is not available; '
        'keep the run directory of the pre-training'
    )


def reconstruction_loss(
    run: str | Path,
    data: str | Path | Mapping[str, Any],
    checkpoint: str | Path | None = None,
    images: int = 2048,
    num_workers: int = 0,
    seed: int = 0,
) -> float:
    """The mean over images of the loss that a recipe trains, on held-out data with fixed masks.

    Model and weights are those of the run directory: `config.py` and the training checkpoint, or the `model.pth` beside
    an export, whose encoder is exactly that of `checkpoint`. Weights are in evaluation mode, in fp32. Each image is
    seen once, under the recipe's own augmentation and one mask, which follow from `seed` and the image's number alone,
    so that every run of a recipe meets the same ones; and alone in its batch, so that nothing depends on the others.
    Each process takes a share of the images, and all get the same value.

    Losses compare runs of one target only: a mask ratio, a target or an augmentation that makes the task easier gives
    a smaller one. Masks are drawn on the device, so a GPU draws others than a CPU.

    Args:
        run: directory of a pre-training. Nothing in its `config.py` is executed but assignments of plain values.
        data: held-out samples, as `--data` of the command line takes them (of `.npz` arrays the validation part), or
            the config of their source.
        checkpoint: the exchange file whose encoder is meant; None for `encoder.safetensors` of the run.
        images: samples at most.

    Raises NoLossError when the run directory does not hold that encoder's model, or it cannot be built; UserError for
    damaged data and for a loss that is not finite.
    """
    register_all()
    folder = Path(run)
    cfg = _recorded_config(folder)
    model = _matching(cfg, folder, Path(checkpoint) if checkpoint else folder / ENCODER)
    model.eval().requires_grad_(False).to('cuda' if torch.cuda.is_available() else 'cpu')
    dataset = _held_out(cfg.train_dataloader.dataset.to_dict(), data, seed)
    index = choose(len(dataset), images, seed)
    # A key with an epoch means training: a plain index gives clips and volumes as evaluation sees them, uncropped.
    chosen = Keyed(dataset, [(0, number) for number in index])
    join = getattr(dataset, 'collate', collate)
    rows = []
    for batch in build_eval_loader(chosen, 1, num_workers=num_workers, collate_fn=join):
        number = index[int(batch['index'])]
        rows.append((number, _loss(model, batch, mix(seed, number) >> 32)))
    value = float(np.mean([loss for _, loss in sorted(gather_rows(rows))]))
    if not np.isfinite(value):
        raise UserError(f'{folder}: the reconstruction loss is {value}; the pre-training diverged')
    return value


def _recorded_config(folder: Path) -> Config:
    """The config that a pre-training wrote into its run directory. NoLossError where there is none, or it holds code:
    whoever measures a checkpoint does not mean to execute what lies beside it.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise NoLossError(
            f'{folder}: no {CONFIG}, so its reconstruction loss is not available; give a pre-training run'
        )
    if not _holds_values_alone(path.read_text(encoding='utf-8', errors='replace')):
        raise NoLossError(
            f'{path} holds code, which no pre-training writes there, so no reconstruction loss is computed'
        )
    try:
        return load_config(path)
    except UserError as error:
        raise NoLossError(f'{path} cannot be read, so no reconstruction loss is computed: {error}') from error


def _holds_values_alone(source: str) -> bool:
    """Whether a Python text only assigns values to names, none of which makes mmengine import what it names.

    It reads a `_base_`, imports what `custom_imports` lists, and takes a `type` with a dot for a path to any object.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False
    for statement in body:
        name = getattr(statement.targets[0], 'id', '_base_') if isinstance(statement, ast.Assign) else '_base_'
        if name == '_base_' or not isinstance(statement, ast.Assign):
            return False
        try:
            value = _value(statement.value)
        except (ValueError, TypeError):
            return False
        if not (_imports_domains(value) if name == 'custom_imports' else _names_parts(value)):
            return False
    return True


def _value(node: ast.expr) -> Any:
    """What a literal, or `dict(name=literal, ...)` as mmengine writes it, stands for. ValueError for anything else."""
    if isinstance(node, ast.Call):
        if getattr(node.func, 'id', '') != 'dict' or node.args or any(entry.arg is None for entry in node.keywords):
            raise ValueError('a call')
        return {entry.arg: _value(entry.value) for entry in node.keywords}
    if isinstance(node, ast.Dict):
        if None in node.keys:
            raise ValueError('an unpacked dict')
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, (ast.List, ast.Tuple)):
        return tuple(map(_value, node.elts))
    return ast.literal_eval(node)


def _names_parts(value: Any) -> bool:
    """Whether every `type` in it is a plain name, which only a registry can turn into something."""
    if isinstance(value, dict):
        kind = value.get('type')
        return (kind is None or (isinstance(kind, str) and kind.isidentifier())) and all(
            map(_names_parts, value.values())
        )
    return all(map(_names_parts, value)) if isinstance(value, tuple) else True


def _imports_domains(value: Any) -> bool:
    """Whether `custom_imports` names only packages that stand beside this one."""
    if not isinstance(value, dict):
        return False
    names = value.get('imports', ())
    names = (names,) if isinstance(names, str) else names
    return all(
        isinstance(name, str) and name.isidentifier() and (BESIDE / name / '__init__.py').is_file() for name in names
    )


def _held_out(settings: dict[str, Any], data: str | Path | Mapping[str, Any], seed: int) -> Any:
    """The recipe's data set over other samples."""
    if isinstance(data, Mapping):
        settings['source'] = dict(data)
    elif settings['type'] == 'ImageDataset':
        settings['source'] = keep_arguments(settings.get('source') or {}, source_config(data, 'val'))
    else:
        place_data(settings, [data])
    dataset = build_dataset(settings)
    dataset.seed = seed
    return dataset


def _beside(checkpoint: Path) -> Path:
    """All weights of the model that an export came from."""
    return checkpoint.with_name(checkpointing.WEIGHTS)


def _matching(cfg: Config, folder: Path, checkpoint: Path) -> Any:
    """The run's model with the weights of the state on disk whose encoder is that of an exchange file."""
    wanted = exchange.read_tensors(checkpoint)
    candidates = [path for _, path in checkpointing.finished(folder / 'checkpoints')]
    if _beside(checkpoint).is_file():
        candidates.insert(0, _beside(checkpoint))
    if not candidates:
        raise NoLossError(f'{folder}: no training checkpoint, so its reconstruction loss is not available; keep them')
    model = _built(cfg, folder)
    for path in candidates:
        state = checkpointing.load(path)['model']
        try:
            model.load_state_dict(state, strict=True)
        except RuntimeError as error:
            raise NoLossError(f'{path} is not a state of the model in {folder / CONFIG}, so it has no loss') from error
        encoder, _ = model.exchange({}, '')
        if encoder.keys() == wanted.keys() and all(torch.equal(t.cpu(), wanted[n]) for n, t in encoder.items()):
            return model
    raise NoLossError(
        f'{checkpoint} is the encoder of none of the training checkpoints in {folder / "checkpoints"}, and no '
        f'{checkpointing.WEIGHTS} lies beside it, so its reconstruction loss is not available'
    )


def _built(cfg: Config, folder: Path) -> Any:
    try:
        with preserved_rng():
            model: Any = MODELS.build(cfg.model)
    except (UserError, KeyError, TypeError) as error:  # a tokenizer that lay elsewhere, a name of older code
        raise NoLossError(f'{folder}: its model cannot be built, so it has no reconstruction loss: {error}') from error
    if not hasattr(model, 'exchange'):
        raise NoLossError(f'{folder}: {type(model).__name__} exports no encoder; give the run of a masked model')
    return model


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
