import torch

from benchmarks.spec.problem import Problem


def test_a_checkpoint_gives_the_problem_back():
    problem = Problem(7, 3, [4, 2], torch.tensor([5, 9]), 2, "atom")
    assert Problem.from_record({**problem.as_record(), "epoch": 4}) == problem


def test_old_checkpoints_have_no_sizes_and_no_edge_features():
    problem = Problem.from_record({"num_features": 7, "num_classes": 3, "clusters": [4]})
    assert problem[:3] == (7, 3, [4])
    assert (problem.num_edge_features, problem.encoder) == (0, None)
    assert (problem.train_sizes.dtype, problem.train_sizes.numel()) == (torch.long, 0)
