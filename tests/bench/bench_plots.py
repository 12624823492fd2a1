"""Plots, written as SVG by hand: lines over an axis, and dots per shape."""

import html
import math

COLOURS = {
    "chatd": "#c0392b",
    "floor": "#7f8c8d",
    "bun": "#e08e0b",
    "node": "#2e8b57",
    "guide": "#3b6fb6",
}
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 800, 70, 150, 46, 52
STYLE = "font-family='system-ui, sans-serif' font-size='12'"


def short(value):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def text(x, y, words, anchor="start", more=""):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {more}>{html.escape(str(words))}</text>"


def line(x1, y1, x2, y2, colour="#dddddd", more=""):
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' {more}/>"
    )


def dot(x, y, colour, words):
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'><title>{html.escape(words)}</title></circle>"


def document(height, title, parts):
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' "
        f"role='img' {STYLE}><title>{html.escape(title)}</title><rect width='100%' height='100%' fill='#ffffff'/>"
    )
    return (
        "\n".join(
            [head, text(LEFT, 22, title, more="font-size='15' font-weight='600'"), *parts, "</svg>"]
        )
        + "\n"
    )


class LogScale:
    """From decade to decade; a range within one decade gets that one."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.end = start, end

    def __call__(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        return [10.0**power for power in range(self.low, self.high + 1)]


def legend(servers, titles, x, y):
    parts = []
    for index, server in enumerate(servers):
        parts.append(dot(x, y + index * 20 - 4, COLOURS[server], titles[server]))
        parts.append(text(x + 10, y + index * 20, titles[server].split(" (")[0]))
    return parts


def lines(title, x_label, y_label, series, titles):
    """series: {server: [(x, y)]}; both axes are logarithmic."""
    height = 380
    points = [point for values in series.values() for point in values]
    x_of = LogScale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_of = LogScale([y for _, y in points], height - BOTTOM, TOP)
    parts = []
    for tick in x_of.ticks():
        parts += [
            line(x_of(tick), TOP, x_of(tick), height - BOTTOM),
            text(x_of(tick), height - BOTTOM + 18, short(tick), "middle"),
        ]
    for tick in y_of.ticks():
        parts += [
            line(LEFT, y_of(tick), WIDTH - RIGHT, y_of(tick)),
            text(LEFT - 8, y_of(tick) + 4, short(tick), "end"),
        ]
    for server, values in series.items():
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in values)
        parts.append(
            f"<polyline points='{path}' fill='none' stroke='{COLOURS[server]}' stroke-width='2'/>"
        )
        parts += [
            dot(x_of(x), y_of(y), COLOURS[server], f"{titles[server]}: {short(x)}, {y:.4g}")
            for x, y in values
        ]
    parts += legend(series, titles, WIDTH - RIGHT + 20, TOP + 12)
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, height - 12, x_label, "middle"))
    parts.append(text(LEFT, TOP - 8, y_label, more="fill='#555555'"))
    return document(height, title, parts)


def dots(title, x_label, rows, titles):
    """rows: [(name, {server: value})]; one row of dots each on a logarithmic axis."""
    step, left = 30, 310
    height = TOP + BOTTOM + step * len(rows)
    values = [value for _, row in rows for value in row.values()]
    x_of = LogScale(values, left, WIDTH - RIGHT)
    servers = [server for server in titles if any(server in row for _, row in rows)]
    parts = []
    for tick in x_of.ticks():
        parts += [
            line(x_of(tick), TOP, x_of(tick), height - BOTTOM),
            text(x_of(tick), height - BOTTOM + 18, short(tick), "middle"),
        ]
    for index, (name, row) in enumerate(rows):
        y = TOP + step * (index + 0.5)
        parts += [text(left - 12, y + 4, name, "end"), line(left, y, WIDTH - RIGHT, y, "#eeeeee")]
        # chatd last, so that it is on top
        for server in sorted(row, key=lambda one: one == "chatd"):
            parts.append(
                dot(x_of(row[server]), y, COLOURS[server], f"{titles[server]}: {row[server]:,.0f}")
            )
    parts += legend(servers, titles, WIDTH - RIGHT + 20, TOP + 12)
    parts.append(text((left + WIDTH - RIGHT) / 2, height - 12, x_label, "middle"))
    return document(height, title, parts)
