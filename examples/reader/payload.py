"""Payloads: codecs (docs/format.md#codecs) and the programs of patches (docs/format.md#patches)."""
from .values import MIB, Damaged, Failed, need


def varint(data, at):
    """A number of up to five bytes, and where it ends."""
    number = 0
    for i, byte in enumerate(data[at:at + 5]):
        number |= (byte & 127) << 7 * i
        if byte < 128:
            return number, at + i + 1
    raise Damaged("a varint is cut or too long")


def s2(data, length):
    size, at = varint(data, 0)
    need(size == length, "the length of an s2 block")
    out, offset = bytearray(), 0

    def number(width):
        nonlocal at
        need(at + width <= len(data), "an s2 block is cut")
        at += width
        return int.from_bytes(data[at - width:at], "little")
    while at < len(data):
        tag = number(1)
        kind, n = tag & 3, tag >> 2
        if kind == 0:
            n = 1 + (n if n < 60 else number(n - 59))
            need(n <= min(len(data) - at, length - len(out)), "an s2 literal")
            out += data[at:at + n]
            at += n
            continue
        if kind == 1:
            last, offset, n = offset, (tag >> 5) << 8 | number(1), 4 + (n & 7)
            if offset == 0:                     # repeat the last offset
                offset, n = last, n if n < 9 else (8, 260, 65540)[n - 9] + number(n - 8)
        else:
            offset, n = number(2 * kind - 2), n + 1
        need(0 < offset <= len(out) and n <= length - len(out), "an s2 copy")
        while n:                                # a copy may overlap what it makes
            part = out[-offset:][:n]
            out += part
            n -= len(part)
    return bytes(out)


def zstd(data, length, dicts):
    import zstandard
    frame = zstandard.get_frame_parameters(data)
    need(frame.content_size in (length, zstandard.CONTENTSIZE_UNKNOWN), "the content size of a zstd frame")
    need(frame.dict_id == 0 or frame.dict_id in dicts, f"no dictionary {frame.dict_id}")
    frames = zstandard.ZstdDecompressor(dicts.get(frame.dict_id), max_window_size=64 * MIB).decompressobj()
    out = bytearray()
    for at in range(0, len(data), 1024):        # in steps, so that a bomb is noticed
        out += frames.decompress(data[at:at + 1024])
        need(len(out) <= length, "a zstd frame holds too much")
    need(frames.eof and not frames.unused_data, "not exactly one zstd frame")
    return bytes(out)


def decode(codec, data, length, dicts):
    need(max(length, len(data)) <= 64 * MIB and (length or codec == "none"), "the length of a payload")
    try:
        if codec == "zstd":
            data = zstd(data, length, dicts)
        elif codec == "lz4":
            import lz4.block
            data = lz4.block.decompress(data, uncompressed_size=length)
        elif codec == "s2":
            data = s2(data, length)
        elif codec != "none":
            raise Failed(f"codec {codec} is not known")
    except ImportError as e:
        raise Failed(e) from e
    except (Damaged, Failed):
        raise
    except Exception as e:                      # each module has errors of its own
        raise Damaged(f"{codec}: {e}") from e
    need(len(data) == length, "the length of a decoded payload")
    return data


def patch(program, bases, length):
    out, base, offset, at = bytearray(), 0, 0, 0
    while at < len(program):
        head, at = varint(program, at)
        n, kind = head >> 2, head & 3
        if kind == 0:
            need(n <= len(program) - at, "a literal is cut")
            out += program[at:at + n]
            at += n
        elif kind == 2:
            move, at = varint(program, at)
            offset += -(move >> 1) - 1 if move & 1 else move >> 1
        elif kind == 3:
            base, at = varint(program, at)
            offset, at = varint(program, at)
        if kind != 0:
            need(base < len(bases) and 0 <= offset <= len(bases[base]) - n, "a copy of what no base has")
            out += bases[base][offset:offset + n]
        offset += n
        need(0 < n and len(out) <= length, "the length of an operation")
    return bytes(out)
