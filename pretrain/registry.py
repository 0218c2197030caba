"""Where config names (`type='RandomMasking'`) meet classes.

Everything is registered in mmengine's root registries, so a config of any OpenMMLab framework finds our names without a
prefix. `register_all()` imports every module of the core that registers something; domain folders call it and then
import their own modules.
"""

import importlib
from typing import Any

from mmengine.registry import (  # noqa: F401  (re-exported: the one place to import registries from)
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    RUNNERS,
    TRANSFORMS,
    Registry,
)

TASKS = Registry('task', scope='mmengine')
"""Downstream tasks; a transfer config names one as `task=dict(type='Classify')`."""

_MODULES = ('masking', 'heads', 'losses', 'model', 'frozen', 'encoders', 'targets', 'methods', 'data', 'engine')


def build_task(cfg: dict) -> Any:
    """The task of a config. No framework has tasks, so the default scope of the config is not asked."""
    return TASKS.get(cfg['type'])(**{key: value for key, value in cfg.items() if key != 'type'})


def register_all() -> None:
    """Import every registering module of the core. Idempotent."""
    for name in _MODULES:
        importlib.import_module(f'pretrain.{name}')
