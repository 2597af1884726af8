#!/usr/bin/env python3
"""Cuts its input into chunks of a fixed size, and shows how roots are computed. Needs the modules
msgpack and blake3.

    python3 chunk.py 4096 < disk.img | hexz-dedup | hexz-compress | hexz-seal -o disk.hxz

For experiments with other cut points, replace pieces. The name of the chunker is its own: these
are not the cut points of fixed-v1, which takes out runs of zeros first.
"""
import struct
import sys

import blake3

from stage import NAME, put
from tree import Tree

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 16384


def digest(data):
    return blake3.blake3(data).digest()


def pieces(source):
    while piece := source.read(SIZE):
        yield piece


tree, size = Tree(), 0
put(0, "hexz", 1, [], {"stages": [{"stage": NAME}]})
put(2, 0, "disk", None, {"name": "example-fixed", "size": SIZE})
for piece in pieces(sys.stdin.buffer):
    if piece.count(0) == len(piece):
        entry, payload = [1, len(piece)], b""
    else:
        entry, payload = [0, len(piece), digest(piece)], piece
    put(3, 0, size, [entry], "none", len(payload), payload)
    tree.add(entry)
    size += len(piece)
root, name = tree.root(), b"disk"
put(5, 0, size, root, {})
put(6, {}, digest(struct.pack("<Q", len(name)) + name + struct.pack("<Q", size) + root))
