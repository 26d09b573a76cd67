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
from pyg_diffpool import coarsen, diff_pool, link_prediction_loss, prepare_adjacency

try:
    from tgp.poolers import DiffPool as TgpDiffPool
except ImportError:
    TgpDiffPool = None

TGP_INSTALLED = TgpDiffPool is not None

Outputs = tuple[Tensor, ...]
Prepare = Callable[[Problem], Problem]

POOLED = ("x", "adj", "link", "entropy")
# How edges are handed over: as they are, in another order, declared undirected, or prepared once.
RAW, SHUFFLED_EDGES = "raw edge_index", "shuffled edge_index"
UNDIRECTED, PREPARED_EDGES = "undirected EdgeIndex", "prepared adjacency"
LEAVES = {"x": "x", "logits": "logits", "edge_weight": "weights"}


def pooled_objective(outputs: Outputs, problem: Problem) -> Tensor:
    """Return the sum of what is pooled, by the problem's cotangents, and of both losses."""
    x, adj, link, entropy = outputs
    return (x * problem.grad_x).sum() + (adj * problem.grad_adj).sum() + link + entropy


def as_it_is(problem: Problem) -> Problem:
    """Prepare nothing."""
    return problem


class Contender(NamedTuple):
    """A system under one setting.

    Attributes:
        run: From a problem to the outputs.
        convention: Whose constant factors the losses have, or what else is computed: a key of
            :data:`benchmarks.timing.oracle.EXACT`.
        prepare: What happens to a problem before its time is taken.
        objective: From the outputs to what is derived.
        outputs: Their names.
    """

    run: Callable[[Problem], Outputs]
    convention: str
    prepare: Prepare = as_it_is
    objective: Callable[[Outputs, Problem], Tensor] = pooled_objective
    outputs: tuple[str, ...] = POOLED


def _with_adjacency(problem: Problem) -> Problem:
    """Prepare the adjacency, as a loader does that keeps it with its batches."""
    adjacency = prepare_adjacency(problem.edge_index, num_nodes=problem.batch.numel())
    return problem._replace(adjacency=adjacency)


def _with_width(problem: Problem) -> Problem:
    """Tell the size of the largest graph, as a loader does that knows its graphs."""
    return problem._replace(max_num_nodes=problem.largest)


def edges_as(problem: Problem, form: str) -> Any:
    """Return the edges of a problem in one of the forms that users have them in."""
    if form == UNDIRECTED:
        # Made anew each time: nothing that an EdgeIndex caches is carried over.
        size = (problem.batch.numel(), problem.batch.numel())
        return EdgeIndex(problem.edge_index, sparse_size=size, sort_order="row", is_undirected=True)
    if form == PREPARED_EDGES:
        return problem.adjacency
    return problem.shuffled if form == SHUFFLED_EDGES else problem.edge_index


def ours(
    form: str,
    backend: str = "auto",
    pool: Callable[..., Outputs] = diff_pool,
    prepare: Prepare | None = None,
    convention: str = "pyg",
) -> Contender:
    """Return our pooling, given the edges in a form.

    Args:
        form: How edges are handed over, such as :data:`RAW`.
        backend: Which backend contracts.
        pool: What is called.
        prepare: What happens before the time is taken. (default: what the form needs)
        convention: Of the losses.
    """
    if prepare is None:
        prepare = _with_adjacency if form == PREPARED_EDGES else as_it_is

    def run(problem: Problem) -> Outputs:
        return pool(
            problem.x,
            problem.logits,
            edges_as(problem, form),
            problem.edge_weight,
            batch=problem.batch,
            batch_size=problem.batch_size,
            max_num_nodes=problem.max_num_nodes,
            convention=convention,
            backend=backend,
        )

    return Contender(run, convention, prepare)


def ours_without_losses(form: str, backend: str = "auto") -> Contender:
    """Return our coarsening alone, by the logits as they are."""

    def pool(*arguments: Any, convention: str, **settings: Any) -> Outputs:
        return coarsen(*arguments, **settings)

    def objective(outputs: Outputs, problem: Problem) -> Tensor:
        x, adj, gram = outputs
        return (x * problem.grad_x).sum() + ((adj + gram) * problem.grad_adj).sum()

    plain = ours(form, backend, pool, convention="coarsen")
    return plain._replace(objective=objective, outputs=("x", "adj", "gram"))


def our_link_loss(form: str) -> Contender:
    """Return our link prediction loss alone."""

    def pool(
        x: Tensor, logits: Tensor, *edges: Any, convention: str, backend: str, **settings: Any
    ) -> Outputs:
        # Autocast leaves softmax to float32.
        wide = torch.promote_types(logits.dtype, torch.float32)
        return (link_prediction_loss(logits.softmax(-1, dtype=wide), *edges, **settings),)

    plain = ours(form, "auto", pool, convention="link")
    return plain._replace(objective=lambda outputs, problem: outputs[0], outputs=("loss",))


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


