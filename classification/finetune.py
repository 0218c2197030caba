"""The task that trains through the engine, then evaluates: fine-tuning, and the linear probe as MAE does it."""

import shutil

from mmengine.config import Config

from classification.evaluate import evaluate
from classification.setting import load_facts, prepare
from pretrain.engine import checkpointing
from pretrain.engine.launch import launch
from pretrain.engine.record import FILE, Result
from pretrain.engine.transfer import Request
from pretrain.registry import DATASETS, TASKS


@TASKS.register_module()
class Train:
    """Trains `model` (a Classifier or a LinearProbe) and scores it on `val_dataloader`.

    A run directory with checkpoints is continued where it stopped, unless `--force` begins afresh.
    """

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        setting = prepare(cfg, request, config_hash)
        val = setting.cfg.pop('val_dataloader')
        folder = request.work_dir / 'checkpoints'
        runner = launch(setting.cfg, request.work_dir, resume=not request.force, launcher=request.launcher)
        if runner.rank == 0 and request.force:
            forget(request.work_dir)
        # The evaluation is no part of the training recipe, so it joins the config after the recipe's hash is taken.
        runner.cfg.val_dataloader = val
        runner.dump_config()
        line, report = load_facts(runner.bare_model.initial.report)
        for text in setting.lines(line):
            runner.logger.info(text)
        newest = checkpointing.finished(folder)
        runner.train()
        scores = evaluate(runner.bare_model, DATASETS.build(val.pop('dataset')), **val)
        facts = {
            'derived': runner.derived.to_dict(),
            'effective_batch': runner.derived.effective_batch,
            'world_size': runner.world_size,
            'cost': setting.meter.read(runner.world_size, newest[0][0] if newest else 0),
        }
        return setting.record(scores, report, runner.bare_model.initial.sha256, write=runner.rank == 0, **facts)


def forget(work_dir) -> None:
    """Remove what an earlier run in this directory left."""
    shutil.rmtree(work_dir / 'checkpoints', ignore_errors=True)
    for name in (FILE, 'metrics.jsonl', 'scores.jsonl', 'quarantine.jsonl'):
        (work_dir / name).unlink(missing_ok=True)
