"""Fully sharded data parallel for models that outgrow one GPU: `model_wrapper_cfg = dict(type='FullyShard')`.

Parameters, gradients and optimiser state are split over the processes, one unit per transformer block. Checkpoints hold
whole tensors, so that a run may go on with DDP, or on another number of processes.
"""

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FSDPModule, fully_shard

FULLY_SHARD = 'FullyShard'
"""The `type` of `model_wrapper_cfg`; not in mmengine's registry, whose classes wrap, while this acts in place."""
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
SPREAD = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


def shard(module: nn.Module) -> nn.Module:
    """Shard a model in place, every child of a list named `blocks` as a unit of its own, and return it."""
    for name, part in module.named_modules():
        if name.endswith('blocks') and isinstance(part, (nn.ModuleList, nn.Sequential)):
            for block in part:
                fully_shard(block)
    return fully_shard(module)


def is_sharded(model: nn.Module) -> bool:
    return isinstance(model, FSDPModule)


def states(model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict, dict]:
    """Whole state dicts of model and optimiser, on rank 0 if they are sharded. All processes must call this."""
    if is_sharded(model):
        return get_model_state_dict(model, options=WHOLE), get_optimizer_state_dict(model, optimizer, options=WHOLE)
    return model.state_dict(), optimizer.state_dict()


def load_states(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Put `state['model']` and `state['optimizer']`, as `states` gave them, back. All processes must call this."""
    if is_sharded(model):
        set_model_state_dict(model, state['model'], options=SPREAD)
        set_optimizer_state_dict(model, optimizer, state['optimizer'], options=SPREAD)
    else:
        model.load_state_dict(state['model'], strict=True)
        optimizer.load_state_dict(state['optimizer'])
