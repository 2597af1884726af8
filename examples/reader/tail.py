"""What follows the root: signatures, trailers, and what an interrupted append has left."""
import msgpack

from .values import FRAMES, Damaged, digest, fits, is_trailer, need

BLOCK = 512     # what is lost as a whole


def check_tail(archive):
    """docs/format.md#what-a-tail-may-end-with. That a signature is right is not looked at."""
    start = archive.root_at + archive.root_length
    need(archive.size - start <= 512 << 10, "the tail is too long")
    tail, trailer = archive.bytes_at(start, archive.size - start), archive.bytes_at(archive.trailer_at, 64)
    at = 0
    while at < len(tail):
        try:
            length = append(tail[at:], trailer)
        except Damaged:
            if at == 0:
                raise
            break
        if length is None:
            break
        at += length
    need(at > 0, "the first trailer is missing")
    check_rest(tail[at:], start + at, trailer)


def append(data, trailer):
    """The length of the append that data begins with, or None if data is the beginning of one."""
    at = 0
    while not data.startswith(trailer, at):
        if trailer.startswith(data[at:]):
            return None
        length = signature(data[at:at + 8192])
        if length is None:
            return None
        at += length
    return at + 64


def signature(data):
    """The same for a signature."""
    frames = msgpack.Unpacker(max_buffer_size=8192, raw=False)
    frames.feed(data)
    try:
        frame = frames.unpack()
    except msgpack.OutOfData:
        need(b"\x93\x13".startswith(data[:2]) and data[2:3] in (b"", b"\xc4", b"\xc5"), "the beginning of a signature")
        return None
    except (ValueError, msgpack.UnpackException) as e:
        need(False, f"after the root: {e}")
    need(fits(frame, FRAMES[19]) and frame[0] == 19 and len(frame[1]) <= 4096 and digest(frame[1]) == frame[2], "a signature")
    return frames.tell()


def check_rest(rest, position, trailer):
    """The rest of an interrupted append, which stands at a position of the file, or nothing."""
    need(len(rest) <= 65472, "the end of the file is too far from the last trailer")
    lost = first_lost(rest, position)
    for at in range(len(rest) - 63):
        found = rest[at:at + 64]
        if found[0] == trailer[0] and is_trailer(found):
            need(found == trailer and at + 64 > lost, "a trailer in what is damaged, or of another archive")
    need(append(rest[:lost], trailer) is None, "what follows the last trailer")


def first_lost(rest, position):
    """Where the first block begins that was never written and is all zeros; the length of rest if none is."""
    first, written = len(rest), len(rest.rstrip(b"\0"))
    at = 0
    while at < len(rest):
        end = min(at + BLOCK - (position + at) % BLOCK, len(rest))
        if not rest[at:end].strip(b"\0"):
            first = min(first, at)
        else:
            need(bytes(64) not in rest[at:min(end, written)], "zeros in what follows the last trailer")
        at = end
    return first
