"""What is measured: how each tool packs, restores and checks. The others stand in peers.py."""

import os
import shutil
import subprocess
from pathlib import Path

from .proc import Command


class Tool:
    """One tool with one set of options. Its directory holds what it stores.

    A method that returns None says that the tool has nothing of the kind.
    """

    name = ""
    what = ""  # the options, for the report
    dedup = False
    slow = False  # fewer rounds, except for packing
    checks = ("content",)  # levels that verify knows

    def __init__(self, directory, peers):
        self.dir = Path(directory)
        self.peers = peers

    def fresh(self):
        """Empties the directory, and makes an empty repository. Not measured."""
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)

    def pack(self, file):
        raise NotImplementedError

    def store(self):
        """The path that holds what was packed; bytes are counted there."""
        return self.dir / "store"

    def size(self):
        """Bytes of all files of the store."""
        at = self.store()
        if at.is_file():
            return at.stat().st_size
        return sum((Path(d) / f).lstat().st_size for d, _, names in os.walk(at) for f in names)

    def known(self, file):
        """Packs again what was packed."""

    def second(self, file):
        """Packs another version of what was packed."""

    def restore(self, target=None):
        """Restores to target, or to nowhere; see writes_files."""

    writes_files = False  # restore needs a target, and cannot write to /dev/null

    def verify(self, level):
        """Checks the store; level is one of checks."""


class Hexz(Tool):
    name = "hexz"
    what = "zstd, all defaults"
    dedup = True
    checks = ("stored", "content")
    codec = ()

    def stages(self, *inputs, threads=None, out="store", parent=None):
        bin_dir = self.peers.bin
        many = [] if threads is None else ["-T", str(threads)]
        thin = [] if parent is None else ["--parent", str(parent)]
        return [
            [f"{bin_dir}/hexz-chunk", *many, *inputs],
            [f"{bin_dir}/hexz-dedup", *thin],
            [f"{bin_dir}/hexz-compress", *many, *self.codec],
            [f"{bin_dir}/hexz-seal", "-o", str(self.dir / out)],
        ]

    def pack(self, file):
        return Command(self.stages(str(file)))

    # What comes later is a thin archive of its own.
    def known(self, file):
        return Command(self.stages(str(file), out="known", parent=self.store()))

    def second(self, file):
        return Command(self.stages(str(file), out="second", parent=self.store()))

    def size(self):
        return sum(f.stat().st_size for f in (self.dir / n for n in ("store", "known", "second")) if f.exists())

    def restore(self, target=None):
        return Command([[f"{self.peers.bin}/hexz-cat", str(self.store())]], stdout=target)

    def restore_file(self, target):
        return Command([[f"{self.peers.bin}/hexz-cat", "-o", target, str(self.store())]])

    def verify(self, level):
        return Command([[f"{self.peers.bin}/hexz-verify", "--level", level, str(self.store())]])


class HexzS2(Hexz):
    name = "hexz s2"
    what = "hexz-compress -c s2"
    checks = ()
    codec = ("-c", "s2")

    def known(self, file):
        """Not measured: there is nothing to compress."""


class HexzLz4(Hexz):
    name = "hexz lz4"
    what = "hexz-compress -c lz4"
    checks = ()
    codec = ("-c", "lz4")

    def known(self, file):
        """Not measured: there is nothing to compress."""

    def second(self, file):
        """Not measured."""


class HexzEncrypted(Hexz):
    name = "hexz -r"
    what = "zstd, hexz-seal -r to an X25519 key of age"

    def fresh(self):
        super().fresh()
        self.key = str(self.dir / "key")
        made = subprocess.run([f"{self.peers.bin}/hexz-keygen", "encrypt", "-o", self.key],
                              check=True, stdout=subprocess.PIPE, text=True)
        self.recipient = made.stdout.strip()

    def known(self, file):
        """Not measured: there is nothing to encrypt."""

    def second(self, file):
        """Not measured."""

    def stages(self, *inputs, **options):
        *others, seal = super().stages(*inputs, **options)
        return [*others, [*seal, "-q", "-r", self.recipient]]

    def restore(self, target=None):
        return Command([[f"{self.peers.bin}/hexz-cat", "-i", self.key, str(self.store())]], stdout=target)

    def verify(self, level):
        key = ["-i", self.key] if level == "content" else []
        return Command([[f"{self.peers.bin}/hexz-verify", "--level", level, *key, str(self.store())]])


class Zstd(Tool):
    name = "zstd"
    what = "-T0 -3"

    def pack(self, file):
        return Command([["zstd", "-q", "-T0", "-3", "-c", str(file)]], stdout=str(self.store()))

    def restore(self, target=None):
        return Command([["zstd", "-q", "-dc", str(self.store())]], stdout=target)

    def verify(self, level):
        return Command([["zstd", "-q", "-t", str(self.store())]])


class Lz4(Tool):
    name = "lz4"
    what = "-1"

    def pack(self, file):
        return Command([["lz4", "-q", "-1", "-c", str(file)]], stdout=str(self.store()))

    def restore(self, target=None):
        return Command([["lz4", "-q", "-dc", str(self.store())]], stdout=target)

    def verify(self, level):
        return Command([["lz4", "-q", "-t", str(self.store())]])
