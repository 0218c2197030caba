"""Train a config and kill this process, as `kill -9` does, when an update begins: die_at.py CONFIG WORK_DIR UPDATE."""

import os
import signal
import sys

from mmengine.hooks import Hook

from pretrain.engine.launch import launch, load_config

config, work_dir, update = sys.argv[1:]


class Die(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == int(update):
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == '__main__':
    runner = launch(load_config(config), work_dir, launcher='none')
    runner.register_hook(Die())
    runner.train()
