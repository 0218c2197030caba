"""A run that was killed and resumed is the run that was never killed, bit for bit."""

import signal

import pytest
from tiny import assert_same, die_at, final_state, log, train, write_config
from warm import Warm, command

from tools.main import main

pytestmark = pytest.mark.crash


@pytest.mark.parametrize(('workers', 'batch'), [(0, 8), (2, 8), (0, 4), (2, 2)])
def test_twenty_updates_equal_ten_and_a_kill_and_the_rest(tmp_path, workers, batch):
    """Batches of 4 and 2 accumulate to the effective batch of 8; update 10 is mid-epoch; the kill comes at 13."""
    config = write_config(tmp_path, workers, batch)
    train(config, tmp_path / 'straight')
    died = Warm(die_at, config, tmp_path / 'killed', 13, log=tmp_path / 'log')
    assert died.wait() == -signal.SIGKILL, died.said[-2000:]
    assert final_state(tmp_path / 'killed')['iteration'] == 10
    train(config, tmp_path / 'killed', resume=True)
    assert_same(final_state(tmp_path / 'straight'), final_state(tmp_path / 'killed'))
    assert log(tmp_path / 'straight') == log(tmp_path / 'killed')
    assert [row['iter'] for row in log(tmp_path / 'killed')] == list(range(20))


def test_workers_and_accumulation_change_nothing_but_rounding(tmp_path):
    """The data of an update depends on neither; accumulation only changes the order of sums and the masks' draw."""
    a, b = tmp_path / 'a', tmp_path / 'b'
    train(write_config(tmp_path, workers=0), a)
    train(write_config(tmp_path, workers=2), b)
    assert log(a) == log(b)


def test_compiled_networks_train_alike(tmp_path):
    """With a backend that runs what was traced as it is, so that rounding is the same."""
    config = write_config(tmp_path)
    train(config, tmp_path / 'plain')
    runner = train(config, tmp_path / 'compiled', compile={'backend': 'eager'})
    parts = [type(part).__name__ for part in runner.bare_model.children() if part._compiled_call_impl]
    assert parts == ['ViTEncoder', 'TransformerDecoder']
    assert log(tmp_path / 'plain') == log(tmp_path / 'compiled')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_signals_save_and_exit_with_75_and_nothing_is_lost(tmp_path, number):
    """Data workers get the signal too and must not die of it, else the training process fails before it can save."""
    config = write_config(tmp_path, workers=2)
    long = ['--cfg-options', 'train_cfg.iterations=3000', 'default_hooks.save.interval=100000']
    work_dir = tmp_path / 'run'
    process = command('pretrain', config, '--work-dir', work_dir, *long, log=tmp_path / 'log')
    process.wait_for('/3000  loss')
    process.signal(number)
    process.signal(number)  # schedulers repeat themselves
    assert process.wait(60) == 75, process.said
    state = final_state(work_dir)
    assert 0 < state['iteration'] < 3000
    assert [row['iter'] for row in log(work_dir)] == list(range(state['iteration']))


def test_a_run_goes_on_with_what_it_began_with_or_not_at_all(tmp_path, capsys):
    """With other data, the length of an epoch and with it the learning rate would change without a word."""
    config = write_config(tmp_path)
    short = ('--cfg-options', 'train_cfg.iterations=20', 'default_hooks.save.interval=1')
    words = ['pretrain', str(config), '--work-dir', str(tmp_path / 'run'), '--resume', *short]
    assert main(words) == 0
    for path in (tmp_path / 'run' / 'checkpoints').glob('iter_000002*.pth'):
        path.unlink()
    images = sorted((tmp_path / 'images').rglob('*.png'))
    images[0].rename(tmp_path / 'away.png')
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr().err
    assert 'has 59 samples, and had 60; put back what was there' in said and said.count('\n') == 1
    (tmp_path / 'away.png').rename(images[0].with_name('another.png'))
    assert main(words) == 2 and 'samples of other names now' in capsys.readouterr().err
    images[0].with_name('another.png').rename(images[0])
    assert main(words) == 0


def test_an_export_that_failed_is_made_by_the_run_that_goes_on(tmp_path, monkeypatch):
    """The disk was full, or the kill came, between the checkpoint of an epoch and its export."""
    from pretrain.engine.runner import TrainRunner

    config = write_config(tmp_path)
    options = {'default_hooks.save': {'export_at': [1, 2]}}
    really = TrainRunner.export_whole

    def full(runner, folder):
        if folder.name == '0002':
            raise OSError(28, 'No space left on device')
        return really(runner, folder)

    monkeypatch.setattr(TrainRunner, 'export_whole', full)
    with pytest.raises(OSError, match='No space'):
        train(config, tmp_path / 'run', **options)
    monkeypatch.undo()
    train(config, tmp_path / 'run', resume=True, **options)
    assert sorted(path.parent.name for path in tmp_path.glob('run/epochs/*/encoder.safetensors')) == ['0001', '0002']
