#!/usr/bin/env python3
"""Compresses the segments of a stream by zstd, each as it is. Needs the modules msgpack and
zstandard.

    hexz-chunk disk.img | hexz-dedup | python3 compress.py 19 | hexz-seal -o disk.hxz

Another codec goes into encode, and its name is then in each segment. hexz-compress also regroups:
small segments become one.
"""
import sys

import zstandard

from stage import frames, put

LEVEL = int(sys.argv[1]) if len(sys.argv) > 1 else 3
encode = zstandard.ZstdCompressor(LEVEL).compress

for frame in frames(codec="zstd", level=LEVEL):
    if frame[0] == 3 and frame[4] == "none":
        payload = encode(frame[6])
        if len(payload) < len(frame[6]):        # the raw length, frame[5], stays
            frame[4], frame[6] = "zstd", payload
    put(*frame)
