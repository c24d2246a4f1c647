"""Make the drawings and the tables for docs/tour.md and docs/tour-scnet.md from traces.

`build.py docs` runs this with the environment's Python. Names and shapes are those that the network
reports for a segment with the released dimensions; no matrices are multiplied, because shapes do
not depend on values.

    python -m tools.tour FOLDER     writes network.svg, steps.md, scnet.svg and steps-scnet.md there
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from py_demixer import trace
from py_demixer.models.htdemucs import HTDemucs
from py_demixer.models.scnet import SCNet
from py_demixer.models.segmented import Segmented
from py_demixer.ops.backend import Backend

Shape = tuple[int, ...]
_TEMPORAL = re.compile(r"tencoder|tdecoder|.*_t(\.|$)|mixture$")
_TITLES = {
    "mixture": "a segment of the song",
    "spectrum": "short-time Fourier transform",
    "channel_upsampler": "to the width of the transformer",
    "channel_downsampler": "back from it",
    "stems": "inverse transform, and the sum of both branches",
}
_WIDTH, _MARGIN, _GUTTER = 300, 70, 60
_LINE, _PADDING, _GAP = 17, 9, 26
_LEFT = _MARGIN
_RIGHT = _MARGIN + _WIDTH + _GUTTER


def record(kind: type[Segmented] = HTDemucs) -> dict[str, Shape]:
    """The shape of each step's result, by the step's name, in order."""
    shapes = kind.shapes(kind.default_config())
    tensors = {name: np.zeros(shape, np.float16) for name, shape in shapes.items()}
    network = kind(tensors, None, Backend("none", _multiply_nothing))
    mixture = np.zeros((network.channels, network.segment_length), np.float32)
    with trace.record() as steps:
        network(trace.step("mixture", mixture))
    return {step.name: step.shape for step in steps}


def _multiply_nothing(_a: np.ndarray, _b: np.ndarray, out: np.ndarray) -> None:
    out.fill(0)


def table(steps: Mapping[str, Shape]) -> str:
    """Make a Markdown table of all steps, with their sizes."""
    lines = ["| step | shape | numbers | as float32 |", "| --- | --- | ---: | ---: |"]
    for name, shape in steps.items():
        count = int(np.prod(shape))
        lines.append(f"| `{name}` | {_times(shape)} | {count:,} | {4e-6 * count:.1f} MB |")
    return "\n".join(lines) + "\n"


# ---- the drawing --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Box:
    """One part of a branch: its steps, one per line."""

    name: str
    lines: tuple[tuple[str, str], ...]
    x: int
    y: int
    width: int = _WIDTH

    @property
    def height(self) -> int:
        return 2 * _PADDING + _LINE * (1 + len(self.lines))

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def draw(self) -> Iterator[str]:
        """Draw the box and its text."""
        yield (
            f'<rect class="{_kind(self.name)}" x="{self.x}" y="{self.y}" width="{self.width}"'
            f' height="{self.height}" rx="6"/>'
        )
        baseline = self.y + _PADDING + 12
        yield _text("title", self.x + 12, baseline, self.name, "start")
        for number, (step, shape) in enumerate(self.lines, 1):
            yield _text("step", self.x + 12, baseline + _LINE * number, step, "start")
            right = self.x + self.width - 12
            yield _text("shape", right, baseline + _LINE * number, shape, "end")


def draw(steps: Mapping[str, Shape], parameters: Sequence[str]) -> str:
    """Draw the network as SVG: the spectral branch on the left, the temporal one on the right.

    Parameters
    ----------
    steps
        See `record`.
    parameters
        Names of the network's tensors, which show which layers attend to the other branch.
    """
    crossing = {name.partition(".cross_attn.")[0] for name in parameters if "cross_attn" in name}
    boxes = _placed(_parts(steps, crossing))
    height = max(box.bottom for box in boxes.values()) + 20
    width = _RIGHT + _WIDTH + _MARGIN
    arrows = [*_down(boxes), *_skips(boxes, ("", "t")), *_crossings(boxes, crossing)]
    heads = [
        _text("head", _LEFT + _WIDTH // 2, 24, "spectrogram: channels × frequencies × frames"),
        _text("head", _RIGHT + _WIDTH // 2, 24, "waveform: channels × samples"),
    ]
    return _svg("HTDemucs, step by step", width, height, [*heads, *arrows], boxes)


def draw_scnet(steps: Mapping[str, Shape]) -> str:
    """Draw SCNet as SVG, in one column."""
    boxes: dict[str, _Box] = {}
    y = 40
    for name, lines in _scnet_parts(steps).items():
        boxes[name] = _Box(name, tuple(lines), _LEFT, y, _WIDE)
        y = boxes[name].bottom + _GAP
    column = list(boxes.values())
    arrows = [
        _arrow(f"M{box.middle} {box.bottom}V{below.y - 3}")
        for box, below in itertools.pairwise(column)
    ]
    head = _text("head", _LEFT + _WIDE // 2, 24, "spectrogram: channels × frequencies × frames")
    marks = [head, *arrows, *_skips(boxes, ("",))]
    width = _LEFT + _WIDE + _MARGIN
    return _svg("SCNet, step by step", width, column[-1].bottom + 20, marks, boxes)


_WIDE = 400
_SCNET_LINES = {
    "mixture": "a segment of the song",
    "spectrum": "short-time Fourier transform",
    "stems": "inverse transform",
    "SDlayer.0": "low band, every frequency",
    "SDlayer.1": "middle band, every 4th",
    "SDlayer.2": "high band, every 16th",
    "skip": "residual branches, bands joined",
    "frequency": "LSTMs along frequency",
    "time": "LSTMs along time",
    "0": "encoder added, 3 × 3, gated",
    "1": "bands expanded and joined",
    "out": "3 × 3 convolution",
}


def _scnet_parts(steps: Mapping[str, Shape]) -> dict[str, list[tuple[str, str]]]:
    """Group SCNet's steps by layer, each with what it does and the shape of its result."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for name, shape in steps.items():
        layer = re.match(r"((?:en|de)coder\.\d|separation_net\.dp_modules\.\d)\.?(.*)$", name)
        title, rest = (layer[1], layer[2]) if layer else (name, name)
        rest = rest or ("time" if "dp_modules" in title else "out")
        line = _SCNET_LINES[rest], _times(shape)
        parts.setdefault(title.replace("separation_net.", ""), []).append(line)
    return parts


