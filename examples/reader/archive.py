"""Reads archives at random: docs/format.md#random-read."""
import bisect
import functools
import os
import struct

from tree import LEVELS, Tree

from .lists import List
from .payload import decode, patch
from .values import ENTRIES, FRAMES, INFO, MIB, Damaged, Failed, check_entries, digest, fits, is_trailer, need, unpack, zeros


class Archive:
    def __init__(self, path, parents):
        self.path, self.parents_by_id, self.nodes = path, parents, set()
        self.file = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self.file).st_size
        self.root_at, self.root_length, self.id = self.trailer()
        _, features, self.areas, self.rest, lists, info = self.frame(18, self.root_at, self.root_length, self.id)
        need(not features, f"features {features}")
        self.area_at = [self.root_at - sum(self.areas), self.root_at - self.areas[1]]
        need(self.rest[0] <= self.area_at[0], "areas or rest do not fit before the root")
        info = unpack(info)
        need(fits(info, INFO) and not info[0], "info")
        _, self.meta, self.parents, self.streams, self.totals, self.dict_spans, firsts = info
        need(len(self.totals) == 18 and fits(self.totals[:17], [int]) and fits(self.totals[17], dict), "totals")
        need(len(self.streams) <= 65536 and len({p[0] for p in self.parents}) == len(self.parents) <= 1024, "the streams or parents")
        need(all(s[4] < LEVELS for s in self.streams), "the level of a stream")
        need(1 <= len(lists) == len(firsts) <= LEVELS + 1, "the number of lists")
        counted = self.totals[0] + self.totals[10]
        self.lists = [List(self, n, *both, 0 if n else counted) for n, both in enumerate(zip(lists, firsts))]
        self.segments = self.lists[0]
        need(self.segments.end[3] == self.totals[14], "the number of segments")
        self.dicts = {}
        for number, *span in self.dict_spans:
            _, also, data = self.frame(4, *span)
            need(also == number and number not in self.dicts, "dictionary id")
            self.dicts[number] = self.dictionary(number, data)

    @staticmethod
    def dictionary(number, data):
        need(1 <= number < 1 << 32 and data[:8] == struct.pack("<II", 0xEC30A437, number), "the id of a dictionary")
        try:
            import zstandard
        except ImportError:                     # it may not be needed
            return None
        return zstandard.ZstdCompressionDict(data, zstandard.DICT_TYPE_FULLDICT)

    def bytes_at(self, position, length):
        data = os.pread(self.file, length, position) if position + length <= self.size else b""
        need(len(data) == length, f"the file ends before byte {position + length}")
        return data

    def trailer(self):
        start = max(0, self.size - 65536)
        data = self.bytes_at(start, self.size - start)
        at = len(data) - 63
        while (at := data.rfind(b"\xc4\x3ehxz-tail", 0, at + 9)) >= 0:
            found = data[at:at + 64]
            if is_trailer(found):
                root_at, length = struct.unpack_from("<QQ", data, at + 16)
                if 1 <= length <= 256 * MIB and root_at + length <= start + at:
                    self.trailer_at = start + at
                    return root_at, length, data[at + 32:at + 64]
        raise Damaged("no trailer")

    def frame(self, kind, position, length, want):
        need(length <= (128 if kind < 16 else 256) * MIB, "the length of a frame")
        data = self.bytes_at(position, length)
        need(digest(data) == want, f"the frame at byte {position} is not what was written")
        frame = unpack(data)
        need(fits(frame, FRAMES[kind]) and frame[0] == kind, f"the form of the frame at byte {position}")
        return frame

    def page_frame(self, kind, number, position, length, want):
        """A page of a list, whose position counts from the start of its area."""
        area = min(number, 1)
        need(position + length <= self.areas[area], "a page ends after its area")
        return self.frame(kind, self.area_at[area] + position, length, want)

    @functools.lru_cache(64)
    def page(self, number):
        """Spans and keys of the segments of a page, with the key of the next one after the last."""
        spans, first = self.segments.child(0, number)
        _, own, spans, keys = self.page_frame(16, 0, *spans[:3])
        keys = unpack(keys)
        need(own == number and fits(keys, [(int, int, int)]), "map page")
        following = self.segments.after(0, number)
        need(1 <= len(keys) == len(spans) == following[3] - first[3] <= 256 and keys[0] == first[:3], "map page")
        keys.append(following[:3])
        need(all(a[:2] < b[:2] and a[2] <= b[2] for a, b in zip(keys, keys[1:])), "the keys of a map page")
        return [span[:3] for span in spans], keys

    def last(self, wanted, key):
        """The page, and the number within it, of the last segment with key(...) <= wanted."""
        number = self.segments.last(wanted, key)
        return number, bisect.bisect_right(self.page(number)[1][:-1], wanted, key=key) - 1

    @functools.lru_cache(32)
    def segment(self, number, i):
        """The entries of a segment, each with its part of the payload; those of them with an ordinal."""
        spans, keys = self.page(number)
        (stream, offset, ordinal), following = keys[i], keys[i + 1]
        _, id, at, entries, codec, raw, payload = self.frame(3, *spans[i])
        need([id, at] == [self.streams[stream][0], offset], "the place of a segment")
        check_entries(entries, ENTRIES, len(self.parents))
        end = following[1] if following[0] == stream else self.streams[stream][2]
        need(at + sum(e[1] for e in entries) == end, "the end of a segment")
        lengths = [e[1] if e[0] == 0 else e[4] if e[0] == 5 else 0 for e in entries]
        need(sum(lengths) == raw, "raw length")
        payload, parts, at = decode(codec, payload, raw, self.dicts), [], 0
        for entry, length in zip(entries, lengths):
            parts.append((entry, payload[at:at + length]))
            at += length
        counted = [p for p in parts if p[0][0] in (0, 5)]
        need(len(counted) == following[2] - ordinal, "the ordinals of a segment")
        return parts, counted

    def counted(self, ordinal):
        """The data entry or patch with an ordinal, and its part of the payload."""
        number, i = self.last(ordinal, key=lambda k: k[2])
        parts, first = self.segment(number, i)[1], self.page(number)[1][i][2]
        need(ordinal - first < len(parts), f"no entry has the ordinal {ordinal}")
        return parts[ordinal - first]

    def parent(self, number):
        id, hint, _ = self.parents[number]
        beside = os.path.join(os.path.dirname(self.path), hint)
        if id not in self.parents_by_id and hint not in ("", ".", "..") and "/" not in hint and os.path.isfile(beside):
            found = Archive(beside, self.parents_by_id)
            self.parents_by_id[found.id] = found
        if id not in self.parents_by_id:
            raise Failed(f"parent {hint!r} with the id {id.hex()} is missing")
        return self.parents_by_id[id]

    def chunk(self, entry, part):
        """The bytes of a data entry, ref, parent entry or patch."""
        kind, length, hash = entry[:3]
        if kind in (3, 4):
            holder = self if kind == 3 else self.parent(entry[3])
            target = holder.counted(entry[-1])
            need(target[0][1:3] == [length, hash], "an entry refers to another chunk")
            return holder.chunk(*target)
        if kind == 5:
            part = patch(part, [self.base(*b) for b in entry[3]], length)
        need(len(part) == length and digest(part) == hash, "the bytes of a chunk do not have its hash")
        return part

    def base(self, parent, ordinal):
        if type(parent) is int:
            return self.parent(parent).counted(ordinal)[1]
        entry, part = self.counted(ordinal)
        need(entry[0] == 0 and entry[2] == parent, "a base is another chunk, or a patch")
        return part

    def inside(self, node, low, high, level):
        """Yields the entries that hold the bytes of a node from low to high: the parent, an entry of it,
        its part of the payload, its place in the node. The node must be below a level, so that
        archives that name each other come to an end."""
        _, length, _, own, number, stream, offset, _ = node
        need(own < level, f"a node of level {own} within one of level {level}")
        parent = self.parent(number)
        need(stream < len(parent.streams) and offset + length <= parent.streams[stream][2], "a node of a range that the parent does not have")
        parent.check_node(node)
        for entry, part, at in parent.entries(stream, offset + low, offset + high):
            need(offset <= at and at + entry[1] <= offset + length, "a node begins or ends within an entry of the parent")
            yield parent, entry, part, at - offset

    def check_node(self, node):
        """Checks that a node of another archive is a node here: from its entries, once. The list of nodes
        would tell as well."""
        _, length, hash, level, _, stream, offset, _ = node
        if (stream, offset, length, level, hash) not in self.nodes:
            tree = Tree()
            for entry, _, at in self.entries(stream, offset, offset + length):
                need(offset <= at and at + entry[1] <= offset + length, "a node begins or ends within an entry of the parent")
                if entry[0] == 6:
                    need(entry[3] < level, f"a node of level {entry[3]} within one of level {level}")
                need(tree.add(entry), "a node within a node is not aligned")
            found = tree.node(level)
            need(found and found[0] == hash, "the parent has another node")
            self.nodes.add((stream, offset, length, level, hash))

    def content(self, entry, part, low, high, level=LEVELS):
        """Yields the bytes of an entry from low to high. A node must be below a level."""
        if entry[0] in (1, 2):
            yield from zeros(high - low)
        elif entry[0] == 6:
            for parent, found, its, at in self.inside(entry, low, high, level):
                yield from parent.content(found, its, max(low - at, 0), min(high - at, found[1]), entry[3])
        else:
            yield self.chunk(entry, part)[low:high]

    def read(self, stream, offset=0, length=1 << 63):
        """Yields the bytes of a stream from an offset on."""
        end = min(offset + length, self.streams[stream][2])
        for entry, part, at in self.entries(stream, offset, end):
            yield from self.content(entry, part, max(offset - at, 0), min(entry[1], end - at))

    def entries(self, stream, offset, end):
        """Yields the entries that hold a range of a stream, each with its part of the payload and its
        offset."""
        while offset < end:
            number, i = self.last([stream, offset], key=lambda k: k[:2])
            _, at, _ = self.page(number)[1][i]
            for entry, part in self.segment(number, i)[0]:
                if at < end and offset < at + entry[1]:
                    yield entry, part, at
                at += entry[1]
            need(at > offset, "a segment does not hold what the index says")
            offset = at
