"""RESULTS.md, from the results."""

from statistics import median

from .randomread import STEP as RANDOM
from .rounds import KNOWN, PACK_A, PACK_DISK, RESTORE, SECOND, VERIFY
from .scaling import SIZES, STAGES, THREADS
from .targets import MIB

GB, MB = 1e9, 1e6


def write(results, env, goals, what, chart):
    """Returns the text. what is the options of each tool by name."""
    parts = [_head(env, what), _targets(goals), f"![time and size of cold packs]({chart})\n"]
    for title, text, step, columns in TABLES:
        if results.tools(step):
            parts.append(f"## {title}\n\n{text}\n\n{_table(results, step, columns)}")
    if results.tools(RANDOM):
        parts.append(_random(results))
    return "\n".join(parts)


def _head(env, what):
    versions = ", ".join(f"{n} {v}" for n, v in env["versions"].items())
    lines = [
        "# Measurements", "",
        "Made by `bench/run`; the raw numbers are in [results.json](results.json).", "",
        "| | |", "| --- | --- |",
        f"| CPU | {env['cpu']}, {env['cores']} cores |",
        f"| memory | {env['memory'] / 2**30:.1f} GiB |",
        f"| kernel | {env['kernel']} |",
        f"| hexz | {env['commit']} |",
        f"| versions | {versions} |",
        f"| rounds | {env['rounds']} |",
        f"| inputs | {env['inputs']} |", "",
        "In a round every tool runs in turn, and the next round begins with another tool. The",
        "inputs are in the page cache, outputs go to the same file system, and what was written",
        "is synced before the next tool starts. Times are medians, with the least and the most",
        "in brackets. \"to hexz\" is the median of the ratios within each round: above 1.00 is",
        "slower, or larger, than hexz. CPU is user and system time of all processes. Memory is",
        "the peak of each process: of all stages together, and of the largest. `hexz-seal -o`",
        "syncs its output before it is done, as restic and borg do; zstd, lz4 and casync do not.",
        "restic and kopia encrypt; they cannot do without. MB and GB are powers of 1000.", "",
        "| tool | how |", "| --- | --- |",
        *(f"| {n} | {w} |" for n, w in what.items()), "",
    ]
    for name, why in env["missing"].items():
        lines.append(f"Left out: **{name}**. {_cell(why)}")
        lines.append("")
    return "\n".join(lines)


def _targets(goals):
    lines = ["## Targets", "", "Peers that are left out, or failed, are not compared with.", "",
             "| target | measured | |", "| --- | --- | --- |"]
    for g in goals:
        verdict = "–" if g.met is None else "met" if g.met else "**not met**"
        lines.append(f"| {g.text} | {g.number} | {verdict} |")
    return "\n".join(lines) + "\n"


def _cell(text):
    return " ".join(str(text).replace("|", "\\|").split())


def _spread(values, form):
    if not values:
        return "–"
    if len(values) == 1:
        return form(values[0])
    return f"{form(median(values))} ({form(min(values))}–{form(max(values))})"


def _seconds(v):
    return f"{v:.2f}"


# Columns: each takes results, step and tool, and returns the text of a cell.

def _wall(r, step, tool):
    return _spread(r.values(step, tool, "wall"), _seconds)


def _to_hexz(r, step, tool):
    ratio = r.ratio(step, tool, "wall")
    return "–" if ratio is None else f"{ratio:.2f}"


def _cpu(r, step, tool):
    return _spread(r.values(step, tool, "cpu"), _seconds)


def _cpu_per_gb(r, step, tool):
    return _spread([v["cpu"] / v["input"] * GB for v in r.rounds(step, tool).values()], _seconds)


def _rate(r, step, tool):
    wall = r.median(step, tool, "wall")
    return f"{r.median(step, tool, 'input') / wall / MB:.0f}" if wall and wall > 0 else "–"


def _memory(r, step, tool):
    runs = r.values(step, tool, "rss")
    if not runs:
        return "–"
    total = f"{max(sum(run) for run in runs) / MIB:.0f}"
    return total if len(runs[0]) == 1 else f"{total}; {max(max(run) for run in runs) / MIB:.0f}"


def _stage_memory(r, step, tool):
    runs = r.values(step, tool, "rss")
    return " / ".join(f"{max(stage) / MIB:.0f}" for stage in zip(*runs))


def _bytes(r, step, tool):
    v = r.median(step, tool, "bytes")
    return "–" if v is None else f"{v / MB:.1f}"


