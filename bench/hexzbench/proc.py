"""Runs pipelines, and measures each of their processes."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

LIMIT = 900  # seconds that a pipeline may take


class Failed(Exception):
    """A process failed; the message says which, and what it wrote to stderr."""


@dataclass
class Command:
    """A pipeline: argument lists of its stages. No stdout is /dev/null."""

    stages: list
    stdin: str | None = None
    stdout: str | None = None
    cwd: str | None = None
    env: dict = field(default_factory=dict)


@dataclass
class Measure:
    """Seconds of wall clock and of CPU, and bytes of peak memory of each stage."""

    wall: float
    cpu: float
    rss: list


def run(command):
    """Runs a pipeline to its end. Any exit code that is not expected raises Failed.

    A fork of Python is large before it becomes the tool, and the kernel counts that as the
    tool's peak memory. So GNU time, which is tiny, stands between; CPU time is wait4's, which
    covers all that the stage waited for.
    """
    with tempfile.TemporaryDirectory() as tmp:
        procs, begin = [], time.perf_counter()
        timer = threading.Timer(LIMIT, lambda: _kill(procs))
        timer.start()
        try:
            _start(command, tmp, procs)
            cpu = 0.0
            for p in procs:
                _, status, usage = os.wait4(p.pid, 0)
                p.returncode = os.waitstatus_to_exitcode(status)
                cpu += usage.ru_utime + usage.ru_stime
            wall = time.perf_counter() - begin
        finally:
            timer.cancel()
            _kill(procs)
        _check(command, tmp, procs)
        rss = []
        for i in range(len(procs)):
            with open(f"{tmp}/rss{i}") as f:
                rss.append(int(f.read().split()[-1]) * 1024)
        return Measure(wall, cpu, rss)


def _start(command, tmp, procs):
    env = os.environ | {"LC_ALL": "C.UTF-8"} | command.env
    last = len(command.stages) - 1
    source = os.open(command.stdin or os.devnull, os.O_RDONLY)
    for i, argv in enumerate(command.stages):
        if i < last:
            following, sink = os.pipe()
        else:
            sink = os.open(command.stdout or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        with open(f"{tmp}/err{i}", "wb") as err:
            try:
                procs.append(subprocess.Popen(
                    ["time", "--quiet", "-f", "%M", "-o", f"{tmp}/rss{i}", *argv],
                    stdin=source, stdout=sink, stderr=err, cwd=command.cwd, env=env,
                    start_new_session=True))
            finally:
                os.close(source)
                os.close(sink)
        if i < last:
            source = following


def _kill(procs):
    for p in procs:
        if p.returncode is None:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _check(command, tmp, procs):
    bad = []
    for i, p in enumerate(procs):
        if p.returncode:
            with open(f"{tmp}/err{i}", errors="replace") as f:
                said = f.read().strip()[-500:]
            bad.append(f"{os.path.basename(command.stages[i][0])}: exit code {p.returncode}: {said}")
    if bad:
        raise Failed("; ".join(bad))


def output(argv, **more):
    """Runs one program that is not measured, and returns what it writes to stdout."""
    r = subprocess.run(argv, capture_output=True, text=True, **more)
    if r.returncode:
        raise Failed(f"{os.path.basename(argv[0])}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()[-500:]}")
    return r.stdout
