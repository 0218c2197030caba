"""Wrong data and contradicting configs: one line that names the thing and the remedy, exit code 2, nothing trained."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from seg_scenes import write_folder

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from pretrain.record import read_result
from tools.main import main

pytestmark = [
    pytest.mark.smoke,
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore'),
]
CONFIGS = Path(__file__).parents[2] / 'seg_mmsegmentation' / 'configs'
MAE = CONFIGS / 'mini' / 'mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
BEIT = CONFIGS / 'mini' / 'beit_vit-base-p16_upernet_8xb2-160k_ade20k.py'
PUBLISHED = CONFIGS / 'mae_vit-base-p16_upernet_8xb2-160k_ade20k.py'
SMALL = [
    'model.backbone.image_size=32',
    'model.backbone.levels=[0,1,2,3]',
    'model.backbone.four_levels=True',
    'model.data_preprocessor.size=(32,32)',
    'model.test_cfg.crop_size=(32,32)',
    'model.test_cfg.stride=(24,24)',
    'train_dataloader.dataset.pipeline.2.scale=(128,32)',
    'train_dataloader.dataset.pipeline.3.crop_size=(32,32)',
    'val_dataloader.dataset.pipeline.1.scale=(128,32)',
    'train_dataloader.num_workers=0',
    'visualizer.vis_backends=[]',
    'val_dataloader.num_workers=0',
    'train_cfg.effective_batch=4',
    'train_cfg.iterations=2',
    'param_scheduler.warmup=1',
    'task.pictures=0',
]


@pytest.fixture
def refused(
    tmp_path: Path, encoder_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., str]:
    """`refused(options, ...)`: the one line that the command ends with; asserts that nothing was trained."""
    monkeypatch.chdir(tmp_path)

    def run(
        *options: str, data: tuple = ('set',), config: Path = MAE, checkpoint: str = 'small', more: tuple = ()
    ) -> str:
        names = dict(zip(('--data', '--val'), data))
        words = ['transfer', config, '--checkpoint', encoder_file(checkpoint), '--work-dir', 'run', *more]
        words += [word for pair in names.items() for word in pair]
        capsys.readouterr()
        code = main([*map(str, words), '--cfg-options', *SMALL, *options])
        error = capsys.readouterr().err
        assert code == 2 and error.count('\n') == 1, error
        assert not Path('run/result.json').exists() and not Path('run/metrics.jsonl').exists()
        shutil.rmtree('run', ignore_errors=True)
        return error

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`set/train` and `set/val`, to be spoiled."""
    for part, count, seed in (('train', 5, 0), ('val', 2, 1)):
        write_folder(tmp_path / 'set' / part, count, seed)
    return tmp_path / 'set'


def save(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path)


