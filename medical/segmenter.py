"""The model of volumetric segmentation: an encoder, UNETR's or SwinUNETR's decoder, a Dice loss, a sliding window."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss, DiceLoss
from torch import Tensor, nn

from medical.swinunetr import SwinUnetr
from medical.unetr import Unetr
from pretrain.checkpoint.initial import initial_net
from pretrain.encoders.layers import Layers
from pretrain.encoders.swin3d import SwinTransformer3d
from pretrain.encoders.vit3d import ViT3d
from pretrain.errors import ConfigError
from pretrain.model import TrainableModel
from pretrain.registry import MODELS

SMOOTH = {'smooth_nr': 0.0, 'smooth_dr': 1e-6}
"""Of the Dice loss (Project-MONAI/research-contributions, UNETR on BTCV)."""
HEADS = {'unetr': ViT3d, 'swinunetr': SwinTransformer3d}
"""Decoders by the encoder that they take."""
PARTS = {'unetr': 'vit', 'swinunetr': 'swin'}
"""What the encoder is called beside the decoder."""


@MODELS.register_module()
class VolumeSegmenter(TrainableModel):
    """Fine-tunes a volume transformer with a convolutional decoder, or trains the decoder alone.

    Args:
        encoder: arguments of `initial_net`: `checkpoint` or, for random weights, `arch`, `arch_args`, `position`; and
            timm's own, such as `drop_path_rate`.
        classes: names of the classes of labels, background first; filled in from the data.
        regions: `{name: [class names]}` for overlapping regions that are unions of classes (BraTS): a sigmoid for each
            and the Dice loss. None: a softmax over the classes, Dice and cross-entropy, equally weighted.
        background: count the background as an organ in scores, as MIM-Med3D does; its Dice is near 1 and lifts means.
        head: 'unetr' for a plain transformer, 'swinunetr' for a volumetric Swin.
        taps, feature_size: of UNETR's decoder, see Unetr: (3, 6, 9) and 16 where nothing is said. SwinUNETR's follows
            from its encoder and takes neither.
        squared: square the probabilities in the denominator of the Dice loss.
        overlap: share of neighbouring windows that overlaps, in [0, 1).
        blend: how windows are averaged: 'gaussian' weights, or 'constant' ones.
        window_batch: windows that are computed at once.
        frozen: the encoder stays as it is, in evaluation mode and without gradients; the decoder alone trains.
        image_size: of crops and windows.
    """

    def __init__(
        self,
        encoder: dict,
        classes: Sequence[str] | None = None,
        regions: Mapping[str, Sequence[str]] | None = None,
        background: bool = False,
        head: str = 'unetr',
        taps: Sequence[int] | None = None,
        feature_size: int | None = None,
        squared: bool = True,
        overlap: float = 0.5,
        blend: str = 'gaussian',
        window_batch: int = 4,
        frozen: bool = False,
        image_size: Sequence[int] = (96, 96, 96),
        channels: int = 1,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
    ):
        super().__init__(image_size, channels, mean, std)
        if classes is None or len(classes) < 2:
            raise ConfigError(f'model.classes is {classes}; there must be the background and at least one organ')
        if not 0 <= overlap < 1 or blend not in ('gaussian', 'constant'):
            raise ConfigError(
                f"model.overlap is {overlap} and blend {blend!r}; overlap lies in [0, 1), blend is 'gaussian' or "
                "'constant'"
            )
        if regions and background:
            raise ConfigError('model.background counts a class, but model.regions are scored instead of classes')
        self.classes, self.background = list(classes), background
        self.regions = region_indices(regions, self.classes) if regions else None
        self.initial = initial_net(self.image_size, channels, **encoder)
        self.part = check_head(head, self.initial.net, self.initial.card.arch)
        outputs = len(self.regions) if self.regions else len(self.classes)
        self.network: nn.Module
        if head == 'unetr':
            taps, feature_size = (3, 6, 9) if taps is None else taps, feature_size or 16
            self.network = Unetr(self.initial.net, channels, outputs, taps, feature_size)
        elif taps is not None or feature_size is not None:
            raise ConfigError("model.taps and feature_size are UNETR's; a SwinUNETR decoder follows from its encoder")
        else:
            self.network = SwinUnetr(self.initial.net, channels, outputs)
        self.layers = Layers(self.initial.net)
        self.overlap, self.blend, self.window_batch, self.frozen = overlap, blend, window_batch, frozen
        if frozen:
            self.backbone.requires_grad_(False).eval()
        if self.regions:
            self.criterion = DiceLoss(sigmoid=True, squared_pred=squared, **SMOOTH)
        else:
            self.criterion = DiceCELoss(softmax=True, to_onehot_y=True, squared_pred=squared, **SMOOTH)

    @property
    def backbone(self) -> nn.Module:
        """The encoder within the network."""
        return getattr(self.network, self.part)

    @property
    def organs(self) -> list[str]:
        """What is scored: the regions, or all classes, the background only if asked for."""
        return list(self.regions) if self.regions else self.classes[0 if self.background else 1 :]

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter, 0 to `num_layers`; the decoder belongs to the last."""
        inner = name.removeprefix(f'network.{self.part}.')
        return self.layers.id(inner) if inner != name else self.num_layers

    def train(self, mode: bool = True):
        """A frozen encoder stays in evaluation mode, without drop path."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def loss(self, batch: dict) -> dict[str, Tensor]:
        logits = self.network(batch['image']).float()
        if self.regions:
            return {'loss': self.criterion(logits, self.masks_of(batch['label']).float())}
        return {'loss': self.criterion(logits, batch['label'][:, None])}

    def predict(self, batch: dict) -> dict[str, Tensor]:
        """Masks `(B, organs, *size)` bool of preprocessed volumes of any size."""
        return {'masks': self.to_masks(self.windowed(batch['image']))}

    @torch.no_grad()
    def segment(self, image: Tensor) -> Tensor:
        """Masks `(organs, D, H, W)` bool of one volume `(C, D, H, W)` as the data set gives it, on the CPU.

        Raises RuntimeError for logits that are not finite.
        """
        size = image.shape[1:]
        missing = [max(wanted - side, 0) for wanted, side in zip(self.image_size, size, strict=True)]
        pads = [part for lack in reversed(missing) for part in (lack // 2, lack - lack // 2)]
        image = F.pad(image, pads)  # with 0 before normalisation, as crops are padded in training
        logits = self.windowed(self.data_preprocessor({'image': image[None]})['image'])[0]
        if not bool(torch.isfinite(logits).all()):
            raise RuntimeError('logits are not finite')
        starts = [lack // 2 for lack in missing]
        inner = tuple(slice(start, start + side) for start, side in zip(starts, size, strict=True))
        return self.to_masks(logits[None])[0][(slice(None), *inner)].cpu()

    def windowed(self, image: Tensor) -> Tensor:
        """Logits `(B, outputs, *size)` of normalised volumes at least as large as a window."""
        return sliding_window_inference(
            image, self.image_size, self.window_batch, self.network, overlap=self.overlap, mode=self.blend
        )

    def to_masks(self, logits: Tensor) -> Tensor:
        """`(B, outputs, ...)` to bool `(B, organs, ...)`."""
        if self.regions:
            return logits > 0
        return self.masks_of(logits.argmax(1))

    def masks_of(self, label: Tensor) -> Tensor:
        """Class indices `(B, ...)` to bool `(B, organs, ...)`."""
        if self.regions:
            parts = [sum(label == i for i in indices) > 0 for indices in self.regions.values()]
            return torch.stack(parts, 1)
        return torch.stack([label == i for i in range(0 if self.background else 1, len(self.classes))], 1)


def check_head(head: str, net: nn.Module, arch: str) -> str:
    """What `net` is called beside this decoder. Raises ConfigError for an encoder that the decoder does not take."""
    if head not in HEADS:
        raise ConfigError(f'model.head is {head!r}; allowed: {", ".join(map(repr, HEADS))}')
    if not isinstance(net, HEADS[head]):
        fitting = next((name for name, kind in HEADS.items() if isinstance(net, kind)), None)
        remedy = f'set model.head={fitting!r}' if fitting else 'take a vit3d or swin3d, or inflate an image encoder'
        raise ConfigError(f'model.head is {head!r}, which {arch} does not fit; {remedy}')
    return PARTS[head]


def region_indices(regions: Mapping[str, Sequence[str]], classes: Sequence[str]) -> dict[str, list[int]]:
    """Class indices of each region. Raises ConfigError for a class that the data has not: ids differ by release."""
    unknown = sorted({name for names in regions.values() for name in names} - set(classes[1:]))
    if unknown:
        raise ConfigError(
            f'model.regions names the class {unknown[0]!r}, the labels are {list(classes)}; write the regions in '
            'terms of these, as the release of the data defines them'
        )
    return {region: [list(classes).index(name) for name in names] for region, names in regions.items()}
