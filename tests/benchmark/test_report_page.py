"""The page in a real browser: it draws without an error, sorts, filters, fits a phone and paper, and can be read."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up import write
from many_runs import many_runs

pytest.importorskip('jinja2')
pytest.importorskip('playwright.sync_api', reason='the page is tested with Playwright (extra dev)')

from playwright import sync_api

from benchmark.cells import tabulate
from benchmark.report.write import write_report, write_table

CHROMIUM = shutil.which('chromium-headless-shell') or shutil.which('chromium') or shutil.which('google-chrome')
pytestmark = [
    pytest.mark.smoke,
    pytest.mark.skipif(
        CHROMIUM is None, reason='no Chromium on PATH: chromium-headless-shell, chromium, google-chrome'
    ),
]
MOST_SECONDS = 3

CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const over = (below, colour) => {
    canvas.globalCompositeOperation = 'copy'; canvas.fillStyle = `rgb(${below})`; canvas.fillRect(0, 0, 1, 1);
    canvas.globalCompositeOperation = 'source-over'; canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    if (element.closest('script, noscript, title, desc, .visually-hidden, .skip')) continue;
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.unshift(e);
    const ground = chain.reduce((below, e) => over(below, getComputedStyle(e).backgroundColor), [255, 255, 255]);
    const style = getComputedStyle(element);
    const ink = over(ground, element.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const [a, b] = [light(ground), light(ink)].sort((x, y) => y - x);
    found.push([(a + .05) / (b + .05), walker.currentNode.textContent.trim().slice(0, 40), element.className]);
  }
  return found;
}"""


@pytest.fixture(scope='module')
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield found
        found.close()


@pytest.fixture(scope='module')
def report(tmp_path_factory) -> Path:
    """A page with every section filled: gains of both signs, no control, an ablation, problems, a hostile name."""
    folder = tmp_path_factory.mktemp('page')
    runs = folder / 'runs'
    for seed in range(3):
        for protocol, step in (
            ('mini-knn', 0.05),
            ('mini-finetune', -0.04),
            ('long-name-of-a-protocol-in-video', 0.01),
        ):
            write(runs / f'{protocol}-control{seed}', 0.50 + 0.01 * seed, seed, None, protocol)
            for i, name in enumerate(('mae', 'beit', 'a-checkpoint-with-a-rather-long-name')):
                score = 0.50 + step * (i + 1) + 0.012 * seed
                domain = 'video' if 'video' in protocol else 'classification'
                write(runs / f'{protocol}-{name}{seed}', score, seed, name, protocol, domain=domain)
    for ratio in (0.5, 0.75, 0.9):
        for target in ('pixels', 'hog'):
            place = write(runs / f'study{ratio}{target}', ratio, 0, f'm{ratio}{target}')
            labels = {'study': 'masks', 'mask ratio': ratio, 'target': target, 'seed': 0}
            (place / 'node.json').write_text(json.dumps({'labels': labels}))
    write(runs / 'alone', 0.7, 0, '<img src=x onerror="console.error(1)">', 'without-control')
    (runs / 'torn').mkdir()
    (runs / 'torn' / 'result.json').write_text('{')
    return write_report([runs], folder / 'out').paths[0]


@pytest.fixture
def opened(browser, report: Path):
    """Opens the report; the test fails on anything that the page complains of, or asks the network for."""
    pages, wrong = [], []

    def watch(page) -> None:
        page.on('console', lambda message: wrong.append(message.text) if message.type in ('error', 'warning') else None)
        page.on('pageerror', lambda error: wrong.append(str(error)))
        page.on('request', lambda request: wrong.append(request.url) if request.url.startswith('http') else None)

    def open_page(path: Path = report, place: str = '', **options):
        page = browser.new_page(**{'viewport': {'width': 1280, 'height': 900}, **options})
        watch(page)
        pages.append(page)
        page.goto(path.as_uri() + place)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not wrong


