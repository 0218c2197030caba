"""The charts: cost against score, curves of an ablation, and the critical-difference diagram."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from benchmark.cells import Cell, Column
from benchmark.cost import duration
from benchmark.ranks import RankComparison
from benchmark.report import numbers
from benchmark.report.svg import FAINT, INK, MARKERS, SERIES, SURFACE, drawing, inline
from benchmark.store import RANDOM

NAMED_POINTS = 8
"""Points that all get their name; of more, only those of the Pareto front do."""
LONGEST = 28
TIMES = ((86400, 'days'), (3600, 'hours'), (60, 'minutes'), (1, 'seconds'))


@dataclass(frozen=True)
class Chart:
    """A drawing and the sentence below it.

    Attributes:
        words: what a filter box may find it by.
    """

    title: str
    caption: str
    svg: Markup
    words: str = ''


@dataclass(frozen=True)
class Point:
    """Mean, spread and size of one place of a curve; `x` is a number, or the index of a category."""

    x: float
    mean: float
    std: float | None
    n: int


def axis_label(column: Column) -> str:
    """`top1 in %, higher is better`."""
    percent = ' in %' if numbers.unit(column.metric) else ''
    return f'{column.metric}{percent} ({"higher" if column.higher_is_better else "lower"} is better)'


def shortened(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + '…'


def pareto_front(points: Sequence[tuple[float, float]], higher_is_better: bool) -> list[int]:
    """Indices of the points that no other point beats in cost without being worse in score; cheapest first."""
    sign = 1 if higher_is_better else -1
    front: list[int] = []
    best = float('-inf')
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -sign * points[i][1])):
        if sign * points[i][1] > best:
            front.append(i)
            best = sign * points[i][1]
    return front


def cost_chart(column: Column, cells: Sequence[Cell], name: str) -> Chart:
    """Mean score over mean time of a run, which must be known; GPU time where every run has it."""
    on_gpu = all(cell.gpu_seconds > 0 for cell in cells)
    what = 'GPU time' if on_gpu else 'wall time'
    seconds = [cell.gpu_seconds if on_gpu else cell.wall_seconds or 0.0 for cell in cells]
    size, unit = next(((s, word) for s, word in TIMES if max(seconds) >= 1.5 * s), TIMES[-1])
    points = [
        (time / size, numbers.scaled(cell.summary.mean, column.metric))
        for time, cell in zip(seconds, cells, strict=True)
    ]
    front = pareto_front(points, column.higher_is_better)
    best = ', '.join(f'{cells[i].subject.label} ({duration(seconds[i])})' for i in front)
    title = f'{column.label}: {column.metric} against {what}'
    caption = f'On the Pareto front, cheapest first: {best}.'
    with drawing(layout=None) as figure:
        figure.subplots_adjust(left=0.135, right=0.985, top=0.97, bottom=0.16)
        axes = figure.add_subplot()
        axes.step(
            [points[i][0] for i in front], [points[i][1] for i in front], where='post', color=FAINT, linewidth=1.2
        )
        kinds: dict[tuple[bool, bool], list[int]] = {}
        for i, cell in enumerate(cells):
            kinds.setdefault((cell.subject.role == RANDOM, i in front), []).append(i)
        for (control, best_of_its_cost), members in kinds.items():
            axes.plot(
                *([points[i][0] for i in members], [points[i][1] for i in members]),
                marker='s' if control else 'o',
                markersize=7 if best_of_its_cost else 5,
                linestyle='',
                color=INK if control else SERIES[0],
                markerfacecolor=SURFACE if control else SERIES[0],
            )
        named = range(len(cells)) if len(cells) <= NAMED_POINTS else front[:NAMED_POINTS]
        _name_points(axes, [(*points[i], shortened(cells[i].subject.label)) for i in named])
        cheapest, dearest = (f(x for x, _ in points) for f in (min, max))
        if cheapest > 0 and dearest / cheapest > 20:
            axes.set_xscale('log')
            axes.xaxis.set_major_locator(LogLocator(numticks=6))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:g}'))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel(f'{what} of one run, {unit}')
        axes.set_ylabel(axis_label(column))
        axes.margins(0.12)
        words = ' '.join(cell.subject.label for cell in cells)
        return Chart(title, caption, inline(figure, name, title, caption), f'{column.label} {column.domain} {words}')


def curve_chart(
    column: Column,
    axis: str,
    lines: dict[str, list[Point]],
    band: tuple[float, float | None, int] | None,
    categories: Sequence[str] | None,
    title: str,
    name: str,
) -> Chart:
    """Scores over one axis of an ablation.

    Args:
        lines: by the values of the other axes; points in the order of the axis.
        band: mean, spread and number of runs of the random control.
        categories: names of the places of an axis that holds no numbers; their points are not joined.
    """
    caption = 'Means; bars are one standard deviation over seeds.'
    with drawing(5.2, 3.4) as figure:
        axes = figure.add_subplot()
        if band is not None:
            caption += _draw_band(axes, column, band)
        for i, (label, points) in enumerate(lines.items()):
            y = [numbers.scaled(point.mean, column.metric) for point in points]
            error = [numbers.scaled(point.std or 0.0, column.metric) for point in points]
            shift = 0.08 * (i - (len(lines) - 1) / 2) if categories else 0.0
            axes.errorbar(
                *([point.x + shift for point in points], y, error),
                color=SERIES[i % len(SERIES)],
                marker=MARKERS[i % len(MARKERS)],
                linestyle='' if categories else '-',
                capsize=3,
                label=shortened(label, 40) if label else None,
            )
        if categories:
            axes.set_xticks(range(len(categories)), [shortened(str(word), 16) for word in categories])
            axes.set_xlim(-0.5, len(categories) - 0.5)
            if sum(len(str(word)[:16]) for word in categories) > 40:
                axes.tick_params(axis='x', rotation=30)
        else:
            places = sorted({point.x for points in lines.values() for point in points})
            axes.xaxis.set_major_locator(MaxNLocator(7))
            if len(places) <= NAMED_POINTS and _spread_out(places):
                axes.set_xticks(places, [f'{place:g}' for place in places])
        axes.set_xlabel(shortened(axis, 50))
        axes.set_ylabel(axis_label(column))
        if any(lines) and len(lines) > 1:
            figure.legend(loc='outside lower center', ncols=2 if max(map(len, lines)) < 26 else 1)
        single = sum(point.std is None for points in lines.values() for point in points)
        if single:
            caption += f' {numbers.count(single, "point")} of one seed only, without a bar.'
        return Chart(title, caption, inline(figure, name, title, caption), f'{title} {column.domain}')


def rank_chart(found: RankComparison, name: str) -> Chart:
    """Demšar's critical-difference diagram: average ranks on a line, a bar over those that are not separated."""
    names = list(found.ranks)
    title = 'Critical-difference diagram of average ranks'
    caption = (
        f'Average rank over {len(found.protocols)} protocols, 1 is best. Checkpoints under one bar are not told apart '
        f'at the level {found.alpha:g} (Nemenyi, critical difference {found.critical_difference:.2f}).'
    )
    rows, bars = (len(names) + 1) // 2, len(found.cliques)
    depth = 0.8 + 0.28 * bars + 0.27 * rows
    with drawing(6.6, 0.7 + 0.6 * depth, None) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        low, high = 1, max(len(names), 2)
        axes.set_xlim(low - 0.55 * (high - low), high + 0.55 * (high - low))
        axes.set_ylim(-depth, 0.9)
        axes.plot([low, high], [0, 0], color=INK, linewidth=1)
        for rank in range(low, high + 1, max(1, (high - low) // 8)):
            axes.plot([rank, rank], [0, 0.12], color=INK, linewidth=1)
            axes.text(rank, 0.2, str(rank), ha='center', va='bottom')
        if found.critical_difference is not None and found.critical_difference <= high - low:
            axes.plot([low, low + found.critical_difference], [0.75, 0.75], color=INK, linewidth=2.2)
            axes.text(low - 0.02 * (high - low), 0.75, 'critical difference', ha='right', va='center', fontsize=8)
        for i, group in enumerate(found.cliques):
            ends = [found.ranks[group[0]], found.ranks[group[-1]]]
            axes.plot(ends, [-0.25 - 0.28 * i] * 2, color=SERIES[1], linewidth=4, solid_capstyle='round')
        for i, who in enumerate(names):
            left = i < rows
            y = -0.5 - 0.28 * bars - 0.27 * (i if left else len(names) - 1 - i)
            place, side = found.ranks[who], low if left else high
            edge = side + (-0.06 if left else 0.06) * (high - low)
            axes.plot([place, place, edge], [0, y, y], color=FAINT, linewidth=1)
            text = f'{shortened(who, 24)}\u2002{place:.2f}'
            axes.text(
                edge, y, f'{text}\u2009' if left else f'\u2009{text}', ha='right' if left else 'left', va='center'
            )
        return Chart(title, caption, inline(figure, name, title, caption), ' '.join(names))


def _spread_out(places: Sequence[float]) -> bool:
    """Whether labels at these places do not touch."""
    width = places[-1] - places[0]
    return all(b - a > 0.09 * width for a, b in itertools.pairwise(places))


def _draw_band(axes, column: Column, band: tuple[float, float | None, int]) -> str:
    mean, std, n = band
    middle, half = numbers.scaled(mean, column.metric), numbers.scaled(std or 0.0, column.metric)
    axes.axhspan(middle - half, middle + half, color=INK, alpha=0.1, linewidth=0)
    axes.axhline(middle, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        *('random init', (1, middle)),
        xycoords=('axes fraction', 'data'),
        xytext=(-2, 3),
        textcoords='offset points',
        ha='right',
        fontsize=8,
        color=INK,
    )
    return f' Dashed, with the same spread: random initialisation, n={n}.'


def _name_points(axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Write names beside points; of points that lie close, the lower ones move down."""
    xs, ys = [x for x, *_ in points], [y for _, y, _ in points]
    width, height = (max(xs) - min(xs)) or 1.0, (max(ys) - min(ys)) or 1.0
    above, shift = None, 0.0
    for x, y, text in sorted(points, key=lambda point: -point[1]):
        shift = shift - 8.0 if above is not None and (above - y) / height < 0.06 else 0.0
        right = (x - min(xs)) / width <= 0.55
        axes.annotate(
            *(text, (x, y)),
            xytext=(8 if right else -8, shift),
            textcoords='offset points',
            ha='left' if right else 'right',
            va='center',
            fontsize=8.5,
        )
        above = y
