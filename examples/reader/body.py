"""The frames of an archive from Header to End, as they come, compared with the index."""
import hashlib

import blake3

from tree import LEVELS, Tree

from .lists import Made
from .values import FRAMES, digest, fits, need, u64, unpack

DIGESTS = {"sha256": hashlib.sha256, "blake3": blake3.blake3}


class Body:
    def __init__(self, archive):
        self.archive, self.kind, self.open_stream = archive, None, None
        self.parents = self.streams = self.dicts = 0
        self.counted = 0                        # data entries and patches so far
        self.totals, self.codecs = [0] * 18, {}
        self.made = Made()                      # the index that the frames have
        self.places = ((n, i) for n in range(archive.segments.counts[0]) for i in range(len(archive.page(n)[0])))
        self.all = blake3.blake3()
        need(len({s[0] for s in archive.streams}) == len({s[1] for s in archive.streams}) == len(archive.streams), "two streams of one name or id")

    def take(self, kind, position, data):
        actions = (self.header, self.parent, self.open, self.segment, self.dictionary, self.close, self.end)
        span = [position, len(data), digest(data)]
        if kind != 3:
            self.made.frame(span)
        if kind >= 128:
            return
        need(kind < len(actions), f"a frame of kind {kind} in the body")
        frame = unpack(data)
        need(fits(frame, FRAMES[kind]), f"the form of the frame at byte {position}")
        need((kind == 0) == (self.kind is None) and self.kind != 6, f"the frame at byte {position} is out of place")
        actions[kind](frame, span)
        self.kind = kind

    def header(self, frame, _):
        need(frame[1:4] == ["hexz", 1, []], "the header")
        need(frame[4].pop("archive", None) is True and frame[4] == self.archive.meta, "meta of header and index differ")

    def parent(self, frame, _):
        need(self.kind in (0, 1) and frame[1] == self.parents < len(self.archive.parents), "a Parent frame out of place")
        need(frame[2:] == self.archive.parents[self.parents], "a parent of body and index differs")
        self.parents += 1

    def open(self, frame, _):
        need(self.open_stream is None and self.streams < len(self.archive.streams), "an Open frame out of place")
        self.open_stream = self.archive.streams[self.streams]
        id, name, size, _, _, _, chunker, digests = self.open_stream
        need(frame[1:3] == [id, name] and frame[3] in (None, size) and frame[4] == chunker, "a stream of body and index differs")
        self.offset, self.tree = 0, Listing(self.made, self.streams)
        self.hashes = {n: DIGESTS[n]() for n in digests if n in DIGESTS}

    def segment(self, frame, span):
        need(self.open_stream and frame[1] == self.open_stream[0], "a segment of a stream that is not open")
        number, i = next(self.places, (None, 0))
        need(number is not None, "more segments than the index has")
        spans, keys = self.archive.page(number)
        key = [self.streams, self.offset, self.counted]
        need(spans[i] == span and keys[i] == key, "a segment of body and index differs")
        parts, counted = self.archive.segment(number, i)
        self.made.segment(key, span, [in_page(entry) for entry, _ in parts])
        for entry, part in parts:
            self.entry(entry, part)
        need(self.counted == keys[i + 1][2], "ordinals")
        _, _, _, _, codec, raw, payload = frame
        for n, value in ((14, 1), (15, raw), (16, len(payload))):
            self.totals[n] += value
        if payload:
            segments, stored = self.codecs.get(codec, [0, 0])
            self.codecs[codec] = [segments + 1, stored + len(payload)]

    def entry(self, entry, part):
        kind, length = entry[:2]
        own = [entry[3]] if kind == 3 else [b[1] for b in entry[3] if type(b[0]) is bytes] if kind == 5 else []
        need(all(ordinal < self.counted for ordinal in own), "an entry refers to a later one")
        self.counted += kind in (0, 5)
        self.totals[2 * kind] += 1
        self.totals[2 * kind + 1] += length
        self.offset += length
        need(self.tree.add(entry), "a node entry is not aligned")
        if kind == 6:
            check_node(self.archive, entry)
        if kind in (1, 2) and not self.hashes:  # nothing to look at
            return
        for piece in self.archive.content(entry, part, 0, length):
            for hash in self.hashes.values():
                hash.update(piece)

    def dictionary(self, frame, span):
        need(self.open_stream and self.dicts < len(self.archive.dict_spans), "a Dict frame out of place")
        need([frame[1], *span] == self.archive.dict_spans[self.dicts], "a dictionary of body and index differs")
        self.dicts += 1

    def close(self, frame, _):
        need(self.open_stream, "a Close frame out of place")
        id, name, size, root, level, holes, _, digests = self.open_stream
        need(frame[1:] == [id, size, root, digests], "Close and index differ")
        need(self.offset == size and self.tree.top() == (level, root, holes), "size, root, level or holes of a stream")
        self.made.end_stream(level)
        need(all(h.digest() == digests[n] for n, h in self.hashes.items()), "a digest of a stream")
        name = name.encode()
        self.all.update(u64(len(name)) + name + u64(size) + root)
        self.streams, self.open_stream = self.streams + 1, None

    def end(self, frame, _):
        a = self.archive
        need(self.open_stream is None and next(self.places, None) is None, "End before its time")
        need((self.parents, self.streams, self.dicts) == (len(a.parents), len(a.streams), len(a.dict_spans)), "frames are missing")
        need(frame[2] == self.all.digest(), "the root of all streams")
        self.totals[17] = self.codecs
        need(self.totals == a.totals, "totals")


class Listing(Tree):
    """A tree whose nodes go to the index."""
    def __init__(self, made, stream):
        super().__init__()
        self.made, self.stream = made, stream

    def own(self, level, length, digest, holes):
        self.made.node(level, [self.stream, self.at - length, length, digest, holes])


def check_node(archive, entry, level=LEVELS):
    """What a node entry stands for in the parent has its digest, and so have the nodes in there."""
    tree = Tree()
    for parent, found, _, _ in archive.inside(entry, 0, entry[1], level):
        need(tree.add(found), "a node entry in a parent is not aligned")
        if found[0] == 6:
            check_node(parent, found, entry[3])
    need((tree.node(entry[3]) or [None])[0] == entry[2], "the parent has another node")


def in_page(entry):
    """An entry as it stands in an entry page."""
    kind = entry[0]
    if kind == 3:
        return [3, entry[1], entry[3]]
    if kind == 5:
        bases = [b if type(b[0]) is int else [None, b[1]] for b in entry[3]]
        return [5, entry[1], entry[2], bases, entry[4]]
    return entry