def column(page, table: str, place: int) -> list[str]:
    cells = page.locator(f'{table} tbody tr > :nth-child({place})')
    return [text.split('\n')[0] for text in cells.all_inner_texts()]


def test_it_draws_every_section(opened) -> None:
    page = opened()
    sections = page.locator('section').evaluate_all('found => found.map(section => section.id)')
    expected = (
        'overview',
        'domain-classification',
        'domain-video',
        'cost',
        'ablations',
        'proxies',
        'ranks',
        'exposure',
    )
    assert [name for name in (*expected, 'records', 'problems') if name not in sections] == []
    assert page.locator('svg').count() >= 6 and page.locator('img').count() == 0
    assert page.locator('.record').count() == 40 and '43 runs' in page.text_content('#records-state')


def test_a_header_sorts_by_click_and_by_enter(opened) -> None:
    page = opened()
    table = '#domain-classification table.scores'
    header = page.locator(f'{table} thead th').nth(3)
    scores = column(page, table, 4)
    by_value = sorted(scores, key=lambda text: float(text.split()[0]))
    header.locator('button').click()
    assert header.get_attribute('aria-sort') == 'descending'
    assert [s.split()[0] for s in column(page, table, 4)] == [s.split()[0] for s in reversed(by_value)]
    header.locator('button').press('Enter')
    assert header.get_attribute('aria-sort') == 'ascending'
    assert [s.split()[0] for s in column(page, table, 4)] == [s.split()[0] for s in by_value]
    page.locator(f'{table} thead th button').first.press('Enter')
    assert header.get_attribute('aria-sort') is None
    names = column(page, table, 1)
    order = [
        '<img',
        'a-checkpoint',
        'beit',
        'm0.5',
        'm0.9',
        'm0.75',
        'mae',
        'random',
    ]  # numbers in names by size: 9 < 75
    assert [start for start in order if any(map(str.startswith, names, [start] * len(names)))] == order
    assert names == sorted(names, key=lambda name: [name.startswith(start) for start in reversed(order)])
    gains = page.locator(f'{table} thead th').nth(5)
    gains.locator('button').click()
    found = column(page, table, 6)
    empty = [text == '' for text in found]
    assert any(empty) and empty == sorted(empty), 'rows without a gain are not at the end'


def test_the_filter_hides_rows_and_records(opened) -> None:
    page = opened()
    rows = page.locator('table.scores tbody tr:visible')
    everything = rows.count()
    page.fill('#filter', 'beit video')
    assert rows.count() == 1 and 'beit' in rows.first.inner_text()
    assert page.locator('.record').count() == 3 and 'rows' in page.inner_text('#count')
    page.press('#filter', 'Escape')
    assert rows.count() == everything and page.locator('.record').count() == 40


def test_a_name_that_is_no_text_does_not_end_the_filter(opened, tmp_path: Path) -> None:
    for seed, name in enumerate((b'm\xfcnchen', b'other', b'third')):
        write(tmp_path / os.fsdecode(name), 0.5, seed)
    page = opened(write_report([tmp_path], tmp_path / 'out').paths[0])
    page.fill('#filter', 'm%FCnchen')
    page.locator('.record summary').click()
    assert page.locator('.record dd a').first.inner_text().endswith('m%FCnchen/result.json')  # waits for it
    page.fill('#filter', 'other')
    assert page.locator('.record').count() == 1


def test_a_number_leads_to_its_runs(opened) -> None:
    page = opened()
    cell = page.locator('table.heat td.up a').first
    cell.focus()
    page.keyboard.press('Enter')
    sync_api.expect(page.locator('.record')).to_have_count(6)  # three seeds and their controls
    assert page.evaluate('document.activeElement.id') == 'records-title'
    record = page.locator('.record').first
    assert 'mimbench transfer' in record.inner_text() and 'torch 2.12.0' in record.inner_text()
    link = page.locator('.record dd a').first.get_attribute('href')
    assert link.startswith('../runs/') and link.endswith('/result.json')
    page.click('#records-all')
    assert page.locator('.record').count() == 40


