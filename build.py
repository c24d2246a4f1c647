#!/usr/bin/env python3
"""Builds, serves, tests and measures py-demixer. Needs Python 3.11 or later, Node.js and npm.

    python build.py site [--model M]  builds the page in dist/, ready for any static host
    python build.py serve [--port N]  builds the page and serves it on this machine
    python build.py docs              builds the documentation in dist-docs/
    python build.py test [--long]     runs every check and test
    python build.py test --fast       runs the checks and the tests that need no browser
    python build.py test PATH ...     runs some of the tests
    python build.py bench [--json]    measures speed, memory and exactness
    python build.py release --dry-run builds and checks what a release would publish

The first run makes the project's own environment (.venv, web/node_modules, .cache) and needs a
connection; later runs are quick and work offline.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"build.py needs Python 3.11 or later; this is {sys.version.split()[0]}.")

from tools import checks, docs, environment, site
from web import server

DEFAULT_PORT = 8000


def main() -> int:
    """Run the command on the command line; return the exit code."""
    options = _options()
    try:
        return int(options.command(options))
    except environment.CannotGoOn as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def command_site(options: argparse.Namespace) -> int:
    """Build the site in dist/."""
    _make_site(options.wanted, options.storage, options.repository)
    return 0


def command_serve(options: argparse.Namespace) -> int:
    """Build the site in dist/ and serve it until Ctrl-C."""
    dist = _make_site(options.wanted, options.storage, options.repository)
    try:
        running = server.make_server(dist, port=options.port, headers=server.SHARING_HEADERS)
    except OSError as error:
        raise environment.CannotGoOn(
            f"Cannot listen on port {options.port} ({error.strerror}); choose another with --port."
        ) from error
    print(f"Serving the page at {server.address(running)} (Ctrl-C stops)", flush=True)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        running.server_close()
    return 0


def command_docs(_options: argparse.Namespace) -> int:
    """Build the documentation in dist-docs/."""
    made = docs.make_docs(environment.ensure_python())
    environment.note(f"The documentation is in {made}")
    return 0


def command_test(options: argparse.Namespace) -> int:
    """Run the checks and tests; the last line of output is a summary."""
    python = environment.ensure_python()
    return checks.run_all(python, long=options.long, fast=options.fast, paths=options.paths)


def command_bench(options: argparse.Namespace) -> int:
    """Run the benchmarks and print a table or JSON."""
    python = environment.ensure_python()
    variables = environment.with_chromium(environment.ensure_chromium(python))
    command: list[str | Path] = [python, "-m", "tests.bench", _make_site()]
    command += [f"--{name}" for name in ("json", "long") if getattr(options, name)]
    for name in ("reference", "pytorch", "original", "training"):
        path = getattr(options, name)
        command += [f"--{name}={path.absolute()}"] if path else []
    return subprocess.run(command, cwd=environment.ROOT, env=variables).returncode


def command_release(options: argparse.Namespace) -> int:
    """Build the files of a release and try them, without uploading anything."""
    python = environment.ensure_python()
    command: list[str | Path] = [python, "-m", "tools.release"]
    if options.repository:
        command += ["--repository", options.repository]
    return subprocess.run(command, cwd=environment.ROOT).returncode


def _make_site(
    wanted: Sequence[str] = (), storage: str = site.STORAGES[0], repository: str | None = None
) -> Path:
    python = environment.ensure_python()
    dist = site.make_site(python, wanted=wanted, storage=storage, repository=repository)
    environment.note(f"The site is in {dist}")
    return dist


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("site", help="build the page in dist/")
    _add_site_options(command)
    command.set_defaults(command=command_site)
    command = commands.add_parser("serve", help="build the page and serve it on this machine")
    command.add_argument("--port", type=int, default=DEFAULT_PORT)
    _add_site_options(command)
    command.set_defaults(command=command_serve)
    command = commands.add_parser("docs", help="build the documentation in dist-docs/")
    command.set_defaults(command=command_docs)
    command = commands.add_parser("test", help="run every check and test")
    command.add_argument("paths", nargs="*", metavar="PATH", help="run only these tests")
    command.add_argument(
        "--long", action="store_true", help="include the tests that take many minutes"
    )
    command.add_argument("--fast", action="store_true", help="skip the tests that need a browser")
    command.set_defaults(command=command_test)
    command = commands.add_parser("bench", help="measure speed, memory and exactness")
    command.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    command.add_argument(
        "--long", action="store_true", help="include long songs (half an hour more)"
    )
    command.add_argument(
        "--reference", type=Path, metavar="PATH", help="compare with the stems in this folder"
    )
    command.add_argument(
        "--pytorch", type=Path, metavar="PYTHON", help="Python that has torch and demucs"
    )
    command.add_argument(
        "--original", type=Path, metavar="FOLDER", help="a checkout of the original SCNet"
    )
    command.add_argument(
        "--training", type=Path, metavar="FOLDER", help="a checkout of the original RoFormers"
    )
    command.set_defaults(command=command_bench)
    command = commands.add_parser("release", help="build and check what a release would publish")
    command.add_argument(
        "--dry-run",
        action="store_true",
        required=True,
        help="upload nothing (uploads are done by hand)",
    )
    command.add_argument(
        "--repository",
        metavar="URL",
        help="address of the repository, for the links in the metadata",
    )
    command.set_defaults(command=command_release)
    return parser.parse_args()


def _add_site_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--repository",
        metavar="URL",
        help="address of the site's repository, to whose issues visitors can send their figures",
    )
    command.add_argument(
        "--storage",
        choices=site.STORAGES,
        default=site.STORAGES[0],
        help="how SCNet's weights are stored (default: %(default)s)",
    )
    command.add_argument(
        "--model",
        dest="wanted",
        action="append",
        default=[],
        choices=site.MODELS,
        help="a model for the page (repeatable; the first is selected; without it: "
        f"{site.MODELS[0]} and those fetched before)",
    )


if __name__ == "__main__":
    sys.exit(main())