def _bytes_to_hexz(r, step, tool):
    ratio = r.ratio(step, tool, "bytes")
    return "–" if ratio is None else f"{ratio:.2f}"


TIME = (("wall, s", _wall), ("to hexz", _to_hexz), ("CPU, s", _cpu))
MEMORY = (("memory, MiB", _memory),)
SIZE = (("stored, MB", _bytes), ("size to hexz", _bytes_to_hexz))
ADDED = (("added, MB", _bytes), ("added to hexz", _bytes_to_hexz))
RATE = (("MB/s", _rate),)
STAGE_MEMORY = (("memory of chunk / dedup / compress / seal, MiB", _stage_memory),)

TABLES = (
    ("Cold pack of linux-a.tar", "A kernel source tree as a tar, into an empty store.",
     PACK_A, TIME + RATE + SIZE + MEMORY),
    ("Cold pack of disk-b.img", "A sparse ext4 image of 2 GiB. hexz and zstd are given the file, "
     "and hexz does not read its holes.", PACK_DISK, TIME + RATE + SIZE + MEMORY),
    ("Second version",
     "linux-b.tar where linux-a.tar is stored: for hexz, `hexz-dedup --parent` and a thin archive.", SECOND, TIME + RATE + ADDED + MEMORY),
    ("Known stream", "linux-a.tar once more where it is stored, as above.",
     KNOWN, TIME + RATE + ADDED + MEMORY),
    ("Restore", "Of linux-a.tar to /dev/null; `hexz -o FILE`, casync and desync write a file.",
     RESTORE, TIME + RATE + MEMORY),
    ("Verify, stored bytes", "Without decoding: `hexz-verify --level stored`.",
     VERIFY["stored"], TIME + MEMORY),
    ("Verify, content", "All is decoded: `hexz-verify`, `zstd -t`, `lz4 -t`, `restic check --read-data`, "
     "`borg check --verify-data`, `desync verify`.", VERIFY["content"], TIME + MEMORY),
    ("Size of the input", "Kernel sources again and again, each time with other bytes. One run each.",
     SIZES, (("wall, s", _wall), ("CPU, s", _cpu)) + RATE + STAGE_MEMORY),
    ("Threads", "Cold pack of linux-a.tar with `-T` for hexz-chunk and hexz-compress.",
     THREADS, (("wall, s", _wall), ("CPU, s", _cpu)) + RATE + STAGE_MEMORY),
    ("Stages", "Each alone, from a file in the page cache to /dev/null, for linux-a.tar. A GB is one of content.",
     STAGES, (("wall, s", _wall), ("CPU, s per GB", _cpu_per_gb)) + RATE + MEMORY),
)


def _table(results, step, columns):
    names = [name for name, _ in columns]
    lines = [f"| | {' | '.join(names)} |", "| --- |" + " ---: |" * len(columns)]
    for tool in _order(results, step):
        if error := results.error(step, tool):
            cells = [f"failed: {_cell(error)}"] + [""] * (len(columns) - 1)
        else:
            cells = [cell(results, step, tool) for _, cell in columns]
        lines.append(f"| {tool} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _order(results, step):
    """hexz first, the others as they were given."""
    return sorted(results.tools(step), key=lambda t: not t.startswith("hexz"))


def _random(results):
    lines = [
        "## Random reads", "",
        "Blocks of 4 KiB of disk-b.img at random places that hold data, the same for all; files in the",
        "page cache. hexz by `archive.Reader` with a cache of one segment, beside the decoding of whole",
        "segments in the same run; qcow2 (zstd) by qemu-io; squashfs (zstd) by a loop mount that is made",
        "anew each round: it keeps what it decodes, so that a block nearby is found in memory. hexz-rust",
        "by its Python package, asked for a cache of one byte; it compresses each chunk by itself.", "",
        "| | median, µs | 99 %, µs | one segment, µs | file, MB |", "| --- | ---: | ---: | ---: | ---: |",
    ]
    for tool in _order(results, RANDOM):
        if error := results.error(RANDOM, tool):
            lines.append(f"| {tool} | failed: {_cell(error)} | | | |")
            continue
        cells = [_spread(results.values(RANDOM, tool, k), lambda v: f"{v:.0f}")
                 for k in ("median_us", "p99_us", "segment_median_us")]
        lines.append(f"| {tool} | {' | '.join(cells)} | {_bytes(results, RANDOM, tool)} |")
    return "\n".join(lines) + "\n"
