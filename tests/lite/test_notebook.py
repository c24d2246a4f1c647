"""The notebook of docs/jupyterlite and the blocks of its page, run in JupyterLite."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import numpy as np
import pytest

import py_demixer
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.browser.page import SOURCES, wav
from tests.lite.lab import CellFailed, Lab
from tools.environment import ROOT

pytestmark = pytest.mark.pyodide

NOTEBOOK = ROOT / "docs" / "jupyterlite" / "separate.ipynb"
PAGE = ROOT / "docs" / "jupyterlite.md"
RATE = 44100
EXACT = 100  # dB; the players' samples are rounded to 16 bits


@pytest.fixture(scope="module")
def model(tiny_weights):
    """The model of the tiny site, loaded natively."""
    return py_demixer.load_model("htdemucs", weights=tiny_weights)


def blocks(text: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def notebook(*cells: str) -> bytes:
    """A notebook of code cells, with the kernel of docs/jupyterlite."""
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    code = next(cell for cell in content["cells"] if cell["cell_type"] == "code")
    content["cells"] = [code | {"id": f"cell-{n}", "source": text} for n, text in enumerate(cells)]
    return json.dumps(content).encode()


def check_stems(lab: Lab, model, seconds: float) -> None:
    """Check that players and kernel have the stems that the library computes natively."""
    mixture = lab.array("mixture")
    assert mixture.shape == (2, round(seconds * RATE))
    stems = py_demixer.separate(mixture, model)
    found = lab.array("stems.audio")
    assert lab.ask("print(*stems)").split() == list(SOURCES)
    for name, expected, other in zip(SOURCES, stems.audio, found, strict=True):
        assert snr(other, expected) >= EXACT, name
    players = lab.players()
    assert len(players) == len(SOURCES)
    peak = max(1, np.abs(stems.audio).max())
    for expected, player in zip(stems.audio / peak, players, strict=True):
        assert player.seconds == pytest.approx(seconds, abs=1 / RATE)
        assert player.at > 0
        assert np.abs(player.samples).max() > 1000
        np.testing.assert_allclose(player.samples, expected * 32767, atol=1.5)


def test_notebook_plays_four_stems(lab, model):
    lab.upload(NOTEBOOK.name, NOTEBOOK.read_bytes())
    cells = lab.run_all(NOTEBOOK.name)
    check_stems(lab, model, 7)
    *_, separated, _ = cells
    (bar,) = separated["outputs"]
    done, total = re.search(r"(\d+) of (\d+) parts", "".join(bar["data"]["text/html"])).groups()
    assert done == total
    assert lab.ask("print(model.backend.name)") == "kernels\n"
    asked = [urlsplit(url) for url in lab.requests if url.startswith("http")]
    assert {url.hostname for url in asked} == {"localhost"}
    assert any(url.path.startswith("/models/htdemucs/") for url in asked)


def test_blocks_of_the_page_work(lab, model):
    lab.upload("song.wav", wav(synthetic.song(3.0)))
    lab.upload("page.ipynb", notebook(*blocks(PAGE.read_text(encoding="utf-8"))))
    lab.run_all("page.ipynb")
    check_stems(lab, model, 3)
    assert np.array_equal(lab.array("mixture"), synthetic.song(3.0))


def test_suggestion_of_the_notebook_is_a_block_of_the_page():
    """Then what the notebook only suggests has been run as well."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    (suggested,) = (block for text in texts for block in blocks(text))
    assert suggested in blocks(PAGE.read_text(encoding="utf-8"))


def test_unreachable_site_is_reported_and_stops_the_notebook(lab):
    """Proves that the tests above can fail."""
    install = blocks(PAGE.read_text(encoding="utf-8"))[0]
    fetch = 'from py_demixer.pyodide.site import fetch_weights\nawait fetch_weights("http://nowhere.test")'
    lab.upload("away.ipynb", notebook(install, fetch, "after = True"))
    with pytest.raises(CellFailed, match=r"FetchError.*http://nowhere\.test/assets\.json could"):
        lab.run_all("away.ipynb")
    assert lab.ask("print('fetch_weights' in globals(), 'after' in globals())") == "True False\n"
