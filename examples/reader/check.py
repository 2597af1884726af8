"""Checks a whole archive: every stored byte, every chunk, and that body and index agree."""
import blake3
import msgpack

from .body import Body
from .values import FRAMES, digest, fits, need


def check(archive):
    at = check_body(archive)
    for kind, spans in ((16, archive.map_pages), (17, archive.entry_pages), (18, [[archive.root_at, archive.root_length, archive.id]])):
        for position, length, want in spans:
            need(position == at, f"a gap before byte {position}")
            archive.frame(kind, position, length, want)
            at += length
    check_tail(archive, at)


def check_body(archive):
    """Walks over the frames from Header to End, run by run, and returns where they end."""
    body, at = Body(archive), 0
    with open(archive.path, "rb") as file:
        frames = msgpack.Unpacker(file, max_buffer_size=0)
        for position, length, want, count in archive.runs:
            need(position == at and 1 <= count <= 1024, "a run does not begin where the one before ended")
            run = blake3.blake3()
            for _ in range(count):
                start = at
                try:
                    elements, kind = frames.read_array_header(), frames.unpack()
                    for _ in range(elements - 1):
                        frames.skip()           # what an ancillary frame holds is not looked at
                except (ValueError, msgpack.UnpackException) as e:
                    need(False, f"no frame at byte {start}: {e}")
                at = frames.tell()
                need(at <= position + length, "a frame goes on after its run")
                data = archive.bytes_at(start, at - start)
                run.update(digest(data))
                need(fits(kind, int), f"the kind of the frame at byte {start}")
                if kind < 128:
                    body.take(kind, start, data)
            need(at == position + length and run.digest() == want, f"the frames from byte {position} on are not what was written")
    need(body.kind == 6, "no End frame")
    return at


def check_tail(archive, at):
    """Signatures and trailers, from the root to the last trailer."""
    end = archive.trailer_at + 64
    need(end - at <= 512 << 10, "the tail is too long")
    trailer = archive.bytes_at(archive.trailer_at, 64)
    while at < end:
        if archive.bytes_at(at, 2) == trailer[:2]:
            need(archive.bytes_at(at, 64) == trailer, "two trailers differ")
            at += 64
            continue
        frames = msgpack.Unpacker(max_buffer_size=8192, raw=False)
        frames.feed(archive.bytes_at(at, min(8192, end - at)))
        try:
            frame = frames.unpack()
        except (ValueError, msgpack.UnpackException) as e:
            need(False, f"after the root: {e}")
        need(fits(frame, FRAMES[19]) and frame[0] == 19 and digest(frame[1]) == frame[2], "a signature")
        at += frames.tell()
