"""What hexz is meant to reach, and whether it does."""

from dataclasses import dataclass

from .randomread import STEP as RANDOM
from .rounds import KNOWN, PACK_A, PACK_DISK, RESTORE, SECOND, VERIFY
from .scaling import STAGES

MIB = 1 << 20


@dataclass
class Target:
    """met is None if nothing was measured that could tell."""

    text: str
    number: str
    met: bool | None


def targets(results, dedup_peers):
    """Returns all targets. dedup_peers are the names of those that find duplicates."""
    found = []
    for step in (PACK_A, PACK_DISK):
        found += _cold(results, step, dedup_peers)
    found.append(_ratio(f"{PACK_A}: hexz -c s2 not slower than lz4 -1",
                        results.ratio(PACK_A, "hexz s2", "wall", base="lz4"), 1.0, "x its time"))
    found += _second(results, dedup_peers)
    wall = results.median(KNOWN, "hexz", "wall")
    rate = results.median(KNOWN, "hexz", "input") / wall / 1e9 if wall and wall > 0 else None
    found.append(_at_least("known stream: at least 1.2 GB/s", rate, 1.2, " GB/s"))
    found.append(_at_least("restore: hexz-cat at least 1.3 times as fast as zstd -dc",
                           results.ratio(RESTORE, "zstd", "wall"), 1.3, "x as fast"))
    found.append(_random(results))
    found.append(_memory(results))
    return found


def _cold(results, step, peers):
    worst, who = _worst(results, step, "wall", peers)
    yield _at_least(f"{step}: at least 1.3 times as fast as every dedup peer", worst, 1.3, f"x as fast as {who}")
    small, who = _worst(results, step, "bytes", [p for p in peers if p in ("casync", "desync", "borg", "kopia")])
    text = f"{step}: smaller than casync, desync, borg and kopia (those that are there)"
    yield _at_least(text, small, 1.0, f" is {who}'s size to hexz's", strict=True)
    yield _ratio(f"{step}: at most 1.5 times the time of zstd -T0 -3",
                 results.ratio(step, "hexz", "wall", base="zstd"), 1.5, "x its time")
    yield _ratio(f"{step}: at most 1.2 times the size of zstd -T0 -3",
                 results.ratio(step, "hexz", "bytes", base="zstd"), 1.2, "x its size")


def _second(results, peers):
    worst, who = _worst(results, SECOND, "wall", peers)
    yield _at_least("second version: at least twice as fast as the fastest dedup peer", worst, 2.0,
                    f"x as fast as {who}")
    small, who = _worst(results, SECOND, "bytes", peers)
    yield _at_least("second version: fewer added bytes than every dedup peer", small, 1.0,
                    f" is what {who} adds to what hexz adds", strict=True)


def _random(results):
    text = "random reads: median of 4 KiB at most 1.5 times the decoding of a segment"
    ratios = sorted(v["median_us"] / v["segment_median_us"]
                    for v in results.rounds(RANDOM, "hexz").values() if v.get("segment_median_us"))
    return _ratio(text, ratios[len(ratios) // 2] if ratios else None, 1.5, "x its time")


def _memory(results):
    """The most that chunk, compress, cat or verify took in any run."""
    peaks = []
    for step in (PACK_A, PACK_DISK):
        for tool in ("hexz", "hexz s2", "hexz lz4"):
            for rss in results.values(step, tool, "rss"):
                peaks += [(rss[0], "hexz-chunk"), (rss[2], "hexz-compress")]
    for step in (RESTORE, *VERIFY.values()):
        name = "hexz-cat" if step == RESTORE else "hexz-verify"
        peaks += [(rss[0], name) for rss in results.values(step, "hexz", "rss")]
    peaks += [(rss[0], "hexz-unseal") for rss in results.values(STAGES, "hexz-unseal", "rss")]
    text = "peak memory of the stages but dedup and seal below 64 MiB"
    if not peaks:
        return Target(text, "not measured", None)
    peak, who = max(peaks)
    return Target(text, f"{peak / MIB:.0f} MiB ({who})", peak < 64 * MIB)


def _worst(results, step, key, peers):
    """The smallest ratio of a peer to hexz, and the peer."""
    found = [(r, p) for p in peers if (r := results.ratio(step, p, key)) is not None]
    return min(found, default=(None, ""))


def _at_least(text, value, limit, unit, strict=False):
    if value is None:
        return Target(text, "not measured", None)
    return Target(text, f"{value:.2f}{unit}", value > limit if strict else value >= limit)


def _ratio(text, value, limit, unit):
    if value is None:
        return Target(text, "not measured", None)
    return Target(text, f"{value:.2f}{unit}", value <= limit)
