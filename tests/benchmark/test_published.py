"""The table of published scores: well formed, in agreement with the configs, and compared only with its equals."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from benchmark import protocols
from benchmark.published import FILE, PublishedScore, backbone_of, distance, lookup, read_published
from pretrain.checkpoint.card import Card
from pretrain.errors import UserError
from pretrain.record import Cost, Protocol, Result, Start

pytestmark = pytest.mark.unit

ViT = 'vit_base_patch16_224'


def transfers(repo: Path) -> dict[str, Config]:
    """The transfer configs, twins among them as `mini/...`."""
    paths = sorted([*repo.glob('*/configs/*.py'), *repo.glob('*/configs/mini/*.py')])
    found = {str(path.relative_to(repo)): Config.fromfile(path) for path in paths}
    return {name: cfg for name, cfg in found.items() if 'protocol' in cfg}


@pytest.fixture
def mae(repo: Path) -> Config:
    return Config.fromfile(repo / 'classification/configs/mae_vit-base-p16_ft_8xb128-100e_in1k.py')


def stated(cfg: Config) -> dict[str, float]:
    return dict(cfg.recipe.get('published', {}))


def unlike_the_table(name: str, cfg: Config) -> list[str]:
    """Where a config's published scores or their source are not the first verified ones of the table."""
    part = cfg.model.get('encoder') or cfg.model.get('backbone')
    rows = lookup(cfg.protocol.id, cfg.recipe.method, backbone_of(part.arch))
    rows = [row for row in rows if row.initial_stage in (cfg.protocol.init_stage, 'unknown')]
    first: dict[str, PublishedScore] = {}
    for row in rows:
        first.setdefault(row.metric, row)
    if stated(cfg):
        first = {metric: row for metric, row in first.items() if metric in stated(cfg) or metric == cfg.protocol.metric}
    wrong = []
    if {metric: row.value for metric, row in first.items()} != stated(cfg):
        wrong.append(f'{name}: states {stated(cfg)}, the table {[f"{m} {row}" for m, row in first.items()]}')
    elif any(row.source != cfg.recipe.source for row in first.values()):
        wrong.append(f'{name}: source {cfg.recipe.source!r}, in the table {[row.source for row in first.values()]}')
    return wrong


def without_config(rows: list[PublishedScore], transfers: dict[str, Config]) -> set[tuple[str, int | None]]:
    """Protocols of the table, with version, that no config has."""
    known = {(cfg.protocol.id, cfg.protocol.version) for cfg in transfers.values()}
    return {(row.protocol, row.version) for row in rows if row.protocol} - known


def test_table_and_configs_agree(repo: Path) -> None:
    """Each config states what the table says, and each protocol of the table is one of a config; of a twin nothing is
    comparable. One test, because reading all configs takes long.
    """
    configs = transfers(repo)
    assert sum(bool(stated(cfg)) for cfg in configs.values()) > 50
    assert not [fault for name, cfg in configs.items() for fault in unlike_the_table(name, cfg)]
    rows = read_published()
    assert len(rows) > 600 and {row.protocol for row in rows} > {'', 'coco-vitdet-mask-100e', 'shapenetpart-heldout'}
    assert not without_config(rows, configs)


