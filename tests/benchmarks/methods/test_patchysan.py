import torch
from torch.nn.functional import conv1d

from tests.benchmarks.methods.networks import (
    NUM_FEATURES,
    logits_of,
    prepared,
    random_graph,
    small_network,
    small_settings,
)


def test_it_is_the_papers_convolution_along_the_fields():
    settings = small_settings("patchysan", num_fields=12, field_size=4)
    net = small_network("patchysan", settings, [5, 12]).eval()
    graph = prepared("patchysan", settings, random_graph(9, 0))
    places = graph.x[graph.field_index] * graph.field_mask.view(-1, 1)
    kernel = net.fields.weight.view(16, 4, NUM_FEATURES).transpose(1, 2)
    with torch.no_grad():
        rows = conv1d(places.T.unsqueeze(0), kernel, net.fields.bias, stride=4).relu()
        assert rows.shape == (1, 16, 12)
        seen = conv1d(rows, net.conv.weight, net.conv.bias).relu()
        assert seen.shape == (1, 8, 12 - 10 + 1)
        torch.testing.assert_close(
            logits_of("patchysan", settings, net, [graph]), net.classifier(seen.flatten(1))
        )
    # Three fields of twelve have no root: nothing but the bias.
    torch.testing.assert_close(rows[0, :, 9:], net.fields.bias.relu().view(-1, 1).expand(-1, 3))
