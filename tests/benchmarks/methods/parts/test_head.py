import pytest

from benchmarks.methods.parts.head import BLOCK, HEAD, refuse_several_readouts, refuse_unused
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings


@pytest.mark.parametrize(
    ("named", "names", "message"),
    [
        ({"residual": True}, BLOCK, "setting residual: mine has no use for it, got True"),
        (
            {"readout_norm": "batch"},
            HEAD,
            "setting readout_norm: mine has no use for it, got batch",
        ),
        ({"sum_scale": 2.0}, HEAD, "setting sum_scale: mine has no use for it, got 2.0"),
        ({"head_dropout": 0.0}, HEAD, "setting head_dropout: mine has no use for it, got 0.0"),
        ({"sum_scale": 2.0}, BLOCK, None),
        ({"num_layers": 5}, [*BLOCK, *HEAD], None),
    ],
)
def test_settings_without_an_effect_are_refused_unless_at_their_defaults(named, names, message):
    settings = make_settings(named)
    if message is None:
        refuse_unused("mine", settings, names)
        return
    with pytest.raises(UsageError) as caught:
        refuse_unused("mine", settings, names)
    assert str(caught.value).startswith(message)


def test_several_readouts_are_refused_and_one_is_not():
    refuse_several_readouts("mine", make_settings({"readout": "sum"}))
    with pytest.raises(UsageError, match="mine has a readout of its own, got max,sum"):
        refuse_several_readouts("mine", make_settings({"readout": ["max", "sum"]}))
