"""mmengine, mended. Importing this registers the loop, the hooks, the schedules and the optimiser wrapper."""

from pretrain.engine import groups, hooks, loop, optim, pictures, schedule

__all__ = ['groups', 'hooks', 'loop', 'optim', 'pictures', 'schedule']
