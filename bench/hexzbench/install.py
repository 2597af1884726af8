"""Builds hexz, installs the peers that are missing, and asks all for their versions."""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

BEGIN = time.monotonic()
ROOT = Path(__file__).resolve().parent.parent.parent

# Program, and the package of Debian that has it.
DEBIAN = {
    "time": "time", "zstd": "zstd", "lz4": "lz4", "casync": "casync", "restic": "restic",
    "borg": "borgbackup", "qemu-img": "qemu-utils", "qemu-io": "qemu-utils", "mksquashfs": "squashfs-tools",
}
GO = {
    "desync": "github.com/folbricht/desync/cmd/desync@latest",
    "kopia": "github.com/kopia/kopia@latest",
}
RUST_HEXZ = "hexz==0.8.2"  # a wheel, so that no Rust is needed


class Peers:
    """Where the programs are, and why others are not there."""

    def __init__(self, directory):
        self.dir = directory  # what is installed here stays for the next run
        self.bin = directory / "bin"
        self.programs = {}
        self.missing = {}  # name -> reason

    def install(self):
        self.bin.mkdir(parents=True, exist_ok=True)
        build(self.bin)
        self._debian()
        for name, module in GO.items():
            self._go(name, module)
        self._rust()

    def _debian(self):
        wanted = sorted({p for name, p in DEBIAN.items() if not shutil.which(name)})
        problem = ""
        if wanted:
            say("installing", *wanted)
            try:
                apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
                if os.geteuid() != 0:
                    apt.insert(0, "sudo")
                _quiet([*apt, "update"])
                _quiet([*apt, "install", "-y", "--no-install-recommends", *wanted],
                       os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
            except Problem as e:
                problem = str(e)
        for name, package in DEBIAN.items():
            if path := shutil.which(name):
                self.programs[name] = path
            else:
                self.missing[name] = f"package {package} did not install: {problem}"
        if "time" in self.missing:
            sys.exit("bench: GNU time is needed; install the package time")

    def _go(self, name, module):
        found = shutil.which(name) or shutil.which(name, path=str(self.bin))
        if not found:
            say("installing", name)
            try:
                _quiet(["go", "install", module], os.environ | {"GOBIN": str(self.bin), "GOFLAGS": ""}, cwd="/")
                found = self.bin / name
            except Problem as e:
                self.missing[name] = f"go install {module} failed: {e}"
                return
        self.programs[name] = str(found)

    def _rust(self):
        venv = self.dir / "venv"
        python = venv / "bin" / "python"
        try:
            if not python.exists() or subprocess.run([python, "-c", "import hexz"], capture_output=True).returncode:
                say("installing", RUST_HEXZ)
                _quiet([sys.executable, "-m", "venv", "--clear", str(venv)])
                _quiet([str(python), "-m", "pip", "-q", "install", "--only-binary", ":all:", RUST_HEXZ])
            self.programs["hexz-rust"] = str(python)
        except Problem as e:
            self.missing["hexz-rust"] = f"pip install {RUST_HEXZ} failed: {e}"


def build(target):
    """Builds the binaries anew, so that what is measured is what stands in the tree."""
    subprocess.run(["go", "build", "-trimpath", "-o", f"{target}/", "./cmd/...", "./bench/randread"],
                   cwd=ROOT, check=True)


class Problem(Exception):
    pass


def _quiet(argv, env=None, cwd=None):
    try:
        r = subprocess.run(argv, env=env, cwd=cwd, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Problem(str(e)) from e
    if r.returncode:
        lines = (r.stderr or r.stdout).strip().splitlines() or [f"exit code {r.returncode}"]
        raise Problem(next((line for line in lines if re.search("403|404|[Ee]rror|verifying", line)), lines[-1])[:300])


def say(*words):
    """Tells on stderr what is going on, behind the seconds since the start."""
    print(f"bench: {time.monotonic() - BEGIN:5.0f} s:", *words, file=sys.stderr, flush=True)


VERSIONS = {
    "zstd": ["zstd", "--version"], "lz4": ["lz4", "--version"],
    "casync": ["casync", "--version"], "restic": ["restic", "version"], "borg": ["borg", "--version"],
    "qemu-io": ["qemu-io", "--version"], "mksquashfs": ["mksquashfs", "-version"],
    "desync": ["{desync}", "--version"], "kopia": ["{kopia}", "--version"],
    "hexz-rust": ["{hexz-rust}", "-c", "import hexz; print(hexz.version())"], "go": ["go", "version"],
}


def environment(peers):
    """Returns what is told about the machine and the tools."""
    versions = {}
    for name, argv in VERSIONS.items():
        if name in peers.missing:
            continue
        argv = [a.format(bin=peers.bin, **peers.programs) for a in argv]
        r = subprocess.run(argv, capture_output=True, text=True)
        lines = (r.stdout or r.stderr).strip().splitlines() or ["?"]
        found = re.search(r"(\d+(\.\d+)+[^\s,]*)", lines[0]) or re.search(r"(\d+)\b", lines[0])
        versions[name] = found.group(1) if found else lines[0]
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s*(\d+)", f.read()).group(1)) * 1024
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "cpu": model.group(1) if model else platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "memory": memory, "kernel": platform.release(), "versions": versions,
        "commit": commit.stdout.strip(), "missing": peers.missing,
    }
