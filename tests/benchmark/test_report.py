"""Numbers of the report against sums done by hand, and what must never happen to them."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from made_up import card, made_up, write

pytest.importorskip('jinja2')

from benchmark.cells import tabulate
from benchmark.report.charts import pareto_front
from benchmark.report.numbers import MINUS, signed, summary
from benchmark.report.overview import overview
from benchmark.report.records import Index
from benchmark.report.write import read_runs, write_report
from benchmark.statistics import Summary
from benchmark.store import collect, same_architecture
from pretrain.errors import UserError
from pretrain.record import Protocol, Result, write_result
from tools.main import main

pytestmark = pytest.mark.unit

HOSTILE = '"><img src=x onerror=alert(1)>&$x_1$|`*'


def text_of(html: str) -> str:
    """What a reader sees of a page, one space between words."""
    plain = re.sub(r'<(style|script).*?</\1>', ' ', html, flags=re.S)
    return ' '.join(re.sub(r'<[^>]+>', ' ', plain.replace('<wbr>', '')).split())


def rows_of(html: str, section: str) -> list[str]:
    """Text of the body rows of a section's first table."""
    part = re.search(rf'<section id="{section}".*?</section>', html, flags=re.S)
    assert part, section
    return [text_of(row) for row in re.findall(r'<tr.*?</tr>', part.group(), flags=re.S)[1:]]


def table_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def with_protocol(result: Result, **changes) -> Result:
    return result.model_copy(update={'protocol': result.protocol.model_copy(update=changes)})


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """`mae` gains 10, 11 and 12 points, `bad` loses as much; `two` has two seeds of three, `alone` has no control."""
    folder = tmp_path / 'runs'
    for seed in range(3):
        write(folder / f'control{seed}', 0.50 + 0.01 * seed, seed, None)
        write(folder / f'mae{seed}', 0.60 + 0.02 * seed, seed, 'mae')
        write(folder / f'bad{seed}', 0.40 + 0.005 * seed, seed, 'bad')
    write(folder / 'two0', 0.51, 0, 'two')
    write(folder / 'two1', 0.50, 1, 'two')
    write(folder / 'alone', 0.7, 0, 'alone', protocol='without-control')
    return folder


@pytest.fixture
def page(runs: Path, tmp_path: Path) -> str:
    return write_report([runs], tmp_path / 'out').paths[0].read_text()


def test_numbers_are_those_computed_by_hand(page: str) -> None:
    (row,) = [row for row in rows_of(page, 'domain-classification') if row.startswith('mae ')]
    assert '62.00 ± 2.00 n=3' in row  # 60, 62, 64
    assert '51.00 ± 1.00 n=3' in row  # 50, 51, 52
    assert '+11.00' in row  # differences 10, 11, 12
    # t of 95 % and two degrees of freedom is 4.303; the standard error is 1 / sqrt(3): 11 ± 2.484
    assert 't [+8.52, +13.48]' in row
    assert '▲ helps' in row


def test_a_loss_a_doubt_and_a_missing_control_are_named(page: str) -> None:
    rows = {row.split()[0]: row for row in rows_of(page, 'overview')}
    assert MINUS + '10.50' in rows['bad'] and '▼ hurts, n=3' in rows['bad']  # differences -10, -10.5, -11
    assert 'undecided at n=2' in rows['two'] and MINUS + '0.00' not in rows['two']
    assert 'no control score 70.00, n=1' in rows['alone']
    assert 'helps in 1 of 3 comparisons with random initialisation, hurts in 1 and is undecided in 1. 1 more' in page
    assert 'down decided' in page, 'a cell where pre-training hurts looks like any other'


def test_numbers_link_to_their_runs(page: str, runs: Path) -> None:
    table = tabulate(collect([runs]).runs)
    order = [run.folder.name for run in table.runs]
    links = {text: link for link, text in re.findall(r'<a href="#runs-([\d_-]+)"><b>([^<]*)</b></a>', page)}
    places = [
        place
        for part in links['+11.00'].split('_')
        for first, _, last in [part.partition('-')]
        for place in range(int(first), int(last or first) + 1)
    ]
    assert sorted(order[place] for place in places) == sorted(
        f'{name}{i}' for name in ('mae', 'control') for i in range(3)
    )
    block = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, flags=re.S).group(1))
    rows = [dict(zip(block['fields'], row)) for row in block['rows']]
    assert [Path(row['link']).parent.name for row in rows] == order, 'a number would lead to the runs of another'
    for row, run in zip(rows, table.runs):
        assert (row['seed'], row['scores'], row['command']) == (
            *(run.result.seed, {k: round(v, 6) for k, v in run.result.scores.items()}, run.result.command),
        )


