"""Checks a whole archive: every stored byte, every chunk, and that body and index agree."""
import msgpack

from .body import Body
from .tail import check_tail
from .values import fits, need


def check(archive):
    made = check_body(archive)
    check_index(archive, made)
    check_tail(archive)


def check_body(archive):
    """Walks over the frames from Header to End, and returns the index that they have."""
    body, at = Body(archive), 0
    with open(archive.path, "rb") as file:
        frames = msgpack.Unpacker(file, max_buffer_size=0)
        while at < archive.area_at[0]:
            start = at
            try:
                elements, kind = frames.read_array_header(), frames.unpack()
                for _ in range(elements - 1):
                    frames.skip()               # what an ancillary frame holds is not looked at
            except (ValueError, msgpack.UnpackException) as e:
                need(False, f"no frame at byte {start}: {e}")
            at = frames.tell()
            need(at <= archive.area_at[0], "a frame goes on in the index")
            need(fits(kind, int), f"the kind of the frame at byte {start}")
            body.take(kind, start, archive.bytes_at(start, at - start))
    need(body.kind == 6, "no End frame")
    body.made.finish()
    return body.made


def check_index(archive, made):
    """The pages and lists of the index are those of the body."""
    need([made.length, made.group.digest()] == archive.rest, "the frames after the last segment")
    need(made.sizes == archive.areas, "the lengths of the areas")
    for at, pages in zip(archive.area_at, made.areas):
        for page in pages:
            need(archive.bytes_at(at, len(page)) == page, f"the page at byte {at} is not that of the body")
            at += len(page)
    found = [([l.counts[0], l.end[3], [spans for spans, _ in l.top]], [first for _, first in l.top]) for l in archive.lists]
    need(found == [(l.listed, l.firsts) for l in made.lists], "the lists of the root")