def labels(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def test_files(folder: Path, refused: Callable[..., str]) -> None:
    mask, image = folder / 'train' / 'masks' / '001.png', folder / 'val' / 'images' / '000.jpg'
    last = folder / 'train' / 'images' / '004.jpg'

    def spoil(path: Path, content: bytes | None) -> str:
        kept = path.read_bytes()
        path.unlink() if content is None else path.write_bytes(content)
        message = refused()
        path.write_bytes(kept)
        return message

    assert '001.png: no such file, the mask of image' in spoil(mask, None)
    assert '001.png: the file is empty' in spoil(mask, b'')
    assert '004.jpg: the file is empty' in spoil(last, b'')
    assert "mask 'set/train/masks/001.png' cannot be decoded" in spoil(mask, mask.read_bytes()[:60])
    assert "000.jpg' cannot be decoded" in spoil(image, image.read_bytes()[:-400])
    assert "004.jpg' cannot be decoded" in spoil(last, b'no image')
    small = labels(mask)[1:]
    save(folder / 'small.png', small)
    assert 'one of them is wrong' in spoil(mask, (folder / 'small.png').read_bytes())
    save(folder / 'colours.png', np.stack([labels(mask)] * 3, -1))
    assert 'holds colours' in spoil(mask, (folder / 'colours.png').read_bytes())


def test_a_truncated_training_image_stops_the_training_of_a_small_set(
    folder: Path, tmp_path: Path, encoder_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    image = folder / 'train' / 'images' / '002.jpg'
    image.write_bytes(image.read_bytes()[:-400])
    words = ['transfer', str(MAE), '--checkpoint', str(encoder_file('small')), '--work-dir', 'run', '--data', 'set']
    assert main([*words, '--cfg-options', *SMALL, 'train_cfg.effective_batch=5']) == 2
    error = capsys.readouterr().err
    assert '1 of 5 training samples are damaged' in error and '002.jpg' in error and error.count('\n') == 1


def test_folders(folder: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    assert 'nowhere: no such folder' in refused(data=('nowhere',))
    assert 'nowhere: no such folder' in refused(data=('set/train', 'nowhere'))
    assert 'are the same images' in refused(data=('set/train', 'set/train'))
    assert '--val needs --data' in refused(data=(), more=('--val', 'set/val'))
    assert '--card' in refused(more=('--card', 'set'))
    assert 'images/training (ADE20KDataset) and no train/' in refused(data=('set/train',), config=PUBLISHED)
    assert 'train: no train/ and val/ with images' in refused(data=('set/train',))
    ade = 'data/ade/ADEChallengeData2016'
    missing = refused(f'train_dataloader.dataset.data_root={ade}', data=(), config=PUBLISHED)
    assert f'{ade}/images/training: no such folder' in missing and '--data' in missing
    (folder / 'val' / 'masks').rename(folder / 'val' / 'labels')
    assert 'images/ but no masks/' in refused()
    (folder / 'val' / 'labels').rename(folder / 'val' / 'masks')
    (folder / 'val' / 'classes.txt').write_text('sky\ngrass\n')
    assert 'training data has 3 classes, validation data 2 (not in both: block)' in refused()
    (folder / 'train' / 'classes.txt').write_text('sky\ngrass (ignore)\nblock (ignore)\n')
    shutil.copy(folder / 'train' / 'classes.txt', folder / 'val')
    assert 'the data has 1 class; pixels of something else' in refused()
    (folder / 'val' / 'classes.txt').unlink()
    assert 'val: no classes.txt' in refused()


def test_labels(folder: Path, refused: Callable[..., str]) -> None:
    write_folder(folder / 'train', 5, labels=(1, 2, 3, 255))
    assert 'label 3 is none of the 3 classes' in (message := refused()) and 'set reduce_zero_label=True' in message
    write_folder(folder / 'train', 5, labels=(0, 1, 2, 3))
    assert 'set ignore_index=3' in refused()
    write_folder(folder / 'train', 5, labels=(0, 1, 9, 255))
    assert 'label 9 is none of the 3 classes (labels 0 to 2); add it to the class list' in refused()
    write_folder(folder / 'train', 5, labels=(255, 255, 255, 255))
    assert 'no pixel counts in the 5 training masks' in refused()


def test_the_off_by_one_that_raises_no_error(
    folder: Path, tmp_path: Path, encoder_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """reduce_zero_label on masks whose label 0 is a class: every class is another one, and it trains."""
    monkeypatch.chdir(tmp_path)
    words = ['transfer', str(MAE), '--checkpoint', str(encoder_file('small')), '--work-dir', 'run', '--data', 'set']
    reduce = [f'{part}_dataloader.dataset.reduce_zero_label=True' for part in ('train', 'val')]
    assert main([*words, '--cfg-options', *SMALL, *reduce]) == 0, capsys.readouterr().err
    notes = [note for note in read_result('run').notes if 'off by one' in note]
    assert len(notes) == 2 and 'their largest label is 2 of 3 classes' in notes[0]


def test_models(folder: Path, refused: Callable[..., str]) -> None:
    assert 'model.decode_head.num_classes is 7, the data has 3' in refused('model.decode_head.num_classes=7')
    fixed = 'model.decode_head.in_channels=[32,32,32,32]'
    assert 'the maps of vit_tiny_patch16_224 have [48, 48, 48, 48]' in refused(fixed, checkpoint='wide')
    assert 'levels names block 2; the network has blocks 0 to 1' in refused(checkpoint='shallow')
    assert 'a resnet backbone takes no tables' in refused(checkpoint='resnet50').replace('layer_scale, ', '')
    assert 'has LayerScale of its own' in refused('model.backbone.tables=own', checkpoint='tables')
    assert "tables is 'zero', and the checkpoint has relative" in refused(checkpoint='tables')
    assert 'levels is [0, 1, 2, 9]; resnet50 has stages 0 to 3' in refused(
        'model.backbone.levels=[0,1,2,9]', checkpoint='resnet50'
    )


def test_sizes(folder: Path, refused: Callable[..., str]) -> None:
    tables = dict(config=BEIT, checkpoint='tables')
    whole = refused('model.test_cfg.mode=whole', **tables)
    assert 'crop_size' in whole
    whole = refused("model.test_cfg={'mode':'whole','_delete_':True}", **tables)
    assert "model.test_cfg.mode is 'whole', but relative tables are made for 32x32 pixels" in whole
    assert 'model.test_cfg.crop_size is (48, 48), larger' in refused('model.test_cfg.crop_size=(48,48)', **tables)
    crop = 'train_dataloader.dataset.pipeline.3.crop_size'
    assert f'{crop} is (40, 40), larger' in refused(f'{crop}=(40,40)', **tables)
    assert 'stride (48, 48) is larger' in refused('model.test_cfg.stride=(48,48)')
    assert 'missing keys' in refused('model.test_cfg.strid=(8,8)')
    assert "allowed: 'slide', 'whole'" in refused('model.test_cfg.mode=slides')


def test_pipelines(folder: Path, refused: Callable[..., str]) -> None:
    for step, kind in ((1, 'LoadAnnotations'), (0, 'LoadImageFromFile')):
        message = refused(f'train_dataloader.dataset.pipeline.{step}.type={kind}')
        assert 'train_dataloader.dataset.pipeline needs LoadImage first and one LoadLabels' in message
    assert "did you mean 'reduce_zero_label'" in refused('train_dataloader.dataset.reduce_zero_lable=True')
