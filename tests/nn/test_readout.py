import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.nn import readout

X = torch.tensor([[[1.0], [5.0], [-2.0]], [[4.0], [7.0], [9.0]]])
MASK = torch.tensor([[True, False, True], [False, False, False]])
WANTED = {"max": [[1.0], [0.0]], "mean": [[-0.5], [0.0]], "sum": [[-1.0], [0.0]]}


@pytest.mark.parametrize("reduce", WANTED)
def test_rows_outside_the_mask_do_not_count_and_no_rows_give_zeros(reduce):
    expected = torch.tensor(WANTED[reduce])
    for mask in (MASK, MASK.float(), MASK.long()):
        assert_close(readout(X, reduce, mask=mask), expected)
    batch = torch.tensor([0, 0])
    assert_close(readout(X[MASK], reduce, batch=batch, batch_size=2), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": X, "mask": 0.5 * MASK}, ValueError, "mask: expected True and False"),
        ({"x": X, "mask": MASK.tolist()}, TypeError, "mask: expected a boolean tensor, got list"),
        ({"x": X, "mask": MASK[:, :2]}, ValueError, r"mask: expected shape \[2, 3\], got"),
        ({"x": X[0], "mask": MASK[0]}, ValueError, "mask: expected None on a sparse level"),
        ({"x": X[0], "batch": [0, 0, 0]}, TypeError, "batch: expected a tensor or None, got list"),
        ({"x": X.tolist()}, TypeError, "x: expected a tensor, got list"),
    ],
)
def test_what_is_wrong_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        readout(**arguments, reduce="mean")
