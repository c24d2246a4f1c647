"""Open-Unmix in the page's engine: the pool's workers, and planes in the store."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer.evaluation.metrics import snr
from tests import plans, synthetic
from web import server

pytestmark = pytest.mark.browser

SECONDS = 31.0  # three LSTM blocks, five windows

_SEPARATE = """
async ({ song, options, workers, stopAfter }) => {
  const base = new URL("./", location.href).href;
  const { readManifest, fetchWeights } = await import(base + "engine/assets.js");
  const { Pool } = await import(base + "engine/pool.js");
  const { Separator } = await import(base + "engine/separator.js");
  const { openStore } = await import(base + "engine/store.js");
  const assets = await readManifest(base);
  const weights = await fetchWeights(base, assets, "umxhq", () => {});
  const boot = { base, assets, model: "umxhq", backend: null, weights };
  const pool = new Pool(boot, workers);
  const store = await openStore();
  const separator = new Separator(pool, store, assets, "umxhq");
  const bytes = Uint8Array.from(atob(song), (letter) => letter.charCodeAt(0));
  const file = new File([bytes], "song.wav");
  const never = new AbortController().signal;
  const id = crypto.randomUUID();
  await store.create(id, { name: file.name });
  const wanted = { stems: 4, acceptsPart: false };
  const { measured } = await separator.reader.read(id, file, wanted, never);
  const read = { id, name: file.name, measured, options: JSON.stringify(options), stems: null };
  const begin = async () => separator.begin(read, await separator.find(read), null);
  let separation = await begin();
  let resumedAt = null;
  if (stopAfter) {
    const stopping = new AbortController();
    await separation.run(({ done, total }) => {
      if (done > stopAfter * total) stopping.abort();
    }, stopping.signal).catch(() => {});
    await separation.close();
    await store.open(id);
    separation = await begin();
  }
  const missing = await separation.run(({ done, total }) => { resumedAt ??= done / total; }, never);
  const stems = {};
  for (const name of separation.sources) {
    const samples = new Uint8Array((await separation.read(name, 0, separation.length)).buffer);
    let text = "";
    for (let i = 0; i < samples.length; i += 32768)
      text += String.fromCharCode(...samples.subarray(i, i + 32768));
    stems[name] = btoa(text);
  }
  await separation.close();
  await store.remove(id);
  pool.stop();
  return { missing, stems, resumedAt };
}
"""


@pytest.fixture(scope="module")
def page(shared_context, make_site, unmix_weights):
    with server.serving(make_site({"umxhq": unmix_weights})) as url:
        page = shared_context.new_page()
        page.set_default_timeout(300_000)
        page.goto(f"{url}licences.txt")
        yield page
        page.close()


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, synthetic.song(SECONDS).T, synthetic.RATE, subtype="PCM_16")
    return base64.b64encode(path.read_bytes()).decode()


def separate(page, song, options, workers=1, stop_after=0):
    answer = page.evaluate(
        _SEPARATE, {"song": song, "options": options, "workers": workers, "stopAfter": stop_after}
    )
    assert answer["missing"] == []
    stems = {
        name: np.frombuffer(base64.b64decode(text), np.float32).reshape(-1, 2).T
        for name, text in answer["stems"].items()
    }
    return stems, answer["resumedAt"]


def test_stems_match_those_of_the_library(page, song, unmix_weights):
    options = {"residual": True, "stems": ["drums", "vocals"]}
    stems, _ = separate(page, song, options)
    model = py_demixer.load_model("umxhq", unmix_weights)
    expected = plans.separate(synthetic.song(SECONDS), model, **options)
    assert tuple(stems) == expected.sources == ("drums", "vocals", "residual")
    for name, stem in stems.items():
        assert snr(stem, expected[name]) > 85


def test_workers_and_interruptions_do_not_change_a_bit(page, song):
    options = {"stems": ["bass", "other"], "block": 300}
    expected, began = separate(page, song, options)
    assert began == 0
    for workers, stop_after in ((2, 0), (2, 0.5)):
        stems, resumed_at = separate(page, song, options, workers, stop_after)
        assert (resumed_at > 0.3) == (stop_after > 0)
        for name, stem in expected.items():
            assert np.array_equal(stems[name], stem)
