"""Progress on the terminal: a live line on a tty, plain lines elsewhere."""

import time

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

HIDDEN = ('lr',)


class Console:
    """Shows rate, share of time spent waiting for data, ETA and the current metrics."""

    def __init__(self, runner):
        self.logger = runner.logger
        self.total = runner.max_iters
        self.first = runner.iter
        self.start = time.perf_counter()
        self.progress = Progress(
            TextColumn('{task.description}'),
            BarColumn(),
            TextColumn('{task.completed}/{task.total}'),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn('{task.fields[status]}'),
        )
        self.live = self.progress.console.is_terminal
        if self.live:
            self.task = self.progress.add_task('train', total=self.total, completed=self.first, status='')
            self.progress.start()

    def update(self, iteration: int, means: dict[str, float], speed: dict[str, float]) -> None:
        metrics = '  '.join(f'{k} {v:.4g}' for k, v in means.items() if k not in HIDDEN)
        status = f'{metrics}  {speed["images_per_s"]:.0f} img/s  wait {speed["data_wait"]:.0%}'
        if self.live:
            self.progress.update(self.task, completed=iteration, status=status)
            return
        rate = (time.perf_counter() - self.start) / max(iteration - self.first, 1)
        left = round(rate * (self.total - iteration))
        eta = f'{left // 3600}:{left // 60 % 60:02}:{left % 60:02}'
        self.logger.info(f'update {iteration}/{self.total}  {status}  eta {eta}')

    def close(self) -> None:
        if self.live:
            self.progress.stop()
