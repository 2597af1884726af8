"""The lists of pages of an index (docs/format.md#lists-of-pages): what reads them, and what makes them
anew from the body."""
import bisect
import functools

import blake3
import msgpack

from .values import FIRST, NODE, digest, fits, need, unpack

FAN = 256


class List:
    """A list of pages of an archive."""
    def __init__(self, archive, number, listed, firsts, counted):
        pages, items, top = listed
        self.archive, self.number, self.counts = archive, number, [pages]
        while self.counts[-1] > FAN:
            self.counts.append(-(-self.counts[-1] // FAN))
        # What would be the first of one more page.
        self.end = [len(archive.streams), 0, counted, items]
        self.top = self.checked(top, firsts, self.counts[-1], len(self.counts) - 1, [0, 0], self.end)

    def checked(self, spans, firsts, count, height, counts, end):
        pairs = self.number == 0 and height == 0
        need(len(spans) == len(firsts) == count and all(len(s) == (6 if pairs else 3) for s in spans), "the number of children")
        need(not firsts or firsts[0][2:] == counts, "the first of the children")
        need(all(a[:2] < b[:2] and a[2] <= b[2] and a[3] < b[3] for a, b in zip(firsts, firsts[1:] + [end])), "children out of order")
        return list(zip(spans, firsts))

    def child(self, height, n):
        """Spans and first of a page."""
        if height == len(self.counts) - 1:
            return self.top[n]
        return self.directory(height + 1, n // FAN)[n % FAN]

    def after(self, height, n):
        """The first of what follows a page."""
        return self.child(height, n + 1)[1] if n + 1 < self.counts[height] else self.end

    @functools.lru_cache(64)
    def directory(self, height, n):
        (position, length, want), first = self.child(height, n)
        _, number, own_height, own, spans, firsts = self.archive.page_frame(20, self.number, position, length, want)
        firsts = unpack(firsts)
        need([number, own_height, own] == [self.number, height, n] and fits(firsts, [FIRST]), "a directory page")
        need(firsts and firsts[0] == first, "a directory page begins elsewhere")
        return self.checked(spans, firsts, min(FAN, self.counts[height - 1] - n * FAN), height - 1, first[2:], self.after(height, n))

    def last(self, wanted, key):
        """The number of the last page whose first is not behind what is wanted."""
        children, n = self.top, 0
        for height in reversed(range(len(self.counts))):
            i = bisect.bisect_right([key(first) for _, first in children], wanted) - 1
            need(i >= 0, "no page of the index has what is wanted")
            n += i
            if height:
                children, n = self.directory(height, n), n * FAN
        return n


class Made:
    """The index that a body has."""
    def __init__(self):
        self.areas, self.sizes = [[], []], [0, 0]
        self.lists = [Making(self, 0)]
        self.segments, self.entries = [], []
        self.nodes, self.waiting = {}, {}       # by level; the last node may be the top
        self.new_group()

    def new_group(self):
        self.group, self.length = blake3.blake3(), 0

    def frame(self, span):
        """Takes a frame that is no segment."""
        self.group.update(span[2])
        self.length += span[1]

    def segment(self, key, span, entries):
        self.segments.append((key, span + ([self.length, self.group.digest()] if self.length else [])))
        self.new_group()
        self.entries.append(pack(entries))
        if len(self.segments) == 256 or sum(map(len, self.entries)) >= 16384:
            self.end_segments()

    def end_segments(self):
        if self.segments:
            n, keys = self.lists[0].counts[0], [key for key, _ in self.segments]
            spans = self.put(0, pack([16, n, [place for _, place in self.segments], pack(keys)]))
            head = msgpack.Packer().pack_array_header(len(keys))
            spans += self.put(0, pack([17, n, head + b"".join(self.entries)]))
            self.lists[0].add(0, (spans, keys[0] + [self.lists[0].items]))
            self.lists[0].items += len(keys)
        self.segments, self.entries = [], []

    def node(self, level, node):
        """Takes a node, which has ended: stream number, offset, length, digest, holes."""
        self.keep(level)
        self.waiting[level] = node

    def keep(self, level):
        if level in self.waiting:
            self.nodes.setdefault(level, []).append(self.waiting.pop(level))
            if len(self.nodes[level]) == 256:
                self.end_nodes(level)

    def end_stream(self, top):
        """Ends a stream with a top of that level."""
        for level in range(top):
            self.keep(level)
        self.waiting.clear()

    def end_nodes(self, level):
        nodes = self.nodes.pop(level)
        while len(self.lists) < level + 2:
            self.lists.append(Making(self, len(self.lists)))
        pages = self.lists[level + 1]
        span = self.put(1, pack([21, level, pages.counts[0], pack(nodes)]))
        pages.add(0, (span, nodes[0][:2] + [0, pages.items]))
        pages.items += len(nodes)

    def put(self, area, page):
        self.areas[area].append(page)
        self.sizes[area] += len(page)
        return [self.sizes[area] - len(page), len(page), digest(page)]

    def finish(self):
        self.end_segments()
        for level in sorted(self.nodes):
            self.end_nodes(level)
        for pages in self.lists:
            pages.finish()


class Making:
    """A list of pages that is being made."""
    def __init__(self, index, number):
        self.index, self.number, self.items = index, number, 0
        self.counts, self.open = [0], [[]]      # by height: all pages, and those that no other lists yet

    def add(self, height, child):
        if height == len(self.open):
            self.open.append([])
            self.counts.append(0)
        if len(self.open[height]) == FAN:
            self.directory(height)
        self.open[height].append(child)
        self.counts[height] += 1

    def directory(self, height):
        children, self.open[height] = self.open[height], []
        n = self.counts[height + 1] if height + 1 < len(self.counts) else 0
        page = [20, self.number, height + 1, n, [spans for spans, _ in children], pack([first for _, first in children])]
        self.add(height + 1, (self.index.put(min(self.number, 1), pack(page)), children[0][1]))

    def finish(self):
        height = 0
        while height + 1 < len(self.open):
            self.directory(height)
            height += 1
        self.listed = [self.counts[0], self.items, [spans for spans, _ in self.open[-1]]]
        self.firsts = [first for _, first in self.open[-1]]


def pack(value):
    return msgpack.packb(value, use_bin_type=True)
