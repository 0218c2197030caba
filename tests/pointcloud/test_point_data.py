"""Files, sources, transforms and the data set: real layouts read, bad input named, nothing lost."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from point_files import binary_ply, class_folders, cloud, few_shot, h5_file, modelnet, shapenet_part

import pointcloud  # noqa: F401
from pointcloud import modelnet as modelnet_source
from pointcloud.datasets import PointDataset, locate
from pointcloud.files import check_cloud, read_cloud, sample_surface
from pointcloud.pickles import load_pickle
from pointcloud.selection import HeldOut
from pointcloud.task import put_source
from pointcloud.transforms import PointTransform, farthest, rotation, unit_sphere
from pretrain.data.loader import build_eval_loader
from pretrain.data.locate import keep_arguments, place_data
from pretrain.data.parts import identity
from pretrain.errors import ConfigError, DataError
from pretrain.points import farthest_points
from pretrain.registry import DATASETS

pytestmark = pytest.mark.unit
POINTS = cloud(20)


def written(folder, kind):
    path = folder / f'cloud.{kind.split("-")[0]}'
    if kind == 'npy':
        np.save(path, POINTS)
    elif kind in ('txt', 'xyz'):
        np.savetxt(path, POINTS, delimiter=',' if kind == 'txt' else ' ', fmt='%.7f')
    elif kind == 'ply-ascii':
        rows = '\n'.join(' '.join(map(str, row)) for row in POINTS)
        head = 'ply\nformat ascii 1.0\nelement vertex 20\nproperty float x\nproperty float y\nproperty float z\n'
        path.write_text(
            head + 'element face 1\nproperty list uchar int vertex_indices\nend_header\n' + rows + '\n3 0 1 2\n'
        )
    elif kind.startswith('ply'):
        binary_ply(path, POINTS, '<' if kind.endswith('little') else '>')
    elif kind.startswith('off'):
        rows = '\n'.join(' '.join(map(str, row)) for row in POINTS)
        path.write_text(('OFF\n20 0 0\n' if kind == 'off' else 'OFF20 0 0\n') + rows + '\n')
    elif kind == 'h5':
        with h5py.File(path, 'w') as file:
            file['data'] = POINTS
    return path


KINDS = ['npy', 'txt', 'xyz', 'ply-ascii', 'ply-little', 'ply-big', 'off', 'off-joined', 'h5']


@pytest.mark.parametrize('kind', KINDS)
def test_every_format_gives_the_same_points(kind, tmp_path):
    assert np.allclose(check_cloud(read_cloud(written(tmp_path, kind)))[:, :3], POINTS, atol=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_a_truncated_file_is_an_error(kind, tmp_path):
    path = written(tmp_path, kind)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.4)])
    if kind in ('txt', 'xyz'):  # whole lines are lost without a trace; a cut line is not
        path.write_bytes(path.read_bytes().rstrip()[:-9])
    with pytest.raises((ValueError, OSError)):
        check_cloud(read_cloud(path), least=20)


def test_surface_of_a_mesh(tmp_path):
    (tmp_path / 'a.off').write_text('OFF\n4 1 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n')
    points = read_cloud(tmp_path / 'a.off')
    assert points.shape == (8192, 3) and np.array_equal(points, read_cloud(tmp_path / 'a.off'))
    assert points.min() >= 0 and points.max() <= 1 and np.abs(points.mean(0) - (0.5, 0.5, 0)).max() < 0.02
    assert abs((points[:, 0] > points[:, 1]).mean() - 0.5) < 0.03  # both triangles of the square, by area
    coloured = 'OFF\n4 2 0\n0 0 0 9 9 9\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2 255 0 0\n3 0 2 3 0.5 0.5 0.5 1 # grey\n'
    (tmp_path / 'b.off').write_text(coloured)
    (tmp_path / 'd').mkdir()  # the seed of the points is the file's name
    (tmp_path / 'd' / 'b.off').write_text(coloured.replace(' 255 0 0', '').replace(' 0.5 0.5 0.5 1', ''))
    assert np.array_equal(read_cloud(tmp_path / 'b.off'), read_cloud(tmp_path / 'd' / 'b.off'))  # colours say nothing
    for face, vertex in (('3 0 1 -2', -2), ('3 0 1 4', 4)):
        (tmp_path / 'e.off').write_text(f'OFF\n4 1 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n{face}\n')
        with pytest.raises(ValueError, match=f'names vertex {vertex}, there are 4'):
            read_cloud(tmp_path / 'e.off')
    with pytest.raises(ValueError, match='no area'):
        sample_surface(np.zeros((3, 3)), np.array([[0, 1, 2]]))


def test_a_count_on_the_first_line(tmp_path):
    rows = '\n'.join('1.5 2 3' for _ in range(5))
    (tmp_path / 'a.pts').write_text(f'5\n{rows}\n')
    assert read_cloud(tmp_path / 'a.pts').tolist() == [[1.5, 2, 3]] * 5
    (tmp_path / 'a.pts').write_text(f'6\n{rows}\n')
    with pytest.raises(ValueError, match='says 6 points, 5 follow'):
        read_cloud(tmp_path / 'a.pts')


@pytest.mark.parametrize(
    ('array', 'words'),
    [
        (np.full((40, 3), np.nan, 'f4'), '40 of 40 points are NaN'),
        (cloud(10), '10 points, but a group needs 32'),
        (np.empty((0, 3), 'f4'), 'no points'),
        (np.ones((40, 2), 'f4'), r'expected numbers \(N, 3\)'),
        (np.array([['a'] * 3] * 40), 'expected numbers'),
    ],
)
def test_bad_clouds_are_named(array, words):
    with pytest.raises(ValueError, match=words):
        check_cloud(array, 32)


def dataset(root, **changes):
    cfg = dict(source=dict(type='PointFolder', root=str(root)), labels=True, least=16)
    return PointDataset(**{**cfg, 'transform': PointTransform(32, sample='random'), **changes})


def test_damaged_clouds_are_replaced_in_training_and_raise_in_evaluation(tmp_path):
    class_folders(tmp_path)
    bad = {'0.xyz': b'', '1.xyz': b'1 2 3\nnan 0 1\n', '2.xyz': b'0 0 0\n' * 20, '3.xyz': b'1 2 3\n1 2\n'}
    for name, data in bad.items():
        (tmp_path / 'box' / name).write_bytes(data)
    found = dataset(tmp_path)
    words = ['empty', 'NaN', '20 points, 32 are asked', 'line 2 has 2 numbers']
    for i, word in enumerate(words):
        with pytest.raises(DataError, match=f'box/{i}.xyz.*{word}'):
            found[i]
        sample = found[(0, i)]
        assert sample['points'].shape == (32, 3) and torch.isfinite(sample['points']).all()
        assert any(name.endswith(f'box/{i}.xyz') for name, _ in sample['replaced'])
    sound = found[(0, 5)]
    assert sound['replaced'] == [] and sound['label'] == 1 and sound['index'] == 5
    assert not torch.equal(sound['points'], found[(1, 5)]['points'])  # another epoch, another draw
    assert torch.equal(sound['points'], found[(0, 5)]['points'])


def test_when_all_clouds_are_damaged_training_stops(tmp_path):
    for i in range(20):
        np.save(tmp_path / f'{i}.npy', cloud(5))
    with pytest.raises(DataError, match='16 clouds in a row are damaged'):
        dataset(tmp_path, labels=False)[(0, 1)]


def test_folder_layouts(tmp_path):
    assert dataset(class_folders(tmp_path / 'a')).classes == ['box', 'line']
    (tmp_path / 'a' / 'empty').mkdir()
    with pytest.raises(DataError, match='empty'):
        dataset(tmp_path / 'a')
    (tmp_path / 'b').mkdir()
    with pytest.raises(DataError, match='no cloud in'):
        dataset(tmp_path / 'b')
    np.save(tmp_path / 'b' / 'x.npy', cloud(64))
    with pytest.raises(DataError, match='labels are asked for'):
        dataset(tmp_path / 'b')
    assert len(dataset(tmp_path / 'b', labels=False)) == 1


def test_class_folders_split_into_train_and_test(tmp_path):
    """The original ModelNet; a test cloud must not be trained on."""
    for name in ('bed', 'sofa'):
        for part, count in (('train', 3), ('test', 2)):
            (tmp_path / name / part).mkdir(parents=True)
            for i in range(count):
                np.save(tmp_path / name / part / f'{part}{i}.npy', cloud(64))
    counts = {part: len(DATASETS.build(locate(str(tmp_path), part))) for part in ('train', 'val', 'test')}
    assert counts == {'train': 6, 'val': 4, 'test': 4}
    source = DATASETS.build(locate(str(tmp_path), 'val'))
    assert source.classes == ['bed', 'sofa'] and all('/test/' in source.name(i) for i in range(4))
    with pytest.raises(DataError, match='say which to read'):
        DATASETS.build(dict(type='PointFolder', root=str(tmp_path)))
    np.save(tmp_path / 'sofa' / 'x.npy', cloud(64))
    with pytest.raises(DataError, match=r'bed has train and test, .*sofa has test, train, x\.npy'):
        DATASETS.build(locate(str(tmp_path)))


def test_a_path_changes_the_place_and_nothing_else():
    """`--data` on ShapeNetPart must not turn trainval into train under the same protocol."""
    kept = dict(type='ShapeNetPart', root='old', part='trainval')
    assert keep_arguments(kept, dict(type='ShapeNetPart', root='new', part='train')) == {**kept, 'root': 'new'}
    other = dict(type='PointFolder', root='new', part='train')
    assert keep_arguments(kept, other) == other


def test_data_on_the_command_line_keeps_the_part(tmp_path):
    root = str(shapenet_part(tmp_path / 's'))
    plain = dict(source=dict(type='ShapeNetPart', root='old', part='trainval'))
    wrapped = dict(source=dict(type='HeldOut', share=0.2, source=dict(type='ShapeNetPart', root='old', part='val')))
    put_source(plain, root, 'train')
    put_source(wrapped, root, 'train')
    assert plain['source'] == dict(type='ShapeNetPart', root=root, part='trainval')
    assert wrapped['source']['source'] == dict(type='ShapeNetPart', root=root, part='val')
    settings = dict(type='PointDataset', source=dict(type='ShapeNetPart', root='old', part='trainval'))
    place_data(settings, [root])
    assert settings['source'] == plain['source']


def test_h5_files(tmp_path):
    h5_file(tmp_path / 'train0.h5'), h5_file(tmp_path / 'train1.h5', seed=1)
    (tmp_path / 'train_files.txt').write_text('some/where/train0.h5\nsome/where/train1.h5\n')
    (tmp_path / 'shape_names.txt').write_text('bed\nchair\n')
    source = DATASETS.build(locate(str(tmp_path / 'train_files.txt')))
    assert len(source) == 12 and source.classes == ['bed', 'chair'] and source.label(7) == 1
    assert locate(str(tmp_path)) == {'type': 'H5Source', 'files': str(tmp_path / 'train_files.txt')}
    with h5py.File(tmp_path / 'train1.h5') as file:
        assert np.array_equal(source.read(6), file['data'][0])
    (tmp_path / 'bad.h5').write_bytes((tmp_path / 'train0.h5').read_bytes()[:500])
    with pytest.raises(DataError, match=r'bad\.h5 cannot be read'):
        DATASETS.build(dict(type='H5Source', files=str(tmp_path / 'bad.h5')))
    h5_file(tmp_path / 'many.h5', labels=3)
    with pytest.raises(DataError, match='label 2'):
        DATASETS.build(dict(type='H5Source', files=str(tmp_path / 'many.h5')))


def test_scanobjectnn_is_not_normalised_again(tmp_path):
    h5_file(tmp_path / 'training_objectdataset.h5')
    source = dict(type='H5Source', files=str(tmp_path / 'training_objectdataset.h5'))
    found = PointDataset(source, PointTransform(64, sample='all'), labels=True)
    with h5py.File(tmp_path / 'training_objectdataset.h5') as file:
        assert np.array_equal(found[2]['points'].numpy(), file['data'][2])


def modelnet_cache(root, clouds, labels=(0, 0, 1, 1)):
    """As the published code writes it."""
    path = root / 'modelnet40_test_8192pts_fps.dat'
    path.write_bytes(pickle.dumps([clouds, [np.array([label]) for label in labels]]))
    return path


def test_all_points_means_as_many_as_the_others_have(tmp_path):
    """A smaller cloud would fail only when the batch is joined, without its name."""
    for i, count in enumerate((64, 50, 64)):
        np.save(tmp_path / f'{i}.npy', cloud(count))
    found = PointDataset(dict(type='PointFolder', root=str(tmp_path)), PointTransform(64, sample='all'))
    with pytest.raises(DataError, match=r"1\.npy.* 50 points, but transform.sample='all' with num_points=64"):
        found[1]
    assert found[(0, 1)]['points'].shape == (64, 3) and found[0]['points'].shape == (64, 3)


def test_modelnet_gives_farthest_points_and_computes_them_once(tmp_path, monkeypatch):
    monkeypatch.setattr(modelnet_source, 'POINTS', 60)
    root = modelnet(tmp_path / 'm')
    source = DATASETS.build(locate(str(root), 'val'))
    assert len(source) == 4 and source.classes == ['night_stand', 'sofa'] and source.label(3) == 1
    assert 'from the text files' in source.notes[0]
    stored = read_cloud(source.paths[0])[:, :3].astype('f4')
    assert np.array_equal(source.read(0), stored[farthest(stored, 60)])  # of all 80 the 60 farthest, in order
    first = [source.read(i) for i in range(4)]
    monkeypatch.setattr(modelnet_source, 'farthest', lambda *a: pytest.fail('computed again'))
    again = DATASETS.build(locate(str(root), 'val'))
    assert all(np.array_equal(again.read(i), first[i]) for i in range(4))
    transforms = {name: PointTransform(20, sample=name, pool=30) for name in ('farthest', 'pool')}
    for name, transform in transforms.items():  # of ordered clouds the first points are the farthest
        found = PointDataset(HeldOut(again, 0.5, 'held'), transform, least=6)
        index = again.name(0) != found.source.name(0)
        points, cloud = found[0]['points'].numpy(), again.read(int(index))
        best = cloud[: 20 if name == 'farthest' else 30]
        assert all((best == row).all(1).any() for row in points) and transform.farthest_first
    np.savetxt(source.paths[0], cloud_of(70), delimiter=',', fmt='%.5f')
    with pytest.raises(pytest.fail.Exception, match='computed again'):  # another file
        again.read(0)


def cloud_of(n):
    return cloud(n, seed=99, columns=6)


def test_a_cache_of_the_published_code_is_read_and_told_apart(tmp_path):
    root = modelnet(tmp_path / 'm')
    plain = DATASETS.build(locate(str(root), 'val'))
    clouds = [cloud(60, seed=i, columns=6) for i in range(4)]
    path = modelnet_cache(root, clouds)
    cached = DATASETS.build(locate(str(root), 'val'))
    assert np.array_equal(cached.read(2), clouds[2][:, :3])
    assert identity(cached, 'clouds') != identity(plain, 'clouds')
    assert 'modelnet40_test_8192pts_fps.dat' in cached.notes[0]
    for content, words in (
        ([clouds, [1, 0, 1, 1]], 'other labels'),
        ([clouds[:3], [0, 0, 1]], 'does not hold the 4 clouds'),
        (7, 'no pair of clouds and labels'),
        ([clouds, 7], 'no pair of clouds and labels'),
        ({'a': 1}, 'no pair of clouds and labels'),
    ):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=rf'8192pts_fps.dat .*{words}'):
            DATASETS.build(locate(str(root), 'val'))


def test_shapenet_list(tmp_path):
    (tmp_path / 'shapenet_pc').mkdir(), (tmp_path / 'ShapeNet-55').mkdir()
    names = ['02691156-aa.npy', '03001627-bb.npy', '02691156-cc.npy']
    for name in names[:2]:
        np.save(tmp_path / 'shapenet_pc' / name, cloud(50))
    listed = tmp_path / 'ShapeNet-55' / 'train.txt'
    listed.write_text('\n'.join(names[:2]))
    source = DATASETS.build(locate(str(tmp_path)))
    assert source.classes == ['02691156', '03001627'] and source.label(1) == 1 and source.read(0).shape == (50, 3)
    listed.write_text('\n'.join(names))
    with pytest.raises(DataError, match=r'02691156-cc\.npy'):
        DATASETS.build(locate(str(tmp_path)))


def test_few_shot_folds_of_both_spellings(tmp_path):
    for spelling in ('5way10shot', '5way_10shot'):
        root = few_shot(tmp_path / spelling, spelling=spelling)
        for part, count in (('train', 50), ('test', 15)):
            source = DATASETS.build(dict(type='FewShotFold', root=str(root), way=5, shot=10, fold=1, part=part))
            assert len(source) == count and [source.label(i) for i in (0, count - 1)] == [0, 4]
    fold = dict(type='FewShotFold', root=str(root), way=5, shot=10)
    with pytest.raises(DataError, match=r'2\.pkl'):
        DATASETS.build({**fold, 'fold': 2})
    for content, words in (({'train': [(1, 2)]}, "no 'test' part"), ([1], "no 'train' part"), (None, "no 'train'")):
        (root / '5way_10shot' / '0.pkl').write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=rf'0\.pkl holds {words}'):
            DATASETS.build({**fold, 'part': 'train'})
    (root / '5way_10shot' / '0.pkl').write_bytes(pickle.dumps({'train': [7], 'test': [7]}))
    with pytest.raises(DataError, match=r'0\.pkl: a row is no'):
        DATASETS.build(fold)


class Evil:
    def __reduce__(self):
        return print, ('executed',)


@pytest.mark.parametrize('protocol', [0, 1, 2, 3, 4, 5])
def test_pickles_of_arrays_are_read_and_all_else_is_refused(protocol, tmp_path, capsys):
    path = tmp_path / 'x.pkl'
    rows = {'train': [(cloud(5), np.int32(3), 'name')], 'test': (np.array(['a', 2], dtype=object), 1.5, None, b'x')}
    path.write_bytes(pickle.dumps(rows, protocol))
    assert np.array_equal(load_pickle(path)['train'][0][0], cloud(5))
    path.write_bytes(pickle.dumps({'train': [Evil()]}, protocol))
    with pytest.raises(DataError, match='print, which could run code'):
        load_pickle(path)
    assert capsys.readouterr().out == ''
    path.write_bytes(pickle.dumps(rows, protocol)[:-20])
    with pytest.raises(DataError, match='cannot be read'):
        load_pickle(path)


def test_shapenet_part(tmp_path):
    root = shapenet_part(tmp_path / 's')
    source = DATASETS.build(dict(type='ShapeNetPart', root=str(root), part='trainval'))
    assert len(source) == 8 and source.classes == ['Airplane', 'Mug'] and source.parts == [[0, 1, 2, 3], [36, 37]]
    found = PointDataset(source, PointTransform(100, sample='replace', normalise='before'), labels=True)
    sample = found[(0, 3)]
    assert sample['points'].shape == (100, 3) and set(sample['parts'].tolist()) <= {36, 37} and sample['label'] == 1
    mine = source.read(3)  # points keep their parts through sampling and normalisation
    known = {tuple(np.round(p, 4)): part for p, part in zip(unit_sphere(mine[:, :3]), mine[:, 3], strict=True)}
    assert all(
        known[tuple(np.round(p, 4))] == q for p, q in zip(sample['points'].numpy(), sample['parts'], strict=True)
    )
    file = Path(source.name(0))
    first, *rest = file.read_text().splitlines()
    file.write_text('\n'.join([' '.join([*first.split()[:-1], '36']), *rest]))
    with pytest.raises(DataError, match='part 36 is none of Airplane'):
        found[0]


def test_transforms():
    points = cloud(60)
    assert np.array_equal(farthest(points, 20), farthest_points(torch.from_numpy(points)[None], 20)[0].numpy())
    ball = PointTransform(60, sample='all', normalise='before')(points)
    assert np.abs(ball.mean(0)).max() < 1e-6 and np.linalg.norm(ball, axis=1).max() == pytest.approx(1, abs=1e-6)
    np.random.seed(0)
    out = PointTransform(60, sample='all', scale=(2 / 3, 3 / 2), translate=0.2)(points)
    factors = np.ptp(out, 0) / np.ptp(points, 0)
    assert len(set(factors.round(3))) == 3 and (factors > 0.66).all() and (factors < 1.51).all()
    one = PointTransform(60, sample='all', scale=(0.8, 1.25), isotropic=True)(points)
    assert np.allclose(np.ptp(one, 0) / np.ptp(points, 0), (np.ptp(one, 0) / np.ptp(points, 0))[0], atol=1e-5)
    turned = PointTransform(60, sample='all', rotate='y')(points)
    assert np.allclose(turned[:, 1], points[:, 1]) and not np.allclose(turned[:, 0], points[:, 0])
    assert np.allclose(rotation('z', np.pi / 2) @ (1, 0, 0), (0, 1, 0), atol=1e-6)
    pool = PointTransform(20, sample='pool', pool=30)(points)
    best = points[farthest(points, 30)]
    assert all((best == row).all(1).any() for row in pool) and len(np.unique(pool, axis=0)) == 20
    assert not all((best[:20] == row).all(1).any() for row in pool)  # a draw, not the farthest 20
    many = PointTransform(100, sample='random', few='repeat')(points)
    assert len(many) == 100 and len(np.unique(many, axis=0)) == 60
    with pytest.raises(ConfigError, match=r'transform\.sample'):
        PointTransform(sample='all of them')


def test_batches_travel_whole(tmp_path):
    found = dataset(class_folders(tmp_path))
    batch = next(iter(build_eval_loader(found, 3)))
    assert batch['points'].shape == (3, 32, 3) and batch['label'].tolist() == [0, 0, 0] and len(batch['id']) == 3


def test_locate_names_what_is_understood(tmp_path):
    with pytest.raises(DataError, match='give a folder'):
        locate(str(tmp_path / 'nothing'))
