import pytest

from tests.notebooks.execution import missing_packages


@pytest.fixture(autouse=True)
def _packages() -> None:
    if missing := missing_packages():
        pytest.skip(f"needs {', '.join(missing)}: pip install '.[notebooks]'")
