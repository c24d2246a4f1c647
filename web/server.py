"""The project's one web server: `build.py serve` and the tests serve the site with it."""

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
"""What makes a page cross-origin isolated; the site must also work without."""

SHARING_HEADERS = {"Access-Control-Allow-Origin": "*"}
"""What lets pages from elsewhere read the site's files, such as notebooks; they are public."""

# How soon a server that is told to stop does so.
_POLL_SECONDS = 0.02

# Without a type a browser refuses a module, and compiles WebAssembly only after all has arrived.
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
        """Say nothing: a page load makes dozens of requests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that hangs up midway is no error of the server's."""


def make_server(
    directory: Path,
    *,
    port: int = 0,
    prefix: str = "/",
    cache_control: str = "no-cache",
    headers: Mapping[str, str] | None = None,
    on_request: Callable[[str], None] | None = None,
) -> ThreadingHTTPServer:
    """Make a server of a folder for this machine only (127.0.0.1).

    It sends the headers that the folder's file `_headers` states, as hosts do that know such files.

    Parameters
    ----------
    directory
        The folder to serve.
    port
        0 takes a free one.
    prefix
        The sub-path the folder appears under, with slashes at both ends.
    cache_control
        "no-cache" asks the browser to revalidate, so that a rebuilt site is seen at
        once and an unchanged file costs no transfer; "no-store" keeps everything out of the
        HTTP cache.
    headers
        Sent with every answer as well, for instance ISOLATION_HEADERS.
    on_request
        Called with the path, relative to the prefix, of every request.

    Raises
    ------
    OSError
        The port is taken.
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
    """Return the URL that a server made with `prefix` is reached at."""
    # The name, not the number: browsers give both a secure context, but people know the name.
    return f"http://localhost:{server.server_address[1]}{prefix}"


@contextmanager
def serving(directory: Path, *, prefix: str = "/", **options: Any) -> Iterator[str]:
    """Serve a folder from a thread for the length of a `with` block, which gets the URL.

    Takes what make_server takes.
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