@pytest.mark.parametrize(
    'change',
    [
        {'recipe.published.top1': 0.837},
        {'recipe.published.nll': 0.5},
        {'recipe.published': {}},
        {'recipe.source': 'somewhere'},
        {'recipe.method': 'BEiT'},
        {'protocol.id': 'in1k-finetune-mae-50e'},
        {'protocol.init_stage': 'mim+ft-in1k'},
        {'model.encoder.arch': 'vit_large_patch16_224'},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_config_that_states_something_else_is_found(change: dict, mae: Config) -> None:
    assert not unlike_the_table('mae', mae)
    if change == {'recipe.published': {}}:
        mae.recipe.pop('published')
    else:
        mae.merge_from_dict(change)
    assert unlike_the_table('mae', mae)


@pytest.mark.parametrize('change', [{'protocol': 'coco-vitdet-mask-99e'}, {'version': 9}], ids=str)
def test_a_row_of_a_protocol_that_no_config_has_is_found(change: dict, mae: Config) -> None:
    (row, *_) = lookup(mae.protocol.id)
    assert without_config([row], {'mae': mae}) == set()
    other = row.model_copy(update=change)
    assert without_config([row, other], {'mae': mae}) == {(other.protocol, other.version)}


def test_every_domain_has_rows() -> None:
    notes = ' '.join(f'{row.protocol} {row.protocol_note}' for row in read_published())
    wanted = ['in1k-linear', 'k-NN', 'coco-', 'LVIS', 'ade20k-', 'k400-', 'ssv2-', 'ucf101-', 'modelnet40-fewshot']
    wanted += ['scanobjectnn-', 'shapenetpart-', 'btcv-', 'msdbrats-', 'nih14-', 'MNIST at 28 px']
    assert not [word for word in wanted if word not in notes]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """`table({'value': '83.6'}, {})`: one row for each argument, a good one but for what the argument changes."""

    def write(*changes: dict[str, str]) -> Path:
        with FILE.open(newline='', encoding='utf-8') as file:
            good = next(csv.DictReader(file))
        path = tmp_path / 'published.csv'
        with path.open('w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, list(good))
            writer.writeheader()
            writer.writerows({**good, **change} for change in changes)
        return path

    return write


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'value': '83.6'}, 'value: .*less than or equal to 1'),
        ({'value': '-0.1'}, 'value: .*greater than or equal to 0'),
        ({'value': 'nan'}, 'value: '),
        ({'value': ''}, 'value: '),
        ({'spread': '2.5'}, 'spread: '),
        ({'source': ''}, 'source: '),
        ({'reference': ''}, 'reference: '),
        ({'metric': 'top-1'}, 'metric: '),
        ({'initial_stage': 'pretrained'}, 'initial_stage: '),
        ({'verified': 'perhaps'}, 'verified: '),
        ({'protocol': ''}, 'version belongs to protocol'),
        ({'protocol': '', 'version': ''}, 'neither protocol nor protocol_note'),
    ],
    ids=str,
)
def test_a_wrong_row_is_refused_with_its_line(change: dict, words: str, table: Callable[..., Path]) -> None:
    assert read_published(table({}))
    with pytest.raises(UserError, match=f'published.csv line 3: ?{words}'):
        read_published(table({'source': 'first'}, change))


def test_duplicates_are_refused(table: Callable[..., Path]) -> None:
    again = {'value': '0.5', 'note': 'the same source cannot say two things'}
    with pytest.raises(UserError, match=r'line 3: the same as line 2'):
        read_published(table({}, again))


def test_two_sources_may_disagree(table: Callable[..., Path]) -> None:
    assert len(read_published(table({}, {'value': '0.5', 'source': 'another paper'}))) == 2


def test_columns_are_checked(tmp_path: Path) -> None:
    lines = FILE.read_text(encoding='utf-8').splitlines()[:2]
    path = tmp_path / 'a.csv'
    path.write_text('\n'.join([lines[0].replace('spread', 'std'), lines[1]]))
    with pytest.raises(UserError, match='its columns must be method,backbone'):
        read_published(path)
    for number, line in enumerate((lines[1] + ',more', lines[1].rpartition(',')[0])):
        path = tmp_path / f'{number}.csv'
        path.write_text(f'{lines[0]}\n{line}')
        with pytest.raises(UserError, match=r'line 2: not 16 columns'):
            read_published(path)


def test_unverified_rows_come_only_when_asked_for_and_say_what_they_are() -> None:
    rows = read_published()
    memory = [row for row in rows if 'from memory' in row.source]
    assert len(memory) > 30 and not any(row.verified for row in memory)
    assert all(row.verified for row in lookup()) and len(lookup()) < len(rows) == len(lookup(unverified=True))
    assert all(str(row).endswith('(not verified)') != row.verified for row in rows)


def test_lookup_takes_the_values_it_is_given() -> None:
    (found,) = lookup('modelnet40-fewshot-5w10s-last', 'point-mae')
    assert (found.value, found.spread, found.n, found.metric) == (0.963, 0.025, 10, 'top1')
    assert {row.metric for row in lookup(method='cae', backbone='ViT-L/16')} == {'top1', 'bbox_AP', 'segm_AP', 'mIoU'}
    assert all(row.initial_stage == 'random' for row in lookup(initial_stage='random', metric='dice_eight'))
    assert lookup(method='beit2') == lookup(method='BEiT v2') != lookup(method='BEiT')


@pytest.mark.parametrize(
    ('arch', 'name'),
    [
        (ViT, 'ViT-B/16'),
        ('beit_large_patch16_224', 'ViT-L/16'),
        ('vit3d_small_patch16', 'ViT-S/16'),
        ('vit_huge_patch14_224', 'ViT-H/14'),
        ('swin_base_patch4_window7_224', 'Swin-B'),
        ('swin3d_base_patch2', 'Swin UNETR-B'),
        ('resnet50', 'ResNet-50'),
        ('convnext_small', 'ConvNeXt-S'),
        ('point_small', 'Point-ViT-S'),
        ('point_pyramid_small', 'Point-pyramid-S'),
        ('convnext_atto', 'convnext_atto'),
        ('vit_betwixt_patch16_reg4_gap_256', 'vit_betwixt_patch16_reg4_gap_256'),
    ],
)
def test_backbones_are_named(arch: str, name: str) -> None:
    assert backbone_of(arch) == name


