"""Figures of who is addressed by what in a family, for the pages of docs/families.

A figure is 400 units wide, so that its text can be read on a narrow screen. It follows the page's
colours: light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH = 400
MARGIN = 10
_SHOWN_WIDTH_PX = 500
_LINE = 18
_SIZE = {"head": 14, "text": 12.5}
_STYLE = """
    rect { rx: 6px; stroke-width: 1.5px; }
    .ground { fill: #ffffff; stroke: none; }
    .program { fill: #eceff4; stroke: #5b6b83; }
    .other { fill: #e2f2e4; stroke: #3c8a4a; }
    .kernel { fill: #f4e9dc; stroke: #a5713b; }
    .arrow { stroke: #444c56; stroke-width: 1.5px; fill: none; marker-end: url(#tip); }
    .tip { fill: #444c56; }
    text { fill: #1c2128; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #1f232b; }
      .program { fill: #343b47; stroke: #9aa7bb; }
      .other { fill: #234730; stroke: #6cc07c; }
      .kernel { fill: #4f3a22; stroke: #d9a066; }
      .arrow { stroke: #b9c1cc; }
      .tip { fill: #b9c1cc; }
      text { fill: #eef1f5; }
    }
"""


class Box(NamedTuple):
    """A rectangle with a heading and lines of text.

    :ivar kind: "program", "other" (another machine or process) or "kernel".
    """

    x: int
    y: int
    width: int
    kind: str
    lines: tuple[str, ...]

    @property
    def height(self) -> int:
        return _LINE * len(self.lines) + 14


class Label(NamedTuple):
    """A line of text around a point."""

    x: int
    y: int
    text: str


class Figure(NamedTuple):
    """Boxes, arrows between points of them, and text beside these."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int, int, int], ...] = ()
    labels: tuple[Label, ...] = ()

    @property
    def height(self) -> int:
        return max(box.y + box.height for box in self.boxes) + MARGIN


FIGURES: Mapping[str, Figure] = {
    "vsock": Figure(
        "A host and its guests on VSOCK",
        (
            Box(10, 10, 380, "program", ("host: CID 2", "listens at any:1024")),
            Box(10, 112, 184, "other", ("guest: CID 3", "connects to", "vsock://2:1024")),
            Box(206, 112, 184, "other", ("guest: CID 4", "listens at any:80,", "is vsock://4:80")),
        ),
        ((102, 112, 102, 60), (298, 60, 298, 112)),
        (Label(46, 91, "to the host"), Label(350, 91, "to a guest")),
    ),
    "isotp": Figure(
        "Two ISO-TP sockets: what one sends with, the other receives",
        (
            Box(10, 10, 184, "program", ("tester", "tx_id 0x18DA10F1", "rx_id 0x18DAF110")),
            Box(206, 10, 184, "other", ("ECU", "tx_id 0x18DAF110", "rx_id 0x18DA10F1")),
            Box(10, 130, 380, "kernel", ("bus: interface can0",)),
        ),
        ((50, 78, 50, 130), (350, 130, 350, 78), (310, 78, 310, 130), (90, 130, 90, 78)),
        (Label(200, 100, "request: 0x18DA10F1"), Label(200, 119, "answer: 0x18DAF110")),
    ),
    "j1939": Figure(
        "Who is named by what on J1939",
        (
            Box(10, 10, 380, "program", ("to send: can0:0x0:0x1ee00:40",)),
            Box(10, 84, 88, "other", ("can0", "interface")),
            Box(106, 84, 84, "other", ("0x0", "no NAME")),
            Box(198, 84, 92, "other", ("0x1ee00", "PGN")),
            Box(298, 84, 92, "other", ("40", "receiver")),
        ),
        ((54, 42, 54, 84), (148, 42, 148, 84), (244, 42, 244, 84), (344, 42, 344, 84)),
    ),
    "netlink": Figure(
        "The kernel, the ports of programs, and a multicast group",
        (
            Box(10, 10, 380, "kernel", ("the kernel: port 0",)),
            Box(10, 104, 184, "program", ("a program: port 4711", "asks and is answered")),
            Box(206, 104, 184, "other", ("another: port 4712", "in group 1: links")),
        ),
        ((50, 104, 50, 42), (90, 42, 90, 104), (298, 42, 298, 104)),
        (Label(146, 78, "its requests"), Label(350, 78, "changes")),
    ),
    "tipc": Figure(
        "A service of TIPC is found by its type and instance, on whatever node it is",
        (
            Box(10, 10, 380, "program", ("client", "sends to service:18888:17")),
            Box(10, 112, 184, "other", ("a server on one node", "bound to", "range:18888:0:49")),
            Box(206, 112, 184, "other", ("on another node", "bound to", "range:18888:50:99")),
        ),
        ((102, 60, 102, 112),),
        (Label(176, 91, "17 is in this range"),),
    ),
    "qipcrtr": Figure(
        "A client asks the name service for a server's node and port",
        (
            Box(10, 10, 380, "program", ("client: node 1, port 16386", "looks up service 4660")),
            Box(10, 112, 184, "kernel", ("name service", "port 4294967294", "of each node")),
            Box(206, 112, 184, "other", ("server: service 4660", "node 1,", "port 16385")),
        ),
        ((50, 60, 50, 112), (90, 112, 90, 60), (298, 60, 298, 112)),
        (Label(130, 91, "1:16385"), Label(348, 91, "1:16385")),
    ),
    "bluetooth": Figure(
        "What a device has at its address, by protocol",
        (
            Box(10, 10, 380, "program", ("device 00:1B:DC:0F:A2:7E",)),
            Box(10, 84, 120, "other", ("L2CAP", "PSM 0x1001")),
            Box(140, 84, 120, "other", ("RFCOMM", "channel 1")),
            Box(270, 84, 120, "other", ("Low Energy", "PSM 0x81,", "or CID 4: ATT")),
            Box(10, 164, 380, "kernel", ("hci0: an adapter of this machine", "HciAddress(0)")),
        ),
        ((70, 42, 70, 84), (200, 42, 200, 84), (330, 42, 330, 84)),
    ),
    "packet": Figure(
        "The parts of lo:0x0800:4:772:[00:00:00:00:00:00]",
        (
            Box(10, 10, 118, "program", ("lo", "interface")),
            Box(136, 10, 128, "program", ("0x0800", "protocol: IPv4")),
            Box(272, 10, 118, "program", ("4", "type: outgoing")),
            Box(10, 70, 184, "other", ("772", "hardware: loopback")),
            Box(202, 70, 188, "other", ("[00:00:00:00:00:00]", "hardware address")),
        ),
    ),
}
"""The figures, by the name of their file."""


def figures() -> Iterator[tuple[str, str]]:
    """Yield the path below ``docs`` and the text of each figure."""
    for name, figure in FIGURES.items():
        yield f"assets/addressing-{name}.svg", drawn(figure)


def drawn(figure: Figure) -> str:
    """Return a figure as SVG."""
    height_px = round(_SHOWN_WIDTH_PX * figure.height / WIDTH)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {figure.height}"',
        f'     width="{_SHOWN_WIDTH_PX}" height="{height_px}" role="img"',
        '     font-family="system-ui, sans-serif" text-anchor="middle">',
        f"  <title>{escape(figure.title, quote=False)}</title>",
        f"  <style>{_STYLE}  </style>",
        '  <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8"',
        '    markerHeight="8" orient="auto"><path class="tip" d="M0 0L10 5L0 10z"/>',
        "  </marker></defs>",
        f'  <rect class="ground" width="{WIDTH}" height="{figure.height}"/>',
    ]
    for box in figure.boxes:
        lines += _box(box)
    for x1, y1, x2, y2 in figure.arrows:
        lines.append(f'  <path class="arrow" d="M{x1} {y1}L{x2} {y2}"/>')
    for label in figure.labels:
        lines.append(_text(label.x, label.y, label.text, "text"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _box(box: Box) -> Sequence[str]:
    place = f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"'
    middle = box.x + box.width // 2
    return [
        f'  <rect class="{box.kind}" {place}/>',
        *(
            _text(middle, box.y + 20 + _LINE * number, line, "text" if number else "head")
            for number, line in enumerate(box.lines)
        ),
    ]


def _text(x: int, y: int, text: str, kind: str) -> str:
    weight = ' font-weight="600"' if kind == "head" else ""
    return f'  <text x="{x}" y="{y}" font-size="{_SIZE[kind]}"{weight}>{escape(text)}</text>'
