"""The table of lowerings: which kinds of operation have shaders."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from py_demixer.errors import UnsupportedOperation
from py_demixer.program.program import Operation

from . import (
    attention,
    elementwise,
    layout,
    lstm,
    multiply,
    norm,
    residual,
    transform,
    transformer,
)
from .dispatch import Dispatch

Lowering = Callable[[Operation], list[Dispatch]]

LOWERINGS: Mapping[str, Lowering] = {
    "add": elementwise.add,
    "add_scaled": elementwise.add_scaled,
    "analyse": transform.analyse,
    "analyse_rectangular": transform.analyse_rectangular,
    "append_remainder": elementwise.append_remainder,
    "apply_masks": elementwise.apply_masks,
    "attention": attention.attention,
    "attention_branch": transformer.attention_branch,
    "bidirectional_lstm": lstm.bidirectional_lstm,
    "conv2d": multiply.conv2d,
    "conv_transpose2d": multiply.conv_transpose2d,
    "copy": elementwise.copy,
    "feed_forward_branch": transformer.feed_forward_branch,
    "gated_branch": residual.gated_branch,
    "group_norm": norm.group_norm,
    "join_rows": layout.join_rows,
    "layer_norm": norm.layer_norm,
    "linear": multiply.linear,
    "put_row": layout.put_row,
    "residual_branch": residual.residual_branch,
    "restore": elementwise.restore,
    "rms_norm": norm.rms_norm,
    "row_signals": transform.row_signals,
    "row_spectra": transform.row_spectra,
    "standardise": norm.standardise,
    "synthesise": transform.synthesise,
    "synthesise_interleaved": transform.synthesise_interleaved,
    "synthesise_rectangular": transform.synthesise_rectangular,
    "take_rows": layout.take_rows,
    "tanh": elementwise.tanh,
    "transpose": layout.transpose,
    "zeros": elementwise.zeros,
}
"""Lowerings by the kind of operation."""


def lower(operation: Operation) -> list[Dispatch]:
    """The dispatches of one operation, in order.

    Raises
    ------
    UnsupportedOperation
        There is no shader for its kind.
    """
    if operation.kind not in LOWERINGS:
        raise UnsupportedOperation(
            f"This network has the operation {operation.kind}, which has no shader: it "
            "runs on the processor."
        )
    return LOWERINGS[operation.kind](operation)
