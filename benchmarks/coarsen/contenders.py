r"""What the coarsening benchmark compares, and the float64 results that all are held against.

Each contender takes a :class:`~benchmarks.coarsen.batches.Problem` and returns pooled features,
pooled adjacency and both losses, everything that it needs to get there (conversions to dense
tensors, sorting, transposes) included. Link prediction and entropy losses differ between systems by
constant factors; each is compared with float64 results under its own convention.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric import EdgeIndex
from torch_geometric.nn import dense_diff_pool as pyg_dense_diff_pool
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.coarsen.batches import Problem
from pyg_diffpool import diff_pool, prepare_adjacency

try:
    from tgp.poolers import DiffPool as TgpDiffPool
except ImportError:
    TgpDiffPool = None

Outputs = tuple[Tensor, Tensor, Tensor, Tensor]


class Contender(NamedTuple):
    """A system under one setting.

    Attributes:
        run: From a problem to pooled features, adjacency, link and entropy loss.
        convention: Whose constant factors the losses have: ``"pyg"`` or ``"tgp"``.
        prepare: What happens to a problem before its time is taken.
    """

    run: Callable[[Problem], Outputs]
    convention: str
    prepare: Callable[[Problem], Problem] = lambda problem: problem


def _with_adjacency(problem: Problem) -> Problem:
    """Prepare the adjacency, as a loader does that keeps it with its batches."""
    adjacency = prepare_adjacency(problem.edge_index, num_nodes=problem.batch.numel())
    return problem._replace(adjacency=adjacency)


def _ours(edges: str, backend: str = "auto", pool: Callable[..., Outputs] = diff_pool) -> Contender:
    def run(problem: Problem) -> Outputs:
        edge_index = problem.edge_index
        if edges == "undirected":
            # Made anew each time: nothing that an EdgeIndex caches is carried over.
            size = (problem.batch.numel(), problem.batch.numel())
            edge_index = EdgeIndex(
                edge_index, sparse_size=size, sort_order="row", is_undirected=True
            )
        elif edges == "shuffled":
            edge_index = problem.shuffled
        elif edges == "prepared":
            edge_index = problem.adjacency
        return pool(
            problem.x,
            problem.logits,
            edge_index,
            batch=problem.batch,
            batch_size=problem.batch_size,
            convention="pyg",
            backend=backend,
        )

    return Contender(run, "pyg", *([_with_adjacency] if edges == "prepared" else []))


@cache
def _compiled_diff_pool() -> Callable[..., Outputs]:
    return torch.compile(diff_pool, fullgraph=True, dynamic=True, backend=COMPILER)


def _compiled(*arguments: Any, **settings: Any) -> Outputs:
    return _compiled_diff_pool()(*arguments, **settings)


@cache
def why_not_compiled() -> str | None:
    """Return why nothing can be compiled here, such as for want of a C++ compiler, or None."""
    try:
        torch.compile(lambda x: x.sin() + 1, backend=COMPILER)(torch.ones(2))
    except Exception as error:
        return f"torch.compile does not work here: {type(error).__name__}"
    return None


def _run_pyg(problem: Problem) -> Outputs:
    x, mask = to_dense_batch(problem.x, problem.batch, batch_size=problem.batch_size)
    logits, _ = to_dense_batch(problem.logits, problem.batch, batch_size=problem.batch_size)
    adj = to_dense_adj(problem.edge_index, problem.batch, batch_size=problem.batch_size)
    pooled, pooled_adj, link, entropy = pyg_dense_diff_pool(x, adj, logits, mask)
    return pooled, pooled_adj, link, entropy


class _GivenLogits(nn.Module):
    """Takes the place of tgp's MLP, so that all contenders pool with the same logits."""

    def __init__(self, problem: Problem, batched: bool):
        super().__init__()
        self.problem, self.batched = problem, batched

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, dense where features are."""
        problem = self.problem
        if not self.batched:
            return problem.logits
        return to_dense_batch(problem.logits, problem.batch, batch_size=problem.batch_size)[0]


def _tgp(batched: bool) -> Contender:
    def run(problem: Problem) -> Outputs:
        pooler = TgpDiffPool(
            in_channels=problem.x.size(1),
            k=problem.logits.size(1),
            batched=batched,
            remove_self_loops=False,
            degree_norm=False,
        )
        pooler.selector.mlp = _GivenLogits(problem, batched)
        out = pooler(x=problem.x, adj=problem.edge_index, batch=problem.batch)
        return out.x, out.edge_index, out.loss["link_loss"], out.loss["entropy_loss"]

    return Contender(run, "tgp")


COMPILER = "inductor"
OURS = "ours, undirected EdgeIndex"
SHUFFLED = "ours, shuffled edge_index"
PREPARED = "ours, prepared adjacency"
COMPILED = "ours, compiled"
PYG = "PyG"
TGP = ("tgp, batched", "tgp, unbatched")

CONTENDERS: dict[str, Contender] = {
    OURS: _ours("undirected"),
    "ours, undirected EdgeIndex, padded": _ours("undirected", "padded"),
    "ours, undirected EdgeIndex, ragged": _ours("undirected", "ragged"),
    "ours, raw edge_index": _ours("raw"),
    SHUFFLED: _ours("shuffled"),
    PREPARED: _ours("prepared"),
    COMPILED: _ours("raw", pool=_compiled),
    PYG: Contender(_run_pyg, "pyg"),
}
if TgpDiffPool is not None:
    CONTENDERS |= {name: _tgp(name == TGP[0]) for name in TGP}


def forward_backward(contender: Contender, problem: Problem) -> tuple[Outputs, Tensor, Tensor]:
    """Run both passes; return the outputs and the gradients of features and logits."""
    problem = problem._replace(
        x=problem.x.detach().requires_grad_(), logits=problem.logits.detach().requires_grad_()
    )
    outputs = contender.run(problem)
    grad_x, grad_logits = torch.autograd.grad(
        _objective(outputs, problem), [problem.x, problem.logits]
    )
    return outputs, grad_x, grad_logits


def _objective(outputs: Outputs, problem: Problem) -> Tensor:
    x, adj, link, entropy = outputs
    return (x * problem.grad_x).sum() + (adj * problem.grad_adj).sum() + link + entropy


def errors(contender: Contender, problem: Problem) -> dict[str, float]:
    """Return the largest error of each result over the largest float64 value of that result."""
    wide = problem._replace(
        x=problem.x.double(),
        logits=problem.logits.double(),
        grad_x=problem.grad_x.double(),
        grad_adj=problem.grad_adj.double(),
    )
    reference = Contender(lambda given: _reference(given, contender.convention), "")
    expected, *expected_gradients = forward_backward(reference, wide)
    found, *gradients = forward_backward(contender, contender.prepare(problem))
    found, expected = ([result.detach() for result in results] for results in (found, expected))
    names = ("x", "adj", "link", "entropy", "gradient of x", "gradient of logits")
    pairs = zip([*found, *gradients], [*expected, *expected_gradients], strict=True)
    return {
        name: float((got.double() - want).abs().max() / want.abs().max())
        for name, (got, want) in zip(names, pairs, strict=True)
    }


def _reference(problem: Problem, convention: str) -> Outputs:
    """Follow the equations graph by graph with a dense adjacency."""
    sizes = problem.sizes.tolist()
    graph = problem.batch[problem.edge_index[0]]
    first, pooled, adjs, squares = 0, [], [], []
    s = torch.softmax(problem.logits, -1)
    for g, size in enumerate(sizes):
        adj = problem.x.new_zeros(size, size)
        rows, cols = problem.edge_index[:, graph == g] - first
        adj[rows, cols] = 1.0
        own = s[first : first + size]
        pooled.append(own.t() @ problem.x[first : first + size])
        adjs.append(own.t() @ adj @ own)
        squares.append((adj - own @ own.t()).square().sum())
        first += size
    link, entropy = torch.stack(squares).sum().sqrt(), -torch.xlogy(s, s).sum()
    if convention == "pyg":
        slots = len(sizes) * max(sizes)
        link, entropy = link / (slots * max(sizes)), entropy / slots
    else:
        entropy = entropy / sum(sizes)
    return torch.stack(pooled), torch.stack(adjs), link, entropy
