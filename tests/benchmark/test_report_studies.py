"""Curves of ablations, correlations of proxies, ranks: from runs to what the page says."""

import itertools
import json
from pathlib import Path

import pytest
from made_up import made_up, write

pytest.importorskip('jinja2')

from benchmark.cells import tabulate
from benchmark.report.ablation import ablation_curves
from benchmark.report.numbers import MINUS
from benchmark.report.proxies import correlations, is_proxy, ranks
from benchmark.report.write import write_report
from benchmark.store import collect
from pretrain.record import write_result

pytestmark = pytest.mark.unit


def labelled(folder: Path, score: float, seed: int, name: str, **labels) -> None:
    write(folder, score, seed, name)
    (folder / 'node.json').write_text(json.dumps({'labels': {'study': 'masks', 'seed': seed, **labels}}))


def read(folder: Path):
    return tabulate(collect([folder]).runs)


def test_curves_hold_means_and_spreads_over_seeds(tmp_path: Path) -> None:
    for ratio, scores in ((0.5, (0.4, 0.5)), (0.75, (0.6, 0.6))):
        for seed, score in enumerate(scores):
            labelled(tmp_path / f'{ratio}-{seed}', score, seed, f'm{ratio}', epochs=100, **{'mask ratio': ratio})
    for seed in range(2):
        write(tmp_path / f'control{seed}', 0.3 + 0.1 * seed, seed, None)
    (curves,) = ablation_curves(read(tmp_path))
    assert (curves.axis, curves.fixed, curves.categories) == ('mask ratio', {'epochs': 100}, None)
    points = curves.lines['']
    assert [(point.x, point.mean, point.n) for point in points] == [
        (0.5, pytest.approx(0.45), 2),
        (0.75, pytest.approx(0.6), 2),
    ]
    assert points[0].std == pytest.approx(0.0707107, abs=1e-6) and points[1].std == 0
    assert curves.band is not None and curves.band[0] == pytest.approx(0.35) and curves.band[2] == 2
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    assert 'masks: mini-knn over mask ratio' in html and '45.00 ± 7.07' in html and 'epochs 100' in html


def test_words_are_categories_and_other_axes_are_lines(tmp_path: Path) -> None:
    for target in ('pixels', 'hog'):
        for ratio in (0.5, 0.75):
            labelled(tmp_path / f'{target}{ratio}', ratio, 0, f'{target}{ratio}', target=target, ratio=ratio)
    found = {curves.axis: curves for curves in ablation_curves(read(tmp_path))}
    assert found['target'].categories == ['hog', 'pixels'] and set(found['target'].lines) == {'ratio 0.5', 'ratio 0.75'}
    assert found['ratio'].categories is None and set(found['ratio'].lines) == {'target hog', 'target pixels'}
    assert found['ratio'].band is None


def test_a_study_that_was_changed_is_another_one(tmp_path: Path) -> None:
    """Eight epochs and six, of other seeds: without their editions each point would be the mean of both."""
    for seed, (edition, epochs) in enumerate((('aaa', 8), ('bbb', 6))):
        for ratio in (0.5, 0.75):
            name = f'{epochs}-{ratio}'
            labelled(
                tmp_path / name, epochs / 10, seed, name, ratio=ratio, edition=edition, checkpoint=f'ratio={ratio}'
            )
    found = {curves.study: curves for curves in ablation_curves(read(tmp_path))}
    assert set(found) == {'masks (edition aaa)', 'masks (edition bbb)'}
    assert [(p.mean, p.n) for p in found['masks (edition aaa)'].lines['']] == [(0.8, 1), (0.8, 1)]
    table = read(tmp_path)
    assert len(table.subjects) == 4 == len({subject.label for subject in table.subjects})


def test_two_studies_and_two_protocols_never_share_a_curve(tmp_path: Path) -> None:
    for i, study in enumerate(('a', 'b')):
        for ratio in (0.5, 0.75):
            labelled(tmp_path / f'{study}{ratio}', 0.5 + i / 10, i, f'{study}{ratio}', study=study, ratio=ratio)
    assert [curves.study for curves in ablation_curves(read(tmp_path))] == ['a', 'b']


