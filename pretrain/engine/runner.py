"""mmengine's Runner, mended: atomic checkpoints, strict and exact resume, closed-form schedules, no hidden defaults."""

import json
import time
from pathlib import Path

from mmengine.device import get_device
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from pretrain.engine import checkpointing, sharding
from pretrain.engine.derive import Derived
from pretrain.engine.groups import describe
from pretrain.engine.hooks import DEFAULT_HOOKS
from pretrain.engine.inputs import changed, inputs_of
from pretrain.engine.provenance import environment
from pretrain.errors import CheckpointError, ConfigError
from pretrain.files import atomic
from pretrain.registry import HOOKS, MODELS, PARAM_SCHEDULERS, RUNNERS

CHATTER = ('Hooks will be executed', 'Distributed training is not used')


@RUNNERS.register_module()
class TrainRunner(Runner):
    """Runs one training. Built by `pretrain.engine.launch.launch`, which also derives batch and learning rate.

    Attributes:
        folder: the run directory: config.py, environment.json (with the notes of the training data), metrics.jsonl,
            checkpoints/, pictures/, and after a finished pre-training encoder.safetensors.
        derived: what followed from the recipe and the number of processes.
        resumed_at: the update at which this process went on; 0 for a new run.
        seconds_before: that earlier processes took until then.
    """

    resumed_at = 0
    seconds_before = 0.0

    def __init__(self, *args, **kwargs):
        self._begin = time.perf_counter()
        super().__init__(*args, **kwargs)

    @property
    def derived(self) -> Derived:
        return Derived(**self.cfg.derived)

    @property
    def folder(self) -> Path:
        return Path(self.work_dir)

    @property
    def checkpoint_folder(self) -> Path:
        return self.folder / 'checkpoints'

    @property
    def bare_model(self):
        return self.model.module if is_model_wrapper(self.model) else self.model

    @property
    def learning_rate(self) -> float:
        """The scheduled learning rate of groups with factor 1."""
        return self._learning_rate

    def set_learning_rate(self, update: int) -> None:
        """Give every optimiser group its learning rate for this update."""
        factor = 1.0
        for schedule in self.param_schedulers or ():
            factor *= schedule(update)
        self._learning_rate = self.optim_wrapper.optimizer.defaults['lr'] * factor
        for group in self.optim_wrapper.optimizer.param_groups:
            group['lr'] = self._learning_rate * group['lr_scale']

    def build_param_scheduler(self, scheduler):
        cfgs = scheduler if isinstance(scheduler, (list, tuple)) else [scheduler]
        length = {'total': self.train_loop.max_iters, 'per_epoch': self.train_loop.per_epoch}
        return [PARAM_SCHEDULERS.build({**length, **cfg}) for cfg in cfgs]

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """Our hooks; an entry of None leaves one out, a dict changes its arguments."""
        for name, hook in {**DEFAULT_HOOKS, **(hooks or {})}.items():
            if hook is not None:
                merged = {**DEFAULT_HOOKS.get(name, {}), **hook} if isinstance(hook, dict) else hook
                self.register_hook(HOOKS.build(merged) if isinstance(merged, dict) else merged)

    def wrap_model(self, model_wrapper_cfg, model):
        """DDP, or `dict(type='FullyShard')`."""
        if model_wrapper_cfg is None or model_wrapper_cfg.get('type') != sharding.FULLY_SHARD:
            return super().wrap_model(model_wrapper_cfg, model)
        if not self.distributed:
            raise ConfigError("model_wrapper_cfg type 'FullyShard' needs several processes; start tools/dist_train.sh")
        model.init_weights()  # shards cannot be: every process draws the same weights from the same seed
        return sharding.shard(model.to(get_device()))

    def _init_model_weights(self) -> None:
        """Shards are initialised before they are cut, and equal on every process, which need not broadcast them."""
        if not sharding.is_sharded(self.model):
            super()._init_model_weights()

    def _maybe_compile(self, target: str) -> None:
        """`compile=True`, or torch.compile's arguments: of the trained networks, not of the step around them.

        mmengine would trace its optimiser wrapper and our sample ids, too; masks keep their random numbers this way.
        """
        options = self.cfg.get('compile')
        if options:
            for part in self.bare_model.children():
                if any(parameter.requires_grad for parameter in part.parameters()):
                    part.compile(**({} if options is True else options))

    def load_or_resume(self) -> None:
        """Continue from the newest readable checkpoint of the run directory, if resuming was asked for."""
        if self.rank == 0:
            self.logger.info(f'{self.derived}\n{describe(self.optim_wrapper.optimizer.param_groups)}')
            self._record_notes()
        self.inputs = inputs_of(self.cfg.model.to_dict(), self.train_loop.dataset)
        path = checkpointing.latest(self.checkpoint_folder) if self._resume else None
        if path is None:
            return
        state = checkpointing.load(path)
        if state['recipe_hash'] != self.cfg.recipe_hash:
            raise CheckpointError(
                f'{path} belongs to another recipe than {self.cfg.filename}; use the same config and options, or '
                f'another --work-dir'
            )
        if 'inputs' in state and (what := changed(state['inputs'], self.inputs)):
            raise CheckpointError(
                f'{path} cannot go on: {what}; put back what was there, or begin in another --work-dir'
            )
        sharding.load_states(self.bare_model, self.optim_wrapper.optimizer, state)
        self.train_loop._iter = state['iteration']
        self.resumed_at, self.seconds_before = state['iteration'], state.get('seconds', 0.0)
        self.logger.info(f'resumed {path.name}: {state["iteration"]} of {self.train_loop.max_iters} updates are done')
        self._has_loaded = True

    def _record_notes(self) -> None:
        """`notes` of the training data, such as what decoded it, in the log and in environment.json."""
        notes = list(getattr(self.train_loop.dataset, 'notes', ()))
        if notes:
            self.logger.info('\n'.join(f'note: {note}' for note in notes))
            path = self.folder / 'environment.json'
            content = json.dumps({**json.loads(path.read_text()), 'notes': notes}, indent=1) + '\n'
            with atomic(path) as temporary:
                temporary.write_text(content)

    def save(self, keep: int = 2) -> None:
        """Write a training checkpoint after `train_loop.iter` updates."""
        self.call_hook('before_save_checkpoint', checkpoint={})
        model, optimizer = sharding.states(self.bare_model, self.optim_wrapper.optimizer)
        state = {
            'model': model,
            'optimizer': optimizer,
            'iteration': self.train_loop.iter,
            'seconds': self.seconds_before + time.perf_counter() - self._begin,
            'recipe_hash': self.cfg.recipe_hash,
            'inputs': self.inputs,
            'derived': self.derived.to_dict(),
        }
        if self.rank == 0:
            checkpointing.save(state, self.checkpoint_folder, self.train_loop.iter, keep)

    def export(self, folder: Path) -> None:
        """Let the model write what it offers to others: an exchange checkpoint, a tokenizer."""
        model = self.bare_model
        if not hasattr(model, 'export'):
            return
        if sharding.is_sharded(model):
            whole, _ = sharding.states(model, self.optim_wrapper.optimizer)
            if self.rank == 0:
                model = MODELS.build(self.cfg.model)
                model.load_state_dict(whole)
        if self.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
            recipe = {**self.cfg.get('recipe', {}), 'epochs': self.train_loop.epoch}
            path = model.export(folder, recipe, self.cfg.recipe_hash)
            if path is not None:
                self.logger.info(f'written: {path}')

    def export_whole(self, folder: Path) -> None:
        """`export`, and beside an encoder all weights of the model, which its loss on other data needs."""
        self.export(folder)
        if not hasattr(self.bare_model, 'exchange'):
            return
        model, _ = sharding.states(self.bare_model, self.optim_wrapper.optimizer)
        if self.rank == 0:
            checkpointing.write({'model': model}, folder / checkpointing.WEIGHTS)

    def dump_config(self) -> None:
        """The resolved config and the environment, once per start."""
        if self.rank == 0:
            self.cfg.dump(str(self.folder / 'config.py'))
            (self.folder / 'environment.json').write_text(json.dumps(environment(), indent=1) + '\n')

    def build_logger(self, **kwargs):
        """mmengine's logger without its table of hooks and its advice on batch norm at every start."""
        logger = super().build_logger(**kwargs)
        logger.addFilter(lambda record: not str(record.msg).startswith(CHATTER))
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """Environment and config are files of the run directory; the log stays short."""
