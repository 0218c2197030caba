"""AUROC against a plain statement over pairs, MedMNIST's protocol, and the model that is scored."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from medical.auc import FindingMetric, VoteMetric, auroc
from medical.classifier import FindingClassifier
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit
ENCODER = dict(
    arch='vit_tiny_patch16_224', arch_args=dict(patch_size=4, embed_dim=24, depth=2, num_heads=2), position='sincos-xy'
)


def plain_auc(score, positive) -> float:
    """Every positive against every negative; a tie is half a win."""
    pairs = [(p > n) + 0.5 * (p == n) for p in score[positive] for n in score[~positive]]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize('ties', [False, True])
def test_auroc_is_the_share_of_pairs(ties):
    rng = np.random.default_rng(0)
    for _ in range(20):
        score = rng.integers(0, 5, 40).astype(float) if ties else rng.normal(size=40)
        positive = rng.random(40) < 0.3
        assert auroc(score, positive) == pytest.approx(plain_auc(score, positive), abs=1e-12)
    assert np.isnan(auroc(score, np.zeros(40, bool))) and auroc(np.zeros(40), positive) == 0.5


class Images:
    """As much of a data set as the metric asks for."""

    def __init__(self, count: int):
        self.count, self.source = count, SimpleNamespace(name=lambda i: f'{i}.png')

    def __len__(self) -> int:
        return self.count


def metric(count: int, classes: int, multi_label: bool) -> FindingMetric:
    return FindingMetric(Images(count), [f'c{i}' for i in range(classes)], multi_label)


def test_two_classes_as_medmnist():
    logits, label = torch.randn(30, 2), torch.randint(0, 2, (30,))
    found = metric(30, 2, False)
    found.add(torch.arange(30), logits, label)
    scores = found.scores()
    share = logits.double().softmax(1)[:, 1].numpy()
    assert scores.overall['auc'] == pytest.approx(plain_auc(share, label.numpy() == 1))
    assert scores.overall['accuracy'] == pytest.approx(float((logits.argmax(1) == label).double().mean()))


def test_several_classes_one_against_the_rest():
    logits, label = torch.randn(60, 4), torch.randint(0, 4, (60,))
    found = metric(60, 4, False)
    found.add(torch.arange(60), logits, label)
    share = logits.double().softmax(1).numpy()
    areas = [plain_auc(share[:, k], label.numpy() == k) for k in range(4)]
    assert found.scores().overall['auc'] == pytest.approx(np.mean(areas))


def test_findings_without_both_kinds_and_unknown_ones_are_left_out():
    logits = torch.randn(20, 3)
    label = torch.zeros(20, 3)
    label[::2, 0], label[5, 0] = 1, torch.nan
    label[:7, 2] = 1
    found = metric(20, 3, True)
    found.add(torch.arange(20), logits, label)
    scores = found.scores()
    known = ~label[:, 0].isnan().numpy()
    first = plain_auc(logits[:, 0].numpy()[known], label[:, 0].numpy()[known] == 1)
    assert set(scores.per_class['auc']) == {'c0', 'c2'} and scores.overall['scored'] == 2
    assert scores.per_class['auc']['c0'] == pytest.approx(first)
    assert scores.per_class['positives'] == {'c0': 10.0, 'c1': 0.0, 'c2': 7.0}
    empty = metric(20, 1, True)
    empty.add(torch.arange(20), logits[:, :1], torch.zeros(20, 1))
    with pytest.raises(DataError, match='no AUC'):
        empty.scores()


def test_order_and_parts_change_nothing():
    logits, label = torch.randn(31, 3), torch.randint(0, 3, (31,))
    whole = metric(31, 3, False)
    whole.add(torch.arange(31), logits, label)
    for parts in (2, 3):
        other = metric(31, 3, False)
        for rows in reversed(torch.arange(31).chunk(parts)):
            other.add(rows, logits[rows], label[rows])
        assert other.scores() == whole.scores()
    whole.add(torch.tensor([4]), logits[:1], label[:1])
    with pytest.raises(RuntimeError, match='seen more than once'):
        whole.scores()


def test_a_prediction_that_is_not_finite_is_named():
    with pytest.raises(RuntimeError, match=r'1.png'):
        metric(2, 2, False).add(torch.arange(2), torch.tensor([[0.0, 1.0], [torch.nan, 0.0]]), torch.zeros(2).long())


def classifier(**args) -> FindingClassifier:
    return FindingClassifier(ENCODER, **{'num_classes': 3, 'image_size': 16, **args})


def test_loss_leaves_unknown_findings_out():
    model = classifier(multi_label=True, head_std=0.5).eval()
    image, label = torch.rand(4, 1, 16, 16), torch.randint(0, 2, (4, 3)).float()
    with torch.no_grad():
        logits = model.network(image)
        full = float(model.loss({'image': image, 'label': label})['loss'])
        assert full == pytest.approx(float(F.binary_cross_entropy_with_logits(logits, label)), rel=1e-5)
        label[1, 2] = torch.nan
        known = ~label.isnan()
        part = F.binary_cross_entropy_with_logits(logits[known], label[known])
        assert float(model.loss({'image': image, 'label': label})['loss']) == pytest.approx(float(part), rel=1e-5)


def test_only_the_linear_layer_of_a_probe_trains():
    model = classifier(probe=True)
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        'network.head.1.weight',
        'network.head.1.bias',
    }
    model.train()
    assert not model.network.net.training and model.network.head.training
    before = {n: t.clone() for n, t in model.network.net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model.loss({'image': torch.rand(4, 1, 16, 16), 'label': torch.tensor([0, 1, 2, 0])})['loss'].backward()
    optimizer.step()
    assert all(torch.equal(t, before[n]) for n, t in model.network.net.state_dict().items())
    assert isinstance(model.network.net.norm, torch.nn.LayerNorm)


def test_layers_and_classes():
    model = classifier()
    assert model.layer_id('network.net.blocks.1.mlp.fc1.weight') == 2
    assert model.layer_id('network.head.weight') == model.num_layers == 3
    assert isinstance(model.network.net.norm, torch.nn.Identity)  # tokens are averaged first
    with pytest.raises(ConfigError, match='num_classes'):
        classifier(num_classes=1)


@pytest.mark.parametrize('classes', [2, 4])
def test_shares_of_votes_are_the_probabilities(classes):
    rng = np.random.default_rng(0)
    votes, label = torch.from_numpy(rng.integers(0, 4, (30, classes)) * 1.0), torch.from_numpy(np.arange(30) % classes)
    votes[:, 0] += 0.5  # nobody is without votes
    found = VoteMetric(Images(30), [f'c{i}' for i in range(classes)], False)
    found.add(torch.arange(30), votes, label)
    share = (votes / votes.sum(1, keepdim=True)).numpy()
    areas = [plain_auc(share[:, i], label.numpy() == i) for i in range(classes)]
    assert found.scores().overall['auc'] == pytest.approx(areas[1] if classes == 2 else np.mean(areas))
    assert found.scores().overall['accuracy'] == pytest.approx(float((share.argmax(1) == label.numpy()).mean()))


def test_an_attentive_probe_trains_its_head_alone():
    model = FindingClassifier(dict(ENCODER), 3, probe=True, pool='attentive', head_std=0.02, image_size=16).train()
    batch = {'image': torch.rand(4, 1, 16, 16), 'label': torch.tensor([0, 1, 2, 0])}
    model.loss(batch)['loss'].backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    assert trained and all(name.startswith('network.head.') for name in trained)
    assert not model.network.net.training
    with pytest.raises(ConfigError, match='is for probes'):
        FindingClassifier(dict(ENCODER), 3, pool='attentive', image_size=16)
