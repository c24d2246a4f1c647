"""Runs schedules by wgpu-native: on Metal, Vulkan or DX12, without a browser.

It needs the extra ``py-demixer[gpu]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .schedule import FLOAT_BYTES, Region, Run, Schedule, packed

TOGETHER = 16
"""Dispatches that are handed over at a time: a card that shows a picture, too, has work to do."""


class NoGraphics(ImportError):
    """There is no graphics card that can be used, or not the package that is needed for it."""


class Card:
    """A graphics card.

    Raises
    ------
    NoGraphics
        There is none, or the package ``wgpu`` is missing.
    """

    def __init__(self) -> None:
        try:
            import wgpu
        except ImportError as error:
            raise NoGraphics(
                "The graphics card needs the package wgpu: pip install 'py-demixer[gpu]'."
            ) from error
        self.usage = wgpu.BufferUsage
        try:
            adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
        except RuntimeError as error:
            raise NoGraphics(
                f"No graphics card was found for Metal, Vulkan or DX12 ({error}): "
                "choose another backend."
            ) from error
        self.name: str = adapter.info["device"]
        self.software = adapter.info["adapter_type"] == "CPU"
        self.device = adapter.request_device_sync()

    def buffer(self, size: int, *usages: str) -> Any:
        """A buffer of so many bytes."""
        usage = 0
        for name in usages:
            usage |= self.usage[name]
        return self.device.create_buffer(size=size, usage=usage)


class Runner:
    """A schedule on a card, with its weights.

    Parameters
    ----------
    card
        On which it runs.
    schedule
        What runs.
    tensors
        Of the weight file, by name.
    """

    def __init__(self, card: Card, schedule: Schedule, tensors: Mapping[str, np.ndarray]) -> None:
        self._card, self._schedule = card, schedule
        self._buffers = [
            card.buffer(size, "STORAGE", "COPY_SRC", "COPY_DST") for size in schedule.buffers
        ]
        self._sizes = card.buffer(schedule.sizes.nbytes, "UNIFORM", "COPY_DST")
        self._fill(self._sizes, 0, schedule.sizes)
        if schedule.constants.size:
            self._fill(self._buffers[-1], 0, schedule.constants)
        for start, weight in schedule.weights:
            self._fill(self._buffers[-2], start, packed(weight, tensors))
        pipelines = [self._pipeline(code) for code in schedule.shaders]
        self._runs = [
            (pipelines[run.pipeline], self._bound(run, pipelines)) for run in schedule.runs
        ]

    def __call__(self, segment: np.ndarray) -> np.ndarray:
        """Run it once.

        Parameters
        ----------
        segment
            The program's input, float32.

        Returns
        -------
        np.ndarray
            Its output, float32.
        """
        self._begin(segment)
        self._run(0, len(self._runs))
        return self._read(self._schedule.output).reshape(self._schedule.output_shape)

    def steps(self, segment: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Run it once and give every named step on the way."""
        self._begin(segment)
        done = 0
        for step in self._schedule.steps:
            self._run(done, step.after)
            done = step.after
            yield step.name, self._read(step.region).reshape(step.shape)

    def _begin(self, segment: np.ndarray) -> None:
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
            compute = encoder.begin_compute_pass()
            for number in range(start, min(stop, start + TOGETHER)):
                pipeline, group = self._runs[number]
                compute.set_pipeline(pipeline)
                compute.set_bind_group(0, group)
                compute.dispatch_workgroups(*self._schedule.runs[number].workgroups)
            compute.end()
            self._card.device.queue.submit([encoder.finish()])

    def _read(self, region: Region) -> np.ndarray:
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

    def _fill(self, buffer: Any, start: int, values: np.ndarray) -> None:
        self._card.device.queue.write_buffer(buffer, start, np.ascontiguousarray(values))
