"""Plans of runs on the data set TINY."""

from benchmarks.runs.plan import Plan, make_plan

OVERRIDES = {"epochs": 40, "num_layers": 1}


def plan_for(method: str, **changes: object) -> Plan:
    """Return a plan for a method, in which some arguments are others."""
    arguments = {
        "dataset": "TINY",
        "method": method,
        "protocol": "reference",
        "overrides": OVERRIDES,
        "folds": range(10),
        "seeds": [0],
        "splits": None,
        **changes,
    }
    return make_plan(**arguments)
