"""Time and size of cold packs as SVG, in colours that can be read on white and on black."""

from math import log10
from xml.sax.saxutils import escape

from .rounds import PACK_A, PACK_DISK

WIDTH, HEIGHT = 860, 380
PANEL = 350  # width of the plotting area of one step
LEFT, TOP, BOTTOM, GAP = 60, 40, 60, 80
INK, GRID, OURS, DEDUP, PLAIN = "#7d8590", "#7d859055", "#e8590c", "#3b82d6", "#2f9e44"
LABEL = 6.7  # width of a letter


def draw(results, dedup_peers):
    """Returns the text of the file, a panel for each step that has numbers."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="Time and size of cold packs" font-family="sans-serif" font-size="12" fill="{INK}">',
    ]
    x = LEFT
    for step in (PACK_A, PACK_DISK):
        points = [(t, results.median(step, t, "wall"), results.median(step, t, "bytes")) for t in results.tools(step)]
        points = [(t, wall, size / 1e6) for t, wall, size in points if wall and size]
        if points:
            parts += _panel(x, step, points, dedup_peers)
            x += PANEL + GAP
    parts += _legend()
    return "\n".join([*parts, "</svg>", ""])


def _text(x, y, text, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _legend():
    parts, x = [], LEFT
    for colour, name in ((OURS, "hexz"), (DEDUP, "find duplicates"), (PLAIN, "compress only")):
        parts.append(f'<circle cx="{x + 5}" cy="{HEIGHT - 12}" r="5" fill="{colour}"/>')
        parts.append(_text(x + 15, HEIGHT - 8, name))
        x += 35 + LABEL * len(name)
    parts.append(_text(WIDTH - 20, HEIGHT - 8, "lower left is better", 'text-anchor="end"'))
    return parts


def _panel(left, title, points, dedup_peers):
    right, bottom = left + PANEL, HEIGHT - BOTTOM
    low, high = _time_range([p[1] for p in points])
    top_size = max(p[2] for p in points) * 1.12

    def place(wall, size):
        return (left + PANEL * (log10(wall) - log10(low)) / (log10(high) - log10(low)),
                bottom - (bottom - TOP) * size / top_size)

    parts = [_text(left, TOP - 16, title, 'font-size="14" font-weight="bold"')]
    for t in _ticks(low, high):
        x = place(t, 0)[0]
        parts += [_line(x, TOP, x, bottom, GRID), _text(x, bottom + 16, f"{t:g} s", 'text-anchor="middle"')]
    step = _step(top_size)
    for n in range(int(top_size / step) + 1):
        y = place(low, n * step)[1]
        parts += [_line(left, y, right, y, INK if n == 0 else GRID),
                  _text(left - 6, y + 4, f"{n * step:g}" + (" MB" if n else ""), 'text-anchor="end"')]
    dots = [(name, *place(wall, size)) for name, wall, size in points]
    taken = [(x - 6, y - 6, x + 6, y + 6) for _, x, y in dots]
    for name, x, y in dots:
        colour = OURS if name in ("hexz", "hexz s2", "hexz lz4") else DEDUP if name in dedup_peers else PLAIN
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        parts.append(_label(name, x, y, colour, taken, right + 20))
    return parts


def _label(name, x, y, colour, taken, right):
    """Puts the name where it hides nothing, if there is such a place, and adds it to taken."""
    w = LABEL * len(name)
    boxes = [(x + dx, y + dy - 10, x + dx + w, y + dy + 3)
             for dx, dy in ((9, 4), (-9 - w, 4), (-w / 2, -9), (-w / 2, 19),
                            (7, -7), (7, 16), (-7 - w, -7), (-7 - w, 16))]

    def hidden(b):
        crossings = sum(b[0] < t[2] and t[0] < b[2] and b[1] < t[3] and t[1] < b[3] for t in taken)
        return crossings + (b[2] > right)

    best = min(boxes, key=hidden)
    taken.append(best)
    return _text(best[0], best[3] - 3, name, f'fill="{colour}"')


def _time_range(times):
    return min(times) * 0.8, max(max(times) * 1.3, min(times) * 4)


def _ticks(low, high):
    return [t for e in range(-3, 5) for m in (1, 2, 5) if low <= (t := m * 10.0**e) <= high]


def _step(top):
    """A round number of which 4 to 9 fit."""
    return next(s for e in range(-2, 8) for m in (1, 2, 5) if top / (s := m * 10**e) < 9)
