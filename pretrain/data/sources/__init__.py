"""Sources: where the images of a data set are stored. One file per storage layout, all with the protocol of `base`."""

from pretrain.data.sources.arrays import ArraySource
from pretrain.data.sources.base import IMAGE_EXTENSIONS, Source
from pretrain.data.sources.folder import FolderSource
from pretrain.data.sources.listing import ListSource
from pretrain.data.sources.parquet import ParquetSource
from pretrain.data.sources.tar import TarSource

__all__ = [
    'IMAGE_EXTENSIONS',
    'ArraySource',
    'FolderSource',
    'ListSource',
    'ParquetSource',
    'Source',
    'TarSource',
]
