#!/usr/bin/env python3
"""An independent reader of hexz archives, made from docs/format.md alone.

It writes a stream of an archive, or a part of it, to standard output. What it writes was verified;
with --verify it checks the whole archive and writes nothing. It reads full and thin archives,
patches, and the codecs none, zstd, lz4 and s2. It does not read encrypted archives or from a pipe,
and does not verify signatures. It needs the modules msgpack and blake3, and zstandard and lz4 for
archives that use these codecs.

Exit codes: 0 done, 1 failed (a parent is missing, say), 2 wrong usage, 3 damaged.
"""
import argparse
import signal
import sys

from reader.archive import Archive
from reader.check import check
from reader.values import Damaged, Failed


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("archive")
    p.add_argument("--stream", metavar="NAME", help="needed if there are several")
    p.add_argument("--offset", metavar="N", type=int, default=0, help="skip the first N bytes")
    p.add_argument("--length", metavar="N", type=int, default=1 << 63, help="write at most N bytes")
    p.add_argument("--parent", metavar="FILE", action="append", default=[],
                   help="a parent; otherwise it is looked for beside the archive, by its hint")
    p.add_argument("--verify", action="store_true", help="check the whole archive, and write nothing")
    args = p.parse_args()
    if args.offset < 0 or args.length < 0:
        p.error("a negative number of bytes")
    return args


def stream(archive, name):
    names = [s[1] for s in archive.streams]
    if name is None and len(names) == 1:
        return 0
    if name not in names:
        raise Failed(f"which stream? there are {', '.join(map(repr, names))}")
    return names.index(name)


def run(args):
    parents = {}
    for path in args.parent:
        parent = Archive(path, parents)
        parents[parent.id] = parent
    archive = Archive(args.archive, parents)
    if args.verify:
        return check(archive)
    for part in archive.read(stream(archive, args.stream), args.offset, args.length):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    args = arguments()
    try:
        run(args)
    except (Damaged, Failed, OSError) as e:
        print(f"read.py: {args.archive}: {e}", file=sys.stderr)
        return 3 if isinstance(e, Damaged) else 1


if __name__ == "__main__":
    sys.exit(main())
