"""The tokenizer that this project trains: it learns, keeps its codes in use, and comes back from its file unchanged."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pretrain.errors import CheckpointError
from pretrain.methods.vq_tokenizer import VQTokenizerModel
from pretrain.tokenizers import VQTokenizer, codebook, load_tokenizer, read_card, save_tokenizer
from pretrain.tokenizers.codebook import Codebook

pytestmark = pytest.mark.unit


def _stripes(count, generator):
    """Images of 16x16 pixels, half one colour and half another, in [0, 1]."""
    first, second = (torch.rand(count, 3, 1, 1, generator=generator) for _ in range(2))
    ramp = torch.linspace(0, 1, 16)
    lean = torch.rand(count, 1, 1, 1, generator=generator)
    side = (ramp * lean + ramp.unsqueeze(1) * (1 - lean) > 0.5).float()
    return first * side + second * (1 - side)


def test_vq_tokenizer_learns_and_uses_its_codes():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = VQTokenizerModel(codebook=64, width=32, depth=1, code_width=8, stride=4, image_size=16)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    history = []
    for _ in range(50):
        images = model.data_preprocessor({'image': (_stripes(16, generator) * 255).round().to(torch.uint8)})
        out = model.loss(images)
        optimiser.zero_grad()
        out['loss'].backward()
        optimiser.step()
        history.append({name: value.item() for name, value in out.items()})
        assert all(not value.requires_grad for name, value in out.items() if name != 'loss')
    before = np.mean([step['reconstruction'] for step in history[:5]])
    after = np.mean([step['reconstruction'] for step in history[-5:]])
    assert after < 0.7 * before
    assert np.mean([step['perplexity'] for step in history[-5:]]) > 5
    assert np.mean([step['used_codes'] for step in history[-5:]]) > 10
    assert model.eval().encode_ids(images['image']).unique().numel() > 5


def test_vq_save_and_load_give_identical_ids(vq, tmp_path):
    path = tmp_path / 'tokenizer.safetensors'
    save_tokenizer(vq, path, {'images_seen': 4})
    loaded, pixels = load_tokenizer(path), torch.rand(3, 3, 16, 32)
    assert isinstance(loaded, VQTokenizer) and loaded.args == vq.args
    assert torch.equal(loaded.encode_ids(pixels), vq.encode_ids(pixels))
    assert torch.equal(loaded(pixels)[0], vq(pixels)[0])
    assert read_card(path) == {'images_seen': 4}
    assert [entry.name for entry in tmp_path.iterdir()] == ['tokenizer.safetensors']


def test_failed_save_keeps_the_old_file(vq, tmp_path, monkeypatch):
    path = tmp_path / 't.safetensors'
    save_tokenizer(vq, path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr('os.fsync', fail)
    with pytest.raises(OSError, match='disk full'):
        save_tokenizer(VQTokenizer(vocab=30, width=16, stride=4), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('drop', ['codebook.codes', 'encoder.0.weight'])
def test_vq_file_with_a_missing_tensor_is_named(vq, tmp_path, drop):
    path = tmp_path / 't.safetensors'
    save_tokenizer(vq, path)
    with safe_open(path, 'pt') as file:
        metadata = file.metadata()
    state = load_file(path)
    state.pop(drop)
    save_file(state, path, metadata)
    with pytest.raises(CheckpointError, match=rf't\.safetensors.*{drop}'):
        load_tokenizer(path)


@pytest.mark.parametrize('stride', [2, 4, 8, 16])
def test_vq_grid_follows_the_stride(stride):
    tokenizer = VQTokenizer(vocab=8, width=16, depth=1, code_width=4, stride=stride, channels=1).eval()
    ids = tokenizer.encode_ids(torch.rand(1, 1, 32, 16))
    assert ids.shape == (1, (32 // stride) * (16 // stride))
    assert tokenizer.decode_ids(ids, (32 // stride, 16 // stride)).shape == (1, 1, 32, 16)


@pytest.mark.parametrize('normalised', [True, False])
def test_codebook_chooses_the_nearest_code(normalised):
    torch.manual_seed(0)
    book = Codebook(10, 4, normalised=normalised)
    vectors = book.prepare(torch.randn(50, 4))
    distance = torch.cdist(vectors, book.codes)
    assert torch.equal(book.scores(vectors).argmax(-1), distance.argmin(-1))


def test_codebook_update_is_the_moving_average():
    book = Codebook(2, 3, decay=0.9, normalised=False, revive=0.0)
    book.count.copy_(torch.tensor([4.0, 2.0]))
    book.total.copy_(torch.tensor([[4.0, 0, 0], [0, 6.0, 0]]))
    vectors, ids = torch.tensor([[1.0, 1, 1], [3.0, 1, 1], [0.0, 0, 2]]), torch.tensor([0, 0, 1])
    count = book.update(vectors, ids)
    expected_count = torch.tensor([0.9 * 4 + 0.1 * 2, 0.9 * 2 + 0.1 * 1])
    expected_total = torch.tensor([[3.6 + 0.4, 0.2, 0.2], [0.0, 5.4, 0.2]])
    assert count.tolist() == [2, 1]
    torch.testing.assert_close(book.count, expected_count)
    torch.testing.assert_close(book.codes, expected_total / expected_count[:, None])


def test_codebook_revives_unused_codes_from_the_batch():
    book = Codebook(8, 3, decay=0.5, normalised=False)
    book.codes.copy_(torch.full((8, 3), 100.0))
    book.codes[0] = 0
    vectors = torch.randn(40, 3)
    book.update(vectors, book.scores(vectors).argmax(-1))
    nearest = (book.codes[1:, None] - vectors).abs().amax(-1).amin(-1)
    assert (nearest < 1e-5).all()
    torch.testing.assert_close(book.codes[0], vectors.mean(0))


class _TwoProcesses:
    """Stands in for `torch.distributed`: two threads as ranks 0 and 1, which meet in every collective call."""

    def __init__(self):
        self.ranks = threading.local()
        self.barrier = threading.Barrier(2)
        self.tensors = [torch.empty(0), torch.empty(0)]

    def is_available(self):
        return True

    is_initialized = is_available

    def get_world_size(self):
        return 2

    def all_reduce(self, tensor):
        self._meet(tensor, lambda first, second: first + second)

    def broadcast(self, tensor, src):
        self._meet(tensor, lambda *both: both[src])

    def _meet(self, tensor, combine):
        self.tensors[self.ranks.rank] = tensor.clone()
        self.barrier.wait(60)
        tensor.copy_(combine(*self.tensors))
        self.barrier.wait(60)


def test_processes_share_one_codebook(monkeypatch):
    """Two processes with half the batch each end with equal codes: those of one process, but for the replaced ones."""

    def start():
        torch.manual_seed(0)
        return Codebook(16, 4, normalised=False, decay=0.5, revive=0.5)

    vectors = torch.randn(40, 4)
    alone, both = start(), [start(), start()]
    alone.update(vectors, alone.scores(vectors).argmax(-1))

    group = _TwoProcesses()
    monkeypatch.setattr(codebook, 'dist', group)

    def run(rank):
        group.ranks.rank = rank
        share = vectors[rank::2]
        both[rank].update(share, both[rank].scores(share).argmax(-1))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    for name, value in both[0].state_dict().items():
        assert torch.equal(value, both[1].state_dict()[name])
    torch.testing.assert_close(both[0].count, alone.count)
    credit = 2 * 0.5 * 40 / 16
    kept = alone.count != credit
    assert 0 < kept.sum() < 16
    torch.testing.assert_close(both[0].codes[kept], alone.codes[kept])
