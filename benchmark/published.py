"""Scores that others published, and how far a result of ours is from the one of the same protocol.

`published.csv` holds them, one a row. In `protocol` is the id of a config of ours, with the `version` of it that was
compared; what still differs is in `protocol_note`. Without a config of ours `protocol` is empty and `protocol_note`
says how the score was made. Of several rows for the same protocol, method, backbone, stage and metric the first is the
one that the config states as `recipe.published`. `reference` names file and line of the collection of facts that the
row was read in, which is no part of the repository; `verified` is `no` where it calls the figure unverified. Not in
the table: figures given only as a difference, distances and errors, and what is neither an image, a video, a point
cloud nor a volume.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from benchmark.protocols import shipped
from benchmark.store import RANDOM
from pretrain.checkpoint.card import Stage
from pretrain.errors import UserError
from pretrain.record import Result

FILE = Path(__file__).with_name('published.csv')
VALIDATION = {
    'in1k-': 50_000,
    'coco-': 5_000,
    'ade20k-': 2_000,
    'ssv2-': 24_777,
    'ucf101-': 3_783,
    'modelnet40-1k-': 2_468,
    'modelnet40-svm-': 2_468,
    'scanobjectnn-obj': 581,
    'scanobjectnn-pbt50rs-': 2_882,
    'shapenetpart-': 2_874,
    'nih14-official-': 25_596,
}
"""Samples of the published validation sets, by how the ids of their protocols begin. Of Kinetics no two copies agree,
and the medical sets are split by lists of one's own."""

Metric = (
    Literal['top1', 'top1_vote', 'accuracy', 'auc']
    | Literal['bbox_AP', 'segm_AP', 'AP25', 'AP50', 'mAP']
    | Literal['mIoU', 'mAcc', 'aAcc', 'instance_miou', 'class_miou', 'dice', 'dice_eight']
)
"""Names as in our results where a domain has the metric. All are shares, and higher is better."""

Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]

_SIZES = {'tiny': 'Ti', 'small': 'S', 'base': 'B', 'large': 'L', 'huge': 'H', 'giant': 'g'}
_FAMILIES = (
    (re.compile(r'(?:vit|vit3d|beit|deit)_(?P<size>[a-z]+)_patch(?P<number>\d+)(?:_.*)?'), 'ViT-{size}/{number}'),
    (re.compile(r'swin_(?P<size>[a-z]+)_.*'), 'Swin-{size}'),
    (re.compile(r'swin3d_(?P<size>[a-z]+)_.*'), 'Swin UNETR-{size}'),
    (re.compile(r'convnext_(?P<size>[a-z]+)'), 'ConvNeXt-{size}'),
    (re.compile(r'resnet(?P<number>\d+)'), 'ResNet-{number}'),
    (re.compile(r'point_pyramid_(?P<size>[a-z]+)'), 'Point-pyramid-{size}'),
    (re.compile(r'point_(?P<size>[a-z]+)'), 'Point-ViT-{size}'),
)
_OTHER_NAMES = {'beit2': 'beitv2', 'videomae2': 'videomaev2'}


class PublishedScore(BaseModel):
    """One score of one source. Its text form says so where the figure is not verified."""

    model_config = ConfigDict(extra='forbid', frozen=True)

    method: Text
    backbone: Text = Field(description="as `backbone_of` names it where it can, else the source's name")
    protocol: str = Field(description='id of a config of ours, or empty')
    version: int | None = Field(description='of that protocol; None without one')
    protocol_note: str = Field(description='what differs from our protocol; without one, what was done')
    initial_stage: Stage | Literal['self-supervised'] = Field(description='self-supervised: not by masking')
    pretrain_epochs: int | None
    pretrain_data: str
    metric: Metric
    value: Share
    spread: Share | None = Field(description='standard deviation over `n` seeds or folds')
    n: int | None = Field(ge=1)
    source: Text
    verified: bool
    note: str = Field(description='what another source says, or how the figure was computed')
    reference: Text

    @field_validator('version', 'pretrain_epochs', 'spread', 'n', mode='before')
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == '' else value

    @model_validator(mode='after')
    def _is_told_apart(self) -> 'PublishedScore':
        if (self.version is None) == bool(self.protocol):
            raise ValueError('version belongs to protocol; give both or neither')
        if not (self.protocol or self.protocol_note):
            raise ValueError('neither protocol nor protocol_note; say how the score was made')
        return self

    @property
    def identity(self) -> tuple:
        """What no two rows may share."""
        kept = self.model_dump(exclude={'value', 'spread', 'n', 'verified', 'note', 'reference'})
        return tuple(kept.values())

    def __str__(self) -> str:
        return f'{self.value:g} ({self.source})' + ('' if self.verified else ' (not verified)')


