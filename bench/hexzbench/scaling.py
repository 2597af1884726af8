"""How hexz behaves with more input, with fewer threads, and stage by stage."""

import os
from pathlib import Path

from .corpus import GIB, repeat, warm
from .install import say
from .proc import Command, Failed, run
from .tools import Hexz

SIZES, THREADS, STAGES = "size of input", "threads", "stages"


class Scaling:
    def __init__(self, inputs, work, peers, results):
        self.inputs, self.peers, self.results = inputs, peers, results
        self.dir = Path(work) / "scaling"
        self.dir.mkdir()
        self.tool = Hexz(self.dir / "hexz", peers)

    def _measure(self, step, name, number, command, **values):
        try:
            os.sync()
            self.results.add(step, name, number, run(command), **values)
        except Failed as e:
            self.results.fail(step, name, str(e))

    def sizes(self, gibs):
        """One run each, the largest first, as the file is cut to the next size."""
        file = self.dir / "large"
        say(f"making {max(gibs)} GiB")
        repeat([self.inputs["linux-a.tar"], self.inputs["linux-b.tar"]], file, max(gibs) * GIB)
        for n in sorted(gibs, reverse=True):
            say(f"packing {n} GiB")
            os.truncate(file, n * GIB)
            warm(file)
            self.tool.fresh()
            self._measure(SIZES, f"{n} GiB", 1, self.tool.pack(file), input=n * GIB)
        file.unlink()

    def threads(self, number):
        say(f"round {number}: {THREADS}")
        file = self.inputs["linux-a.tar"]
        for n in (1, 2):
            warm(file)
            self.tool.fresh()
            command = Command(self.tool.stages(str(file), threads=n))
            self._measure(THREADS, f"-T {n}", number, command, input=os.path.getsize(file))

    def stages(self, number):
        """Each stage alone, from a file to /dev/null."""
        say(f"round {number}: {STAGES}")
        source = self.inputs["linux-a.tar"]
        size = os.path.getsize(source)
        self.tool.fresh()
        file = source
        for name in ("chunk", "dedup", "compress", "seal", "unseal", "cat", "verify"):
            binary = f"{self.peers.bin}/hexz-{name}"
            # seal reads what compress wrote, and all behind it read the archive.
            made = self.dir / name
            if name in ("chunk", "dedup", "compress", "seal"):
                run(Command([[binary, str(file)]], stdout=str(made)))
            warm(file)
            self._measure(STAGES, f"hexz-{name}", number, Command([[binary, str(file)]]), input=size)
            if made.exists():
                file = made
        for name in ("chunk", "dedup", "compress", "seal"):
            (self.dir / name).unlink()
