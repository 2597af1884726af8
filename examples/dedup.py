#!/usr/bin/env python3
"""Replaces repeated chunks of a stream by refs, as hexz-dedup does. Needs the module msgpack.

    hexz-chunk disk.img | python3 dedup.py | hexz-compress | hexz-seal -o disk.hxz

It decodes no payloads: segments that are compressed are passed on as they are, and their chunks
are noted as targets of later refs.
"""
from stage import fail, frames, put

seen = set()


def dedup(entries, codec, payload):
    """Returns the payload that is left, and changes the entries."""
    kept, at = [], 0
    for i, (kind, length, *rest) in enumerate(entries):
        if kind == 5:
            fail(3, "patches: what removes chunks stands before what makes patches of them")
        if kind != 0:
            continue
        if rest[0] in seen and codec == "none":
            entries[i] = [3, length, rest[0], None]
        else:
            seen.add(rest[0])
            kept.append(payload[at:at + length])
        at += length
    return b"".join(kept) if codec == "none" else payload


for frame in frames():
    if frame[0] == 3:
        frame[6] = dedup(frame[3], frame[4], frame[6])
        if frame[4] == "none":
            frame[5] = len(frame[6])
    put(*frame)
