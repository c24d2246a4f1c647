"""The version of the numerics belongs to the golden numbers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from py_demixer import numerics

GOLDEN = Path(__file__).parents[1] / "golden"
RECORD = GOLDEN / "numerics.json"


def _digest() -> str:
    """SHA-256 of all golden numbers that the package is compared with."""
    digest = hashlib.sha256()
    for path in sorted(GOLDEN.rglob("*.npz")):
        digest.update(path.relative_to(GOLDEN).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def test_new_golden_numbers_need_a_new_version() -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert recorded.get(str(numerics.VERSION)) == _digest(), (
        "The golden numbers are not those of this version of the numerics. If songs are computed "
        "to something else now, raise VERSION in py_demixer/numerics.py and write it with the new "
        f"digest into {RECORD.name}. If numbers were only added, change the one there: {_digest()}"
    )
