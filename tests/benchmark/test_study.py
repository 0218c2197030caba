"""Ablation studies: axes to graphs with shared parents, and mistakes found before anything runs."""

from pathlib import Path

import pytest

from benchmark.drawn import Place
from benchmark.study import Study, make_graph, read_study, study_names
from pretrain.errors import UserError

pytestmark = pytest.mark.unit

MAE = 'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
RATIO = {'key': 'model.masking.ratio', 'values': [0.5, 0.9]}
PLACES = {'images': Place('/t', '/v', '/u', '/c')}


def study(**fields) -> Study:
    facts = {'about': 'x', 'pretrain': MAE, 'data': 'images', 'suite': 'mini', 'entries': ['knn'], 'seeds': 2}
    return Study.model_validate({**facts, 'axes': {'mask ratio': RATIO}, **fields})


def graph(**fields):
    return make_graph(study(**fields), 'trial', Path('/o'), PLACES)


def test_parents_are_shared_and_controls_planned_once() -> None:
    nodes = list(graph(entries=['knn', 'linear']))
    parents = [n for n in nodes if n.kind == 'pretrain']
    assert [(n.labels['mask ratio'], n.labels['seed']) for n in parents] == [(0.5, 0), (0.5, 1), (0.9, 0), (0.9, 1)]
    transfers = [n for n in nodes if n.kind == 'transfer' and not n.labels.get('control')]
    controls = [n for n in nodes if n.labels.get('control')]
    assert len(transfers) == 4 * 2 and len(controls) == 2 * 2
    by_key = {n.key: n for n in nodes}
    for node in transfers:
        (parent,) = (by_key[key] for key in node.needs)
        assert (parent.labels['mask ratio'], parent.labels['seed']) == (node.labels['mask ratio'], node.labels['seed'])
        assert str(parent.path().absolute()) in node.words and node.labels['study'] == 'trial'
        assert node.words[node.words.index('--seed') + 1] == str(node.labels['seed'])
    assert 'model.masking.ratio=0.9' in parents[2].words
    assert parents[0].words[parents[0].words.index('--data') + 1] == '/u'


def test_axes_multiply_and_points_set_several_keys() -> None:
    points = [{'value': 'few', 'set': {'train_cfg.share': 0.5, 'train_cfg.epochs': 40}}, {'value': 'all'}]
    nodes = list(graph(axes={'mask ratio': RATIO, 'data': {'points': points}}, seeds=1))
    parents = [n for n in nodes if n.kind == 'pretrain']
    assert [(n.labels['mask ratio'], n.labels['data']) for n in parents] == [
        *((0.5, 'few'), (0.5, 'all'), (0.9, 'few'), (0.9, 'all')),
    ]
    assert {'train_cfg.share=0.5', 'train_cfg.epochs=40'} < set(parents[0].words)
    assert len({n.key for n in nodes}) == len(nodes)


def test_checkpoints_on_the_way_come_from_one_run() -> None:
    nodes = list(graph(axes={'epochs': {'checkpoints': [5, 10]}}, options={'train_cfg.epochs': 10}, seeds=1))
    (parent,) = (n for n in nodes if n.kind == 'pretrain')
    assert 'default_hooks.save.export_at=[5, 10]' in parent.words
    found = [(n.labels['epochs'], n.words[3]) for n in nodes if n.kind == 'transfer' and not n.labels.get('control')]
    folder = parent.folder.absolute()
    assert found == [
        (5, f'{folder}/epochs/0005/encoder.safetensors'),
        (10, f'{folder}/epochs/0010/encoder.safetensors'),
    ]


def test_another_network_has_its_own_controls() -> None:
    nodes = list(graph(axes={'depth': {'key': 'model.encoder.depth', 'values': [2, 4]}}, seeds=1))
    assert len([n for n in nodes if n.labels.get('control')]) == 2
    nodes = list(graph(axes={'decoder': {'key': 'model.head.depth', 'values': [1, 2]}}, seeds=1))
    assert len([n for n in nodes if n.labels.get('control')]) == 1


def test_methods_are_an_axis() -> None:
    beit = next(Path(MAE).parent.glob('simmim_vit*.py')).as_posix()
    axis = {'points': [{'value': 'MAE'}, {'value': 'SimMIM', 'config': beit}]}
    parents = [n for n in graph(axes={'method': axis}, seeds=1) if n.kind == 'pretrain']
    assert [Path(n.words[1]).name for n in parents] == [Path(MAE).name, Path(beit).name]


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'axes': {'a': {'key': 'model.masking.ratoi', 'values': [0.5]}}}, 'ratoi'),
        ({'axes': {'a': {'key': 'model.nothing.at.all', 'values': [0.5]}}}, 'model'),
        ({'options': {'train_cfg.epoch': 3}}, 'epoch'),
        ({'axes': {'e': {'checkpoints': [50]}}, 'options': {'train_cfg.epochs': 10}}, 'epoch 50'),
        ({'pretrain': 'nowhere.py'}, 'no such config'),
        ({'entries': ['nope']}, 'no entry'),
        ({'suite': 'nope'}, 'no suite'),
    ],
)
def test_mistakes_are_found_before_anything_runs(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        graph(**fields)


def test_files_that_are_no_studies(tmp_path: Path) -> None:
    path = tmp_path / 'a.yaml'
    for text, message in (
        ('about: x\npretrain: y\naxes: {a: {values: [1]}}', 'axes.a'),
        ('about: x\npretrain: y\naxes: {a: {key: k, values: [1], checkpoints: [2]}}', 'axes.a'),
        ('about: x\npretrain: y\naxes: {a: {checkpoints: [1]}, b: {checkpoints: [2]}}', 'only one axis'),
        ('about: x\npretrain: y\naxis: {}', 'axes'),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            read_study(str(path))
    script = tmp_path / 'a.py'
    script.write_text(f"study = dict(about='x', pretrain={MAE!r}, axes=dict(a=dict(key='k', values=[1])))")
    assert read_study(str(script)).pretrain == MAE
    script.write_text('x = 1')
    with pytest.raises(UserError, match='must define `study`'):
        read_study(str(script))
    with pytest.raises(UserError, match='there are data-fraction'):
        read_study('nope')


@pytest.mark.parametrize('name', study_names())
def test_bundled_studies_plan(name: str) -> None:
    nodes = make_graph(read_study(name), name, Path('/o'), PLACES)
    assert len(nodes) > 20
