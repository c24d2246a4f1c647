"""The reference implementation: run a program with the functions that it was recorded from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# OPERATIONS is complete: importing py_demixer registers all operations.
from py_demixer.ops.operation import OPERATIONS

from .program import Array, Constant, Operand, Operation, Program, Weight


def run(
    program: Program, tensors: Mapping[str, NDArray[Any]], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Run a program, with results bit-identical to those of the recorded network.

    Parameters
    ----------
    tensors
        The weights, by name.
    x
        The program's input, float32; it is overwritten if the network does so.

    Returns
    -------
    NDArray[np.float32]
        Its output, float32.

    Raises
    ------
    ValueError
        The program has an unknown operation.
    """
    execution = Execution(program, tensors)
    for _ in execution.steps(x):
        pass
    return execution.array(program.output)


class Execution:
    """The execution of a program.

    Arrays that no later operation needs are freed, as in a running network.
    """

    def __init__(self, program: Program, tensors: Mapping[str, NDArray[Any]]) -> None:
        unknown = {op.kind for op in program.operations} - set(OPERATIONS)
        if unknown:
            raise ValueError(
                f"The program has the operation {', '.join(sorted(unknown))}, which is not known "
                "here: it was made by another version."
            )
        self._program, self._tensors = program, tensors
        self._buffers: dict[int, NDArray[np.float32]] = {}

    def steps(self, x: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run the program and yield every named step before anything overwrites it."""
        program = self._program
        self._buffers[program.input.buffer] = x.reshape(-1)
        gone = _last_uses(program)
        steps = list(reversed(program.steps))
        for index in range(len(program.operations) + 1):
            while steps and steps[-1].after == index:
                step = steps.pop()
                yield step.name, self.array(step.array)
            for buffer in gone[index]:
                del self._buffers[buffer]
            if index < len(program.operations):
                self._run(program.operations[index])

    def array(self, operand: Operand) -> NDArray[np.float32]:
        """The current value of an operand; a view, if the program computes it."""
        if isinstance(operand, Constant):
            return self._program.constants[operand.number].reshape(operand.shape)
        whole = (
            self._tensors[operand.name].reshape(-1)
            if isinstance(operand, Weight)
            else self._buffers[operand.buffer]
        )
        return whole[operand.start : operand.start + operand.size].reshape(operand.shape)

    def _run(self, operation: Operation) -> None:
        operands = [self.array(operand) for operand in operation.operands]
        made = OPERATIONS[operation.kind](*operands, **operation.options)
        if operation.result is not None:
            self._buffers[operation.result.buffer] = np.ascontiguousarray(made).reshape(-1)


def _last_uses(program: Program) -> Mapping[int, list[int]]:
    """Map a number of finished operations to the buffers that are not needed after them."""
    last: dict[int, int] = {}
    for index, operation in enumerate(program.operations):
        for operand in (*operation.operands, operation.result):
            if isinstance(operand, Array):
                last[operand.buffer] = index + 1
    for step in program.steps:
        last[step.array.buffer] = max(last.get(step.array.buffer, 0), step.after)
    gone = defaultdict(list)
    for buffer, after in last.items():
        if buffer != program.output.buffer:
            gone[after].append(buffer)
    return gone
