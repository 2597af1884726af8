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
        self.last = [None] * LEVELS                     # digest of the last of them
        self.run = 0                                    # length of a run that goes on

    def add(self, entry):
        """Takes the next entry. Returns False if it is a node entry that is not aligned."""
        kind, length, *rest = entry
        if kind in (1, 2):                              # neighbouring runs count as one
            self.run += length
            return True
        self.end_run()
        if kind != 6:
            self.record(0, length, rest[0])
            return True
        digest, level = rest[:2]
        if any(self.records[:level + 1]):
            return False
        self.nodes[:level] = [2] * level                # more than one: or that one would be the top
        self.ended(level, length, digest)
        return True

    def end_run(self):
        if self.run:
            self.records[0].append((self.run, bytes(32)))
        self.run = 0

    def record(self, level, length, hash):
        records = self.records[level]
        records.append((length, hash))
        if len(records) >= 8 and hash[31] % 32 == 0 or len(records) >= 256:
            self.end_node(level)

    def end_node(self, level):
        records, self.records[level] = self.records[level], []
        message = bytes([level]) + b"".join(struct.pack("<Q", length) + hash for length, hash in records)
        self.ended(level, sum(length for length, _ in records), blake3.blake3(message, derive_key_context=CONTEXT).digest())

    def ended(self, level, length, digest):
        self.nodes[level] += 1
        self.last[level] = digest
        if level + 1 < LEVELS:
            self.record(level + 1, length, digest)

    def node(self, level):
        """The digest of the node of a level that holds all entries, or None if there is no such
        node. After that only higher levels can be asked for, and nothing can be added."""
        self.end_run()
        for k in range(level + 1):
            if self.records[k] or not self.nodes[k]:
                self.end_node(k)
        return self.last[level] if self.nodes[level] == 1 else None

    def root(self):
        """The root of a stream of all entries, or None for nodes of which no stream can be."""
        tops = (self.node(level) for level in range(LEVELS))
        return next((top for top in tops if top), None)
