"""Random reads of 4 KiB from a disk image, in several formats."""

import json
import os
import random
import re
from pathlib import Path
from statistics import median, quantiles

from .corpus import data_blocks, warm
from .install import say
from .proc import Failed, output, run
from .rust import PACK as RUST_PACK
from .tools import Hexz

STEP = "random reads"
# A cache of one byte: each read decodes anew, as in the others.
RUST_READ = """
import hexz, json, sys, time
f = hexz.Archive(sys.argv[2], cache_size='1').open('content')
took = []
for off in map(int, open(sys.argv[1])):
    begin = time.perf_counter()
    f.seek(off)
    n = len(f.read(4096))
    took.append((time.perf_counter() - begin) * 1e6)
    assert n == 4096
print(json.dumps(took))
"""


class RandomReads:
    """Packs the image once in every format, then reads the same blocks from each in turn."""

    def __init__(self, image, work, peers, results, count):
        self.image, self.peers, self.results = image, peers, results
        self.dir = Path(work) / "random"
        self.dir.mkdir()
        offsets = data_blocks(image, count, random.Random(4096))
        self.offsets = self.dir / "offsets"
        self.offsets.write_text("".join(f"{o}\n" for o in offsets))
        self.commands = self.dir / "commands"
        self.commands.write_text("".join(f"read {o} 4096\n" for o in offsets))
        self.readers = {}
        say("packing for random reads")
        for name, make in (("hexz", self._hexz), ("qcow2", self._qcow2), ("squashfs", self._squashfs),
                           ("hexz-rust", self._rust)):
            if self.missing(name):
                continue
            try:
                self.readers[name] = make()
            except (Failed, OSError) as e:
                results.fail(STEP, name, str(e))

    def missing(self, name):
        needs = {"qcow2": "qemu-io", "squashfs": "mksquashfs"}.get(name, name)
        return needs in self.peers.missing

    def round(self, number):
        say(f"round {number}: {STEP}")
        for name, (file, read) in self.readers.items():
            if self.results.error(STEP, name):
                continue
            try:
                warm(file)
                self.results.add(STEP, name, number, bytes=os.path.getsize(file), **read(file))
            except (Failed, OSError, ValueError) as e:
                self.results.fail(STEP, name, str(e))

    def _hexz(self):
        tool = Hexz(self.dir / "hexz", self.peers)
        tool.fresh()
        run(tool.pack(self.image))
        return tool.store(), lambda f: json.loads(output([f"{self.peers.bin}/randread", self.offsets, f]))

    def _qcow2(self):
        file = self.dir / "image.qcow2"
        output(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd",
                str(self.image), str(file)])
        return file, self._read_qcow2

    def _read_qcow2(self, file):
        """One qemu-io for all reads; it tells the operations per second of each."""
        with open(self.commands) as commands:
            said = output(["qemu-io", "-r", "-f", "qcow2", str(file)], stdin=commands)
        return summary([1e6 / float(n) for n in re.findall(r"and ([\d.]+) ops/sec", said)], self.offsets)

    def _squashfs(self):
        file = self.dir / "image.squashfs"
        output(["mksquashfs", str(self.image), str(file), "-comp", "zstd", "-quiet", "-no-progress"])
        (self.dir / "mount").mkdir()
        return file, self._read_squashfs

    def _read_squashfs(self, file):
        """Mounted anew each round, so that nothing decoded is left in the page cache."""
        mount = self.dir / "mount"
        output(["mount", "-t", "squashfs", "-o", "loop,ro", str(file), str(mount)])
        try:
            return json.loads(output([f"{self.peers.bin}/randread", "-raw", self.offsets, mount / self.image.name]))
        finally:
            output(["umount", str(mount)])

    def _rust(self):
        folder, file = self.dir / "folder", self.dir / "image.rust"
        folder.mkdir()
        os.link(self.image, folder / "content")
        output([self.peers.programs["hexz-rust"], "-c", RUST_PACK, folder, file, ""])
        return file, lambda f: summary(
            json.loads(output([self.peers.programs["hexz-rust"], "-c", RUST_READ, self.offsets, f])), self.offsets)


def summary(microseconds, offsets):
    with open(offsets) as f:
        expected = sum(1 for _ in f)
    if len(microseconds) != expected:
        raise Failed(f"{len(microseconds)} reads were timed, not {expected}")
    return {"reads": expected, "median_us": median(microseconds), "p99_us": quantiles(microseconds, n=100)[98]}
