"""mmengine, mended. Importing this registers the loop, the hooks, the schedules and the optimiser wrapper."""

from pretrain.engine import evaluation, groups, hooks, loop, optim, pictures, probe, schedule

__all__ = ['evaluation', 'groups', 'hooks', 'loop', 'optim', 'pictures', 'probe', 'schedule']
