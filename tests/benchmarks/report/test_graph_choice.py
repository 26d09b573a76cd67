from benchmarks.report.graph_choice import Classified, chosen_graphs, spread_evenly


def graphs(*wrong, number=20, classes=2):
    """Graph g of class g % 2 with g + 1 nodes, rightly classified but those named."""
    return [
        Classified(g, g + 1, g % classes, (g + (g in wrong)) % classes, 0.9, 0, g)
        for g in range(number)
    ]


def test_half_of_the_graphs_are_wrongly_classified():
    wrong = {1, 2, 3, 4, 5, 6}
    chosen = chosen_graphs(graphs(*wrong), 8, max_nodes=100)
    assert len(chosen) == len(set(chosen)) == 8
    assert len(wrong & set(chosen)) == 4
    assert {g % 2 for g in wrong & set(chosen)} == {0, 1}
    assert chosen == sorted(chosen)
    assert chosen == chosen_graphs(graphs(*wrong)[::-1], 8, max_nodes=100)


def test_the_other_half_fills_up_what_one_lacks():
    assert len(chosen_graphs(graphs(), 6, max_nodes=100)) == 6
    one = chosen_graphs(graphs(7), 6, max_nodes=100)
    assert len(one) == 6
    assert 7 in one
    assert len(chosen_graphs(graphs(*range(20)), 6, max_nodes=100)) == 6
    assert len(chosen_graphs(graphs(3), 50, max_nodes=100)) == 20


def test_graphs_without_nodes_and_large_ones_are_left_out():
    empty = Classified(99, 0, 0, 0, 1.0, 0, 0)
    assert chosen_graphs([*graphs(), empty], 50, max_nodes=5) == [0, 1, 2, 3, 4]


def test_items_are_taken_evenly():
    assert [g.graph for g in spread_evenly(graphs(number=9), 3)] == [1, 4, 7]
    assert spread_evenly(graphs(), 0) == []
