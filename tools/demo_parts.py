"""What `mimbench demo` shows: for each kind of input drawn data, a pre-training, and the transfers of its encoder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Transfer:
    """One downstream task, run from the encoder and from random weights.

    Args:
        title: of its row in the table, with the metric.
        where: words that name the data.
        options: values of `--cfg-options`.
        domain: as `mimbench doctor` names it; without its libraries the task is left out.
    """

    name: str
    title: str
    config: str
    where: list[str]
    domain: str
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """One kind of input.

    Args:
        encoder: folder of the pre-training.
        said: what was drawn, and where.
        pretrain: config, then the words of its command.
        options: values of its `--cfg-options`.
    """

    encoder: str
    said: str
    pretrain: list[str]
    options: list[str]
    transfers: list[Transfer]


@dataclass
class Sizes:
    """How much is drawn and how long is trained; the tests take less."""

    unlabelled: int = 4000
    train: int = 400
    val: int = 400
    scenes: int = 160
    val_scenes: int = 60
    clips: int = 400
    clouds: int = 400
    volumes: int = 32
    epochs: int = 15
    finetune_epochs: int = 40
    dense_epochs: int = 10
    other_epochs: int = 20


def images(folder: Path, sizes: Sizes) -> Part:
    from pretrain.data.procedural import write_set
    from pretrain.data.scenes import write_scenes

    data = write_set(folder / 'data', sizes.unlabelled, sizes.train, sizes.val)
    scenes = write_scenes(folder / 'scenes', sizes.scenes, sizes.val_scenes)
    sets = ['--data', str(data / 'train'), '--val', str(data / 'val')]
    updates = max(sizes.dense_epochs * sizes.scenes // 8, 2)
    mini, part = 'classification/configs/mini', 'classification'
    return Part(
        'mae',
        f'{sizes.unlabelled} unlabelled images in a tar shard, {sizes.train} + {sizes.val} in class folders: {data}\n'
        f'{sizes.scenes} + {sizes.val_scenes} scenes with COCO annotations and masks: {scenes}',
        [
            'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py',
            *('--data', str(data / 'unlabelled'), '--card', str(data)),
        ],
        [f'train_cfg.epochs={sizes.epochs}', f'default_hooks.pictures.interval={sizes.epochs}'],
        [
            Transfer('knn', 'k-NN top-1', f'{mini}/mae_vit-base-p16_knn_1xb256-k20_in1k.py', sets, part),
            Transfer(
                'finetune',
                'fine-tuned top-1',
                f'{mini}/mae_vit-base-p16_ft_8xb128-100e_in1k.py',
                sets,
                part,
                [f'train_cfg.epochs={sizes.finetune_epochs}', 'train_cfg.effective_batch=32'],
            ),
            Transfer(
                'detect',
                'detection box AP',
                'det_mmdetection/configs/mini/mae_vit-base-p16_vitdet-mask_64xb1-100e_coco.py',
                ['--data', str(scenes)],
                'det_mmdetection',
                [f'train_cfg.epochs={sizes.dense_epochs}'],
            ),
            Transfer(
                'segment',
                'segmentation mIoU',
                'seg_mmsegmentation/configs/mini/mae_vit-base-p16_upernet_8xb2-160k_ade20k.py',
                ['--data', str(scenes)],
                'seg_mmsegmentation',
                [
                    f'train_cfg.iterations={updates}',
                    f'param_scheduler.warmup={updates // 10}',
                    'optim_wrapper.optimizer.lr=3e-3',
                ],
            ),
        ],
    )


def clips(folder: Path, sizes: Sizes) -> Part:
    from video.procedural import write_set

    labelled = max(3 * sizes.clips // 20, 6)
    data = write_set(folder / 'clips', sizes.clips, labelled, 2 * labelled)
    mini = 'video/configs/mini'
    return Part(
        'videomae',
        f'{sizes.clips} unlabelled mp4 files, {labelled} + {2 * labelled} in folders of 6 motions: {data}',
        [
            f'{mini}/videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py',
            *('--data', str(data / 'unlabelled')),
        ],
        # pixels as they are: of plain ground, normalised patches are nothing but noise
        [f'train_cfg.epochs={5 * sizes.other_epochs // 2}', 'model.target.normalise=none'],
        [
            Transfer(
                'video',
                'video top-1',
                f'{mini}/videomae_vit-base-p16_ft_64xb8-100e_k400.py',
                ['--data', str(data / 'train'), '--val', str(data / 'val')],
                'video',
                [f'train_cfg.epochs={2 * sizes.other_epochs}'],
            )
        ],
    )


def clouds(folder: Path, sizes: Sizes) -> Part:
    from pointcloud.procedural import write_demo

    data = write_demo(folder / 'points', sizes.clouds, max(sizes.clouds // 33, 2), max(sizes.clouds // 10, 2))
    mini = 'pointcloud/configs/mini'
    return Part(
        'pointmae',
        f'{sizes.clouds} unlabelled clouds of solids (.npy), others as .xyz, .ply, .off, .txt in class folders: {data}',
        [
            f'{mini}/point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py',
            *('--data', str(data / 'unlabelled')),
        ],
        [f'train_cfg.epochs={4 * sizes.other_epochs}'],
        [
            Transfer(
                'points',
                'cloud SVM top-1',
                f'{mini}/point-mae_vit-small_svm_1xb32-c01_modelnet40.py',
                ['--data', str(data / 'train'), '--val', str(data / 'val')],
                'pointcloud',
            )
        ],
    )


def volumes(folder: Path, sizes: Sizes) -> Part:
    from medical.procedural import write_volumes

    val = max(sizes.volumes // 3, 1)
    place = write_volumes(folder / 'volumes', sizes.volumes, val)
    mini = 'medical/configs/mini'
    return Part(
        'volumemae',
        f'{sizes.volumes} volumes as NIfTI files, of which the labels of 4 are used, and {val} to validate: {place}',
        [f'{mini}/mae_vit3d-base-p16_dec512x8_1xb16-3000e_btcv.py', '--data', str(place)],
        [f'train_cfg.epochs={5 * sizes.other_epochs}'],
        [
            Transfer(
                'volumes',
                'volume Dice',
                f'{mini}/mae_vit3d-base-p16_unetr_1xb16-3000e_btcv-24-6.py',
                ['--data', str(place)],
                'medical',
                [f'train_cfg.epochs={5 * sizes.other_epochs}', 'train_dataloader.dataset.source.first=4'],
            )
        ],
    )


PARTS: dict[str, Callable[[Path, Sizes], Part]] = {
    'images': images,
    'clips': clips,
    'clouds': clouds,
    'volumes': volumes,
}
"""By the word of `--only`. Each draws its data, once, and says what is done with it."""
NEEDS = {'images': 'classification', 'clips': 'video', 'clouds': 'pointcloud', 'volumes': 'medical'}
"""Domain whose libraries the data of a part need."""
