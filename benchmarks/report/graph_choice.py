"""Which graphs of a fold the explorer shows: rightly and wrongly classified, by a fixed rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Classified(NamedTuple):
    """A graph that training did not see, and what a network says of it.

    Attributes:
        graph: Its number in the data set.
        nodes: Its number of nodes.
        label: Its class.
        predicted: The likeliest class.
        probability: That class's probability.
        batch: In which batch of the fold it comes.
        place: Its number in that batch.
    """

    graph: int
    nodes: int
    label: int
    predicted: int
    probability: float
    batch: int
    place: int


def chosen_graphs(graphs: Sequence[Classified], number: int, max_nodes: int) -> list[int]:
    """Return numbers of graphs: half of them wrongly classified, as far as there are such.

    Both halves are spread evenly over classes and, within a class, over sizes.

    Args:
        graphs: Graphs of one fold.
        number: How many are wanted.
        max_nodes: Larger graphs are left out, and graphs without nodes.
    """
    fitting = sorted(
        (graph for graph in graphs if 1 <= graph.nodes <= max_nodes),
        key=lambda graph: (graph.label, graph.nodes, graph.graph),
    )
    right = [graph for graph in fitting if graph.predicted == graph.label]
    wrong = [graph for graph in fitting if graph.predicted != graph.label]
    num_wrong = min(len(wrong), max(number // 2, number - len(right)))
    chosen = spread_evenly(wrong, num_wrong) + spread_evenly(right, number - num_wrong)
    return sorted(graph.graph for graph in chosen)


def spread_evenly(items: Sequence[Classified], number: int) -> list[Classified]:
    """Return so many of the items, or all, evenly from first to last."""
    number = min(number, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * number)] for place in range(number)]
