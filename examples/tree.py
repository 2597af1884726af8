"""The content tree of a stream (docs/format.md#roots), whose top is the root of the stream. Needs the
module blake3."""
import struct

import blake3

CONTEXT = "hexz 2026-11-25 content tree node v1"
LEVELS = 24


class Tree:
    def __init__(self):
        self.records = [[] for _ in range(LEVELS)]      # of the node of each level that goes on
        self.nodes = [0] * LEVELS                       # how many have ended
        self.last = [None] * LEVELS                     # digest of the last of them, and number of its holes
        self.holes = [0] * LEVELS                       # what that of the node that goes on is made of
        self.run, self.run_holes = 0, []                # length of a run that goes on, and the holes in it
        self.at = 0                                     # length of all entries

    def add(self, entry):
        """Takes the next entry. Returns False if it is a node entry that is not aligned."""
        kind, length, *rest = entry
        self.at += length
        if kind in (1, 2):                              # neighbouring runs count as one
            if kind == 2:
                self.hole(length)
            self.run += length
            return True
        self.end_run()
        if kind != 6:
            self.record(0, length, rest[0])
            return True
        digest, level, *_, holes = rest
        if any(self.records[:level + 1]):
            return False
        self.nodes[:level] = [2] * level                # more than one: or that one would be the top
        self.ended(level, length, digest, holes)
        return True

    def hole(self, length):
        if self.run_holes and sum(self.run_holes[-1]) == self.run:
            at, before = self.run_holes.pop()
            self.run_holes.append((at, before + length))
        else:
            self.run_holes.append((self.run, length))

    def end_run(self):
        for at, length in self.run_holes:
            self.mix(0, at, length)
        if self.run:
            self.records[0].append((self.run, bytes(32)))
        self.run, self.run_holes = 0, []

    def mix(self, level, at, number):
        """Adds a hole, or the holes of a node, at an offset behind the records of the node that goes on."""
        for value in (sum(length for length, _ in self.records[level]) + at, number):
            self.holes[level] = (self.holes[level] ^ value) * 0x100000001b3 % (1 << 64)

    def record(self, level, length, hash):
        records = self.records[level]
        records.append((length, hash))
        if len(records) >= 16 and hash[31] % 8 == 0 or len(records) >= 256:
            self.end_node(level)

    def end_node(self, level):
        records, self.records[level] = self.records[level], []
        message = bytes([level]) + b"".join(struct.pack("<Q", length) + hash for length, hash in records)
        length, digest = sum(length for length, _ in records), blake3.blake3(message, derive_key_context=CONTEXT).digest()
        holes, self.holes[level] = self.holes[level] >> 1, 0
        self.own(level, length, digest, holes)
        self.ended(level, length, digest, holes)

    def own(self, level, length, digest, holes):
        """Is called for each node that is not a node entry, from the lowest level up."""

    def ended(self, level, length, digest, holes):
        self.nodes[level] += 1
        self.last[level] = digest, holes
        if level + 1 < LEVELS:
            if holes:
                self.mix(level + 1, 0, holes)
            self.record(level + 1, length, digest)

    def node(self, level):
        """Digest and holes of the node of a level that holds all entries, or None if there is no such
        node. After that only higher levels can be asked for, and nothing can be added."""
        self.end_run()
        for k in range(level + 1):
            if self.records[k] or not self.nodes[k]:
                self.end_node(k)
        return self.last[level] if self.nodes[level] == 1 else None

    def top(self):
        """Level, digest and holes of the top, or None for nodes of which no stream can be."""
        tops = ((level, self.node(level)) for level in range(LEVELS))
        return next(((level, *top) for level, top in tops if top), None)

    def root(self):
        """The root of a stream of all entries."""
        return self.top()[1]