def test_correlation_of_a_proxy_with_a_fine_tuned_score(tmp_path: Path) -> None:
    """Checkpoints in the same order by both: 1. RankMe in the opposite one: -1. Controls take no part."""
    for i in range(5):
        write(tmp_path / f'knn{i}', 0.1 * i, 0, f'c{i}', protocol='mini-knn-32px')
        write(tmp_path / f'ft{i}', 0.5 + 0.01 * i, 0, f'c{i}', protocol='mini-finetune')
        result = made_up(0.5, 0, f'c{i}', 'proxies-images', scores={'rankme': 50.0 - i, 'lidar': 7.0})
        metric = result.protocol.model_copy(update={'metric': 'rankme'})
        write_result(tmp_path / f'proxy{i}', result.model_copy(update={'protocol': metric}))
    write(tmp_path / 'control', 0.9, 0, None, protocol='mini-knn-32px')
    write(tmp_path / 'control2', 0.1, 0, None, protocol='mini-finetune')
    pairs, more, few = correlations(read(tmp_path))
    values = {(pair.proxy.id, pair.metric): pair.spearman.value for pair in pairs}
    assert values[('mini-knn-32px', 'top1')] == pytest.approx(1)
    assert values[('proxies-images', 'rankme')] == pytest.approx(-1)
    assert values[('proxies-images', 'lidar')] is None  # constant
    assert (more, few) == (0, 0) and {pair.spearman.n for pair in pairs} == {5}
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    assert '+1.00' in html and MINUS + '1.00' in html and 'constant' in html
    assert html.count('<small>lidar 7</small>') == 5, 'the table shows the proxies that the protocol does not name'


@pytest.mark.parametrize('places', [1, 2])
def test_every_pre_training_of_a_study_is_an_encoder(tmp_path: Path, places: int) -> None:
    """And seeds and repetitions of one variant are no independent witnesses."""
    for place, ratio, seed in itertools.product(range(places), (0.25, 0.5, 0.75), range(2)):
        for protocol, score in (('mini-knn-32px', ratio + 0.1 * seed), ('mini-finetune', ratio - 0.1 * seed)):
            name = f'{ratio}-{seed}'
            folder = tmp_path / str(place) / f'{protocol}-{name}'
            write(folder, score, seed, f'{name}-{place}', protocol=protocol)
            labels = {'study': 'masks', 'seed': seed, 'mask ratio': ratio, 'checkpoint': f'ratio={ratio}'}
            (folder / 'node.json').write_text(json.dumps({'labels': labels}))
    ((pair,), _, _) = correlations(read(tmp_path))
    assert (pair.spearman.n, pair.spearman.groups, len(pair.subjects)) == (6 * places, 3, 3)
    assert 0 < pair.spearman.value < 1, 'the seeds disagree, their means would not'
    assert '<small>of 3</small>' in write_report([tmp_path], tmp_path / 'out').paths[0].read_text()


def test_what_is_a_proxy(tmp_path: Path) -> None:
    for i, name in enumerate(
        ('in1k-knn-k20', 'in1k-linear-mae-90e', 'points-mini-svm', 'proxies-x', 'linearised', 'ft')
    ):
        write(tmp_path / str(i), 0.5, 0, 'c', protocol=name)
    assert {column.id for column in read(tmp_path).columns if is_proxy(column)} == {
        *('in1k-knn-k20', 'in1k-linear-mae-90e', 'points-mini-svm', 'proxies-x')
    }


def test_ranks_take_the_largest_complete_block(tmp_path: Path) -> None:
    for i, name in enumerate('abcd'):
        for protocol in ('x', 'y', 'z'):
            if (name, protocol) != ('d', 'z'):
                write(tmp_path / f'{name}{protocol}', 0.5 + 0.01 * i, 0, f'c-{name}', protocol=protocol)
    found = ranks(read(tmp_path))
    assert found is not None and len(found.ranks) * len(found.protocols) == 9
    assert list(found.ranks.items()) == [('c-c', 1.0), ('c-b', 2.0), ('c-a', 3.0)]


def test_without_a_block_the_page_says_what_is_needed(tmp_path: Path) -> None:
    write(tmp_path / 'a', 0.5)
    assert ranks(read(tmp_path)) is None
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    assert 'at least three checkpoints that share at least two protocols' in html


