"""A codebook that follows the vectors it stands for, and never falls asleep."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


class Codebook(nn.Module):
    """Codes learned as moving averages of the vectors assigned to them (van den Oord et al. 2017, appendix A.1).

    A code whose share of the assignments falls below `revive / size` is replaced by a random vector of the batch, so
    the first update turns the random start into data and a large codebook stays in use: the vectors of a young encoder
    all point one way, and without replacement a few codes take them for good. Nothing is read back from the device.

    Args:
        size: V, number of codes.
        width: of a code.
        decay: of the moving averages.
        normalised: codes and inputs are compared on the unit sphere (BEiT v2); otherwise by Euclidean distance.
        revive: see above; 0 leaves unused codes alone.
    """

    def __init__(self, size: int, width: int, decay: float = 0.99, normalised: bool = True, revive: float = 0.1):
        super().__init__()
        self.decay, self.normalised, self.revive = decay, normalised, revive
        codes = torch.randn(size, width)
        self.register_buffer('codes', F.normalize(codes, dim=-1) if normalised else codes)
        self.register_buffer('count', torch.zeros(size))
        self.register_buffer('total', torch.zeros(size, width))

    def __len__(self) -> int:
        return self.codes.shape[0]

    def prepare(self, vectors: Tensor) -> Tensor:
        """Vectors `(..., width)` as they are compared with the codes, fp32."""
        vectors = vectors.float()
        return F.normalize(vectors, dim=-1) if self.normalised else vectors

    def scores(self, vectors: Tensor) -> Tensor:
        """Prepared vectors `(T, width)` to `(T, V)`: cosines, or minus squared distances up to a constant per row."""
        product = vectors @ self.codes.t()
        return product if self.normalised else 2 * product - self.codes.square().sum(-1)

    @torch.no_grad()
    def update(self, vectors: Tensor, ids: Tensor) -> Tensor:
        """Move the codes towards the prepared vectors `(T, width)` assigned to them; returns the counts `(V,)`.

        Counts, sums and replacements are shared by all processes.
        """
        count = torch.zeros_like(self.count).index_add_(0, ids, torch.ones_like(vectors[:, 0]))
        total = torch.zeros_like(self.total).index_add_(0, ids, vectors)
        fresh = vectors[torch.randint(len(vectors), (len(self),), device=vectors.device)]
        world = 1
        if dist.is_available() and dist.is_initialized():
            world = dist.get_world_size()
            dist.all_reduce(count)
            dist.all_reduce(total)
            dist.broadcast(fresh, src=0)
        self.count.lerp_(count, 1 - self.decay)
        self.total.lerp_(total, 1 - self.decay)
        self._replace_unused(fresh, expected=world * len(vectors) / len(self))
        self.codes.copy_(self.prepare(self.total / self.count.clamp(min=1e-12).unsqueeze(-1)))
        return count

    def _replace_unused(self, fresh: Tensor, expected: float) -> None:
        unused = self.count < self.revive * expected
        credit = 2 * self.revive * expected  # little: what is not taken up is soon replaced again
        self.total.copy_(torch.where(unused.unsqueeze(-1), fresh * credit, self.total))
        self.count.copy_(torch.where(unused, credit, self.count))
