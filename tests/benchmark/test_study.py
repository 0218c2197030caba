"""Ablation studies: axes to graphs with shared parents, and mistakes found before anything runs."""

from pathlib import Path

import pytest

from benchmark.drawn import Place
from benchmark.plan import Weights, checked
from benchmark.study import Study, make_graph, read_study, study_names, variants
from pretrain.engine.launch import load_config
from pretrain.errors import UserError
from pretrain.overrides import parse_overrides

pytestmark = pytest.mark.unit

MAE = 'pretrain/configs/mini/mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
RATIO = {'key': 'model.masking.ratio', 'values': [0.5, 0.9]}
ROOT = Path(__file__).resolve().parents[2]
PLACES = {'images': Place('/t', '/v', '/u', '/c')}


def study(**fields) -> Study:
    facts = {'about': 'x', 'pretrain': MAE, 'data': 'images', 'suite': 'mini', 'entries': ['knn'], 'seeds': 2}
    return Study.model_validate({**facts, 'axes': {'mask ratio': RATIO}, **fields})


def graph(beside=(), **fields):
    return make_graph(study(**fields), 'trial', Path('/o'), PLACES, beside=beside)


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
        ({'axes': {'e': {'points': [{'value': 'a', 'set': {'model': 5}}]}}}, 'model'),
        ({'axes': {'e': {'checkpoints': [5]}}, 'options': {'train_cfg.epochs': ['x']}}, 'whole number from 1 on'),
        ({'axes': {'e': {'points': [{'value': 'a'}, {'value': 'b'}]}}}, 'are one pre-training'),
        ({'data': 'imagse'}, "'imagse' is not drawn"),
        (
            {
                'pretrain': 'pointcloud/configs/mini/point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py',
                'axes': {'a': {'key': 'train_cfg.epochs', 'values': [1]}},
            },
            'no entry of suite mini takes .* of kind points',
        ),
        ({'pretrain': 'nowhere.py'}, 'no such config'),
        ({'entries': ['nope']}, 'no entry'),
        ({'suite': 'nope'}, 'no suite'),
    ],
)
def test_mistakes_are_found_before_anything_runs(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        graph(**fields)


def test_an_edition_is_all_that_decides_the_pre_trainings(tmp_path: Path) -> None:
    """Seeds, entries and words do not; a node that two editions plan is one."""

    def edition(**fields) -> str:
        (found,) = {n.labels['edition'] for n in graph(**fields) if not n.labels.get('control')}
        return found

    first = edition()
    assert edition(seeds=5) == edition(entries=['linear']) == edition(about='y') == first
    more = {'axes': {'mask ratio': {**RATIO, 'values': [0.5, 0.9, 0.95]}}}
    assert len({first, edition(options={'train_cfg.epochs': 3}), edition(**more), edition(data=None)}) == 4
    assert {n.key for n in graph()} < {n.key for n in graph(**more)}


def test_a_control_copies_a_network_that_is_there(tmp_path: Path) -> None:
    """Where the first pre-training failed, the same command given again takes another."""

    def needed() -> set[str]:
        nodes = make_graph(study(seeds=1), 'trial', tmp_path, PLACES)
        titles = {n.key: n.title for n in nodes}
        return {titles[key] for n in nodes if n.labels.get('control') for key in n.needs}

    assert needed() == {'mask-ratio=0.5-s0'}
    (second,) = (n for n in make_graph(study(seeds=1), 'trial', tmp_path, PLACES) if n.title == 'mask-ratio=0.9-s0')
    second.folder.mkdir()
    second.path().touch()
    assert needed() == {'mask-ratio=0.9-s0'}


def test_what_a_control_does_not_share_makes_no_second_one() -> None:
    axis = {'key': 'model.encoder.init', 'values': ['xavier', 'timm']}
    assert len([n for n in graph(axes={'init': axis}, seeds=1) if n.labels.get('control')]) == 1


def test_a_supervised_file_does_not_make_up_for_a_suite_that_measures_nothing() -> None:
    points = 'pointcloud/configs/mini/point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py'
    beside = [Weights('deit', Path('/w/deit.pth'), 'image', 'abc', 'vit')]
    with pytest.raises(UserError, match='of kind points'):
        graph(beside, pretrain=points, axes={'a': {'key': 'train_cfg.epochs', 'values': [1]}})
    assert any('/w/deit.pth' in node.words for node in graph(beside))


def test_files_that_are_no_studies(tmp_path: Path) -> None:
    path = tmp_path / 'a.yaml'
    for text, message in (
        ('about: x\npretrain: y\naxes: {a: {values: [1]}}', 'axes.a'),
        ('about: x\npretrain: y\naxes: {a: {key: k, values: [1], checkpoints: [2]}}', 'axes.a'),
        ('about: x\npretrain: y\naxes: {a: {checkpoints: [1]}, b: {checkpoints: [2]}}', 'only one axis'),
        ('about: x\npretrain: y\naxis: {}', 'axes'),
        ('about: x\npretrain: y\naxes: {a: {checkpoints: [0]}}', 'axes.a.checkpoints'),
        (
            'about: x\npretrain: y\naxes: {a: {points: [{value: b, set: {k: 1}}, {value: b}]}}',
            "two steps are called 'b'",
        ),
        ('about: x\npretrain: y\naxes: {seed: {key: k, values: [1]}}', "called 'seed'"),
        ('about: x\npretrain: y\naxes: {a: {key: k, values: [1]}, b: {key: k, values: [2]}}', "'a' and 'b' both set k"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            read_study(str(path))
    script = tmp_path / 'a.py'
    script.write_text(f"study = dict(about='x', pretrain={MAE!r}, axes=dict(a=dict(key='k', values=[1])))")
    assert read_study(str(script)).pretrain == MAE
    for content, message in (('x = (', 'SyntaxError'), ('1 / 0', 'ZeroDivisionError: division by zero')):
        script.write_text(content)
        with pytest.raises(UserError, match=message):
            read_study(str(script))
    path.write_text('about: x\npretrain: y\naxes: {lr: {key: k, values: [1e-3, 2E+4, -5e-05, 1.5e-3, 7]}}')
    assert read_study(str(path)).axes['lr'].values == [0.001, 20000.0, -0.00005, 0.0015, 7]
    script.write_text('x = 1')
    with pytest.raises(UserError, match='must define `study`'):
        read_study(str(script))
    with pytest.raises(UserError, match='there are data-fraction'):
        read_study('nope')
    twice = tmp_path / 'twice.yaml'
    twice.write_text('seeds: 1\nabout: x\nseeds: 3\n')
    with pytest.raises(UserError, match=r"twice\.yaml: not YAML: 'seeds' is there twice, on line 1"):
        read_study(str(twice))
    with pytest.raises(UserError, match="entry 'knn' is named twice"):
        graph(entries=['knn', 'knn'])


def test_what_runs_is_what_was_planned() -> None:
    """An axis wins over the options of its study, whatever the alphabet says of their keys."""
    masking = {'type': 'RandomMasking', 'ratio': 0.4, '_delete_': True}
    points = [
        {'value': 'ratio', 'set': {'model.masking.ratio': 0.75}},
        {'value': 'all', 'set': {'model.masking': masking}},
    ]
    plan = study(options={'model.masking.ratio': 0.6}, axes={'masking': {'points': points}}, seeds=1)
    nodes = [node for node in make_graph(plan, 'trial', Path('/o'), PLACES) if node.kind == 'pretrain']
    for node, variant, ratio in zip(nodes, variants(plan), (0.75, 0.4), strict=True):
        words = node.words[node.words.index('--cfg-options') + 1 :]
        ran = load_config(variant.config, parse_overrides(words))
        assert ran.model.masking.ratio == ratio == checked(variant.config, variant.options).model.masking.ratio


def test_seeds_and_data_of_the_command_line_are_checked() -> None:
    for seeds in (0, -1):
        with pytest.raises(UserError, match=f'--seeds {seeds}: at least 1'):
            make_graph(study(), 'trial', Path('/o'), PLACES, seeds)
    with pytest.raises(UserError, match='--data imagse: no such data set in this plan; it asks for images'):
        make_graph(study(), 'trial', Path('/o'), {**PLACES, 'imagse': Place('/t')})


def test_options_of_a_suite_are_checked_with_the_study(tmp_path: Path) -> None:
    suite = tmp_path / 'suite.yaml'
    knn = 'classification/configs/mini/mae_vit-base-p16_knn_1xb256-k20_in1k.py'
    suite.write_text(f'about: x\nentries: [{{name: a, config: {knn}, takes: [image], options: {{task.kk: 3}}}}]')
    with pytest.raises(UserError, match='kk'):
        make_graph(study(suite=str(suite), entries=None, data=None), 'trial', Path('/o'), {})


@pytest.mark.parametrize(
    ('config', 'kind'),
    [
        (MAE, 'image'),
        ('video/configs/mini/videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py', 'clip'),
        ('pointcloud/configs/mini/point-mae_vit-small_dec384x4_1xb128-300e_shapenet55.py', 'points'),
        ('medical/configs/mini/mae_vit3d-base-p16_dec512x8_1xb16-3000e_btcv.py', 'volume'),
        ('medical/configs/mini/simmim_swin3d-tiny-p2_linear_1xb16-100e_hippocampus.py', 'volume'),
        ('medical/configs/mini/selfmedmae_vit-base-p16_dec256x8_8xb32-800e_nih.py', 'image'),
        ('video/configs/videomae_vit-base-p16_dec384x4_64xb32-1600e_k400.py', 'clip'),
        ('medical/configs/selfmedmae_vit3d-base-p16_dec384x8_1xb24-10000e_btcv.py', 'volume'),
    ],
)
def test_what_an_encoder_takes_is_told_by_its_config_and_not_by_its_folder(
    config: str, kind: str, tmp_path: Path
) -> None:
    own = tmp_path / 'video' / 'own.py'
    own.parent.mkdir()
    own.write_text(f'_base_ = {str(ROOT / config)!r}')
    axes = {'epochs': {'key': 'train_cfg.epochs', 'values': [3]}}
    (found,) = {v.kind for v in variants(study(pretrain=str(own), axes=axes))}
    assert found == kind


@pytest.mark.parametrize('name', study_names())
def test_bundled_studies_plan(name: str) -> None:
    nodes = make_graph(read_study(name), name, Path('/o'), PLACES)
    assert len(nodes) > 20


@pytest.mark.parametrize(
    ('key', 'values', 'said'),
    [
        ('model.masking.ratio', [0.5, 1.5], r'masking\.ratio is 1\.5'),
        ('model.masking.ratio', ['half', 0.5], r"masking\.ratio is 'half'"),
        ('train_cfg.epochs', [1, 0], r'train_cfg\.epochs is 0; give a whole number'),
    ],
)
def test_a_value_that_cannot_be_is_found_before_anything_runs(key: str, values: list, said: str) -> None:
    with pytest.raises(UserError, match=said):
        graph(axes={'x': {'key': key, 'values': values}})


def test_steps_that_resolve_to_one_recipe_are_one_pre_training() -> None:
    """The config's own ratio is .75: two curves of it would be one curve, and half of its points left out."""
    points = [{'value': 'as it is', 'set': {}}, {'value': 'x', 'set': {'model.masking.ratio': 0.75}}]
    with pytest.raises(UserError, match='are one pre-training; let every step of an axis change something'):
        graph(axes={'masking': {'points': points}})


def test_what_is_drawn_for_a_study_is_not_asked_of_its_suite() -> None:
    """The suite's own sets lie where its configs say."""
    assert len(graph(drawn=True, suite='frozen', entries=['knn'], data='images'))
    with pytest.raises(UserError, match="data 'in1k' is not drawn"):
        make_graph(study(drawn=True, suite='frozen', data='in1k'), 'trial', Path('/o'), {})
