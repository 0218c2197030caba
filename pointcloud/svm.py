"""Linear SVM on features of a frozen point network."""

import torch
from mmengine.config import Config
from torch import Tensor

from pointcloud.task import PointTask
from pretrain.engine.accuracy import ClassMetrics
from pretrain.engine.features import frozen_run
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.record import Result
from pretrain.registry import TASKS


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
        found = frozen_run(self, cfg, request, config_hash)
        data, train, val = found.setting.data, found.train, found.val
        weight = fit_svm(train.x, train.label, data.num_classes, self.c)
        metric = ClassMetrics(len(data.val), data.num_classes, data.val.classes, likelihood=False)
        metric.add(torch.arange(len(data.val)), svm_scores(val.x, weight), val.label)
        return found.record(metric.scores())
