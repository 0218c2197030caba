"""The masked model: masking x encoder x head x target(+loss), and maybe a teacher. Read `MaskedModel.loss` first."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from pretrain.checkpoint import exchange
from pretrain.checkpoint.card import Card
from pretrain.encoders.base import Encoder
from pretrain.errors import ConfigError
from pretrain.files import ENCODER
from pretrain.grid import TokenGrid
from pretrain.losses import counted
from pretrain.mask import Mask
from pretrain.registry import MODELS

PLACES = 4
"""Frames or slices of a clip or volume that a contact sheet shows."""
GREY, BLUE = 0.5, (0.3, 0.4, 0.7)
"""Of what is not given or not told, in pictures in colour and in grey ones."""


class ImagePreprocessor(nn.Module):
    """uint8 images, clips or volumes to normalised float ones on the model's device.

    Floating-point ones, such as volumes after their window of intensities, count in units of [0, 1] already.

    Args:
        mean, std: per channel, for pixels in [0, 1].
        axes: of the input: 2 for images, 3 for clips and volumes.

    Of a batch dict it normalises `image` and brings `second` (a tokenizer's view) to [0, 1]; other tensors only change
    device and other entries pass.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], axes: int = 2):
        super().__init__()
        shape = (1, -1, *(1,) * axes)
        self.register_buffer('mean', torch.tensor(mean).reshape(shape) * 255, persistent=False)
        self.register_buffer('std', torch.tensor(std).reshape(shape) * 255, persistent=False)

    def forward(self, batch: dict, training: bool = False) -> dict:
        device = self.mean.device
        out = {k: v.to(device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in batch.items()}
        pixels = out['image'] * 255 if out['image'].is_floating_point() else out['image'].float()
        out['image'] = (pixels - self.mean) / self.std
        if 'second' in out:
            out['second'] = out['second'].float() / 255
        return out


class TrainableModel(BaseModel):
    """What the engine trains: an mmengine model whose `loss(batch)` gives a dict of scalar tensors.

    Entries with 'loss' in their name are summed and trained, all others are logged.

    Args:
        image_size: an int for squares, `(H, W)`, or `(T, H, W)` of clips and `(D, H, W)` of volumes.
        channels: of the input.
        mean, std: statistics of the input, for pixels in [0, 1].
    """

    def __init__(self, image_size, channels: int, mean: Sequence[float], std: Sequence[float]):
        if len(mean) != channels or len(std) != channels:
            raise ConfigError(f'model.mean and std have {len(mean)} and {len(std)} values; channels is {channels}')
        self.image_size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        super().__init__(data_preprocessor=ImagePreprocessor(mean, std, len(self.image_size)))
        self.channels, self.mean, self.std = channels, list(mean), list(std)

    def forward(self, mode: str = 'loss', **batch) -> dict:
        return self.loss(batch) if mode == 'loss' else self.predict(batch)

    def loss(self, batch: dict) -> dict[str, Tensor]:
        raise NotImplementedError

    def predict(self, batch: dict) -> dict:
        raise NotImplementedError

    def init_weights(self) -> None:
        """Nothing: parts initialise themselves, and mmengine's recursion would draw timm's weights a second time."""

    def export(self, folder: Path, recipe: dict, recipe_hash: str) -> Path | None:
        """Write what others can use into the run directory when training is done, and return its path."""
        return None

    def after_update(self, progress: float) -> None:
        """Called after each optimiser step; `progress` is the share of training done, in (0, 1]."""


@MODELS.register_module()
class MaskedModel(TrainableModel):
    """A method as a recipe over four axes. Every argument but the sizes is a config dict.

    Args:
        masking: draws a Mask on the encoder's grid.
        encoder: image and mask to latents.
        head: latents to predictions.
        target: what is to be predicted; a list for several.
        loss: one per target.
        teacher: an EMATeacher of the encoder, for targets that ask for one.
    """

    entry = 'image'
    """Of a preprocessed batch, what the encoder takes."""

    def __init__(
        self,
        masking: dict,
        encoder: dict,
        head: dict,
        target: dict | list[dict],
        loss: dict | list[dict],
        teacher: dict | None = None,
        image_size=224,
        channels: int = 3,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ):
        super().__init__(image_size, channels, mean, std)
        self.masking = MODELS.build(masking)
        self.encoder: Encoder = MODELS.build(dict(encoder, image_size=self.image_size, channels=channels))
        self.grid = self._latent_grid()
        self._check_unit()
        self.encoder.fill_state()
        self.teacher = MODELS.build(dict(teacher, net=self.encoder.net)) if teacher else None
        targets = target if isinstance(target, (list, tuple)) else [target]
        losses = loss if isinstance(loss, (list, tuple)) else [loss]
        if len(targets) != len(losses):
            raise ConfigError(f'{len(targets)} targets and {len(losses)} losses; each target needs its loss')
        self.targets = nn.ModuleList(self._target(cfg) for cfg in targets)
        self.losses = nn.ModuleList(MODELS.build(cfg) for cfg in losses)
        self.head = MODELS.build(
            dict(
                head,
                in_width=self.encoder.width,
                out_width=self._out_width(),
                grid=self.grid,
                num_prefix=self.encoder.num_prefix,
                visible_only=self.encoder.visible_only,
            )
        )

    def loss(self, batch: dict) -> dict[str, Tensor]:
        prediction, mask = self.reconstruct(batch[self.entry], self.draw_mask(batch))
        out: dict[str, Tensor] = {}
        for name, target, criterion in zip(self._loss_names(), self.targets, self.losses, strict=True):
            goal = target(batch, mask)
            value = criterion(target.view(prediction, batch, mask), goal, mask)
            out[name] = value
            if hasattr(criterion, 'metrics'):
                suffix = name.removeprefix('loss')
                out |= {f'{k}{suffix}': v for k, v in criterion.metrics(prediction, goal, mask).items()}
        return out

    def draw_mask(self, batch: dict) -> Mask:
        """A mask for a preprocessed batch."""
        inputs = batch[self.entry]
        return self.masking(self.encoder.grid, len(inputs), inputs.device)

    def reconstruct(self, images: Tensor, mask: Mask) -> tuple[Tensor, Mask]:
        """Predictions `(B, N or M, P)` for normalised images, and the mask on the grid of the predictions."""
        latents = self.encoder(images, mask)
        mask = mask.on(self.grid)
        return self.head(latents, mask), mask

    @torch.no_grad()
    def predict(self, batch: dict) -> dict:
        """The clean images, the mask on the prediction grid and the predictions of a preprocessed batch."""
        prediction, mask = self.reconstruct(batch[self.entry], self.draw_mask(batch))
        return {self.entry: batch[self.entry], 'mask': mask, 'prediction': prediction}

    @torch.no_grad()
    def pictures(self, batch: dict) -> dict[str, Tensor]:
        """Columns of a contact sheet, `(B, C, H, W)` in [0, 1]: `original` and `masked`, hidden tokens in one colour.

        Where a target can be drawn also `reconstruction`, the same with the hidden tokens that the loss counts, and
        `prediction`, all tokens that it counts alone: what a decoder says elsewhere was never trained. Of clips and
        volumes a column shows `PLACES` of the first axis in a row, of a target of some frames only some of these.
        """
        found = self.predict(batch)
        mask, prediction = found['mask'], found['prediction']
        pairs = zip(self.targets, self.losses, strict=True)
        target, criterion = next(((t, c) for t, c in pairs if hasattr(t, 'to_image')), (None, None))
        if self.head.masked_only and mask.num_predict is None:
            target = None  # which token a prediction is of is not known
        elif self.head.masked_only:
            prediction = mask.place_predicted(prediction)
        mask = mask if target is None else mask.on(target.grid)
        clean, blank = in_colour(self._visible(batch['image']) if target is None else target.pixels(batch).clamp(0, 1))
        columns = {'original': clean, 'masked': torch.where(mask.units, blank, clean)}
        if target is not None:
            drawn, chosen = target.to_image(prediction, batch), counted(mask, getattr(criterion, 'on', 'all'))
            columns['reconstruction'] = torch.where(mask.over_input(chosen & mask.hidden), drawn, columns['masked'])
            columns['prediction'] = torch.where(mask.over_input(chosen), drawn, blank)
        if self.grid.axes == 3:
            columns = {name: in_a_row(inputs) for name, inputs in columns.items()}
        return columns

    def _visible(self, images: Tensor) -> Tensor:
        """Normalised images as pixels in [0, 1]."""
        pre = self.data_preprocessor
        return ((images * pre.std + pre.mean) / 255).clamp(0, 1)

    def export(self, folder: Path, recipe: dict, recipe_hash: str) -> Path:
        """Write the encoder as an exchange checkpoint, `encoder.safetensors`."""
        path = folder / ENCODER
        exchange.write(path, *self.exchange(recipe, recipe_hash))
        return path

    def exchange(self, recipe: dict, recipe_hash: str) -> tuple[dict[str, Tensor], Card]:
        """The encoder's tensors in timm's names, and its card.

        Args:
            recipe: the config's facts: method, data, teacher_data, epochs.
            recipe_hash: of the whole config.
        """
        encoder = self.encoder
        state, arch_args = encoder.exchange()
        card = Card(
            family='mimbench',
            method=recipe.get('method', 'unknown'),
            recipe_hash=recipe_hash,
            arch=encoder.arch,
            arch_args=arch_args,
            grid=self.grid.size,
            patch=self.grid.patch,
            prefix_tokens=encoder.num_prefix,
            position=encoder.exchanged_position,  # type: ignore[arg-type]  # pydantic checks it
            relative_bias=encoder.relative_bias,
            channels=self.channels,
            mean=tuple(self.mean),
            std=tuple(self.std),
            initial_stage='mim',
            data_seen=recipe.get('data'),
            teacher_data=recipe.get('teacher_data'),
            epochs=recipe.get('epochs'),
        )
        return state, card

    def after_update(self, progress: float) -> None:
        if self.teacher is not None:
            self.encoder.fill_state()
            self.teacher.update(self.encoder.net, progress)

    def _latent_grid(self) -> TokenGrid:
        """The grid of latents and predictions."""
        return TokenGrid.over(self.image_size, self.encoder.stride)

    def _target(self, cfg: dict) -> nn.Module:
        shape = {'patch': self.encoder.stride, 'image_size': self.image_size, 'channels': self.channels}
        target = MODELS.build({**shape, 'mean': self.mean, 'std': self.std, **cfg})
        if target.grid.size != self.grid.size:
            raise ConfigError(
                f'the target has {target.grid.size} tokens (target.patch {target.grid.patch}), the latents of the '
                f'encoder {self.grid.size}'
            )
        if hasattr(target, 'attach'):
            target.attach(self.teacher)
        return target

    def _loss_names(self) -> list[str]:
        """`loss` of a single target, else `loss_<target>`, numbered where a target occurs twice."""
        kinds = [type(target).__name__.lower() for target in self.targets]
        if len(kinds) == 1:
            return ['loss']
        return [f'loss_{k}{kinds[:i].count(k) + 1 if kinds.count(k) > 1 else ""}' for i, k in enumerate(kinds)]

    def _check_unit(self) -> None:
        """A prediction covers one latent's pixels: a smaller masked unit would be partly hidden, partly visible."""
        stride, patch = self.grid.patch, self.encoder.grid.patch
        unit = getattr(self.masking, 'unit', None) or patch
        unit = (unit,) * len(stride) if isinstance(unit, int) else unit
        if any(u % s for u, s in zip(unit, stride, strict=True)):
            shown = ['x'.join(map(str, sides)) for sides in (unit, stride)]
            raise ConfigError(
                f'masked units of {shown[0]} pixels do not fill the {shown[1]} pixels of a latent; set masking.unit to '
                f'a multiple of {shown[1]}'
            )

    def _out_width(self) -> int:
        widths = {target.dim for target in self.targets}
        if len(widths) != 1:
            raise ConfigError(
                f'the targets ask for {sorted(widths)} values per token; one head can only give one number'
            )
        return widths.pop()


def in_colour(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs `(B, C, ...)`, one channel repeated to three, and the colour of blanks, which their content seldom has."""
    grey = inputs.shape[1] == 1
    shown = inputs.expand(-1, 3, *inputs.shape[2:]) if grey else inputs
    blank = shown.new_tensor(BLUE if grey else [GREY] * shown.shape[1])
    return shown, blank.view(1, -1, *(1,) * (inputs.dim() - 2))


def in_a_row(inputs: Tensor, places: int = PLACES) -> Tensor:
    """`(B, C, T, H, W)` to evenly spaced places of the first axis in a row, `(B, C, H, places * W)`."""
    depth = inputs.shape[2]
    chosen = torch.linspace(0, depth - 1, min(places, depth)).long().to(inputs.device)
    return inputs.index_select(2, chosen).transpose(2, 3).flatten(3)
