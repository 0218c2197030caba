"""What cannot be right in an annotation file is an error that names file, entry and fix; nothing is left out."""

import json
from pathlib import Path

import pytest

pytest.importorskip('mmcv.ops', reason='detection needs the compiled operators of mmcv: make setup')

from det_data import edit, scenes
from PIL import Image

from det_mmdetection.annotations import read_annotations
from det_mmdetection.datasets import InstanceDataset
from pretrain.data.openmmlab import LoadImage, OpenMMLabSet
from pretrain.errors import DataError

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return scenes(tmp_path / 'scenes')


def set_key(section, place, key, value):
    def change(content):
        content[section][place][key] = value

    return change


WRONG = {
    'an image that is not listed': (set_key('annotations', 3, 'image_id', 999), r'annotations\[3\] .*image 999'),
    'a category that is not listed': (set_key('annotations', 3, 'category_id', 9), r'category 9, .*\[1, 2, 3, 4\]'),
    'a box of three numbers': (set_key('annotations', 0, 'bbox', [1, 2, 3]), 'four numbers'),
    'a box that is not finite': (set_key('annotations', 0, 'bbox', [1, 2, 3, float('nan')]), 'four numbers'),
    'no mask': (set_key('annotations', 0, 'segmentation', []), 'mask_head=None'),
    'an annotation id twice': (set_key('annotations', 1, 'id', 1), r'annotations\[1\] .*twice'),
    'an image id twice': (set_key('images', 1, 'id', 1), 'id 1 is there twice'),
    'no size': (set_key('images', 0, 'width', None), 'needs file_name, height and width'),
    'a category name twice': (set_key('categories', 1, 'name', 'cross'), "name 'cross'"),
    'no images': (lambda content: content.update(images=[]), 'no images'),
    'no annotations list': (lambda content: content.pop('annotations'), 'images, annotations, categories'),
}


@pytest.mark.parametrize('name', WRONG)
def test_wrong_entries(folder, name):
    change, message = WRONG[name]
    path = edit(folder, change)
    with pytest.raises(DataError, match=message) as caught:
        read_annotations(path, masks=True)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_files_that_are_no_annotations(tmp_path):
    with pytest.raises(DataError, match='no such annotation file'):
        read_annotations(tmp_path / 'none.json', masks=False)
    (tmp_path / 'cut.json').write_text('{"images": [')
    with pytest.raises(DataError, match=r'cut\.json: not JSON'):
        read_annotations(tmp_path / 'cut.json', masks=False)


def test_boxes_alone_are_enough_without_a_mask_head(folder):
    path = edit(folder, lambda content: [a.pop('segmentation') for a in content['annotations']])
    assert sum(map(len, read_annotations(path, masks=False).of_image.values())) > 0


def test_boxes_outside_their_image_are_counted(folder):
    path = edit(folder, set_key('annotations', 0, 'bbox', [70, 3, 5, 5]))
    before = len(json.loads(path.read_text())['annotations'])
    found = read_annotations(path, masks=True)
    assert sum(map(len, found.of_image.values())) == before - 1
    assert '1 objects have no pixel inside' in found.notes[0]


def dataset(folder: Path, **options) -> InstanceDataset:
    pipeline = [LoadImage()]
    return InstanceDataset('annotations/instances_train.json', data_root=str(folder), pipeline=pipeline, **options)


