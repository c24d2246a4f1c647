"""The project's web server, used by `build.py serve` and by the tests."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from web.headers import Rule, of, read

ISOLATION_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
"""Headers that make a page cross-origin isolated; the site must also work without them."""

SHARING_HEADERS = {"Access-Control-Allow-Origin": "*"}
"""Headers that let pages on other origins, such as notebooks, read the site's public files."""

# Interval at which a running server checks whether it should stop.
_POLL_SECONDS = 0.02

# Without these types, browsers refuse modules, and compile WebAssembly only after the download.
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".whl": "application/octet-stream",
    ".bin": "application/octet-stream",
}


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **_TYPES}  # noqa: RUF012

    def __init__(
        self,
        *arguments: object,
        directory: str,
        prefix: str,
        rules: list[Rule],
        headers: Mapping[str, str],
        on_request: Callable[[str], None] | None,
    ) -> None:
        self._prefix = prefix
        self._rules = rules
        self._headers = headers
        self._on_request = on_request
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def send_head(self):  # type: ignore[no-untyped-def]
        url = urlsplit(self.path).path
        if not url.startswith(self._prefix):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        if self._on_request:
            self._on_request(url.removeprefix(self._prefix))
        self.path = "/" + self.path.removeprefix(self._prefix)
        return super().send_head()

    def end_headers(self) -> None:
        stated = of(self._rules, urlsplit(self.path).path)
        for name, value in {**stated, **self._headers}.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: a page load makes dozens of requests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a browser that closes a connection midway is not a server error."""


def make_server(
    directory: Path,
    *,
    port: int = 0,
    prefix: str = "/",
    cache_control: str = "no-cache",
    headers: Mapping[str, str] | None = None,
    on_request: Callable[[str], None] | None = None,
) -> ThreadingHTTPServer:
    """Make a server for a folder, reachable only from this machine (127.0.0.1).

    It sends the headers in the folder's file `_headers`, like hosts that support such files.

    Parameters
    ----------
    directory
        The folder to serve.
    port
        The port; 0 for any free one.
    prefix
        The path under which the folder is served, with slashes at both ends.
    cache_control
        "no-cache" asks the browser to revalidate, so that a rebuilt site is visible at once and
        unchanged files are not transferred again; "no-store" keeps everything out of the HTTP
        cache.
    headers
        Additional headers for every response, such as ISOLATION_HEADERS.
    on_request
        Called with the path of every request, relative to the prefix.

    Raises
    ------
    OSError
        The port is in use.
    """
    handler = functools.partial(
        _Handler,
        directory=str(directory),
        prefix=prefix,
        rules=read(directory),
        headers={"Cache-Control": cache_control, **(headers or {})},
        on_request=on_request,
    )
    return _Server(("127.0.0.1", port), handler)


def address(server: ThreadingHTTPServer, prefix: str = "/") -> str:
    """Return the URL of a server that was made with `prefix`."""
    # The name rather than the IP address: both are secure contexts, but people know the name.
    return f"http://localhost:{server.server_address[1]}{prefix}"


@contextmanager
def serving(directory: Path, *, prefix: str = "/", **options: Any) -> Iterator[str]:
    """Serve a folder from a thread during a `with` block, which gets the URL.

    The options are those of make_server.
    """
    server = make_server(directory, prefix=prefix, **options)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield address(server, prefix)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
