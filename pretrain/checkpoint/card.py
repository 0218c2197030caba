"""The card of an exchange checkpoint: every fact about the weights that the weights themselves cannot tell."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION = 1

Position = Literal[
    'learned', 'sincos-xy', 'sincos-yx', 'sincos-1d', 'sincos-3d', 'relative', 'rope', 'coordinates', 'none'
]
Stage = Literal['mim', 'mim+ft-in1k', 'mim+ft-in21k', 'mim+ft-in22k', 'supervised', 'random', 'unknown']


class Card(BaseModel):
    """Facts of one encoder, stored as JSON in the header of its file. An unknown fact is None or 'unknown'.

    `position` names the absolute positions; `relative` alone means that relative tables are the only positions.
    `relative_bias` says whether attention carries relative tables, beside absolute positions or alone. `sincos-xy`
    encodes the column in the first half of the channels (MAE), `sincos-yx` the row (MoCo-v3, CAE). Over three axes
    `sincos-1d` encodes the raster index (VideoMAE) and `sincos-3d` each axis in a third of the channels (SelfMedMAE).
    Of point networks `coordinates`: a learned function of the groups' centres.
    """

    model_config = ConfigDict(extra='forbid')

    format_version: int = FORMAT_VERSION
    family: str = Field(description='the reader that understood the source, or mimbench')
    method: str = 'unknown'
    recipe_hash: str | None = None

    arch: str = Field(description="timm's name of the architecture")
    arch_args: dict = Field(default_factory=dict, description='keyword arguments of create_net')
    grid: tuple[int, ...] = Field(description='tokens per axis at the image size of arch_args')
    patch: tuple[int, ...] = Field(description='pixels per token and axis')
    prefix_tokens: int = 0
    position: Position = 'none'
    relative_bias: bool = False

    channels: int = 3
    mean: tuple[float, ...] | None = Field(default=None, description='per channel, for pixels in [0, 1]')
    std: tuple[float, ...] | None = None

    initial_stage: Stage = 'unknown'
    data_seen: str | None = Field(default=None, description='images seen by pre-training')
    teacher_data: str | None = Field(default=None, description='data seen by its tokenizer or teacher')
    epochs: int | None = None

    source_file: str | None = None
    source_sha256: str | None = None
    source_licence: str | None = None
    notes: list[str] = Field(default_factory=list, description='what was done to the tensors, in order')

    @property
    def image_size(self) -> tuple[int, ...]:
        """Input units per axis that the positions were made for. Raises ValueError where there are none."""
        size = self.arch_args.get('img_size') or [n * p for n, p in zip(self.grid, self.patch, strict=True)]
        return (size, size) if isinstance(size, int) else tuple(size)
