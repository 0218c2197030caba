"""Label columns that cannot be read matter to those who want labels only."""

import pytest

from pretrain.data import EvalAugment, ImageDataset, ParquetSource
from pretrain.errors import DataError

pytestmark = pytest.mark.unit


@pytest.fixture
def write(tmp_path, pictures):
    """Writes a file of two images with these columns besides; then opens all files that were written."""
    pa = pytest.importorskip('pyarrow')
    import pyarrow.parquet as pq

    def write(*files):
        for number, columns in enumerate(files):
            table = pa.table({'image': pictures[2 * number : 2 * number + 2], **columns})
            pq.write_table(table, tmp_path / f'{number}.parquet')
        return ParquetSource(tmp_path / '*.parquet', cache_dir=tmp_path / 'cache')

    return write


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ([{'label': ['cat', 'dog']}], r"column 'label' of parquet file .*0\.parquet' holds string, expected integer"),
        ([{'label': [1, 2]}, {'label': ['3', 'dog']}], r"column 'label' of parquet file .*1\.parquet' holds string"),
        ([{'label': [[1], [2]]}], r"column 'label' of parquet file .*0\.parquet' holds list"),
        ([{'label': [1, 2]}, {}], r"1\.parquet' has no column 'label', .*0\.parquet' has"),
        ([{}, {'label': [1, 2]}], r"0\.parquet' has no column 'label', .*1\.parquet' has"),
        ([{'label': [1, 2]}, {'label': [1, None]}], r"1 of 2 rows of .*1\.parquet' have no 'label'"),
    ],
)
def test_a_label_column_that_cannot_be_read(write, pictures, files, message):
    source = write(*files)
    assert [source.read(i) for i in range(len(source))] == pictures[: 2 * len(files)]
    transform = EvalAugment(resize=8, crop=8)
    assert len(ImageDataset(source, transform)) == len(source), 'pre-training wants no labels'
    with pytest.raises(DataError, match=message) as raised:
        ImageDataset(source, transform, labels=True)
    assert '\n' not in str(raised.value)


def test_labels_of_several_files_and_none(write):
    source = write({'label': [4, 5]}, {'label': ['6', '7']})
    assert [source.label(i) for i in range(4)] == [4, 5, 6, 7]
    source = write({}, {})
    assert source.label(3) is None


def test_an_image_column_of_something_else(tmp_path, write):
    with pytest.raises(DataError, match=r"column 'image' of parquet file .*0\.parquet' holds int64, expected"):
        write({'image': [1, 2]})
