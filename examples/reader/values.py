"""The values of the format (docs/format.md#values), and the forms of frames and entries."""
import struct

import blake3
import msgpack

SPAN = (int, int, 32)
BASES = [(int, int), (32, int)]
# The elements of each kind of entry: in a segment, and in an entry page.
ENTRIES = {
    0: (int, int, 32), 1: (int, int), 2: (int, int), 3: (int, int, 32, int), 4: (int, int, 32, int, int),
    5: (int, int, 32, BASES, int), 6: (int, int, 32, int, int, int, int, int),
}
PAGED = {**ENTRIES, 3: (int, int, int), 5: (int, int, 32, [(int, int), (None, int)], int)}
STREAM = (int, str, int, 32, int, int, dict, dict)
NODE = (int, int, int, 32, int)
FIRST = (int, int, int, int)
INFO = ([str], dict, [(32, str, 32)], [STREAM], list, [(int, *SPAN)], [[FIRST]])
CHILDREN = [SPAN, (*SPAN, *SPAN)]
FRAMES = {
    0: (int, str, int, [str], dict), 1: (int, int, 32, str, 32), 2: (int, int, str, object, dict),
    3: (int, int, int, list, str, int, bytes), 4: (int, int, bytes), 5: (int, int, int, 32, dict),
    6: (int, dict, 32), 16: (int, int, [SPAN, (*SPAN, int, 32)], bytes), 17: (int, int, bytes),
    18: (int, [str], (int, int), (int, 32), [(int, int, CHILDREN)], bytes), 19: (int, bytes, 32),
    20: (int, int, int, int, CHILDREN, bytes), 21: (int, int, int, bytes),
}
MIB = 1 << 20


class Damaged(Exception):
    """The bytes are not what the format says."""


class Failed(Exception):
    """Something else is missing: a parent, a module."""


def need(ok, what):
    if not ok:
        raise Damaged(what)


def digest(data):
    return blake3.blake3(data).digest()


def u64(number):
    return struct.pack("<Q", number)


def fits(value, form):
    """Whether a value has a form: a type; None; 32, a bin of 32 bytes; a tuple, an array of so many
    elements; a list, an array of any number of elements of one of the forms in it."""
    if form is int:
        return type(value) is int and 0 <= value < 1 << 63
    if form is dict:
        return type(value) is dict and simple(value, 0)
    if form == 32:
        return type(value) is bytes and len(value) == 32
    if type(form) is tuple:
        return type(value) is list and len(value) == len(form) and all(map(fits, value, form))
    if type(form) is list:
        return type(value) is list and all(any(fits(v, f) for f in form) for v in value)
    return value is None if form is None else isinstance(value, form)


def simple(value, depth):
    """Whether a value may stand in a map of parameters."""
    if depth > 16:
        return False
    if type(value) in (list, dict):
        return all(simple(v, depth + 1) for v in (value.values() if type(value) is dict else value))
    return value is None or type(value) in (bool, str, bytes) or fits(value, int)


def mapping(pairs):
    need(all(type(k) is str for k, _ in pairs) and len(dict(pairs)) == len(pairs), "the keys of a map")
    return dict(pairs)


def unpack(data):
    try:
        return msgpack.unpackb(data, raw=False, unicode_errors="surrogateescape", object_pairs_hook=mapping)
    except (ValueError, msgpack.UnpackException) as e:
        raise Damaged(f"not msgpack: {e}")


def zeros(length):
    for at in range(0, length, MIB):
        yield bytes(min(MIB, length - at))


def check_entries(entries, forms, parents):
    """Entries of a segment, or of one in an entry page."""
    need(1 <= len(entries), "a segment without entries")
    counted = made = 0
    for entry in entries:
        need(type(entry) is list and entry and entry[0] in forms, f"an entry of a kind that is not known: {entry}")
        need(fits(entry, forms[entry[0]]), f"the form of an entry of kind {entry[0]}")
        kind, length = entry[:2]
        need(1 <= length <= (1 << 63) - 1 if kind in (1, 2, 6) else 1 <= length <= 16 * MIB, "the length of an entry")
        if kind == 5:
            bases = entry[3]
            counted += len(bases)
            made += length
            need(1 <= len(bases) <= 32 and 1 <= entry[4] < length and len({type(b[0]) for b in bases}) == 1, "a patch")
        if kind == 6:
            need(entry[3] < 24 and entry[5] < 65536 and entry[6] + length < 1 << 63, "a node")
        named = [entry[3]] if kind == 4 else [entry[4]] if kind == 6 else [b[0] for b in entry[3] if type(b[0]) is int] if kind == 5 else []
        need(all(n < parents for n in named), "an entry names a parent that is not there")
    need(len(entries) + counted <= MIB and made <= 64 * MIB, "a segment of too many entries or patches")


def is_trailer(data):
    """Whether 64 bytes are a trailer that was written to its end."""
    return len(data) == 64 and data[:11] == b"\xc4\x3ehxz-tail\x01" and data[11:16] == digest(data[:11] + bytes(5) + data[16:])[:5]