def test_seeds_of_one_variant_are_one_row(tmp_path: Path) -> None:
    """Each seed of pre-training makes a file of its own; together they are what is compared with the control."""
    for seed in range(3):
        labelled(tmp_path / f'a{seed}', 0.6 + 0.01 * seed, seed, f'file{seed}', ratio=0.5, checkpoint='ratio=0.5')
        labelled(tmp_path / f'b{seed}', 0.7, seed, f'other{seed}', ratio=0.9, checkpoint='ratio=0.9')
        write(tmp_path / f'control{seed}', 0.5, seed, None)
    table = read(tmp_path)
    assert [(s.label, len(s.files)) for s in table.subjects if s.role != 'random'] == [
        ('ratio=0.5', 3),
        ('ratio=0.9', 3),
    ]
    cell = table.cell(table.subjects[0], table.columns[0])
    assert cell is not None and cell.summary.n == 3 and cell.gain.verdict == 'helps'
    (curves,) = ablation_curves(table)
    assert curves.axis == 'ratio' and [point.n for point in curves.lines['']] == [3, 3]
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    assert '3 pre-trainings' in html


def test_a_study_that_was_run_in_two_folders_is_two(tmp_path: Path) -> None:
    """Not twice as many seeds, and no seed is a checkpoint of its own."""
    for place, shift in (('cpu', 0.0), ('gpu', 0.01)):
        for ratio in (0.5, 0.75, 0.9):
            for seed in range(2):
                folder = tmp_path / place / f'{ratio}-{seed}'
                labelled(folder, ratio / 2 + shift, seed, f'{place}{ratio}{seed}', ratio=ratio, checkpoint=f'r={ratio}')
    write(tmp_path / 'cpu' / 'control', 0.3, 0, None)
    assert len(read(tmp_path / 'cpu').subjects) == 3 + 1
    table = read(tmp_path)
    assert len(table.subjects) == 2 * 3 + 1 and len({subject.label for subject in table.subjects}) == 7
    assert {cell.summary.n for cell in table.cells.values() if cell.subject.place} == {2}
    assert f'r=0.5 (masks in {tmp_path / "cpu"})' in {subject.label for subject in table.subjects}
    curves = ablation_curves(table)
    assert [(c.study, [point.n for point in c.lines['']]) for c in curves] == [
        (f'masks in {tmp_path / place}', [2, 2, 2]) for place in ('cpu', 'gpu')
    ]


def test_gpu_time_is_that_of_runs_on_gpus_alone(tmp_path: Path) -> None:
    for seed, seconds in enumerate((100.0, 0.0, 0.0)):
        cost = made_up(0.5).cost.model_copy(update={'gpu_seconds': seconds})
        write(tmp_path / f'a{seed}', 0.5, seed, cost=cost)
    (cell,) = read(tmp_path).cells.values()
    assert cell.gpu_seconds == 0


def test_two_files_of_one_seed_are_two_rows(tmp_path: Path) -> None:
    for i in range(2):
        labelled(tmp_path / f'a{i}', 0.6, 0, f'file{i}', ratio=0.5, checkpoint='ratio=0.5')
    table = read(tmp_path)
    assert len(table.subjects) == 2 and all(cell.summary.n == 1 for cell in table.cells.values())
    assert len({subject.label for subject in table.subjects}) == 2


def test_an_imported_score_is_marked_and_has_its_own_column(tmp_path: Path) -> None:
    mark = {'format': 'wandb', 'file': 'f.json', 'tag': 't', 'chosen': 'best'}
    for i in range(2):  # two logs, both said to be of seed 0
        imported = {**mark, 'sha256': str(i) * 64}
        result = made_up(0.6 + i / 10, 0, 'elsewhere', imported=imported)
        protocol = result.protocol.model_copy(update={'version': 0, 'hash': 'imported'})
        start = result.start.model_copy(update={'sha256': None, 'card': None})
        write_result(tmp_path / f'log{i}', result.model_copy(update={'protocol': protocol, 'start': start}))
    write(tmp_path / 'ours', 0.5)
    write(tmp_path / 'control', 0.4, 0, None)
    table = read(tmp_path)
    assert [(column.label, column.recipe) for column in table.columns] == [
        ('mini-knn v0', 'imported'),
        ('mini-knn v1', 'own config'),
    ]
    assert len(table.column_cells(table.columns[0])) == 2
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    assert 'neither weights nor protocol were verified' in html


def test_proxies_of_features_neither_help_nor_hurt(tmp_path: Path) -> None:
    for seed in range(2):
        for name in ('mae', None):
            write(tmp_path / f'{name}{seed}', 0.5 + seed / 10, seed, name, 'proxies-images')
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    assert '>proxy<' in html and 'helps</b>' not in html and 'No checkpoint was measured on a task yet' in html
    assert (tmp_path / 'out' / 'gains.csv').read_text().count('\n') == 1