def test_lower_is_better_where_the_protocol_says_so(tmp_path: Path) -> None:
    for seed in range(3):
        for name, value in ((None, 2.0), ('mae', 1.5)):
            result = made_up(value + 0.1 * seed * (2 if name else 1), seed, name, scores={'nll': value + 0.01 * seed})
            write_result(tmp_path / f'{name}{seed}', with_protocol(result, metric='nll', higher_is_better=False))
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    (row,) = [row for row in rows_of(html, 'domain-classification') if row.startswith('mae ')]
    assert '1.510 ± 0.010 n=3' in row and '+0.5' in row


def test_seeds_are_paired_by_their_number(tmp_path: Path) -> None:
    """The control has seeds 0 to 2, the checkpoint 1 and 2: by place in the list its gain would be 45 points."""
    for seed in range(3):
        write(tmp_path / f'control{seed}', (0.1, 0.5, 0.9)[seed], seed, None)
    for seed in (1, 2):
        write(tmp_path / f'mae{seed}', (0.55, 0.95)[seed - 1], seed, 'mae')
    table, _ = read_runs([tmp_path])
    (gain,) = (cell.gain for cell in table.cells.values() if cell.gain)
    assert gain.gain == pytest.approx(0.05) and gain.left_out == (0,)
    assert 'seeds 0 only on one side' in text_of(write_report([tmp_path], tmp_path / 'out').paths[0].read_text())


def test_protocols_never_mix(tmp_path: Path) -> None:
    """The same id under another hash, and under another version, is another column with no common control."""
    write(tmp_path / 'a', 0.5, 0, None)
    write_result(tmp_path / 'b', with_protocol(made_up(0.6), hash='abcdef0123'))
    write_result(tmp_path / 'c', with_protocol(made_up(0.7), version=2, hash='v2'))
    table, _ = read_runs([tmp_path])
    assert [column.label for column in table.columns] == [
        'mini-knn v1 #abcdef',
        'mini-knn v1 #h mini',
        'mini-knn v2',
    ]
    assert not any(cell.controls for cell in table.cells.values())
    found = write_report([tmp_path], tmp_path / 'out')
    html = found.paths[0].read_text()
    assert 'other data or options' in text_of(html)
    assert html.count('>no control<') >= 2 and 'is here in versions 1, 2' in html
    assert {row['gain'] for row in table_csv(tmp_path / 'out' / 'gains.csv')} == {''}


def test_a_control_of_another_network_is_no_control(tmp_path: Path) -> None:
    write(tmp_path / 'a', 0.5, 0, None)
    start = made_up(0.6).start
    write(tmp_path / 'b', 0.6, start=start.model_copy(update={'card': card('vit_large')}))
    table, _ = read_runs([tmp_path])
    assert not any(cell.controls for cell in table.cells.values())


def test_checkpoints_of_one_name_are_told_apart(tmp_path: Path) -> None:
    start = made_up(0.5).start
    for i, digest in enumerate(('a' * 64, 'b' * 64)):
        write(tmp_path / str(i), 0.5, start=start.model_copy(update={'sha256': digest}))
    table, _ = read_runs([tmp_path])
    assert [subject.label for subject in table.subjects] == ['mae #aaaaaa', 'mae #bbbbbb']


def test_a_hostile_name_stays_text(tmp_path: Path) -> None:
    start = made_up(0.5).start.model_copy(update={'path': f'/nowhere/{HOSTILE}.safetensors'})
    for i, name in enumerate((HOSTILE, None)):
        fields = {'start': start, 'notes': ['</script><script>alert(2)</script>']} if name else {}
        write(tmp_path / f'run{i}</script>', 0.5 + i, checkpoint=name, domain='<b>domain', **fields)
    found = write_report([tmp_path], tmp_path / 'out', title='<i>&')
    html = found.paths[0].read_text()
    assert '<img' not in html and 'alert(2)</script>' not in html and '<b>domain' not in html and '<i>' not in html
    assert '&lt;img src=x onerror=alert(1)&gt;' in html.replace('<wbr>', '')
    assert len(re.findall(r'<script', html)) == 2, 'the data, and the script of the page'
    assert '<img' not in (tmp_path / 'out' / 'report.md').read_text()
    latex = (tmp_path / 'out' / 'tables.tex').read_text()
    assert r'\&\$x\_1\$' in latex
    assert [row['checkpoint'] for row in table_csv(tmp_path / 'out' / 'gains.csv')] == [HOSTILE]


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert not re.findall(r'(?:src|href|action|data|poster|srcset)\s*=\s*["\']?\s*(?:https?:)?//', page)
    assert not re.findall(r'@import|url\(\s*["\']?(?!#)', page)
    assert "default-src 'none'" in page
    assert 'xmlns' not in page and 'DOCTYPE svg' not in page
    for link in re.findall(r'<link[^>]*>', page):
        assert 'data:,' in link


