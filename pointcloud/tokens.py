"""Point-BERT's prediction of discrete tokens: a tokenizer of groups, the tokens as a target, and block masking.

An approximation of Point-BERT: its tokenizer joins neighbouring groups by a DGCNN and unfolds points from a plane, ours
makes a token of each group alone; the contrast of mixed clouds with a momentum encoder is left out.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pointcloud.model import PointPreprocessor
from pointcloud.targets import PointTarget
from pretrain.encoders.point_net import GroupEmbed, init_weights
from pretrain.errors import CheckpointError, ConfigError
from pretrain.files import atomic
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.masking import Masking
from pretrain.model import TrainableModel
from pretrain.points import chamfer, group_points
from pretrain.registry import MODELS


class GroupTokenizer(nn.Module):
    """Groups to ids and back: a PointNet, scores of `vocabulary` words, their vectors, and an MLP to K points.

    Args:
        group_size: K.
        vocabulary: 8192 in Point-BERT.
        width: of the vectors, 256 there.
    """

    def __init__(self, group_size: int = 32, vocabulary: int = 8192, width: int = 256):
        super().__init__()
        self.group_size, self.vocabulary, self.width = group_size, vocabulary, width
        self.embed = GroupEmbed(width)
        self.scores = nn.Linear(width, vocabulary)
        self.words = nn.Embedding(vocabulary, width)
        self.decoder = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, 2 * width), nn.GELU())
        self.points = nn.Linear(2 * width, 3 * group_size)
        init_weights(self)

    def logits(self, neighbours: Tensor) -> Tensor:
        """`(B, G, K, 3)` to `(B, G, vocabulary)`."""
        return self.scores(self.embed(neighbours))

    @torch.no_grad()
    def ids(self, neighbours: Tensor) -> Tensor:
        """`(B, G, K, 3)` to the likeliest word `(B, G)`."""
        return self.logits(neighbours).argmax(-1)

    def decode(self, vectors: Tensor) -> Tensor:
        """`(B, G, width)` to `(B, G, K, 3)`."""
        return self.points(self.decoder(vectors)).unflatten(-1, (self.group_size, 3))

    def save(self, path: Path) -> None:
        shape = {'group_size': self.group_size, 'vocabulary': self.vocabulary, 'width': self.width}
        with atomic(path) as temporary:
            save_file(dict(self.state_dict()), temporary, metadata={'point_tokenizer': json.dumps(shape)})


def load_tokenizer(path: str | Path) -> GroupTokenizer:
    """The tokenizer of a file, strictly. CheckpointError for anything else."""
    try:
        with safe_open(str(path), 'pt') as file:
            shape = json.loads((file.metadata() or {})['point_tokenizer'])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        tokenizer = GroupTokenizer(**shape)
        tokenizer.load_state_dict(state)
    except (SafetensorError, OSError, KeyError, RuntimeError, TypeError, json.JSONDecodeError) as error:
        cause = ' '.join(str(error).split())[:160]
        raise CheckpointError(
            f'{path} is no tokenizer of point groups ({cause}); train one with the point-dvae config'
        ) from error
    return tokenizer.eval()


@MODELS.register_module()
class PointTokenizer(TrainableModel):
    """Trains a GroupTokenizer: Chamfer L1 between groups and what their words decode to, and KL to equal use of words.

    Args:
        num_points, num_groups, group_size: of the clouds and their groups.
        vocabulary, width: see GroupTokenizer.
        temperature: of the Gumbel softmax at the beginning and at the end, falling by a cosine.
        kl: weight of the KL term at the end; it grows linearly from 0.

    The run directory gets `tokenizer.safetensors`.
    """

    def __init__(
        self,
        num_points: int = 1024,
        num_groups: int = 64,
        group_size: int = 32,
        vocabulary: int = 8192,
        width: int = 256,
        temperature: tuple[float, float] = (1.0, 0.0625),
        kl: float = 0.1,
    ):
        super().__init__((num_points,), 3, (0.0,) * 3, (1.0,) * 3)
        self.tokenizer = GroupTokenizer(group_size, vocabulary, width)
        self.num_groups, self.temperature, self.kl = num_groups, tuple(temperature), kl
        self.data_preprocessor = PointPreprocessor()
        self.register_buffer('progress', torch.zeros(()))

    def loss(self, batch: dict) -> dict[str, Tensor]:
        neighbours = group_points(batch['points'], self.num_groups, self.tokenizer.group_size).neighbours
        logits = self.tokenizer.logits(neighbours).float()
        first, last = self.temperature
        heat = last + (first - last) * 0.5 * (1 + torch.cos(torch.pi * self.progress))
        noise = -torch.empty_like(logits).exponential_().log()
        share = ((logits + noise) / heat).softmax(-1)
        points = self.tokenizer.decode(share @ self.tokenizer.words.weight)
        distance = chamfer(points.flatten(0, 1), neighbours.flatten(0, 1), 'l1').mean()
        use = logits.softmax(-1).mean((0, 1))
        spread = (use * (use * self.tokenizer.vocabulary).clamp(min=1e-10).log()).sum()
        words = logits.argmax(-1).unique().numel() if not logits.is_cuda else 0
        out = {'loss_chamfer': distance, 'loss_kl': self.kl * self.progress * spread}
        return out | ({'words': torch.tensor(float(words))} if words else {})

    def after_update(self, progress: float) -> None:
        self.progress.fill_(progress)

    def export(self, folder: Path, recipe: dict, recipe_hash: str) -> Path:
        path = folder / 'tokenizer.safetensors'
        self.tokenizer.save(path)
        return path


@MODELS.register_module()
class GroupTokens(PointTarget):
    """Ids `(B, G)` of the groups by a trained tokenizer (Point-BERT).

    Args:
        tokenizer: the file.
    """

    def __init__(self, tokenizer: str, groups: int, group_size: int):
        net = load_tokenizer(tokenizer)
        if net.group_size != group_size:
            raise ConfigError(f'{tokenizer} is for groups of {net.group_size}, the encoder has group_size={group_size}')
        super().__init__(net.vocabulary, groups, group_size)
        self.net = net.requires_grad_(False)

    def train(self, mode: bool = True):
        return super().train(False)

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        return self.net.ids(batch['groups'].neighbours)


@MODELS.register_module()
class BlockGroupMasking(Masking):
    """A random group and its nearest groups, `int(ratio * G)` of them with a ratio drawn for every cloud (Point-BERT).

    Args:
        ratio: range of the hidden share, (0.25, 0.45) as published.
    """

    def __init__(self, ratio: tuple[float, float] = (0.25, 0.45)):
        super().__init__()
        if not 0 < ratio[0] <= ratio[1] < 1:
            raise ConfigError(f'masking.ratio is {ratio}; it takes (low, high) between 0 and 1')
        self.ratio = tuple(ratio)

    def around(self, grid: TokenGrid, centres: Tensor) -> Mask:
        """A mask for clouds with these centres `(B, G, 3)`."""
        batch, groups = centres.shape[:2]
        first = torch.randint(groups, (batch, 1, 1), device=centres.device).expand(-1, -1, 3)
        rank = (centres - centres.gather(1, first)).square().sum(-1).argsort(1).argsort(1)
        low, high = self.ratio
        count = ((low + (high - low) * torch.rand(batch, 1, device=centres.device)) * groups).long()
        return Mask((rank < count).to(torch.uint8), grid, None, None)
