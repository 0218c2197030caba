"""A non-finite loss stops the run before any parameter changes, and says where."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from tiny import final_state, train, write_config
from torch import nn

from pretrain.engine.hooks import NonFiniteError, _culprits, _to_host
from pretrain.engine.optim import GuardedOptimWrapper

pytestmark = pytest.mark.unit


def wrapper(fused: bool, **options):
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    groups = [{'params': list(net.parameters()), 'lr_scale': 1.0}]
    return net, GuardedOptimWrapper(torch.optim.AdamW(groups, lr=0.1, fused=fused), precision='fp32', **options)


def update(net, wrapped, value):
    for _ in range(wrapped._accumulative_counts):
        wrapped.update_params(net(torch.full((4, 3), value)).square().mean())


@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_no_parameter_changes_from_the_first_bad_update_on(fused, bad):
    net, wrapped = wrapper(fused)
    update(net, wrapped, 1.0)
    before = [p.clone() for p in net.parameters()]
    update(net, wrapped, bad)
    update(net, wrapped, 1.0)  # the host may not have looked yet
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert bool(wrapped.failed) and int(wrapped.failed_at) == 1


def test_a_bad_micro_batch_spoils_its_whole_update():
    net, wrapped = wrapper(True, accumulative_counts=2)
    before = [p.clone() for p in net.parameters()]
    wrapped.update_params(net(torch.full((4, 3), float('nan'))).square().mean())
    wrapped.update_params(net(torch.ones(4, 3)).square().mean())
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_accumulated_gradients_are_those_of_the_whole_batch():
    x = torch.randn(8, 3)
    whole, split = wrapper(True), wrapper(True, accumulative_counts=4)
    whole[1].update_params(whole[0](x).square().mean())
    for part in x.chunk(4):
        split[1].update_params(split[0](part).square().mean())
    assert torch.allclose(whole[1].grad_norm, split[1].grad_norm, rtol=1e-6)
    for a, b in zip(whole[0].parameters(), split[0].parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_clipping_bounds_the_norm_and_reports_what_it_was():
    net, wrapped = wrapper(True, clip_grad={'max_norm': 1e-3})
    loss = 100 * net(torch.ones(4, 3)).square().mean()
    expected = torch.linalg.vector_norm(torch.cat([g.flatten() for g in torch.autograd.grad(loss, net.parameters())]))
    seen = {}
    step = wrapped.optimizer.step
    wrapped.optimizer.step = lambda: (
        seen.update(norm=torch.cat([p.grad.flatten() for p in net.parameters()]).norm()) or step()
    )
    wrapped.update_params(100 * net(torch.ones(4, 3)).square().mean())
    assert torch.allclose(wrapped.grad_norm, expected)
    assert seen['norm'] == pytest.approx(1e-3, rel=1e-3)


class Poison(Hook):
    """Spoils the model's input scale at one update."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 12:
            runner.bare_model.data_preprocessor.std.zero_()


def test_a_run_stops_and_names_iteration_and_samples(tmp_path, monkeypatch):
    from pretrain.engine import launch as launcher

    built = launcher.TrainRunner.from_cfg

    def poisoned(cfg):
        runner = built(cfg)
        runner.register_hook(Poison())
        return runner

    monkeypatch.setattr(launcher.TrainRunner, 'from_cfg', poisoned)
    with pytest.raises(NonFiniteError, match=r'iteration 12 .*samples: .*images/\d+\.png') as error:
        train(write_config(tmp_path), tmp_path / 'run')
    assert 'iter_0000010.pth' in str(error.value) and '\n' not in str(error.value)
    state = final_state(tmp_path / 'run')
    assert state['iteration'] == 10, 'the failed state is never saved'
    assert all(torch.isfinite(t).all() for t in state['model'].values())


def _one_of_three(rank: int, folder: str) -> None:
    """Process 2 alone meets a loss that is not finite; in the second run all overflow in the gradient."""
    from torch import distributed as dist

    dist.init_process_group('gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=3)
    net, wrapped = wrapper(True)
    update(net, wrapped, float('nan') if rank == 2 else 1.0)
    assert bool(wrapped.failed) and bool(wrapped.failed_here) == (rank == 2)
    said = [_culprits(bool(wrapped.failed_here), [f'{rank}.jpg']), _culprits(False, [f'{rank}.jpg'])]
    assert _to_host([{'iter': 3, 'loss': torch.tensor(float(rank))}]) == [{'iter': 3, 'loss': 1.0}]
    Path(folder, str(rank)).write_text('\n'.join(said))
    dist.destroy_process_group()


def test_every_process_names_the_guilty_one_and_its_samples(tmp_path):
    context = multiprocessing.get_context('fork')  # a fresh interpreter each would import torch three times
    processes = [context.Process(target=_one_of_three, args=(rank, str(tmp_path))) for rank in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    for rank in range(3):
        one, every = (tmp_path / str(rank)).read_text().splitlines()
        assert one == 'process 2, samples: 2.jpg'
        assert every == 'process 0, samples: 0.jpg; process 1, samples: 1.jpg; process 2, samples: 2.jpg'


@pytest.mark.smoke
def test_the_command_exits_with_1_on_a_failure_and_2_on_a_mistake(tmp_path, capsys):
    from tools.main import main

    config = str(write_config(tmp_path))
    run = ['pretrain', config, '--work-dir', str(tmp_path / 'run'), '--cfg-options']
    for override, code, message in (
        ('model.masking.ratoi=0.5', 2, "did you mean 'ratio'"),
        ('train_cfg.effective_batch=0', 2, 'positive integer'),
        ('optim_wrapper.optimizer.lr=1e20', 1, 'not finite'),
    ):
        assert main([*run, override]) == code
        said = capsys.readouterr().err
        assert message in said and 'Traceback' not in said


@pytest.mark.smoke
def test_a_used_run_directory_is_not_overwritten(tmp_path, capsys):
    """Old checkpoints with higher numbers would make the new run remove its own, and --resume go on with the old."""
    from tools.main import main

    config, folder = write_config(tmp_path), tmp_path / 'run'
    train(config, folder)
    before = (folder / 'metrics.jsonl').read_bytes()
    assert main(['pretrain', str(config), '--work-dir', str(folder)]) == 2
    assert '--resume goes on' in capsys.readouterr().err
    assert (folder / 'metrics.jsonl').read_bytes() == before
