import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.data.ogb_dataset import load_ogb_dataset
from benchmarks.spec.errors import UsageError

ROOT = Path(__file__).parents[3]


@pytest.mark.ogb
@pytest.mark.usefixtures("ogb_package")
def test_ogb_is_imported_without_asking_for_its_newest_version():
    code = (
        "import sys, threading; from benchmarks.data.ogb_package import import_ogb\n"
        "version = import_ogb('ogb.version')\n"
        "assert version.check_outdated is None and 'outdated' not in sys.modules\n"
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_without_ogb_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ogb.graphproppred", None)
    with pytest.raises(UsageError, match=r'pip install "pyg-diffpool\[ogb\]"'):
        load_ogb_dataset("ogbg-molhiv")
