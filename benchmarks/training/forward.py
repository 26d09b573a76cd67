"""Calls a network on a batch and reads its logits and auxiliary loss, whatever form it returns."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from benchmarks.data.ogb_encoder import Encoded
from benchmarks.spec.errors import UsageError
from benchmarks.training.compiled import compiled_network
from pyg_diffpool import DiffPoolNet

_GIVEN = ("x", "edge_index", "batch", "batch_size")
_NEVER = ("y",)  # A parameter of that name must not be fed the labels.


class Prediction(NamedTuple):
    """A network's answer: logits ``[B, C]``, the side objectives, their named terms, its levels."""

    logits: Tensor
    auxiliary_loss: Tensor | None
    terms: dict[str, Tensor]
    levels: Sequence[Any] = ()


class Forward:
    """Calls ``model(x, edge_index, batch=...)`` with what else its signature names.

    ``batch_size``, and whatever else the batch holds but the labels (``edge_weight``,
    ``edge_attr``, ``ptr``, ``adjacency``, ``max_num_nodes``, what the method prepared), are passed
    where ``forward`` has a parameter of that name; a ``**kwargs`` gets nothing. A network behind an
    encoder is called in this way on the batch that its encoder returns.

    Args:
        model: The network.
        compiled: Whether it runs compiled. (default: :obj:`False`)
    """

    def __init__(self, model: nn.Module, compiled: bool = False) -> None:
        self.encoder = model.encoder if isinstance(model, Encoded) else None
        if isinstance(model, Encoded):
            model = model.network
        self.model = model
        self.run: Callable[..., Any] = compiled_network(model) if compiled else model
        parameters = inspect.signature(model.forward).parameters
        self.optional = [name for name in parameters if name not in (*_GIVEN, *_NEVER)]
        self.takes_batch_size = "batch_size" in parameters
        # Features are in the order of the edges, which a prepared adjacency changes.
        featured = isinstance(model, DiffPoolNet) and model.takes_edge_attr
        self.takes_adjacency = isinstance(model, DiffPoolNet) and not featured
        if self.takes_adjacency:
            self.optional.remove("edge_attr")

    def __call__(self, batch: Batch) -> Prediction:
        """Return the network's prediction for a batch, in the dtype of its parameters."""
        parameter = next(self.model.parameters(), None)
        if parameter is not None and batch.x is not None and batch.x.is_floating_point():
            batch = _cast(batch, parameter.dtype)
        if self.encoder is not None:
            batch = self.encoder(batch)
        keywords: dict[str, Any] = {"batch": batch.batch}
        edges = getattr(batch, "adjacency", None) if self.takes_adjacency else None
        if self.takes_batch_size:
            keywords["batch_size"] = batch.num_graphs
        for name in self.optional:
            value = batch.get(name)
            # A prepared adjacency holds the weights.
            if value is not None and not (name == "edge_weight" and edges is not None):
                keywords[name] = value
        edges = batch.edge_index if edges is None else edges
        return _read(self.run(batch.x, edges, **keywords))


def _cast(batch: Batch, dtype: torch.dtype) -> Batch:
    """Return a batch whose numbers have a dtype; a network in float32 gets its batch as it is."""
    if batch.x.dtype == dtype:
        return batch
    return copy.copy(batch).apply(lambda rows: rows.to(dtype) if rows.is_floating_point() else rows)


def _read(output: Any) -> Prediction:
    if isinstance(output, Tensor):
        return Prediction(output, None, {})
    if hasattr(output, "logits"):
        # Poolings of another kind are the user's own affair: nothing here measures or draws them.
        levels = [one for one in getattr(output, "levels", None) or () if _is_pooling(one)]
        return Prediction(output.logits, getattr(output, "loss", None), _terms(levels), levels)
    if isinstance(output, tuple | list) and len(output) == 2:
        return Prediction(output[0], output[1], {})
    raise UsageError(
        "model: expected logits, (logits, auxiliary loss) or an object with logits and loss, "
        f"got {type(output).__name__}"
    )


def _is_pooling(level: Any) -> bool:
    return all(hasattr(level, name) for name in ("assignment", "mask", "losses"))


def _terms(levels: Sequence[Any]) -> dict[str, Tensor]:
    """Return the mean of each named loss of each level, such as ``link_0``."""
    return {
        f"{name}_{level}": values.detach().mean()
        for level, pooled in enumerate(levels)
        for name, values in pooled.losses.items()
    }
