"""The command line of bench/run."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import chart, corpus, install, peers, report, rust, tools
from .randomread import RandomReads
from .results import Results
from .rounds import Round
from .scaling import Scaling
from .targets import targets

TOOLS = (tools.Hexz, tools.HexzS2, tools.HexzLz4, tools.HexzEncrypted, tools.Zstd, tools.Lz4, peers.Casync, peers.Desync,
         peers.Restic, peers.Borg, peers.Kopia, rust.HexzRust)
STEPS = ("pack", "second", "known", "restore", "verify", "random", "scaling")

DESCRIPTION = """\
Measures hexz beside zstd, lz4, casync, desync, restic, borg, kopia, qcow2, squashfs and
the Rust hexz, and writes RESULTS.md, with results.svg and results.json beside it. Tools
that are missing are installed, where that is possible; inputs that are missing are made,
by bench/make-corpus. Both need root.
"""


def arguments():
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    p = argparse.ArgumentParser(prog="bench/run", description=DESCRIPTION,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="two rounds with a small part of the inputs, to try the "
                   "scripts: the numbers mean little")
    p.add_argument("--corpus", type=Path, default=cache / "hexz-bench", metavar="DIR",
                   help="where the inputs are; what is packed goes there, too (default %(default)s)")
    p.add_argument("--out", type=Path, metavar="FILE", help="the report (default bench/RESULTS.md; with --quick "
                   "quick/RESULTS.md in the directory of the inputs)")
    p.add_argument("--only", metavar="NAMES", default="", help="these steps and these tools, with commas between; "
                   f"hexz is always there. Steps: {', '.join(STEPS)}. Tools: {', '.join(t.name for t in TOOLS)}")
    p.add_argument("--rounds", type=int, metavar="N", help="N rounds of the fast tools (default 5, with --quick 2)")
    a = p.parse_args()
    names = {n.strip() for n in a.only.split(",") if n.strip()}
    if unknown := names - set(STEPS) - {t.name for t in TOOLS}:
        p.error(f"--only: unknown: {', '.join(sorted(unknown))}")
    a.steps = names & set(STEPS) or set(STEPS)
    a.tools = names & {t.name for t in TOOLS}
    a.rounds = a.rounds or (2 if a.quick else 5)
    a.out = a.out or (a.corpus / "quick" if a.quick else Path(__file__).resolve().parent.parent) / "RESULTS.md"
    return a


def main():
    a = arguments()
    a.corpus = a.corpus.resolve()
    a.corpus.mkdir(parents=True, exist_ok=True)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    present = install.Peers(a.corpus / "peers")
    present.install()
    env = install.environment(present)
    corpus.make(a.corpus)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=a.corpus))
    try:
        found, used = measure(a, present, work)
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; nothing is written")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found.shorten(str(work) + "/")
    dedup = [t.name for t in used if t.dedup and not isinstance(t, tools.Hexz)]
    env |= {"rounds": describe_rounds(a), "inputs": describe_inputs(a)}
    goals = targets(found, dedup)
    a.out.with_name("results.json").write_text(json.dumps({"environment": env, "steps": found.rows}, indent=1) + "\n")
    a.out.with_name("results.svg").write_text(chart.draw(found, dedup))
    a.out.write_text(report.write(found, env, goals, {t.name: t.what for t in used}, "results.svg"))
    install.say(f"wrote {a.out}")
    failed = [f"{tool}: {step}: {v['error']}" for step, row in found.rows.items() for tool, v in row.items() if v["error"]]
    for line in failed:
        install.say("failed:", line)
    return 1 if failed else 0


def slow_rounds(a):
    return min(a.rounds, 3)


def measure(a, present, work):
    """Runs all that is asked for. Returns the results, and the tools that took part."""
    inputs = corpus.place(a.corpus, work, a.quick)
    used = [t(work / t.name.replace(" ", "-"), present) for t in TOOLS
            if t.name not in present.missing and (not a.tools or t.name in a.tools or t.name == "hexz")]
    found = Results()
    if a.steps - {"random", "scaling"}:
        for number in range(1, a.rounds + 1):
            Round(number, used, inputs, work, found, a.steps, slow_rounds(a)).run()
        for tool in used:
            shutil.rmtree(tool.dir, ignore_errors=True)
    if "random" in a.steps:
        reads = RandomReads(inputs["disk-b.img"], work, present, found, 200 if a.quick else 2000)
        for number in range(1, a.rounds + 1):
            reads.round(number)
    if "scaling" in a.steps:
        scaling = Scaling(inputs, work, present, found)
        for number in range(1, slow_rounds(a) + 1):
            scaling.threads(number)
            scaling.stages(number)
        if not a.quick:
            scaling.sizes((1, 2, 4, 8))
    return found, used


def describe_rounds(a):
    slow = ", ".join(t.name for t in TOOLS if t.slow)
    return (f"{a.rounds}; of {slow} {slow_rounds(a)}, but {a.rounds} of packing linux-a.tar; "
            f"{slow_rounds(a)} of threads and stages, 1 of each size of input")


def describe_inputs(a):
    if a.quick:
        return "QUICK: only the first " + ", ".join(f"{v >> 20} MiB of {k}" for k, v in corpus.QUICK.items())
    return ", ".join(f"{n} {(a.corpus / n).stat().st_size / 1e6:.0f} MB" for n in corpus.NAMES)
