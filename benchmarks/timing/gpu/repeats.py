"""Whether anything waits for the device, and whether runs repeat bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data

from benchmarks.spec.device import synchronise
from benchmarks.timing.gpu.cases import make_case, rounded
from benchmarks.timing.gpu.part import FAILED, OK, Setting
from benchmarks.timing.limited_process import describe
from benchmarks.timing.rivals import RAW, UNDIRECTED, forward_backward, ours
from benchmarks.timing.turns import on_cuda
from benchmarks.timing.works import Row, Work
from pyg_diffpool import Adjacency, DiffPoolNet, ResidentLoader, diff_pool, prepare_adjacency

REPEATS = 4
NETWORK, LOADER = "DiffPoolNet", "ResidentLoader"
PREPARED_NETWORK = f"{NETWORK}, prepared adjacency"
# One asks for the size of every graph by design, the other calls PyG's to_dense_batch, which copies
# numbers to the device.
WAITING = ("ragged", "padded")
FEATURES, CLUSTERS, CLASSES = 17, 13, 3

Run = Callable[[], list[Tensor]]


def repeat_works(setting: Setting, backends: list[str]) -> Iterable[Work]:
    """Yield the works about waiting, then those about repeating."""
    if on_cuda(setting.device):
        for name in (LOADER, NETWORK, PREPARED_NETWORK, *backends):
            yield Work(f"waiting, {name}", partial(check_waiting, name, setting))
    for name in (NETWORK, *backends):
        yield Work(f"repeating, {name}", partial(check_repeating, name, setting))


def check_waiting(name: str, setting: Setting) -> list[Row]:
    """Return one row: whether a pass forward and backward runs without waiting."""
    loader = _loader(setting)
    batch = next(iter(loader))
    if name == LOADER:
        step: Run = lambda: [next(iter(loader)).x]  # noqa: E731
    elif name in (NETWORK, PREPARED_NETWORK):
        edges = batch.edge_index if name == NETWORK else batch.adjacency
        step = network_step(batch, edges, setting)
    else:
        step = partial(_pool_batch, batch, name, setting)
    # Programs are compiled and workspaces allocated once, which may wait.
    step(), step()
    synchronise(setting.device)
    note = None
    try:
        with waiting_is_an_error():
            step()
    except RuntimeError as error:
        note = describe(error)
    synchronise(setting.device)
    found = OK if note is None else "waits, as it must" if name in WAITING else FAILED
    return [{"kind": "waiting", "case": name, "verdict": found, "note": note}]


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Let torch raise where it would wait for the device."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def check_repeating(name: str, setting: Setting) -> list[Row]:
    """Return a row for each batch: which results differ in any bit from those of a first run."""
    runs: dict[str, Run] = {}
    if name == NETWORK:
        # Weights are drawn once: gradients of the same network are compared.
        batch = next(iter(_loader(setting)))
        runs["batch of a loader"] = network_step(batch, batch.edge_index, setting)
    else:
        sizes = (600, 0, 129, 1, 40, 300, 17)
        for form in (UNDIRECTED, RAW):
            drawn = make_case(sizes, 33, 65, setting.seed, form, weights=form == RAW).problem
            problem = rounded(drawn, torch.float32).on(setting.device)
            runs[form] = partial(forward_backward, ours(form, name, convention="paper"), problem)
    rows = []
    for form, run in runs.items():
        first = run()
        different: set[int] = set()
        for _ in range(REPEATS):
            different |= {
                position
                for position, (before, after) in enumerate(zip(first, run(), strict=True))
                if not torch.equal(before, after)
            }
        rows.append(
            {
                "kind": "repeating",
                "case": name,
                "form": form,
                "runs": REPEATS + 1,
                "results": len(first),
                "different": sorted(different),
                "verdict": FAILED if different else OK,
            }
        )
    return rows


def network_step(batch: Batch, edges: EdgeIndex | Adjacency, setting: Setting) -> Run:
    """Return a pass forward and backward of a network of two poolings."""
    torch.manual_seed(setting.seed)
    network = DiffPoolNet(FEATURES, 16, CLASSES, max_clusters=[CLUSTERS, 4]).to(setting.device)

    def step() -> list[Tensor]:
        network.zero_grad(set_to_none=True)
        out = network(
            batch.x,
            edges,
            batch=batch.batch,
            batch_size=batch.num_graphs,
            max_num_nodes=batch.max_num_nodes,
        )
        loss = cross_entropy(out.logits, batch.y) + out.loss
        loss.backward()  # type: ignore[no-untyped-call]
        slopes = [weight.grad for weight in network.parameters() if weight.grad is not None]
        return [out.logits.detach(), loss.detach(), *slopes]

    return step


def _pool_batch(batch: Batch, backend: str, setting: Setting) -> list[Tensor]:
    """Pool with the edges as the loader gives them in both forms, and prepared here."""
    x = batch.x.detach().requires_grad_()
    logits = x[:, :CLUSTERS]
    results = []
    for edges in (batch.edge_index, batch.adjacency, prepare_adjacency(batch.edge_index)):
        results += diff_pool(
            x,
            logits,
            edges,
            batch=batch.batch,
            batch_size=batch.num_graphs,
            max_num_nodes=batch.max_num_nodes,
            backend=backend,
        )
    total = torch.stack([result.sum() for result in results]).sum()
    return [*results, *torch.autograd.grad(total, [x])]


def _loader(setting: Setting) -> ResidentLoader:
    sizes = (9, 120, 1, 33, 7, 64, 5, 80)
    graphs = []
    for number, size in enumerate(sizes):
        problem = make_case((size,), 1, FEATURES, setting.seed + number, UNDIRECTED).problem
        y = torch.tensor([number % CLASSES])
        graphs.append(Data(x=problem.x.float(), edge_index=problem.edge_index, y=y))
    return ResidentLoader(graphs, len(sizes), device=setting.device)
