import errno
import os
import subprocess
import sys

import pytest
import typer

from benchmarks.commands.mistakes import mistakes_told
from benchmarks.spec.errors import UsageError


def ended_with(error):
    with pytest.raises(typer.Exit) as ended, mistakes_told():
        raise error
    return ended.value.exit_code


class TerminatedWorkerError(RuntimeError):
    """As joblib's is called."""


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("wrong [x]", "below :smile:"), 2, "error: wrong [x]\nbelow :smile:\n"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/[y]"), 2, "device: /x/[y]"),
        (FileNotFoundError("what it says"), 2, "error: what it says"),
        (ModuleNotFoundError("none", name="ogb.io"), 2, 'pip install "pyg-diffpool[ogb]"'),
        (ModuleNotFoundError("none", name="grakel"), 2, 'pip install "pyg-diffpool[benchmark]"'),
        (MemoryError(), 1, "the memory is not enough"),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate"), 1, "not enough ([enforce]"),
        (TerminatedWorkerError(), 1, "a worker process was killed"),
    ],
)
def test_each_is_one_message_and_a_code(capsys, error, code, message):
    assert ended_with(error) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a bug"), ValueError("a bug"), ModuleNotFoundError("none", name="benchmarks.x")],
)
def test_faults_of_this_code_keep_their_traceback(error):
    with pytest.raises(type(error)), mistakes_told():
        raise error


def run_module(code, *arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        **options,
    )


def test_a_reader_that_leaves_and_an_interrupt_leave_no_traceback():
    code = (
        "import os, signal, sys\n"
        "from benchmarks.commands import cli\n"
        "if sys.argv[1] == 'interrupt':\n"
        # Shells start what they run in the background without it.
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    cli.json.dumps = lambda *a: os.kill(os.getpid(), signal.SIGINT)\n"
        "else:\n"
        "    read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "cli.app(['list', '--format', 'json'])\n"
    )
    left = run_module(code, "pipe")
    assert (left.returncode, left.stderr) == (1, "")
    stopped = run_module(code, "interrupt")
    assert stopped.returncode == 130
    assert "stopped; the same command begins again" in stopped.stderr
    assert "Traceback" not in stopped.stderr


@pytest.mark.parametrize(
    ("command", "package"),
    [("scaling", "matplotlib"), ("run", "sklearn"), ("demo", "matplotlib")],
)
def test_a_missing_package_is_named_with_its_extra(tmp_path, command, package):
    code = (
        "import importlib.abc, sys\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] == sys.argv[1]:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from benchmarks.commands.cli import app\n"
        "app(sys.argv[2:])\n"
    )
    arguments = {
        "run": "--dataset CommunityChains --method diffpool --protocol fair --folds 0 --jobs 1"
        " --set epochs=1",
        "scaling": "--axes moon",
        "demo": "--epochs 1 --seeds 1 --graphs 40",
    }[command].split()
    done = run_module(code, package, command, *arguments, "--out", str(tmp_path))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    if command != "scaling":
        assert 'pip install "pyg-diffpool[benchmark]"' in done.stderr