def test_labels_follow_the_order_of_ids_through_gaps(folder):
    """COCO's ids have gaps, and files list categories in any order: the label is the place among sorted ids."""

    def change(content):
        for entry in content['annotations']:
            entry['category_id'] = {1: 90, 2: 7, 3: 13, 4: 1}[entry['category_id']]
        for entry in content['categories']:
            entry['id'] = {1: 90, 2: 7, 3: 13, 4: 1}[entry['id']]

    raw = json.loads((folder / 'annotations/instances_train.json').read_text())
    names = {a['id']: raw['categories'][a['category_id'] - 1]['name'] for a in raw['annotations']}
    edit(folder, change)
    data = dataset(folder, test_mode=True)
    assert data.metainfo['classes'] == ('triangle', 'disc', 'ring', 'cross') and data.cat_ids == [1, 7, 13, 90]
    truth = {a['id']: a for a in data.ground_truth['annotations']}
    for i in range(len(data)):
        info = data.get_data_info(i)
        mine = [a for a in truth.values() if a['image_id'] == info['img_id']]
        assert [data.metainfo['classes'][x['bbox_label']] for x in info['instances']] == [names[a['id']] for a in mine]
        for instance, annotation in zip(info['instances'], mine, strict=True):
            left, top, width, height = annotation['bbox']
            assert instance['bbox'] == [left, top, left + width, top + height]


def test_wrong_class_list(folder):
    with pytest.raises(DataError, match='the same names in another order'):
        dataset(folder, metainfo={'classes': ('disc', 'cross', 'ring', 'triangle')})
    with pytest.raises(DataError, match='not in both: cat'):
        dataset(folder, metainfo={'classes': ('cross', 'disc', 'ring', 'cat')})


def test_missing_images(folder):
    next((folder / 'train/images').glob('*3.jpg')).unlink()
    with pytest.raises(DataError, match=r'1 of 12 images .*000003\.jpg'):
        dataset(folder)


def test_an_image_of_another_size_than_its_annotation(folder):
    path = folder / 'train/images/000002.jpg'
    Image.open(path).resize((64, 32)).save(path)
    data = OpenMMLabSet(dataset(folder))
    with pytest.raises(DataError, match=r'000002\.jpg: the image is 64x32, its annotation says 64x64'):
        data[2]
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(DataError, match=r'000002\.jpg.* cannot be decoded'):
        data[2]


def test_crowds_do_not_train_and_empty_images_are_left_out(folder):
    def change(content):
        first = content['images'][0]['id']
        for entry in content['annotations']:
            entry['iscrowd'] = int(entry['image_id'] == first)

    edit(folder, change)
    data = dataset(folder, filter_cfg={'filter_empty_gt': True})
    assert len(data) == 11
    assert len(dataset(folder)) == 12
    assert all(x['ignore_flag'] for x in dataset(folder).get_data_info(0)['instances'])


def test_lvis_names_images_by_url(folder):
    def change(content):
        for i, image in enumerate(content['images']):
            image['coco_url'] = f'http://images.cocodataset.org/{image.pop("file_name").replace("train/images", "in")}'
            image['neg_category_ids'], image['not_exhaustive_category_ids'] = [1 + i % 4], []

    edit(folder, change)
    (folder / 'in').mkdir()
    for path in (folder / 'train/images').iterdir():
        path.rename(folder / 'in' / path.name)
    data = dataset(folder, test_mode=True)
    assert data.get_data_info(0)['img_path'] == str(folder / 'in/000000.jpg')
    assert data.ground_truth['images'][1]['neg_category_ids'] == [2]


def test_another_sample_for_a_damaged_or_empty_one_follows_from_the_key(folder):
    (folder / 'train/images/000004.jpg').write_bytes(b'no image')

    class Empty:
        """A crop without objects for every image of an even number."""

        def __call__(self, results):
            return None if results['img_id'] % 2 else {'inputs': results['img_id']}

    data = OpenMMLabSet(
        InstanceDataset(
            'annotations/instances_train.json', data_root=str(folder), pipeline=[LoadImage(), Empty()], test_mode=True
        ),
        seed=5,
    )
    first, again = data[(0, 4)], data[(0, 4)]
    assert first == again and first['inputs'] % 2 == 0 and first['index'] == first['inputs'] - 1
    assert first['replaced'][0][0].endswith('000004.jpg') and len(first['replaced']) == 1
    assert len({data[(epoch, 0)]['inputs'] for epoch in range(8)}) > 1
    assert data[(0, 0)]['replaced'] == []
    with pytest.raises(DataError, match='gives nothing'):
        data[0]
