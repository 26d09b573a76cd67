"""Coarsening by us, by PyG's dense route and by tgp, and how far each is from exact results.

Each contender takes a :class:`~benchmarks.timing.batches.Problem` and returns pooled features,
pooled adjacency and both losses, everything that it needs to get there (conversions to dense
tensors, sorting, transposes) included. Link prediction and entropy losses differ between systems by
constant factors; each is compared with exact results under its own convention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric import EdgeIndex
from torch_geometric.nn import dense_diff_pool as pyg_dense_diff_pool
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.timing import oracle
from benchmarks.timing.batches import Problem
from pyg_diffpool import diff_pool, prepare_adjacency

try:
    from tgp.poolers import DiffPool as TgpDiffPool
except ImportError:
    TgpDiffPool = None

TGP_INSTALLED = TgpDiffPool is not None

Outputs = tuple[Tensor, ...]
Prepare = Callable[[Problem], Problem]

RESULTS = ("x", "adj", "link", "entropy", "gradient of x", "gradient of logits")


class Contender(NamedTuple):
    """A system under one setting.

    Attributes:
        run: From a problem to pooled features, adjacency, link and entropy loss.
        convention: Whose constant factors the losses have: ``"pyg"`` or ``"tgp"``.
        prepare: What happens to a problem before its time is taken.
    """

    run: Callable[[Problem], Outputs]
    convention: str
    prepare: Prepare = lambda problem: problem


def _with_adjacency(problem: Problem) -> Problem:
    """Prepare the adjacency, as a loader does that keeps it with its batches."""
    adjacency = prepare_adjacency(problem.edge_index, num_nodes=problem.batch.numel())
    return problem._replace(adjacency=adjacency)


def _with_width(problem: Problem) -> Problem:
    """Tell the size of the largest graph, as a loader does that knows its graphs."""
    return problem._replace(max_num_nodes=problem.largest)


def _ours(
    edges: str,
    backend: str = "auto",
    pool: Callable[..., Outputs] = diff_pool,
    prepare: Prepare | None = None,
) -> Contender:
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
            max_num_nodes=problem.max_num_nodes,
            convention="pyg",
            backend=backend,
        )

    return Contender(run, "pyg", *([] if prepare is None else [prepare]))


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
    given = {"batch_size": problem.batch_size, "max_num_nodes": problem.max_num_nodes}
    x, mask = to_dense_batch(problem.x, problem.batch, **given)
    logits, _ = to_dense_batch(problem.logits, problem.batch, **given)
    adj = to_dense_adj(problem.edge_index, problem.batch, **given)
    outputs: Outputs = pyg_dense_diff_pool(x, adj, logits, mask)
    return outputs


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
OURS_GIVEN = f"{OURS}, sizes given"
PYG = "PyG"
PYG_GIVEN = f"{PYG}, sizes given"
TGP = ("tgp, batched", "tgp, unbatched")

CONTENDERS: dict[str, Contender] = {
    OURS: _ours("undirected"),
    "ours, undirected EdgeIndex, padded": _ours("undirected", "padded"),
    "ours, undirected EdgeIndex, ragged": _ours("undirected", "ragged"),
    "ours, raw edge_index": _ours("raw"),
    SHUFFLED: _ours("shuffled"),
    PREPARED: _ours("prepared", prepare=_with_adjacency),
    COMPILED: _ours("raw", pool=_compiled),
    PYG: Contender(_run_pyg, "pyg"),
}
if TGP_INSTALLED:
    CONTENDERS |= {name: _tgp(name == TGP[0]) for name in TGP}


def told_the_sizes(backends: Sequence[str]) -> dict[str, Contender]:
    """Return contenders that know the largest graph: ours by each backend, and PyG.

    A GPU would be waited for to measure it. ``"auto"`` must be the first backend.
    """
    found = {
        OURS_GIVEN if backend == "auto" else f"{OURS_GIVEN}, {backend}": _ours(
            "undirected", backend, prepare=_with_width
        )
        for backend in backends
    }
    return found | {PYG_GIVEN: Contender(_run_pyg, "pyg", _with_width)}


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


def all_of(contender: Contender, problems: Sequence[Problem]) -> Callable[[], None]:
    """Return a step that runs both passes on all problems, prepared beforehand."""
    prepared = [contender.prepare(problem) for problem in problems]

    def run() -> None:
        for problem in prepared:
            forward_backward(contender, problem)

    return run


def expected(problem: Problem, convention: str) -> list[Tensor]:
    """Return the exact outputs and gradients, in float64 on the CPU."""
    wide = problem.on("cpu")
    wide = wide._replace(
        x=wide.x.double(),
        logits=wide.logits.double(),
        grad_x=wide.grad_x.double(),
        grad_adj=wide.grad_adj.double(),
    )
    graphs = oracle.graphs_of(wide)
    exact = Contender(
        lambda given: oracle.pooled(graphs, given.x, given.logits, None, convention), convention
    )
    outputs, *gradients = forward_backward(exact, wide)
    return [*outputs, *gradients]


def errors(
    contender: Contender, problem: Problem, exact: Sequence[Tensor] | None = None
) -> dict[str, float]:
    """Return the largest error of each result over the largest exact value of that result.

    Args:
        contender: Whose results are checked.
        problem: The batch.
        exact: What :func:`expected` returns for the contender's convention. (default: computed)
    """
    if exact is None:
        exact = expected(problem, contender.convention)
    outputs, *gradients = forward_backward(contender, contender.prepare(problem))
    return {
        name: oracle.relative_error(got, want)
        for name, got, want in zip(RESULTS, [*outputs, *gradients], exact, strict=True)
    }
