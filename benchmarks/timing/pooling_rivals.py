"""MinCut and DMoN by us, by PyG's dense layers and by tgp, as contenders of coarsening.

All of them pool with the same logits, and return pooled features, normalised pooled adjacency and
their losses. PyG divides the cluster loss of every graph of a batch by the size of each, and tgp
does not apply SELU: each is compared with exact results of its own.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch_geometric.nn import DMoNPooling as PygDMoN
from torch_geometric.nn import dense_mincut_pool
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.timing.batches import Problem
from benchmarks.timing.rivals import (
    RAW,
    TGP,
    UNDIRECTED,
    Contender,
    GivenLogits,
    Outputs,
    edges_as,
)
from pyg_diffpool import mincut_pool
from pyg_diffpool.ops import dmon_pool

try:
    from tgp import poolers as tgp_poolers
except ImportError:
    tgp_poolers = None

MINCUT, DMON = "MinCut", "DMoN"
OUTPUTS = {
    MINCUT: ("x", "adj", "cut", "orthogonality"),
    DMON: ("x", "adj", "modularity", "orthogonality", "collapse"),
}


def _objective(outputs: Outputs, problem: Problem) -> Tensor:
    x, adj, *losses = outputs
    total: Tensor = (x * problem.grad_x).sum() + (adj * problem.grad_adj).sum() + sum(losses)
    return total


def _contender(layer: str, convention: str, run: Any) -> Contender:
    return Contender(run, convention, objective=_objective, outputs=OUTPUTS[layer])


def _ours(layer: str, form: str) -> Contender:
    pool = {MINCUT: mincut_pool, DMON: dmon_pool}[layer]

    def run(problem: Problem) -> Outputs:
        outputs: Outputs = pool(  # type: ignore[operator]
            problem.x,
            problem.logits,
            edges_as(problem, form),
            problem.edge_weight,
            problem.batch,
            problem.batch_size,
            max_num_nodes=problem.max_num_nodes,
        )
        return outputs[-len(OUTPUTS[layer]) :]

    return _contender(layer, layer, run)


def _pyg(layer: str) -> Contender:
    def run(problem: Problem) -> Outputs:
        given = {"batch_size": problem.batch_size, "max_num_nodes": problem.max_num_nodes}
        x, mask = to_dense_batch(problem.x, problem.batch, **given)
        adj = to_dense_adj(problem.edge_index, problem.batch, **given)
        if layer == MINCUT:
            logits, _ = to_dense_batch(problem.logits, problem.batch, **given)
            outputs: Outputs = dense_mincut_pool(x, adj, logits, mask)
            return outputs
        pooler = PygDMoN(x.size(-1), problem.logits.size(1))
        pooler.mlp = GivenLogits(problem, batched=True)
        _, *outputs = pooler(x, adj, mask)
        return tuple(outputs)

    return _contender(layer, f"{layer}, PyG" if layer == DMON else layer, run)


def _tgp(layer: str, batched: bool) -> Contender:
    kind = {MINCUT: "MinCutPooling", DMON: "DMoNPooling"}[layer]
    names = {
        MINCUT: ("cut_loss", "ortho_loss"),
        DMON: ("spectral_loss", "ortho_loss", "cluster_loss"),
    }[layer]

    def run(problem: Problem) -> Outputs:
        pooler = getattr(tgp_poolers, kind)(
            in_channels=problem.x.size(1),
            k=problem.logits.size(1),
            batched=batched,
            ortho_loss_coeff=1.0,
        )
        pooler.selector.mlp = GivenLogits(problem, batched)
        out = pooler(x=problem.x, adj=problem.edge_index, batch=problem.batch)
        return out.x, out.edge_index, *(out.loss[name] for name in names)

    return _contender(layer, f"{layer}, tgp" if layer == DMON else layer, run)


POOLINGS: dict[str, Contender] = {}
for _layer in (MINCUT, DMON):
    POOLINGS |= {
        f"{_layer}, ours": _ours(_layer, UNDIRECTED),
        f"{_layer}, ours, {RAW}": _ours(_layer, RAW),
        f"{_layer}, PyG": _pyg(_layer),
    }
    if tgp_poolers is not None:
        POOLINGS |= {f"{_layer}, {mode}": _tgp(_layer, mode == TGP[0]) for mode in TGP}
