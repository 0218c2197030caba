"""A matplotlib figure as a piece of the page: text stays text, colours follow the page, ids are its own."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, FAINT, SURFACE = '#010203', '#010204', '#010205'
"""Stand for the page's text, its lines and its background, whether light or dark."""
SERIES = tuple(f'#0102{16 + i:02x}' for i in range(8))
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
"""A series has a colour and a marker, so that colour never stands alone."""
_VARIABLES = {
    INK: 'var(--ink)',
    FAINT: 'var(--line-strong)',
    SURFACE: 'var(--surface)',
    **{colour: f'var(--series-{i})' for i, colour in enumerate(SERIES)},
}
_STYLE: Any = {
    'svg.fonttype': 'none',
    'svg.hashsalt': 'mimbench',
    'text.parse_math': False,
    'font.size': 10,
    'font.family': 'DejaVu Sans',
    'text.color': INK,
    'axes.edgecolor': FAINT,
    'axes.labelcolor': INK,
    'axes.facecolor': 'none',
    'axes.linewidth': 0.8,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.unicode_minus': True,
    'xtick.color': FAINT,
    'ytick.color': FAINT,
    'xtick.labelcolor': INK,
    'ytick.labelcolor': INK,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': FAINT,
    'grid.alpha': 0.35,
    'grid.linewidth': 0.6,
    'legend.frameon': False,
    'legend.fontsize': 9,
}


@contextmanager
def drawing(
    width: float = 5.2, height: float = 3.3, layout: Literal['constrained', 'tight'] | None = 'constrained'
) -> Iterator[Figure]:
    """An empty figure, and matplotlib's settings while it is filled and written. Size in inches at 72 dots.

    Args:
        layout: None leaves the margins to the caller; measuring all texts takes as long as drawing them.
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout=layout, facecolor='none')
        FigureCanvasSVG(figure)
        yield figure


def inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    """The `<svg>` element, with a title and a description for screen readers. To be called inside `drawing`.

    Args:
        name: prefix of all ids, unique in the page.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    text = buffer.getvalue()
    text = text[text.index('<svg') :]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.S)
    text = re.sub(r'<!--.*?-->\s*', '', text, flags=re.S)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'url\(#', f'url(#{name}-', text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = text.replace("font-family: 'DejaVu Sans'; ", '')
    text = re.sub(r'<style.*?</style>', '', text, count=1, flags=re.S)  # it would hold for the whole page
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r'(\.\d)\d+|\n', r'\1 ', path.group()), text)
    box = re.search(r'viewBox="[^"]*"', text)
    label = f'{name}-title {name}-desc'
    head = (
        f'<svg {box.group() if box else ""} role="img" aria-labelledby="{label}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    )
    return Markup(re.sub(r'<svg[^>]*>', lambda _: head, text, count=1))
