"""From files on disk to uint8 batches.

Reading order: `sources/` (where images are stored), `decode.py`, `augment.py`, `dataset.py`, `sampler.py` (which image
when), `seeding.py` (random numbers per sample), `quarantine.py` (damaged images), `loader.py`, `card.py` (statistics);
`openmmlab.py` for the data sets of MMDetection and MMSegmentation.
"""

from pretrain.data.augment import EvalAugment, PretrainAugment
from pretrain.data.build import build_dataset, shared_datasets
from pretrain.data.card import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INCEPTION_MEAN,
    INCEPTION_STD,
    DatasetCard,
    load_card,
    measure_card,
)
from pretrain.data.dataset import ImageDataset
from pretrain.data.finetune import FinetuneAugment
from pretrain.data.loader import build_eval_loader, build_loader, build_train_loader, collate
from pretrain.data.locate import JoinedSource, joined_config, source_config
from pretrain.data.openmmlab import LoadImage, OpenMMLabSet
from pretrain.data.quarantine import QuarantineLedger
from pretrain.data.sampler import EvalSampler, SampleKey, TrainBatchSampler, TrainOrder
from pretrain.data.seeding import preserved_rng, seed_rng
from pretrain.data.sources import ArraySource, FolderSource, ListSource, ParquetSource, Source, TarSource

__all__ = [
    'IMAGENET_MEAN',
    'IMAGENET_STD',
    'INCEPTION_MEAN',
    'INCEPTION_STD',
    'ArraySource',
    'DatasetCard',
    'EvalAugment',
    'EvalSampler',
    'FinetuneAugment',
    'FolderSource',
    'ImageDataset',
    'JoinedSource',
    'ListSource',
    'LoadImage',
    'OpenMMLabSet',
    'ParquetSource',
    'PretrainAugment',
    'QuarantineLedger',
    'SampleKey',
    'Source',
    'TarSource',
    'TrainBatchSampler',
    'TrainOrder',
    'build_dataset',
    'build_eval_loader',
    'build_loader',
    'build_train_loader',
    'collate',
    'joined_config',
    'load_card',
    'measure_card',
    'preserved_rng',
    'seed_rng',
    'shared_datasets',
    'source_config',
]
