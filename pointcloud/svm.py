"""Linear SVM on features of a frozen point network."""

from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor

from pointcloud.classifier import PointTransferModel
from pointcloud.metrics import CloudAccuracy
from pointcloud.task import PointTask
from pretrain.data.loader import build_eval_loader
from pretrain.engine.evaluation import full_precision, gather_rows
from pretrain.engine.processes import find_launcher, is_main, join_processes, joined_processes
from pretrain.engine.seeding import seed_step
from pretrain.engine.setting import load_facts
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.record import Result
from pretrain.registry import MODELS, TASKS

POOLS = ('max+mean', 'max', 'mean', 'concat')


@MODELS.register_module()
class FrozenPoints(PointTransferModel):
    """A point network that does not train, one vector per cloud.

    Args:
        encoder: arguments of `initial_points`.
        num_classes: of the data; filled in.
        num_points: N.
        pool: of the group tokens: 'max+mean' (their sum), 'concat' (side by side), 'max' or 'mean'.
    """

    def __init__(self, encoder: dict, num_classes: int | None = None, num_points: int = 1024, pool: str = 'max+mean'):
        super().__init__(encoder, num_points, class_token=False)
        if pool not in POOLS:
            raise ConfigError(f'model.pool is {pool!r}; allowed: {", ".join(POOLS)}')
        self.num_classes, self.pool = num_classes, pool
        self.net.requires_grad_(False)

    def train(self, mode: bool = True):
        super().train(mode)
        self.net.eval()
        return self

    @torch.no_grad()
    def features(self, points: Tensor) -> Tensor:
        """`(B, N, 3)` to `(B, D)`, for 'concat' `(B, 2D)`."""
        x = self.net.forward_features(points[:, : self.num_points])[:, self.net.num_prefix_tokens :]
        top, mean = x.amax(1), x.mean(1)
        return {'max+mean': top + mean, 'max': top, 'mean': mean, 'concat': torch.cat([top, mean], 1)}[self.pool]

    def predict(self, batch: dict) -> dict[str, Tensor]:
        return {'features': self.features(batch['points'])}


def fit_svm(x: Tensor, label: Tensor, num_classes: int, c: float, updates: int = 200) -> Tensor:
    """Weights `(D + 1, classes)` of one linear SVM per class against the rest; the last row is the intercept.

    Minimises `|w|^2 / 2 + c * sum(max(0, 1 - y * f)^2)` with the intercept inside `w`, the problem of liblinear's (and
    scikit-learn's) LinearSVC with its defaults. It is convex: L-BFGS in float64 from 0 meets its one solution.
    """
    x = torch.cat([x.double(), torch.ones(len(x), 1, dtype=torch.float64, device=x.device)], 1)
    sign = torch.full((len(x), num_classes), -1.0, dtype=torch.float64, device=x.device)
    sign[torch.arange(len(x)), label] = 1.0
    weight = torch.zeros(x.shape[1], num_classes, dtype=torch.float64, device=x.device, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight], max_iter=updates, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn='strong_wolfe'
    )

    def loss() -> Tensor:
        solver.zero_grad()
        with torch.enable_grad():
            value = weight.square().sum() / 2 + c * (1 - sign * (x @ weight)).clamp(min=0).square().sum()
            value.backward()
        return value

    solver.step(loss)
    return weight.detach()


def svm_scores(x: Tensor, weight: Tensor) -> Tensor:
    """Distances `(B, classes)` of features `(B, D)`."""
    return x.double() @ weight[:-1] + weight[-1]


@TASKS.register_module()
class LinearSVM(PointTask):
    """Fits a linear SVM on the training set's features and scores it on `val_dataloader`.

    Args:
        c: weight of the errors. Published values were tuned per data set on the test part.
    """

    def __init__(self, c: float = 0.01):
        if c <= 0:
            raise ConfigError(f'task.c is {c}; it must be positive')
        self.c = c

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        setting = self.prepare(cfg, request, config_hash)
        join_processes(request.launcher or find_launcher())
        seed_step(setting.seed, 0, 0)
        model = MODELS.build(setting.cfg.model).eval()
        model.to('cuda' if torch.cuda.is_available() else 'cpu')
        line, report = load_facts(model.initial.report)
        if is_main():
            print('\n'.join(setting.lines(line)))
        data, num_classes = setting.data, setting.data.num_classes
        found = [extract(model, part, setting.cfg[f'{name}_dataloader']) for name, part in _parts(data)]
        weight = fit_svm(found[0][0], found[0][1], num_classes, self.c)
        metric = CloudAccuracy(len(data.val), num_classes, data.val.classes)
        metric.add(torch.arange(len(data.val)), svm_scores(found[1][0], weight), found[1][1])
        scores = metric.scores()
        del scores.overall['nll']  # distances are no log-probabilities
        size = joined_processes()
        facts = {'world_size': size, 'cost': setting.meter.read(size)}
        return setting.record(scores, report, model.initial.sha256, write=is_main(), **facts)


def _parts(data: Any) -> list[tuple[str, Any]]:
    return [('train', data.train), ('val', data.val)]


def extract(model: FrozenPoints, dataset: Any, loader: Any) -> tuple[Tensor, Tensor]:
    """Features `(S, D)` and labels `(S,)` in the order of the set; every process gets all."""
    loading = {k: v for k, v in loader.items() if k != 'dataset'}
    rows = []
    for batch in build_eval_loader(dataset, **loading):
        with full_precision():
            x = model.features(model.data_preprocessor(batch)['points']).float().cpu()
        rows += list(zip(batch['index'].tolist(), x, batch['label'].tolist(), strict=True))
    rows = sorted(gather_rows(rows), key=lambda row: row[0])
    if [row[0] for row in rows] != list(range(len(dataset))):
        raise RuntimeError(f'{len(rows)} features for the {len(dataset)} clouds of the set')
    return torch.stack([row[1] for row in rows]), torch.tensor([row[2] for row in rows])
