"""From a config file to a runner: load, check, derive, build."""

import time
from pathlib import Path

import torch
from mmengine.config import Config
from torch import distributed as dist

from pretrain.engine.derive import derive
from pretrain.engine.lint import LOADING, check_keys
from pretrain.engine.precision import choose_attention
from pretrain.engine.processes import CPU_WRAPPER, find_launcher, join_processes, world_size
from pretrain.engine.runner import TrainRunner
from pretrain.errors import ConfigError, UserError
from pretrain.files import json_hash
from pretrain.overrides import apply_overrides
from pretrain.registry import register_all

NOT_RECIPE = ('default_hooks', 'visualizer', 'log_level', 'env_cfg', 'model_wrapper_cfg', 'compile', 'custom_imports')
"""Config keys that do not change what is trained; a run may be resumed with other values of them."""


def load_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config file and apply overrides (`{'model.masking.ratio': 0.5}`). ConfigError names what is wrong.

    Misspelt keys, overrides among them, are found by `launch`.
    """
    if not Path(path).is_file():
        raise ConfigError(f'{path}: no such config; `mimbench list configs` shows them')
    try:
        cfg = Config.fromfile(str(path), lazy_import=False)
    except (SyntaxError, KeyError, TypeError, FileNotFoundError, OSError, NameError, AttributeError) as error:
        raise ConfigError(f'{path}: {type(error).__name__}: {error}') from error
    except ImportError as error:
        cause: BaseException = error  # mmengine wraps it twice, and lists the whole path
        while cause.__context__:
            cause = cause.__context__
        raise ConfigError(f'{path}: custom_imports: {cause}') from error
    try:
        apply_overrides(cfg, options or {})
    except (TypeError, KeyError, IndexError) as error:
        raise ConfigError(f'--cfg-options do not fit {path}: {error}') from error
    return cfg


def launch(cfg: Config, work_dir: str | Path, resume: bool = False, launcher: str | None = None) -> TrainRunner:
    """A runner that is ready for `train()`."""
    register_all()
    check_keys(cfg)
    launcher = launcher or find_launcher()
    choose_attention('cuda' if torch.cuda.is_available() else 'cpu')
    recipe_hash = hash_recipe(cfg)
    cfg.work_dir, cfg.resume, cfg.launcher = str(work_dir), resume, launcher
    derived = derive(cfg, world_size(launcher))
    join_processes(launcher)
    if dist.is_initialized() and not torch.cuda.is_available():
        cfg.setdefault('model_wrapper_cfg', CPU_WRAPPER)
    cfg.setdefault('env_cfg', {})
    cfg.env_cfg.setdefault('mp_cfg', {'mp_start_method': None, 'opencv_num_threads': 0})
    cfg.setdefault('randomness', {'seed': 0})
    cfg.experiment_name = f'{Path(work_dir).name}-{time.time_ns()}'  # mmengine keeps one logger per name and process
    cfg.derived, cfg.recipe_hash = derived.to_dict(), recipe_hash
    try:
        return TrainRunner.from_cfg(cfg)
    except (TypeError, KeyError) as error:
        cause = _user_error(error)
        raise cause if cause else ConfigError(f'{cfg.filename}: {error}') from error


def hash_recipe(cfg: Config) -> str:
    """sha256 of everything in a config that changes what is trained; not of where and how fast."""
    recipe = {key: value for key, value in cfg.to_dict().items() if key not in NOT_RECIPE}
    for key, value in recipe.items():
        if key.endswith('_dataloader'):
            recipe[key] = {k: v for k, v in value.items() if k not in LOADING}
    return json_hash(recipe)


def _user_error(error: BaseException | None) -> UserError | None:
    while error is not None:
        if isinstance(error, UserError):
            return error
        error = error.__cause__ or error.__context__
    return None
