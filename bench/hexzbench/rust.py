"""The Rust hexz, through its Python package."""

import os

from .proc import Command
from .tools import Tool

# Its packer takes a directory; only the files of one can be read again.
PACK = "import hexz, sys; hexz.pack(sys.argv[1], sys.argv[2], sys.argv[3] or None, compression='zstd')"
CAT = """
import hexz, sys
f = hexz.Archive(sys.argv[1]).open('content')
while block := f.read(1 << 20):
    sys.stdout.buffer.write(block)
"""


class HexzRust(Tool):
    name = "hexz-rust"
    what = "the Python package hexz, zstd"
    dedup = slow = True
    checks = ()

    def python(self, code, *args):
        return [str(self.peers.programs["hexz-rust"]), "-c", code, *map(str, args)]

    def folder(self, name, file):
        """A directory that holds file under the name content."""
        d = self.dir / name
        d.mkdir(exist_ok=True)
        (d / "content").unlink(missing_ok=True)
        os.link(file, d / "content")
        return d

    def fresh(self):
        super().fresh()
        self.store().mkdir()

    def packed(self, name, file, base=""):
        return Command([self.python(PACK, self.folder(name, file), self.store() / name, base)])

    def pack(self, file):
        return self.packed("first", file)

    def known(self, file):
        return self.packed("again", file, self.store() / "first")

    def second(self, file):
        return self.packed("second", file, self.store() / "first")

    def restore(self, target=None):
        return Command([self.python(CAT, self.store() / "first")], stdout=target)
