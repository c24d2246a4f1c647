"""Runs dispatches by wgpu-native: Metal, Vulkan or DX12, without a browser."""

from __future__ import annotations
