"""The demo in its smallest size, from the pictures to the table; and again, when nothing is left to do."""

import pytest

pytestmark = pytest.mark.smoke


def test_demo(tmp_path, monkeypatch, capsys):
    from pretrain.checkpoint.exchange import read_card
    from tools.main import main
    from tools.verbs import demo

    monkeypatch.setattr(demo, 'UNLABELLED', 256)
    monkeypatch.setattr(demo, 'TRAIN', 64)
    monkeypatch.setattr(demo, 'VAL', 32)
    monkeypatch.setattr(demo, 'SCENES', 8)
    monkeypatch.setattr(demo, 'VAL_SCENES', 4)
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))
    arguments = ['demo', '--work-dir', str(tmp_path / 'demo'), '--epochs', '2', '--finetune-epochs', '3']
    arguments += ['--dense-epochs', '1']
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert 'coverage' in out or 'tensors' in out, 'the load report is shown'
    for word in ('k-NN top-1', 'fine-tuned top-1', 'gain', 'random initialisation', 'reconstructions:'):
        assert word in out
    card = read_card(tmp_path / 'demo' / 'mae' / 'encoder.safetensors')
    assert card.mean == (0.5, 0.5, 0.5) and card.std == (0.25, 0.25, 0.25), 'statistics come from the dataset card'
    assert list((tmp_path / 'demo' / 'mae' / 'pictures').glob('*.png'))
    assert main(arguments) == 0
    assert 'was done before' in capsys.readouterr().out
