"""tools/checks.py: all checks run even if one fails, and the closing line is true."""

import re
import sys

import pytest

from tools import checks

REPORT = (
    '<testsuites><testsuite tests="9" failures="{failures}" errors="0" skipped="2"/></testsuites>'
)


@pytest.fixture
def outcomes(monkeypatch, tmp_path):
    """Commands that are to fail, named by a word of theirs, and the commands that ran."""
    fails: dict[str, str | None] = {}
    ran: list[str] = []
    monkeypatch.setattr(checks, "CACHE", tmp_path)
    monkeypatch.setattr(checks, "_set_up", lambda python: {"SET_UP": "all"})

    def succeeds(command, variables=None):
        words = " ".join(map(str, command))
        ran.append(words)
        if "pytest" in words and "no report" not in fails:
            failures = 1 if "pytest" in fails else 0
            (tmp_path / "pytest.xml").write_text(REPORT.format(failures=failures))
        return not any(word in words for word in fails)

    monkeypatch.setattr(checks, "_passes", succeeds)
    monkeypatch.setattr(checks, "_run", succeeds)
    return fails, ran


def closing_line(capsys) -> tuple[int, int, int]:
    line = capsys.readouterr().out.splitlines()[-1]
    found = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", line)
    assert found, line
    return tuple(int(number) for number in found.groups())


def test_everything_passes(outcomes, capsys):
    assert checks.run_all("python") == 0
    assert closing_line(capsys) == (4 + 7, 0, 2)
    assert "not long" in outcomes[1][-1]


def test_long_tests_run_on_request(outcomes, capsys):
    checks.run_all("python", long=True)
    assert "not long" not in outcomes[1][-1]


@pytest.mark.parametrize("word", ["ruff check", "format", "mypy", "typescript"])
def test_failing_checker_counts_and_the_rest_still_runs(outcomes, capsys, word):
    outcomes[0][word] = None
    assert checks.run_all("python") == 1
    assert closing_line(capsys) == (3 + 7, 1, 2)
    assert "pytest" in outcomes[1][-1]


def test_failing_test_counts(outcomes, capsys):
    outcomes[0]["pytest"] = None
    assert checks.run_all("python") == 1
    assert closing_line(capsys) == (4 + 6, 1, 2)


def test_pytest_crash_without_a_report_is_a_failure(outcomes, capsys):
    outcomes[0].update({"pytest": None, "no report": None})
    assert checks.run_all("python") == 1
    assert closing_line(capsys) == (4, 1, 0)


def test_selected_tests_run_without_linters(outcomes, capsys):
    assert checks.run_all("python", paths=["tests/unit/test_ops.py"]) == 0
    assert closing_line(capsys) == (7, 0, 2)
    (command,) = outcomes[1]
    assert command.endswith(" tests/unit/test_ops.py")


def test_fast_tests_need_no_browser(outcomes, capsys, monkeypatch):
    monkeypatch.setattr(checks, "_set_up", pytest.fail)
    assert checks.run_all("python", fast=True) == 0
    assert closing_line(capsys) == (4 + 7, 0, 2)
    assert outcomes[1][-1].endswith(" tests/unit")


def test_set_up_time_is_shown_separately(outcomes, capsys):
    checks.run_all("python")
    told = capsys.readouterr().out.splitlines()[-2]
    assert re.fullmatch(r"Set-up took 0 min \d+ s, checks and tests 0 min \d+ s\.", told)


def test_output_of_a_failing_checker_is_printed(capsys):
    command = [sys.executable, "-c", "print('a fault'); raise SystemExit(1)"]
    assert checks._check([command, command]) == checks.Counts(failed=2)
    assert capsys.readouterr().out.count("a fault\n") == 2
