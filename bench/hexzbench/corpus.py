"""The inputs: made, cut for a quick run, repeated for large ones, and kept in the page cache."""

import os
import subprocess
from pathlib import Path

NAMES = ("linux-a.tar", "linux-b.tar", "disk-b.img")
QUICK = {"linux-a.tar": 16 << 20, "linux-b.tar": 16 << 20, "disk-b.img": 32 << 20}
GIB = 1 << 30
BLOCK = 1 << 20


def make(directory):
    """Makes what is missing in directory, by bench/make-corpus."""
    if all((directory / n).is_file() for n in NAMES):
        return
    script = Path(__file__).resolve().parent.parent / "make-corpus"
    subprocess.run([script, directory], check=True)


def place(corpus, work, quick):
    """Returns the inputs by name; of a quick run they are the beginnings, in work."""
    if not quick:
        return {n: (corpus / n).resolve() for n in NAMES}
    for name in NAMES:
        _cut(corpus / name, work / name, QUICK[name])
    return {n: work / n for n in NAMES}


def _cut(source, target, size):
    """Copies the first size bytes, and leaves the holes holes."""
    with open(source, "rb") as src, open(target, "wb") as dst:
        dst.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(src.fileno(), at, os.SEEK_DATA)
            except OSError:  # nothing but a hole up to the end
                break
            end = min(os.lseek(src.fileno(), at, os.SEEK_HOLE), size)
            while at < end:
                at += os.copy_file_range(src.fileno(), dst.fileno(), min(end - at, 64 << 20), at, at)


def warm(*files):
    """Reads the files, so that they are in the page cache."""
    buf = bytearray(BLOCK)
    for name in files:
        with open(name, "rb", buffering=0) as f:
            while f.readinto(buf):
                pass


def repeat(sources, target, size):
    """Writes size bytes: the sources again and again, each time with other bytes.

    All bytes of a round are exchanged by the same rule, so it is as compressible as the
    sources, and shares no chunk with them.
    """
    number, left = 0, size
    with open(target, "wb") as out:
        while left:
            table = bytes(b ^ (number * 37 & 255) for b in range(256))
            for name in sources:
                with open(name, "rb") as f:
                    while left and (block := f.read(min(BLOCK, left))):
                        out.write(block.translate(table))
                        left -= len(block)
            number += 1


def data_blocks(name, count, rng):
    """Returns offsets of count random blocks of 4 KiB that are not all zero."""
    size, found, zero = os.path.getsize(name), [], bytes(4096)
    with open(name, "rb") as f:
        while len(found) < count:
            at = rng.randrange(size // 4096) * 4096
            if os.pread(f.fileno(), 4096, at) != zero:
                found.append(at)
    return found