def test_a_link_to_a_run_works_from_outside(opened) -> None:
    page = opened(place='#runs-0-1_4')
    assert page.locator('.record').evaluate_all('all => all.map(one => one.id)') == ['run-0', 'run-1', 'run-4']


def test_a_copied_command_is_the_recorded_one(opened) -> None:
    page = opened(place='#runs-0')
    page.evaluate('navigator.clipboard ? 0 : Object.defineProperty(navigator, "clipboard", {value: {}})')
    # `wait_for_function` evaluates text, which the page forbids.
    page.evaluate('navigator.clipboard.writeText = async (text) => { document.body.dataset.copied = text; }')
    page.locator('.copy').first.click()
    command = page.locator('.command code').first.inner_text()
    sync_api.expect(page.locator('body')).to_have_attribute('data-copied', command)


def test_a_phone_needs_no_sideways_scrolling(opened) -> None:
    page = opened(viewport={'width': 360, 'height': 740})
    page.add_style_tag(content='section { content-visibility: visible !important; }')
    assert page.evaluate('document.documentElement.scrollWidth') <= 360
    page.evaluate('document.querySelectorAll("details").forEach(one => { one.open = true; })')
    assert page.evaluate('document.documentElement.scrollWidth') <= 360
    assert page.locator('.scroll').first.evaluate('box => box.scrollWidth > box.clientWidth'), 'tables scroll inside'


def test_paper_shows_everything_and_no_controls(opened) -> None:
    page = opened()
    page.fill('#filter', 'beit')
    page.emulate_media(media='print')
    sync_api.expect(page.locator('.record')).to_have_count(43)
    assert not page.locator('.bar').is_visible() and not page.locator('.copy').first.is_visible()
    assert page.locator('tbody tr').evaluate_all('rows => rows.every(row => row.getClientRects().length > 0)')
    assert page.locator('details').evaluate_all('all => all.every(one => one.open)')
    page.set_viewport_size({'width': 1030, 'height': 700})  # A4 across, within the margins
    clipped = """all => all.filter(one => one.scrollWidth > one.clientWidth + 1
      && getComputedStyle(one).overflowX !== 'visible').length"""
    assert page.locator('.scroll, table, main').evaluate_all(clipped) == 0
    assert page.evaluate('document.documentElement.scrollWidth') <= 1030


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_every_text_can_be_read(opened, scheme: str) -> None:
    page = opened(color_scheme=scheme)
    page.evaluate('document.querySelectorAll("details").forEach(one => { one.open = true; })')
    ground = page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert (sum(map(int, ground[4:-1].split(','))) < 200) == (scheme == 'dark')
    found = page.evaluate(CONTRAST)
    assert len(found) > 300
    assert sorted(entry for entry in found if entry[0] < 4.5)[:5] == []


def test_still_where_motion_is_unwanted(opened) -> None:
    page = opened(reduced_motion='reduce')
    assert page.evaluate('getComputedStyle(document.documentElement).scrollBehavior') == 'auto'


def test_everything_can_be_reached_by_keyboard(opened) -> None:
    page = opened()
    seen = set()
    for _ in range(30):
        page.keyboard.press('Tab')
        seen.add(page.evaluate('document.activeElement.tagName + (document.activeElement.className || "")'))
    assert {'Askip', 'INPUT', 'A', 'BUTTON', 'DIVscroll'} <= seen


@pytest.mark.bench
def test_two_thousand_runs_open_quickly(opened, tmp_path: Path) -> None:
    """The fastest of three, for other processes may be busy."""
    path = write_table(tabulate(many_runs(2000)), [], tmp_path).paths[0]
    times = []
    for _ in range(3):
        start = time.perf_counter()
        page = opened(path)
        page.evaluate('new Promise(done => requestAnimationFrame(() => setTimeout(done)))')
        times.append(time.perf_counter() - start)
    assert '2,000 runs' in page.text_content('#records-state')
    assert min(times) < MOST_SECONDS, times
