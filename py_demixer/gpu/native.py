"""Run schedules without a browser, with wgpu-native on Metal, Vulkan or DX12.

This needs the extra ``py-demixer[gpu]``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from py_demixer import trace
from py_demixer.errors import NoGraphics, NotRecordable
from py_demixer.ops.backend import Network
from py_demixer.program.record import record

from .schedule import FLOAT_BYTES, Region, Run, Schedule, packed, schedule

if TYPE_CHECKING:
    from .selftest import SelfTest

TOGETHER = 16
"""Number of dispatches submitted at a time; the card may also have to draw the screen."""


CLOCK = "timestamp-query"
"""The feature that lets a card record when work starts and ends."""

BACKENDS = "Vulkan", "Metal", "DX12"
"""Graphics APIs to search for cards; not OpenGL, whose compute shaders are too limited."""


class Card:
    """A graphics card: a :class:`py_demixer.ops.backend.Compiler`.

    Attributes
    ----------
    name
        The card's name, from its driver.
    has_clock
        Whether the card can measure how long its work takes.
    lock
        Held by the thread that uses the card, because all networks on it share the same buffers.

    Raises
    ------
    NoGraphics
        There is no card, or the package ``wgpu`` is missing.
    """

    def __init__(self) -> None:
        try:
            import wgpu
            from wgpu.backends.wgpu_native import extras
        except ImportError as error:
            raise NoGraphics(
                "The graphics card needs the package wgpu: pip install 'py-demixer[gpu]'."
            ) from error
        self.usage = wgpu.BufferUsage
        with suppress(RuntimeError):  # other code in this process already uses wgpu
            extras.set_instance_extras(backends=BACKENDS)
        try:
            adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
        except RuntimeError as error:
            raise NoGraphics(
                f"No graphics card was found for Metal, Vulkan or DX12 ({error}): "
                "choose another backend."
            ) from error
        self.name: str = adapter.info["device"]
        self.has_clock = CLOCK in adapter.features
        self.device = adapter.request_device_sync(
            required_features=[CLOCK] if self.has_clock else []
        )
        self.lock = threading.RLock()
        self._shared: list[Any] = []

    def check(self) -> None:
        """Test the card on small networks with known stems, because drivers have bugs.

        Raises
        ------
        NoGraphics
            The card fails to compute the network, or its results are wrong.
        """
        from . import selftest  # imports the networks, which import the backends

        try:
            right = all(self._passes(test) for test in selftest.SELF_TESTS.values())
        except Exception as error:  # drivers can raise anything
            raise self._not_trusted(str(error)) from error
        finally:
            self._shared.clear()  # other networks need larger buffers
        if not right:
            raise self._not_trusted("its stems are wrong")

    def _passes(self, test: SelfTest) -> bool:
        network = test.network
        run = self.compile(network.network, network.input_shape, network.tensors)
        return test.is_right(run(test.segment()))

    def _not_trusted(self, why: str) -> NoGraphics:
        return NoGraphics(
            f"The graphics card {self.name} fails a test of what it computes ({why}): update its "
            "driver, or choose another backend."
        )

    def compile(
        self, network: Network, shape: tuple[int, ...], tensors: Mapping[str, NDArray[Any]]
    ) -> Network:
        """See :meth:`py_demixer.ops.backend.Compiler.compile`."""
        try:
            planned = schedule(record(network, shape, tensors))
            with self.lock:
                return Runner(self, planned, tensors)
        except NotRecordable as error:
            raise ValueError(
                f"This network cannot run on a graphics card: choose another backend. {error}"
            ) from error

    def buffers(self, sizes: tuple[int, ...]) -> list[Any]:
        """Buffers of at least these sizes in bytes for activations; all networks share them."""
        found = []
        for number, size in enumerate(sizes):
            if number == len(self._shared) or self._shared[number].size < size:
                self._shared[number : number + 1] = [
                    self.buffer(size, "STORAGE", "COPY_SRC", "COPY_DST")
                ]
            found.append(self._shared[number])
        return found

    def buffer(self, size: int, *usages: str) -> Any:
        """Create a buffer of ``size`` bytes."""
        usage = 0
        for name in usages:
            usage |= self.usage[name]
        return self.device.create_buffer(size=size, usage=usage)


class Runner:
    """A schedule loaded on a card, with its weights.

    Parameters
    ----------
    card
        The card to run on.
    schedule
        The schedule to run.
    tensors
        The tensors of the weight file, by name.
    """

    def __init__(self, card: Card, schedule: Schedule, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._card, self._schedule = card, schedule
        sizes, computed = schedule.buffers, schedule.computed
        own = [card.buffer(size, "STORAGE", "COPY_DST") for size in sizes[computed:]]
        self._buffers = [*card.buffers(sizes[:computed]), *own]
        self._sizes = card.buffer(schedule.sizes.nbytes, "UNIFORM", "COPY_DST")
        self._fill(self._sizes, 0, schedule.sizes)
        if schedule.constants.size:
            self._fill(own[0], 0, schedule.constants)
        for buffer, start, weight in schedule.weights:
            self._fill(self._buffers[buffer], start, packed(weight, tensors))
        pipelines = [self._pipeline(code) for code in schedule.shaders]
        self._runs = [
            (pipelines[run.pipeline], self._bound(run, pipelines)) for run in schedule.runs
        ]

    def __call__(self, segment: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the schedule once.

        Parameters
        ----------
        segment
            The program's input, float32.

        Returns
        -------
        NDArray[np.float32]
            Its output, float32.
        """
        with self._card.lock:
            if trace.is_recording():
                for name, array in self._steps(segment):
                    trace.step(name, array)
            else:
                self._begin(segment)
                self._run(0, len(self._runs))
            return self._read(self._schedule.output).reshape(self._schedule.output_shape)

    def _steps(self, segment: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run the schedule once and yield the result of every named step."""
        self._begin(segment)
        done = 0
        for step in self._schedule.steps:
            self._run(done, step.after)
            done = step.after
            yield step.name, self._read(step.region).reshape(step.shape)
        self._run(done, len(self._runs))

    def times(self, segment: NDArray[np.float32]) -> list[float]:
        """Run the schedule once, dispatch by dispatch, and measure the times.

        Returns
        -------
        list[float]
            The time that each dispatch took in seconds, by the card's own clock.

        Raises
        ------
        NoGraphics
            The card has no clock.
        """
        if not self._card.has_clock:
            raise NoGraphics(f"{self._card.name} does not tell how long its work takes.")
        with self._card.lock:
            device, count = self._card.device, len(self._runs)
            marks = device.create_query_set(type="timestamp", count=2)
            resolved = self._card.buffer(16, "QUERY_RESOLVE", "COPY_SRC")
            self._begin(segment)
            seconds = []
            for number in range(count):
                encoder = device.create_command_encoder()
                writes = {
                    "query_set": marks,
                    "beginning_of_pass_write_index": 0,
                    "end_of_pass_write_index": 1,
                }
                self._encode(encoder, [number], timestamp_writes=writes)
                encoder.resolve_query_set(marks, 0, 2, resolved, 0)
                device.queue.submit([encoder.finish()])
                begun, ended = np.frombuffer(device.queue.read_buffer(resolved), np.uint64)
                seconds.append(float(ended - begun) * 1e-9)
            return seconds

    def _begin(self, segment: NDArray[np.float32]) -> None:
        region = self._schedule.input
        values = np.ascontiguousarray(segment, np.float32)
        if values.size * FLOAT_BYTES != region.size:
            raise ValueError(
                f"The network takes {region.size // FLOAT_BYTES} samples, not {values.size}."
            )
        self._fill(self._buffers[region.buffer], region.start, values)

    def _run(self, first: int, stop: int) -> None:
        for start in range(first, stop, TOGETHER):
            encoder = self._card.device.create_command_encoder()
            self._encode(encoder, range(start, min(stop, start + TOGETHER)))
            self._card.device.queue.submit([encoder.finish()])

    def _encode(self, encoder: Any, numbers: Iterable[int], **options: Any) -> None:
        compute = encoder.begin_compute_pass(**options)
        for number in numbers:
            pipeline, group = self._runs[number]
            compute.set_pipeline(pipeline)
            compute.set_bind_group(0, group)
            compute.dispatch_workgroups(*self._schedule.runs[number].workgroups)
        compute.end()

    def _read(self, region: Region) -> NDArray[np.float32]:
        content = self._card.device.queue.read_buffer(
            self._buffers[region.buffer], region.start, region.size
        )
        return np.frombuffer(content, np.float32)

    def _pipeline(self, code: str) -> Any:
        module = self._card.device.create_shader_module(code=code)
        stage = {"module": module, "entry_point": "main"}
        return self._card.device.create_compute_pipeline(layout="auto", compute=stage)

    def _bound(self, run: Run, pipelines: list[Any]) -> Any:
        entries = [
            {"binding": number, "resource": self._resource(self._buffers[part.buffer], part)}
            for number, part in enumerate(run.bindings, start=1)
        ]
        if run.sizes is not None:
            part = Region(0, run.sizes, 256)
            entries.append({"binding": 0, "resource": self._resource(self._sizes, part)})
        layout = pipelines[run.pipeline].get_bind_group_layout(0)
        return self._card.device.create_bind_group(layout=layout, entries=entries)

    @staticmethod
    def _resource(buffer: Any, part: Region) -> dict[str, Any]:
        return {"buffer": buffer, "offset": part.start, "size": part.size}

    def _fill(self, buffer: Any, start: int, values: NDArray[np.float32 | np.uint32]) -> None:
        self._card.device.queue.write_buffer(buffer, start, np.ascontiguousarray(values))
