"""The figure of speed on the home page, drawn from the table of docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

from tools.interface import ROOT

ROWS = {
    "udp": "UDP sendto and recvfrom",
    "unix": "UNIX sendto and recvfrom",
    "accept": "TCP connect, accept, close",
    "recvmmsg": "64 datagrams in one call, each",
    "segment": "UDP segmentation, a datagram",
    "asyncio-echo": "asyncio, UDP echo of a datagram",
    "message-read": "message with control messages",
    "get-option": "option of an integer, by name",
}
"""The rows of the table that the figure has, by name, each with its label."""
_ROW = re.compile(
    r"^\|(?: [^|]+ \|){3} \**([\d.]+)\** [^|]+ \| [^|]*\| `([\w-]+)` \|$", re.MULTILINE
)
_PERFORMANCE = ROOT / "docs" / "performance.md"

_STYLE = """
    text { fill: #1c2128; }
    .ground { fill: #ffffff; }
    .faster { fill: #3b6ea5; }
    .slower { fill: #a5713b; }
    .stdlib { stroke: #1c2128; stroke-width: 1.5px; stroke-dasharray: 4 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e3e7ee; }
      .ground { fill: #1f232b; }
      .faster { fill: #6fa3dd; }
      .slower { fill: #d9a066; }
      .stdlib { stroke: #e3e7ee; }
    }
"""
_LABELS, _BARS, _LINE, _TOP = 270, 300, 34, 56


def figures() -> Iterator[tuple[str, str]]:
    """Yield the path below ``docs`` and the text of each drawn figure."""
    yield "assets/speed.svg", speed(ratios(_PERFORMANCE.read_text()))


def ratios(page: str) -> Mapping[str, float]:
    """Return the ratio of famsock's time to the stdlib's by label.

    :param page: the text of docs/performance.md.
    :raises KeyError: a row of the figure is not in its table.
    """
    found = {name: float(ratio) for ratio, name in _ROW.findall(page)}
    return {label: found[name] for name, label in ROWS.items()}


def speed(ratios: Mapping[str, float]) -> str:
    """Draw a bar for each ratio, and a line where famsock takes as long as the stdlib."""
    numbers_x = _LABELS + _BARS * max(1.0, *ratios.values()) + 50
    width_px = numbers_x + 10
    height_px = _TOP + _LINE * len(ratios) + 12
    line_x = _LABELS + _BARS
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width_px:.0f} {height_px}"',
        f'     width="{width_px:.0f}" height="{height_px}" role="img"',
        '     font-family="system-ui, sans-serif" font-size="15">',
        "  <title>Time of famsock, where the standard library takes 1</title>",
        f"  <style>{_STYLE}  </style>",
        f'  <rect class="ground" width="{width_px:.0f}" height="{height_px}"/>',
        f'  <text x="{line_x}" y="24" text-anchor="middle">the stdlib</text>',
    ]
    for place, (label, ratio) in enumerate(ratios.items()):
        y = _TOP + _LINE * place
        bar = f'x="{_LABELS}" y="{y - 16}" width="{_BARS * ratio:.1f}" height="22"'
        lines += [
            f'  <text x="{_LABELS - 10}" y="{y}" text-anchor="end">{escape(label)}</text>',
            f'  <rect class="{"faster" if ratio <= 1 else "slower"}" {bar}/>',
            f'  <text x="{numbers_x:.0f}" y="{y}" text-anchor="end">{ratio:.2f}</text>',
        ]
    line = f'x1="{line_x}" y1="32" x2="{line_x}" y2="{height_px - 8}"'
    return "\n".join([*lines, f'  <line class="stdlib" {line}/>', "</svg>"]) + "\n"
