import math

import pytest
import torch
from torch.nn.functional import cross_entropy
from torchmetrics.functional.classification import multiclass_accuracy

from benchmarks.data.task import BinaryTasks, Multiclass, metric_of, score_key

NAN = math.nan


def binary(num_outputs=2):
    return BinaryTasks(num_outputs, "rocauc", lambda outputs, targets: 0.0)


def test_binary_loss_by_hand_ignores_what_has_no_label():
    logits = torch.tensor([[0.0, 100.0], [math.log(3.0), -math.log(3.0)]])
    target = torch.tensor([[1.0, NAN], [1.0, 1.0]])
    # -log of the probabilities 1/2, 3/4 and 1/4.
    expected = math.log(2) + math.log(4 / 3) + math.log(4)
    assert float(binary().loss(logits, target)) == pytest.approx(expected / 3)
    total, count = binary().summed_loss(logits, target)
    assert (float(total), int(count)) == (pytest.approx(expected), 3)


def test_binary_loss_has_no_gradient_where_there_is_no_label():
    logits = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    binary().loss(logits, torch.tensor([[0.0, NAN], [NAN, NAN]])).backward()
    assert logits.grad is not None
    # d/dz of -log(1 - sigmoid(z)) is sigmoid(z).
    expected = torch.tensor([[torch.tensor(1.0).sigmoid(), 0.0], [0.0, 0.0]])
    torch.testing.assert_close(logits.grad, expected)


def test_a_batch_without_labels_costs_nothing():
    logits = torch.randn(3, 2, requires_grad=True)
    loss = binary().loss(logits, torch.full((3, 2), NAN))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros(3, 2))


def test_binary_smoothing_is_that_of_two_classes():
    logits, target = torch.randn(5, 1), torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]])
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    expected = cross_entropy(two, target.view(-1).long(), label_smoothing=0.2)
    torch.testing.assert_close(binary(1).loss(logits, target, 0.2), expected)


def test_multiclass_agrees_with_torch_and_torchmetrics():
    task, logits, target = Multiclass(3), torch.randn(50, 3), torch.randint(3, (50,))
    assert torch.equal(
        task.loss(logits, target, 0.1), cross_entropy(logits, target, label_smoothing=0.1)
    )
    total, count = task.summed_loss(logits, target)
    torch.testing.assert_close(total / count, cross_entropy(logits, target))
    # Curves hold float32; whatever the quotient, it is torchmetrics' to the bit.
    for size in range(1, 51):
        expected = multiclass_accuracy(logits[:size], target[:size], 3, average="micro")
        assert float(torch.tensor(task.score(logits[:size], target[:size]))) == float(expected)


def test_records_name_their_metric_and_the_oldest_hold_accuracies():
    assert metric_of({"test_accuracy": 0.5}) == "accuracy"
    assert score_key({"metric": "ap"}, "test") == "test_ap"
    assert score_key({}, "validation") == "validation_accuracy"
