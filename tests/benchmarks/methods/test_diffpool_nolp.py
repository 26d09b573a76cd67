import torch

from tests.benchmarks.methods.networks import answers, random_graph, small_network, small_settings


def test_without_the_link_objective_the_loss_is_the_entropy_s():
    graph = random_graph(12, 0)
    losses = {
        name: answers(small_network(method, small_settings(method, **weights), [12]), graph)[1]
        for name, method, weights in (
            ("both", "diffpool", {}),
            ("link", "diffpool", {"entropy_weight": 0.0}),
            ("entropy", "diffpool-nolp", {}),
        )
    }
    assert losses["entropy"] > 0
    assert losses["link"] > 0
    torch.testing.assert_close(losses["link"] + losses["entropy"], losses["both"])
