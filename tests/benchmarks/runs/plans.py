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


def fair_plan(method: str, **changes: object) -> Plan:
    """Return a plan of one fold under ``fair``, as the recipe has it."""
    return plan_for(method, **{"protocol": "fair", "overrides": {}, "folds": [0], **changes})