def run(
    protocol: str = 'in1k-finetune-mae-100e',
    version: int = 1,
    scores: dict | None = None,
    random: bool = False,
    recipe: str = '0',
    val: int | None = None,
    **card,
) -> Result:
    scores = scores or {'top1': 0.83, 'nll': 0.7}
    sizes = {'in1k': 50_000, 'coco': 5_000, 'ade20k': 2_000}
    val = val or sizes.get(protocol.partition('-')[0], 10)
    facts = {'family': 'mae', 'method': 'mae', 'arch': ViT, 'initial_stage': 'mim', 'grid': (14, 14), 'patch': (16, 16)}
    return Result(
        protocol=Protocol(
            id=protocol, version=version, metric=next(iter(scores)), higher_is_better=True, init_stage='mim',
            recipe=recipe, hash='0',
        ),
        scores=scores, num_samples={'val': val}, seed=0, load_report=None, domain='classification', config='c',
        start=Start(random=random, card=Card(**{**facts, **card})), config_hash='0', environment={}, command='',
        finished='', cost=Cost(wall_seconds=1, gpu_seconds=1, peak_memory_mb=1, peak_gpu_memory_mb=1),
    )  # fmt: skip


def test_distance_to_the_same() -> None:
    found = distance(run(), recipe_matches=True)
    assert found and found.difference == pytest.approx(-0.006) and found.same_epochs is None and found.same_size
    assert (found.published.value, found.published.source) == (0.836, 'facebookresearch/mae FINETUNE.md')


@pytest.mark.parametrize(
    'fields',
    [
        {'version': 2},
        {'protocol': 'in1k-finetune-mae-50e'},
        {'method': 'simmim'},
        {'method': 'unknown'},
        {'arch': 'vit_large_patch16_224'},
        {'initial_stage': 'mim+ft-in1k'},
        {'initial_stage': 'unknown'},
        {'random': True},
        {'scores': {'nll': 0.7}},
        {'val': 10_000},
    ],
    ids=str,
)
def test_no_distance_to_anything_else(fields: dict) -> None:
    assert distance(run(**fields), recipe_matches=True) is None


def test_no_distance_after_overriding_options() -> None:
    assert distance(run(), recipe_matches=False) is None
    assert distance(run()) is None
    golden = {entry['id']: entry['recipe'] for entry in protocols.golden().values()}
    assert distance(run(recipe=golden['in1k-finetune-mae-100e']))
    assert distance(run(recipe=golden['in1k-finetune-mae-50e'])) is None


def test_no_distance_to_a_score_whose_stage_is_not_known() -> None:
    fields = {'scores': {'mIoU': 0.5}, 'method': 'SimMIM', 'arch': 'swin_base_patch4_window7_224'}
    assert lookup('ade20k-upernet-512-swin')
    assert distance(run('ade20k-upernet-512-swin', **fields), recipe_matches=True) is None


def test_no_distance_to_an_unverified_score() -> None:
    assert distance(run('k400-finetune-mae-inflated-b-100e'), recipe_matches=True) is None


def test_as_many_epochs_of_pre_training_are_preferred() -> None:
    fields = {'scores': {'bbox_AP': 0.5, 'segm_AP': 0.44}, 'method': 'CAE'}
    by_epochs = {}
    for epochs in (300, 800, 1600, 100, None):
        found = distance(run('coco-mask-giou-12e-cae', epochs=epochs, **fields), recipe_matches=True)
        assert found
        by_epochs[epochs] = (found.published.value, found.same_epochs)
    assert by_epochs == {
        300: (0.483, True), 800: (0.499, True), 1600: (0.503, True), 100: (0.499, False), None: (0.499, None)
    }  # fmt: skip


def test_another_metric_of_the_same_run() -> None:
    result = run('coco-mask-giou-12e-cae', scores={'bbox_AP': 0.5, 'segm_AP': 0.44}, method='CAE')
    found = distance(result, recipe_matches=True, metric='segm_AP')
    assert found and found.published.value == 0.439
    with pytest.raises(UserError, match=r"no score 'AP' of coco-mask-giou-12e-cae; it has bbox_AP, segm_AP"):
        distance(result, recipe_matches=True, metric='AP')


def test_a_control_is_compared_with_a_control() -> None:
    fields = {'scores': {'dice_eight': 0.8}, 'method': 'unknown', 'arch': 'vit3d_base_patch16'}
    found = distance(run('btcv-18-12-unetr-selfmedmae-5000e', 2, random=True, **fields), recipe_matches=True)
    assert found and found.published.value == 0.788 and 'best epoch' in found.published.protocol_note
    assert found.same_size is None, 'which six scans were held out is for each lab to choose'