def test_ids_are_unique_and_links_arrive(page: str) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    targets = {link for link in re.findall(r'href="#([^"]*)"', page) if not link.startswith('runs-')}
    assert targets <= set(ids)


def test_problems_stand_apart(runs: Path, tmp_path: Path) -> None:
    torn = runs / 'torn'
    torn.mkdir()
    (torn / 'result.json').write_text('{"schema')
    changed = write(runs / 'changed', 0.123456, 9, 'mae') / 'result.json'
    changed.write_text(changed.read_text().replace('0.123456', '0.993456'))
    html = write_report([runs], tmp_path / 'out').paths[0].read_text()
    before, _, problems = html.partition('<section id="problems"')
    assert '99.35' not in html and '993456' not in html
    assert 'torn/result.json' not in before and str(torn) in problems and str(changed) in problems
    assert 'Left out of every table above' in problems
    assert str(changed) in (tmp_path / 'out' / 'report.md').read_text().replace('\\', '')


def test_strict_ends_with_2_and_names_each(runs: Path, tmp_path: Path, capsys) -> None:
    for name in ('one', 'other'):
        (runs / name).mkdir()
        (runs / name / 'result.json').write_text('{}')
    out = tmp_path / 'out'
    assert main(['report', str(runs), '--out', str(out), '--strict']) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith('mimbench: error: ') for line in lines)
    assert str(runs / 'one') in lines[0] and str(runs / 'other') in lines[1] and not out.exists()
    assert main(['report', str(runs), '--out', str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        *('gains.csv', 'report.html', 'report.md', 'scores.csv', 'tables.tex')
    ]
    assert main(['report', str(runs / 'mae0'), '--out', str(out), '--strict']) == 0


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no finished run'):
        read_runs([tmp_path])
    with pytest.raises(UserError, match='no such run directory'):
        read_runs([tmp_path / 'nowhere'])


def test_csv_holds_what_the_runs_recorded(runs: Path, tmp_path: Path) -> None:
    write_report([runs], tmp_path / 'out')
    scores = table_csv(tmp_path / 'out' / 'scores.csv')
    assert len(scores) == 12 * 2  # two metrics each
    assert {row['metric'] for row in scores} == {'top1', 'nll'}
    chosen = [row for row in scores if row['checkpoint'] == 'mae' and row['metric'] == 'top1']
    assert [float(row['score']) for row in chosen] == [0.60, 0.62, 0.64]
    assert all(Path(row['folder']).is_dir() for row in scores)
    gains = {row['checkpoint']: row for row in table_csv(tmp_path / 'out' / 'gains.csv')}
    mae = {name: float(value) for name, value in gains['mae'].items() if re.fullmatch(r'-?[\d.]+(e-\d+)?', value)}
    assert (mae['mean'], mae['control_mean'], mae['gain']) == tuple(map(pytest.approx, (0.62, 0.51, 0.11)))
    assert (mae['t_low'], mae['t_high']) == (pytest.approx(0.08516, abs=1e-5), pytest.approx(0.13484, abs=1e-5))
    assert 0.0999 < mae['bootstrap_low'] < 0.11 < mae['bootstrap_high'] < 0.1201, 'never beyond what was seen'
    assert gains['mae']['verdict'] == 'helps'
    assert gains['two']['verdict'] == 'undecided at n=2' and gains['alone']['verdict'] == 'no control'


def test_markdown_and_latex(runs: Path, tmp_path: Path) -> None:
    write_report([runs], tmp_path / 'out')
    markdown = (tmp_path / 'out' / 'report.md').read_text()
    assert (
        '| mae | vit\\_tiny | mini-knn (top1, %) \\[own config\\] | 62.00 ± 2.00 (n=3) | 51.00 ± 1.00 (n=3) |'
        in markdown
    )
    widths = {line.count(' | ') for line in markdown.splitlines() if line.startswith('|')}
    assert widths == {9}
    latex = (tmp_path / 'out' / 'tables.tex').read_text()
    assert r'\toprule' in latex and r'62.00 $\pm$ 2.00 (n=3)' in latex and MINUS not in latex
    body = [line for line in latex.splitlines() if line.endswith(r'\\')]
    heads = [line for line in body if r'\multicolumn{5}' in line]
    assert heads[0].strip() == r'\multicolumn{5}{l}{\emph{mini-knn (top1, \%) {[}own config{]}}} \\'
    assert {line.count(' & ') for line in body if line not in heads} == {4}
    assert r'\caption{classification, vit\_tiny: gain' in latex


def test_a_spread_has_two_digits_that_count() -> None:
    assert summary(Summary(35.93, 1.3, 3), 'rankme') == '35.9 ± 1.3'
    assert summary(Summary(9.08, 0.2711, 3), 'rankme') == '9.08 ± 0.27'
    assert summary(Summary(-0.5, 0.0123, 3), 'x') == f'{MINUS}0.500 ± 0.012'
    assert summary(Summary(1234.5, 210.0, 3), 'x') == '1234 ± 210'
    assert summary(Summary(2.0, 0.0, 3), 'x') == '2 ± 0' and summary(Summary(2.5, None, 1), 'x') == '2.5'


def test_small_differences_have_a_sign() -> None:
    assert signed(0.00005, 'nll') == f'+5e{MINUS}05' and signed(-0.00005, 'nll') == f'{MINUS}5e{MINUS}05'
    assert signed(0.0, 'nll') == '0' and signed(-0.00001, 'top1') == '0.00'


def test_the_distance_to_a_published_score(tmp_path: Path) -> None:
    from benchmark.protocols import golden

    entry = golden()['classification/configs/mae_vit-base-p16_ft_8xb128-100e_in1k.py']
    protocol = Protocol(**entry, hash='h')
    start = made_up(0.5).start
    for i, epochs in enumerate((1600, 123, None)):
        known = start.model_copy(update={'sha256': str(i) * 64, 'path': f'/nowhere/mae{i}.pth'})
        known = known.model_copy(update={'card': card('vit_base_patch16_224', method='mae', epochs=epochs)})
        fields = {'scores': {'top1': 0.83}, 'num_samples': {'val': 50_000}, 'start': known}
        write_result(tmp_path / str(i), made_up(0.83, **fields).model_copy(update={'protocol': protocol}))
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    rows = {row.split()[0]: row for row in rows_of(html, 'domain-classification')}
    assert all(f'{MINUS}0.60' in row for row in rows.values()), 'ours is lower than 83.6'
    noted = {
        name: [n for n in ('other number of epochs', 'epochs of pre-training not') if n in rows[name]] for name in rows
    }
    assert noted == {'mae0': [], 'mae1': ['other number of epochs'], 'mae2': ['epochs of pre-training not']}
    assert f'{MINUS}0.60 to 83.60' in (tmp_path / 'out' / 'report.md').read_text()
    differences = [float(row['to_published']) for row in table_csv(tmp_path / 'out' / 'gains.csv')]
    assert differences == [pytest.approx(-0.006)] * 3


def test_many_protocols_are_all_in_the_heat_maps(tmp_path: Path) -> None:
    for i in range(19):
        domain = 'classification' if i < 16 else 'video'
        write(tmp_path / f'a{i}', 0.5, 0, 'mae', protocol=f'p{i:02d}', domain=domain)
    table, _ = read_runs([tmp_path])
    maps = overview(table, Index(table))
    assert [label['label'] for one in maps for label in one['columns']] == [column.label for column in table.columns]
    assert all(len(row['cells']) == len(one['columns']) <= 14 for one in maps for row in one['rows'])


def test_the_headline_counts_what_was_pre_trained(tmp_path: Path) -> None:
    """A supervised control helps too, and is not what the page is about; nor is chance ever rounded up to one."""
    start = made_up(0.5).start
    known = card(initial_stage='supervised')
    supervised = start.model_copy(update={'path': '/nowhere/sup.pth', 'sha256': 's' * 64, 'card': known})
    for seed in range(3):
        write(tmp_path / f'c{seed}', 0.5, seed, None)
        write(tmp_path / f'm{seed}', 0.6 + 0.01 * seed, seed)
        write(tmp_path / f's{seed}', 0.7 + 0.01 * seed, seed, start=supervised)
    html = text_of(write_report([tmp_path], tmp_path / 'out').paths[0].read_text())
    assert 'helps in 1 of 1 comparison with random initialisation' in html
    assert 'of 2 such cells, 0.1 on average' in html


def test_an_import_without_a_time_costs_nothing_known(tmp_path: Path) -> None:
    cost = made_up(0.5).cost.model_copy(update={'wall_seconds': 0.0})
    write(tmp_path / 'a', 0.9, 0, 'free', cost=cost)
    write(tmp_path / 'b', 0.5, 0, 'mae')
    write(tmp_path / 'c', 0.4, 0, 'beit')
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    front = re.search(r'cheapest first: ([^<]*)', html)
    assert front and 'free' not in front.group(1)
    (row,) = [row for row in rows_of(html, 'domain-classification') if row.startswith('free ')]
    assert '? wall time' in row


def test_recipes_as_shipped_are_told_from_others(tmp_path: Path) -> None:
    from benchmark.protocols import golden

    entry = next(iter(golden().values()))
    facts = {name: entry[name] for name in ('id', 'version', 'metric', 'higher_is_better', 'init_stage', 'recipe')}
    for i, recipe in enumerate((entry['recipe'], 'changed')):
        protocol = Protocol(**{**facts, 'recipe': recipe, 'hash': f'hash{i}'})
        result = made_up(0.5).model_copy(update={'protocol': protocol, 'scores': {entry['metric']: 0.5}})
        write_result(tmp_path / str(i), result)
    write(tmp_path / 'own', 0.5)
    table, _ = read_runs([tmp_path])
    assert {column.hash: column.recipe for column in table.columns} == {
        'hash0': '',
        'hash1': 'recipe changed',
        'h mini-knn': 'own config',
    }


def test_a_supervised_checkpoint_is_a_second_control(tmp_path: Path) -> None:
    start = made_up(0.5).start
    other = card(initial_stage='supervised', position='learned', arch_args={'class_token': True})
    supervised = start.model_copy(update={'path': '/nowhere/sup.safetensors', 'sha256': 's' * 64, 'card': other})
    for seed in range(2):
        write(tmp_path / f'm{seed}', 0.6 + 0.01 * seed, seed)
        write(tmp_path / f's{seed}', 0.7, seed, start=supervised)
    html = write_report([tmp_path], tmp_path / 'out').paths[0].read_text()
    (row,) = [row for row in rows_of(html, 'domain-classification') if row.startswith('mae ')]
    assert MINUS + '9.50' in row and 'Over supervised' in html


def test_another_architecture_is_no_control() -> None:
    small = card(arch_args={'depth': 6, 'embed_dim': 128, 'img_size': [32, 32]})
    same = {'depth': 6, 'embed_dim': 128, 'img_size': [64, 64], 'mlp_ratio': 4.0, 'num_heads': 3, 'class_token': True}
    assert same_architecture(small, card(position='learned', arch_args=same))
    assert same_architecture(card(), card(arch_args={'depth': 12, 'embed_dim': 192}))
    given = {'embed_dim': 192, 'depth': 12, 'num_heads': 3}
    assert same_architecture(card(), card('vit_base_patch16_224', arch_args=given)), 'a name that the reader guessed'
    assert not same_architecture(small, card(arch_args={'depth': 6}))
    assert not same_architecture(small, card(arch_args={**same, 'depth': 12}))
    assert not same_architecture(small, card(arch_args={**same, 'init_values': 0.1}))
    assert not same_architecture(small, card('vit_small'))
    assert not same_architecture(small, card(patch=(8, 8)))


def test_pareto_front() -> None:
    points = [(1.0, 5.0), (2.0, 4.0), (2.0, 7.0), (3.0, 7.0), (4.0, 9.0)]
    assert pareto_front(points, True) == [0, 2, 4]
    assert pareto_front(points, False) == [0, 1]


def test_texts_of_charts_are_text(page: str) -> None:
    svg = re.search(r'<svg.*?</svg>', page, flags=re.S)
    assert svg and '<title' in svg.group() and '<desc' in svg.group() and 'role="img"' in svg.group()
    assert re.search(r'<text[^>]*>top1 in % \(higher is better\)</text>', page)
    assert 'On the Pareto front, cheapest first: ' in page


def test_the_report_imports_no_torch(runs: Path, tmp_path: Path) -> None:
    code = 'import sys; from tools.main import main; main(sys.argv[1:]); print("torch" in sys.modules)'
    repo = Path(__file__).resolve().parents[2]
    command = [sys.executable, '-c', code, 'report', str(runs), '--out', str(tmp_path / 'out')]
    found = subprocess.run(
        command, env={**os.environ, 'PYTHONPATH': str(repo)}, capture_output=True, text=True, timeout=120
    )
    assert found.stdout.endswith('False\n'), found.stderr
