"""`mimbench list configs --check` names the file and the line of what is wrong with a config."""

from pathlib import Path

import pytest

from tools.main import main
from tools.verbs.check import check_config

pytestmark = pytest.mark.unit
REPO = Path(__file__).resolve().parents[2]
MAE = REPO / 'pretrain/configs/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'


def changed(tmp_path: Path, source: Path, *pairs: tuple[str, str]) -> Path:
    """A copy of a config, its bases beside it, with replacements."""
    text = source.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    bases = tmp_path / '_base_'
    if not bases.exists():
        bases.symlink_to(source.parent / '_base_')
    path = tmp_path / source.name
    path.write_text(text)
    return path


def line_of(path: Path, text: str) -> int:
    return next(i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_a_right_config(tmp_path):
    assert check_config(changed(tmp_path, MAE)) is None


@pytest.mark.parametrize(
    ('old', 'new', 'at', 'message'),
    [
        ("masking=dict(type='RandomMasking', ratio=", "masking=dict(type='RandomMasking', ratoi=", 'ratoi', "'ratio'"),
        ("type='TransformerDecoder'", "type='TransformerDecodr'", 'Decodr', 'not registered'),
        ('batch_size=512', 'batch_size=500', 'batch_size=500', '8 GPUs need'),
        ('train_dataloader = ', 'data = dict(samples_per_gpu=2)\ntrain_dataloader = ', 'data = dict', 'MMDetection 2'),
    ],
)
def test_wrong_configs(tmp_path, old, new, at, message):
    path = changed(tmp_path, MAE, (old, new))
    problem = check_config(path)
    assert problem is not None and message in problem
    assert problem.startswith(f'{path}:{line_of(path, at)}: ')


def test_names_of_mmdetection_2_within_a_pipeline(tmp_path):
    path = tmp_path / 'old.py'
    path.write_text(
        "train_dataloader = dict(\n    dataset=dict(pipeline=[dict(type='RandomFlip',\n    flip_ratio=0.5)]))\n"
    )
    problem = check_config(path)
    assert problem is not None and problem.startswith(f'{path}:3: flip_ratio') and 'prob' in problem


def test_channels_that_do_not_meet(tmp_path):
    pytest.importorskip('mmcv.ops', reason='detection needs the compiled operators of mmcv: make setup')
    mini = REPO / 'det_mmdetection/configs/mini/a2mim_resnet50_mask-fpn_8xb2-12e_coco.py'
    text = mini.read_text().replace("'../_base_/", f"'{mini.parent.parent}/_base_/")
    path = tmp_path / mini.name
    path.write_text(text + "model['roi_head'] = dict(mask_head=dict(in_channels=32))\n")
    problem = check_config(path)
    assert problem is not None and 'do not fit together' in problem


def test_the_verb(capsys):
    assert main(['list', 'configs', 'mae_vit-base-p16_dec512x8_8xb512-800e', '--check']) == 0
    assert '2 of 2 configs are right, 0 wrong' in capsys.readouterr().out
    # The published BEiT names the network of its tokenizer, so it is built; the twin needs the file of another run.
    assert main(['list', 'configs', 'beit_vit-base-p16_linear', '--check']) == 0
    said = capsys.readouterr().out
    assert '1 of 2 configs are right, 0 wrong, 1 not built' in said and 'needs runs/vq/tokenizer' in said
