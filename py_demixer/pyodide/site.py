"""Fetch weights from a py-demixer site, in notebooks and other Python programs in Pyodide.

A site made by ``build.py site`` lists the parts of each model's weights in ``assets.json``, with
their hashes. Besides :mod:`py_demixer.pyodide.browser`, only this module is specific to Pyodide.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from py_demixer.errors import FetchError

TRIES = 3
"""Number of attempts to download a file before giving up."""

PAUSE_SECONDS = 0.8
"""Pause before the second attempt; twice as long before the third."""


async def fetch_weights(
    site: str, name: str = "htdemucs", report: Callable[[str], None] = print
) -> NDArray[np.uint8]:
    """Fetch a model's weights from a site, part by part, and check each part's hash.

    Parameters
    ----------
    site
        URL of the site's folder. If the notebook is on another origin, the site's server must
        allow access with the header ``Access-Control-Allow-Origin``.
    name
        Name of the model; it must be one that the site has.
    report
        Called with lines about the licence and the progress.

    Returns
    -------
    NDArray[np.uint8]
        The weight file, ``(bytes,)`` uint8, for :func:`py_demixer.load_model`.

    Raises
    ------
    ValueError
        The site does not have that model.
    py_demixer.errors.FetchError
        A file is missing or damaged, or the site cannot be reached, after several tries.
    ImportError
        This is not Pyodide.

    Examples
    --------
    >>> weights = await fetch_weights("http://localhost:8000/")           # doctest: +SKIP
    >>> model = py_demixer.load_model("htdemucs", weights)                # doctest: +SKIP
    """
    base = site.rstrip("/") + "/"
    model = await _describe(base, name)
    report(f"{model['title']}. {model['licence']} See {model['licence_url']}.")
    total = sum(part["bytes"] for part in model["parts"])
    weights = np.empty(model["bytes"], np.uint8)
    arrived = filled = 0
    for part in model["parts"]:
        data = gzip.decompress(await _fetch(base + part["url"], part["integrity"]))
        weights[filled : filled + len(data)] = np.frombuffer(data, np.uint8)
        filled += len(data)
        arrived += part["bytes"]
        # One line per tenth only, because a notebook keeps them all.
        if 10 * arrived // total > 10 * (arrived - part["bytes"]) // total:
            report(f"{100 * arrived / total:3.0f}% of {total / 1e6:.1f} MB")
    return weights


async def _describe(base: str, name: str) -> dict[str, Any]:
    """The entry for a model in the site's assets.json."""
    try:
        models = json.loads(await _fetch(base + "assets.json"))["models"]
    except (KeyError, ValueError) as error:  # such as a page that says "not found"
        raise FetchError(f"{base} is not the address of a py-demixer site.") from error
    if name not in models:
        raise ValueError(f"The site {base} has no model {name!r}, only {', '.join(models)}.")
    found: dict[str, Any] = models[name]
    return found


async def _fetch(url: str, integrity: str | None = None) -> bytes:
    """Fetch the content of a URL and check its hash if one is given."""
    try:
        from pyodide.http import pyfetch
    except ImportError as error:
        raise ImportError(
            "fetch_weights() works in Pyodide only: elsewhere py_demixer.load_model(name) fetches "
            "the weights by itself."
        ) from error
    reason = ""
    for attempt in range(TRIES):
        await asyncio.sleep(attempt * PAUSE_SECONDS)
        try:
            # A second attempt must not get the same bad copy from the HTTP cache.
            answer = await pyfetch(url, cache="reload" if attempt else "default")
            answer.raise_for_status()
            data: bytes = await answer.bytes()
        except OSError as error:
            reason = str(error)
        else:
            if integrity in (None, _integrity(data)):
                return data
            reason = "its hash is not the one that the site states"
    raise FetchError(
        f"{url} could not be fetched ({reason}). Check the address and the connection; the site's "
        "server must let other origins read its files (Access-Control-Allow-Origin: *)."
    )


def _integrity(data: bytes) -> str:
    """The hash of a file in the form used in assets.json."""
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode()