@dataclass(frozen=True)
class Distance:
    """How far a result is from a published score.

    Attributes:
        published: the score; its `protocol_note`, where there is one, says what differs and belongs beside the figure.
        difference: ours minus theirs, in [-1, 1]; above 0 ours is better.
        same_epochs: whether both were pre-trained for as many epochs; None where one is unknown.
        same_size: whether both were measured on as many samples; None where theirs are not known.
    """

    published: PublishedScore
    difference: float
    same_epochs: bool | None
    same_size: bool | None


def read_published(path: Path = FILE) -> list[PublishedScore]:
    """All rows in the order of the file, unverified ones among them.

    Raises UserError, with the line, for a wrong or missing column, a score outside [0, 1], a missing source, a row
    that says of no protocol what it is, and a row that is there twice.
    """
    lines: dict[tuple, int] = {}
    found = []
    for number, values in _lines(path):
        try:
            row = PublishedScore.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ''.join(f' {part}:' for part in first['loc'][:1])
            reason = first['msg'].removeprefix('Value error, ')
            raise UserError(f'{path.name} line {number}:{place} {reason}') from error
        if row.identity in lines:
            raise UserError(f'{path.name} line {number}: the same as line {lines[row.identity]}; remove one')
        lines[row.identity] = number
        found.append(row)
    return found


def lookup(
    protocol: str | None = None,
    method: str | None = None,
    backbone: str | None = None,
    initial_stage: str | None = None,
    metric: str | None = None,
    unverified: bool = False,
) -> list[PublishedScore]:
    """Rows with these values in the order of the file; None takes all. Methods are the same in any spelling.

    Args:
        unverified: give rows that nobody checked, too. They have `verified=False` and say so as text; whoever shows
            them has to show that.
    """
    return [
        row
        for row in _shipped()
        if (row.verified or unverified)
        and protocol in (None, row.protocol)
        and (method is None or _plain(method) == _plain(row.method))
        and backbone in (None, row.backbone)
        and initial_stage in (None, row.initial_stage)
        and metric in (None, row.metric)
    ]


def distance(result: Result, *, recipe_matches: bool | None = None, metric: str | None = None) -> Distance | None:
    """How far `result` is from the verified score of the same protocol; None where there is no such score.

    The same is: the id and version of the protocol, with nothing in the config overridden; the metric; the method and
    the initial stage on the checkpoint's card (a run from random weights is the same as a published one from scratch);
    and the backbone, by the card's name of the architecture, whose arguments are not compared. Pre-training may differ
    in data and epochs: of several scores that of as many epochs is taken, else the one that the config states. A result
    on another number of validation samples than the published set has is on other data.

    Args:
        recipe_matches: whether the recipe is that of our config as it comes; None compares it with `protocols.json`.
        metric: another metric than the protocol's. UserError when the result does not have it.
    """
    metric = metric or result.protocol.metric
    if metric not in result.scores:
        raise UserError(f'no score {metric!r} of {result.protocol.id}; it has {", ".join(sorted(result.scores))}')
    start, card = result.start, result.start.card
    same_recipe = shipped(result.protocol) if recipe_matches is None else recipe_matches
    if card is None or not same_recipe:
        return None
    found = lookup(
        protocol=result.protocol.id,
        method=RANDOM if start.random else card.method,
        backbone=backbone_of(card.arch),
        initial_stage=RANDOM if start.random else card.initial_stage,
        metric=metric,
    )
    found = [row for row in found if row.version == result.protocol.version]
    size = next((count for start, count in VALIDATION.items() if result.protocol.id.startswith(start)), None)
    same_size = None if size is None else result.num_samples.get('val') == size
    if not found or same_size is False:
        return None
    epochs = None if start.random else card.epochs
    row = next((row for row in found if epochs is not None and row.pretrain_epochs == epochs), found[0])
    same = None if epochs is None or row.pretrain_epochs is None else row.pretrain_epochs == epochs
    return Distance(row, result.scores[metric] - row.value, same, same_size)


def backbone_of(arch: str) -> str:
    """`vit_base_patch16_224` as ViT-B/16, `swin_base_patch4_window7_224` as Swin-B; an unknown name as it is."""
    for pattern, name in _FAMILIES:
        parts = pattern.fullmatch(arch)
        if parts and parts.groupdict().get('size', 'base') in _SIZES:
            values = {**parts.groupdict(), 'size': _SIZES[parts.groupdict().get('size', 'base')]}
            return name.format(**values)
    return arch


@cache
def _shipped() -> tuple[PublishedScore, ...]:
    return tuple(read_published())


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != list(PublishedScore.model_fields):
            raise UserError(f'{path.name}: its columns must be {",".join(PublishedScore.model_fields)}')
        for values in reader:
            if None in values or None in values.values():
                raise UserError(f'{path.name} line {reader.line_num}: not {len(values) - (None in values)} columns')
            yield reader.line_num, values


def _plain(method: str) -> str:
    """Checkpoints call methods `mae-st`, configs `MAE-ST`."""
    plain = re.sub(r'[^a-z0-9]', '', method.lower())
    return _OTHER_NAMES.get(plain, plain)