class GivenLogits(nn.Module):
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
        pooler.selector.mlp = GivenLogits(problem, batched)
        out = pooler(x=problem.x, adj=problem.edge_index, batch=problem.batch)
        return out.x, out.edge_index, out.loss["link_loss"], out.loss["entropy_loss"]

    return Contender(run, "tgp")


COMPILER = "inductor"
OURS = f"ours, {UNDIRECTED}"
SHUFFLED = f"ours, {SHUFFLED_EDGES}"
PREPARED = f"ours, {PREPARED_EDGES}"
COMPILED = "ours, compiled"
OURS_GIVEN = f"{OURS}, sizes given"
PYG = "PyG"
PYG_GIVEN = f"{PYG}, sizes given"
TGP = ("tgp, batched", "tgp, unbatched")

CONTENDERS: dict[str, Contender] = {
    OURS: ours(UNDIRECTED),
    f"{OURS}, padded": ours(UNDIRECTED, "padded"),
    f"{OURS}, ragged": ours(UNDIRECTED, "ragged"),
    f"ours, {RAW}": ours(RAW),
    SHUFFLED: ours(SHUFFLED_EDGES),
    PREPARED: ours(PREPARED_EDGES),
    COMPILED: ours(RAW, pool=_compiled),
    PYG: Contender(_run_pyg, "pyg"),
}
if TGP_INSTALLED:
    CONTENDERS |= {name: _tgp(name == TGP[0]) for name in TGP}


def told_the_sizes(backends: Sequence[str]) -> dict[str, Contender]:
    """Return contenders that know the largest graph: ours by each backend, and PyG.

    A GPU would be waited for to measure it. ``"auto"`` must be the first backend.
    """
    found = {
        OURS_GIVEN if backend == "auto" else f"{OURS_GIVEN}, {backend}": ours(
            UNDIRECTED, backend, prepare=_with_width
        )
        for backend in backends
    }
    return found | {PYG_GIVEN: Contender(_run_pyg, "pyg", _with_width)}


def forward_backward(contender: Contender, problem: Problem) -> list[Tensor]:
    """Run both passes; return the outputs, then the gradients of the leaves that there are."""
    leaves = {
        name: value.detach().requires_grad_()
        for name in LEAVES
        if (value := getattr(problem, name)) is not None
    }
    problem = problem._replace(**leaves)
    outputs = contender.run(problem)
    gradients = torch.autograd.grad(
        contender.objective(outputs, problem), list(leaves.values()), materialize_grads=True
    )
    return [*outputs, *gradients]


def all_of(contender: Contender, problems: Sequence[Problem]) -> Callable[[], None]:
    """Return a step that runs both passes on all problems, prepared beforehand."""
    prepared = [contender.prepare(problem) for problem in problems]

    def run() -> None:
        for problem in prepared:
            forward_backward(contender, problem)

    return run


def expected(problem: Problem, contender: Contender) -> list[Tensor]:
    """Return the exact outputs and gradients, in float64 on the CPU."""
    wide = problem.on("cpu")
    changed = {
        name: value.double()
        for name in (*LEAVES, "grad_x", "grad_adj")
        if (value := getattr(wide, name)) is not None
    }
    wide = wide._replace(**changed)
    graphs, exact = oracle.graphs_of(wide), oracle.EXACT[contender.convention]

    def run(given: Problem) -> Outputs:
        return exact(graphs, given.x, given.logits, given.edge_weight)

    return forward_backward(contender._replace(run=run), wide)


def errors(
    contender: Contender,
    problem: Problem,
    exact: Sequence[Tensor] | None = None,
    least_slope: float = 0.0,
) -> dict[str, float]:
    """Return the largest error of each result over the largest exact value of that result.

    Args:
        contender: Whose results are checked.
        problem: The batch.
        exact: What :func:`expected` returns. (default: computed)
        least_slope: What errors of gradients are divided by where all of them are smaller.
    """
    if exact is None:
        exact = expected(problem, contender)
    leaves = [LEAVES[name] for name in LEAVES if getattr(problem, name) is not None]
    names = [*contender.outputs, *(f"gradient of {leaf}" for leaf in leaves)]
    found = forward_backward(contender, contender.prepare(problem))
    return {
        name: oracle.relative_error(got, want, least_slope if name.startswith("gradient") else 0.0)
        for name, got, want in zip(names, found, exact, strict=True)
    }