def _svg(
    title: str, width: int, height: int, marks: Sequence[str], boxes: Mapping[str, _Box]
) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img">',
            f"<title>{title}</title>",
            _STYLE,
            f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
            *marks,
            *(mark for box in boxes.values() for mark in box.draw()),
            "</svg>\n",
        ]
    )


def _parts(
    steps: Mapping[str, Shape], crossing: Collection[str]
) -> dict[str, list[tuple[str, str]]]:
    """Group steps by the part of the network that they belong to, such as a layer."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for name, shape in steps.items():
        layer = re.match(r"(t?(en|de)coder\.\d)(?:\.(\w+))?$", name)
        if layer:
            parts.setdefault(layer[1], []).append((layer[3] or "out", _times(shape)))
        elif name == "freq_emb":  # added to the output of the first encoder
            parts["encoder.0"].append((name, _times(shape)))
        else:
            heads = "attention to the other branch" if name in crossing else "self-attention"
            parts[name] = [(_TITLES.get(name.removesuffix("_t"), heads), _times(shape))]
    return parts


def _placed(parts: Mapping[str, list[tuple[str, str]]]) -> dict[str, _Box]:
    """Place both branches from top to bottom, with corresponding parts side by side."""
    rows: dict[str, list[str]] = {}
    for name in parts:
        rows.setdefault(_row(name), []).append(name)
    boxes: dict[str, _Box] = {}
    y = 40
    for names in rows.values():
        for name in names:
            x = _RIGHT if _TEMPORAL.match(name) else _LEFT
            wide = _RIGHT + _WIDTH - _LEFT if name == "stems" else _WIDTH
            boxes[name] = _Box(name, tuple(parts[name]), x, y, wide)
        y = max(boxes[name].bottom for name in names) + _GAP
    return boxes


def _row(name: str) -> str:
    if name in ("mixture", "spectrum"):
        return "input"
    return re.sub(r"^t(?=encoder|decoder)|_t(?=\.|$)", "", name)


def _down(boxes: Mapping[str, _Box]) -> Iterator[str]:
    """Arrows from each box to the next one in its branch."""
    for temporal in (False, True):
        names = [n for n in boxes if bool(_TEMPORAL.match(n)) == temporal and n != "stems"]
        column = [boxes[name] for name in names]
        for box, below in itertools.pairwise(column):
            yield _arrow(f"M{box.middle} {box.bottom}V{below.y - 3}")
        yield _arrow(f"M{column[-1].middle} {column[-1].bottom}V{boxes['stems'].y - 3}")
    mixture, spectrum = boxes["mixture"], boxes["spectrum"]
    across = mixture.y + mixture.height // 2
    yield _arrow(f"M{mixture.x} {across}H{spectrum.x + spectrum.width + 3}")


def _skips(boxes: Mapping[str, _Box], branches: Sequence[str]) -> Iterator[str]:
    """Arrows from each encoder to the decoder of the same size."""
    count = sum(name.startswith("encoder.") for name in boxes)
    for number in range(count):
        for branch, side in zip(branches, (-1, 1), strict=False):
            source = boxes[f"{branch}encoder.{number}"]
            target = boxes[f"{branch}decoder.{count - 1 - number}"]
            edge = source.x if side < 0 else source.x + source.width
            out = edge + side * (12 + 12 * (count - 1 - number))
            start, end = source.bottom - 16, target.y + 16
            yield _arrow(f"M{edge} {start}H{out}V{end}H{edge + side * 3}", "skip")


def _crossings(boxes: Mapping[str, _Box], crossing: Collection[str]) -> Iterator[str]:
    """Arrows between the branches, for layers that attend to the other branch."""
    for name in sorted(crossing):
        box = boxes[name]
        y = box.y + box.height // 2
        if _TEMPORAL.match(name):
            yield _arrow(f"M{_LEFT + _WIDTH} {y - 6}H{box.x - 3}", "cross")
        else:
            yield _arrow(f"M{_RIGHT} {y + 6}H{box.x + box.width + 3}", "cross")


def _kind(name: str) -> str:
    for part, kind in _KINDS.items():
        if part in name:
            return kind
    return "other"


def _times(shape: Shape) -> str:
    return " × ".join(map(str, shape))


def _text(kind: str, x: int, y: int, text: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _arrow(path: str, kind: str = "way") -> str:
    return f'<path class="{kind}" d="{path}" marker-end="url(#tip)"/>'


_KINDS = {
    "encoder": "encoder",
    "decoder": "decoder",
    "crosstransformer": "crosstransformer",
    "dp_modules": "crosstransformer",
}
"""Kinds of boxes, which have colours, by what is in the name of a part."""

_STYLE = """<style>
.paper { fill: #fff; }
text { font: 12px system-ui, sans-serif; fill: #222; }
.head { fill: #666; }
.title { font-weight: 600; }
.step { fill: #555; }
.shape { font-variant-numeric: tabular-nums; }
rect { stroke: #999; }
.encoder { fill: #e3eefb; }
.crosstransformer { fill: #fdf0d5; }
.decoder { fill: #e4f3e4; }
.other { fill: #f4f4f4; }
path { fill: none; stroke: #777; }
path.skip { stroke: #aaa; stroke-dasharray: 4 3; }
path.cross { stroke: #c07a00; }
#tip path { fill: #777; stroke: none; }
</style>
<defs><marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="7" markerHeight="7"
 orient="auto-start-reverse"><path d="M0 0L6 3L0 6z"/></marker></defs>"""


def main(folder: Path) -> None:
    """Write the drawing and the table to a folder."""
    steps = record()
    drawing = draw(steps, list(HTDemucs.shapes(HTDemucs.default_config())))
    (folder / "network.svg").write_text(drawing, encoding="utf-8")
    (folder / "steps.md").write_text(table(steps), encoding="utf-8")
    steps = record(SCNet)
    (folder / "scnet.svg").write_text(draw_scnet(steps), encoding="utf-8")
    (folder / "steps-scnet.md").write_text(table(steps), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
