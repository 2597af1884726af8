"""nodes.py ARCHIVE [CHUNK]... [--set ELEMENT=VALUE]...: prints a chunk stream that is the first stream
of an archive, which becomes its parent, with other bytes in the chunks of these numbers. What stays
stands in it as nodes, each as large as can be. --set changes an element of the first of them, and
the root is the right one for what is written then."""
import os
import sys

import blake3
import msgpack

from reader.archive import Archive
from tree import LEVELS, Tree


class Nodes(Tree):
    """A tree that remembers its nodes: where each begins, its level, length and digest."""
    def __init__(self):
        super().__init__()
        self.found, self.begins = [], [0] * LEVELS

    def ended(self, level, length, digest, holes):
        self.found.append((self.begins[level], level, length, digest, holes))
        self.begins[level] += length
        super().ended(level, length, digest, holes)


def nodes(entries):
    """The root of entries, and the nodes of their tree."""
    tree = Nodes()
    for entry in entries:
        tree.add(entry)
    return tree.root(), tree.found


parents = []


def number(archive):
    if archive not in parents:
        parents.append(archive)
    return parents.index(archive)


def ordinals(archive):
    """The ordinal of each hash."""
    segments = (archive.segment(n, i) for n in range(archive.segments.counts[0]) for i in range(len(archive.page(n)[0])))
    return {entry[2]: n for n, entry in reversed(list(enumerate(e for _, counted in segments for e, _ in counted)))}


def leaves(archive, stream, offset, end):
    """What a range holds: runs, and entries of the archives that hold the chunks."""
    own = ordinals(archive)
    for entry, _, _ in archive.entries(stream, offset, end):
        kind, length = entry[:2]
        if kind == 6:
            yield from leaves(archive.parent(entry[4]), entry[5], entry[6], entry[6] + length)
        elif kind == 4:
            yield [4, length, entry[2], number(archive.parent(entry[3])), entry[4]]
        else:
            yield entry if kind in (1, 2) else [4, length, entry[2], number(archive), own[entry[2]]]


def place(archive, stream, offset, length, level):
    """Where a node stands as entries of lower levels."""
    (entry, _, at), *more = archive.entries(stream, offset, offset + length)
    if more or entry[0] != 6 or entry[3] < level:
        return number(archive), stream, offset
    return place(archive.parent(entry[4]), entry[5], entry[6] + offset - at, length, level)


def put(*frame):
    sys.stdout.buffer.write(msgpack.packb(frame, use_bin_type=True))


def main(path, *changes):
    archive = Archive(path, {})
    number(archive)
    size = archive.streams[0][2]
    old, content = list(leaves(archive, 0, 0, size)), b"".join(archive.read(0))
    there = {node[1:]: node[0] for node in reversed(nodes(old)[1])}
    new, payloads, at = list(old), {}, 0
    for n, (_, length, *_) in enumerate(old):
        if str(n) in changes:
            payload = (b"%d " % n * length)[:length]
            new[n], payloads[at] = [0, length, blake3.blake3(payload).digest()], payload
            content = content[:at] + payload + content[at + length:]
        at += length
    root, found = nodes(new)
    begins = {node[0]: node[1:] for node in found if node[1:] in there}     # the highest level comes last
    entries, at, skip = [], 0, 0
    for entry in new:
        if at == skip and at in begins:
            level, length, digest, holes = begins[at]
            entries.append((at, [6, length, digest, level, *place(archive, 0, there[begins[at]], length, level), holes]))
            skip += length
        elif at == skip:
            entries.append((at, entry))
            skip += entry[1]
        at += entry[1]
    assert nodes(entry for _, entry in entries)[0] == root, "nodes change the root"
    first = next(entry for _, entry in entries if entry[0] == 6)
    for change in changes:
        element, equals, value = change.partition("=")
        if equals:
            first[int(element)] = int(value) if element != "2" else bytes.fromhex(value)
    write(entries, payloads, size, content)


def write(entries, payloads, size, content):
    put(0, "hexz", 1, [], {})
    for n, parent in enumerate(parents):
        roots = [(s[1].encode(), s[2].to_bytes(8, "little"), s[3]) for s in parent.streams]
        whole = b"".join(len(name).to_bytes(8, "little") + name + length + root for name, length, root in roots)
        put(1, n, parent.id, os.path.basename(parent.path), blake3.blake3(whole).digest())
    put(2, 0, "disk", None, {})
    for n in range(0, len(entries), 20):
        some = entries[n:n + 20]
        payload = b"".join(payloads[at] for at, entry in some if entry[0] == 0)
        put(3, 0, some[0][0], [entry for _, entry in some], "none", len(payload), payload)
    root, length = nodes(entry for _, entry in entries)[0], size.to_bytes(8, "little")
    put(5, 0, size, root, {"blake3": blake3.blake3(content).digest()})
    put(6, {}, blake3.blake3((4).to_bytes(8, "little") + b"disk" + length + root).digest())


main(*sys.argv[1:])
