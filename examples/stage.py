"""What the stages in this directory share: reading a chunk stream, writing one, and failing."""
import os
import signal
import sys

import msgpack

NAME = os.path.basename(sys.argv[0])
# Text that is not UTF-8 goes through as it is.
TEXT = {"unicode_errors": "surrogateescape"}
# Elements of each kind of frame and of entry.
FRAMES = {0: 5, 1: 5, 2: 5, 3: 7, 4: 3, 5: 5, 6: 3, 7: 3}
ENTRIES = {0: 3, 1: 2, 2: 2, 3: 4, 4: 5, 5: 5, 6: 8}

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
begun = False


def put(*frame):
    global begun
    begun = True
    sys.stdout.buffer.write(msgpack.packb(frame, use_bin_type=True, **TEXT))


def fail(code, message, stage=NAME):
    if not begun:                       # Abort is never the first frame
        put(0, "hexz", 1, [], {})
    put(7, stage, message)
    print(f"{NAME}: {stage}: {message}", file=sys.stderr)
    sys.exit(code)


def frames(**parameters):
    """Yields the frames of the stream on standard input, from Header to End. Adds this stage, with
    its parameters, to those in the header."""
    source = msgpack.Unpacker(open(0, "rb", buffering=0), raw=False, max_buffer_size=1 << 28, **TEXT)
    first = True
    try:
        while True:
            elements, kind = source.read_array_header(), source.unpack()
            if type(kind) is int and kind > 127:
                for _ in range(elements - 1):
                    source.skip()       # an ancillary frame may hold anything
                continue
            if FRAMES.get(kind) != elements or first != (kind == 0):
                fail(3, f"a frame of kind {kind} and {elements} elements that is not known here")
            frame = [kind] + [source.unpack() for _ in range(elements - 1)]
            if kind == 0:
                header(frame, parameters)
            elif kind == 3 and any(ENTRIES.get(entry[0]) != len(entry) for entry in frame[3]):
                fail(3, f"a segment at offset {frame[2]} with an entry of a kind that is not known")
            elif kind == 6 and source.read_bytes(1):
                fail(3, "bytes after the End frame")
            elif kind == 7:
                fail(4, frame[2], frame[1])
            yield frame
            if kind == 6:
                return
            first = False
    except msgpack.OutOfData:
        fail(4, "the stream is cut short")
    except (ValueError, TypeError, msgpack.UnpackException) as e:
        fail(3, f"not a chunk stream: {e}")


def header(frame, parameters):
    if frame[1:4] != ["hexz", 1, []] or "archive" in frame[4]:
        fail(3, "not a stream of version 1 without features")
    frame[4].setdefault("stages", []).append({"stage": NAME, **parameters})
