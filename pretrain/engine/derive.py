"""What follows from the recipe and the number of processes: accumulation and learning rate.

The effective batch belongs to the recipe. With another number of GPUs the accumulation changes, never the batch.
"""

from dataclasses import asdict, dataclass

from pretrain.errors import ConfigError


@dataclass(frozen=True)
class Derived:
    """Printed at start and stored with every checkpoint.

    Attributes:
        effective_batch: samples per update over all processes.
        world_size: processes.
        batch_size: samples per process and micro-batch.
        accumulation: micro-batches per update.
        lr: peak learning rate, after scaling.
    """

    effective_batch: int
    world_size: int
    batch_size: int
    accumulation: int
    lr: float

    def __str__(self) -> str:
        product = f'{self.world_size} x {self.batch_size} x {self.accumulation}'
        batch = f'effective batch {self.effective_batch} = {product} (processes x batch x accumulation)'
        return f'{batch}, peak lr {self.lr:.4g}'

    def to_dict(self) -> dict:
        return asdict(self)


def derive(cfg, world_size: int) -> Derived:
    """Work out accumulation and learning rate and write them into the config (an mmengine Config or a dict).

    Reads `train_cfg.effective_batch`, `train_dataloader.batch_size` (the most a process can hold) and
    `optim_wrapper.optimizer.lr`: a number, or `dict(base=..., per=256)` which means base * effective batch / per.
    """
    effective = cfg['train_cfg'].get('effective_batch')
    largest = cfg['train_dataloader'].get('batch_size')
    for name, value in (('train_cfg.effective_batch', effective), ('train_dataloader.batch_size', largest)):
        if not isinstance(value, int) or value < 1:
            raise ConfigError(f'{name} is {value!r}; it must be a positive integer')
    batch, accumulation = split(effective, largest, world_size)
    optimizer = cfg['optim_wrapper']['optimizer']
    optimizer['lr'] = learning_rate(optimizer['lr'], effective)
    cfg['train_dataloader']['batch_size'] = batch
    cfg['optim_wrapper']['accumulative_counts'] = accumulation
    return Derived(effective, world_size, batch, accumulation, optimizer['lr'])


def split(effective: int, largest: int, world_size: int) -> tuple[int, int]:
    """(batch per process, accumulation) with the largest batch that is at most `largest` and divides evenly."""
    if effective % world_size:
        raise ConfigError(
            f'train_cfg.effective_batch is {effective}, not a multiple of the {world_size} processes; start another '
            f'number of processes, or change the recipe with --cfg-options train_cfg.effective_batch=...'
        )
    share = effective // world_size
    batch = next(b for b in range(min(largest, share), 0, -1) if share % b == 0)
    return batch, share // batch


def learning_rate(rule, effective: int) -> float:
    """The peak learning rate of a number or of `dict(base=, per=)` (MAE: per=256; SimMIM, A2MIM: per=512)."""
    if isinstance(rule, (int, float)):
        return float(rule)
    if set(rule) != {'base', 'per'}:
        raise ConfigError(f'optimizer.lr is {dict(rule)}; it takes a number or dict(base=1.5e-4, per=256)')
    return rule['base'] * effective / rule['per']
