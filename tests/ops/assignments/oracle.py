"""Projections onto the simplex by bisection of their thresholds, row by row, in float64."""

import torch
from torch import Tensor


def projection_oracle(logits: Tensor, power: int) -> Tensor:
    """Rows ``[z - tau]_+^power`` that sum to one, with ``z = logits / power``; 0 where -inf."""
    rows = []
    for row in logits.detach().reshape(-1, logits.size(-1)):
        z = row / power
        low, high = float(z.max()) - 1.0, float(z.max())
        for _ in range(200):
            tau = (low + high) / 2
            if float((z - tau).clamp(min=0).pow(power).sum()) > 1:
                low = tau
            else:
                high = tau
        rows.append((z - low).clamp(min=0).pow(power))
    return torch.stack(rows).view_as(logits)


def some_logits(rows: int = 40, columns: int = 7, scale: float = 2.0) -> Tensor:
    """Logits in float64 whose supports have one to all columns, some of them masked."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    logits = logits * torch.linspace(0.05, scale, rows, dtype=torch.float64).unsqueeze(1)
    logits[: rows // 4, columns // 2 :] = -torch.inf
    logits[-1] = 0.0
    return logits
