"""Saved files of every format, decoded by other programs: FFmpeg and libsndfile.

The test page has the site's modules and made-up stems, but no engine or player. It and its workers
are served with a strict Content-Security-Policy.
"""

from __future__ import annotations

import base64
import io
import re
import struct
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

import py_demixer
from py_demixer import sum_to_mixture
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.browser.page import RATE
from tests.waiting import until
from web import server

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Playwright

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
    "connect-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'"
)
SOURCES = ("drums", "bass", "vocals")
Stems = dict[str, np.ndarray]
LENGTH = 3 * RATE + 12345
LOUD = 1.7
"""The peak of the loudest stem: integer formats would clip."""

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Saving</title>
    <link rel="stylesheet" href="style/tokens.css">
    <link rel="stylesheet" href="style/base.css">
    <link rel="stylesheet" href="style/save.css">
  </head>
  <body>
    <header id="top"><h1>Saving</h1></header>
    <main id="main"><h2>Song</h2></main>
    <dialog id="save-dialog" aria-labelledby="save-title">
      <header><h2 id="save-title">Save</h2></header>
    </dialog>
    <p id="live" class="unseen" role="status" aria-live="polite"></p>
    <svg class="icons" aria-hidden="true">
      <symbol id="icon-close" viewBox="0 0 24 24"><path d="M6 6l12 12M18 6L6 18"/></symbol>
    </svg>
  </body>
</html>
"""

_HELPERS = """async () => {
  const { Saves } = await import(new URL("engine/save/saves.js", location));
  const { SaveDialog } = await import(new URL("ui/save/save.js", location));
  const { SaveList } = await import(new URL("ui/save/saves.js", location));
  const { startSpeaking } = await import(new URL("ui/words.js", location));
  startSpeaking();
  window.saves = new Saves();
  window.problems = [];
  window.holders = 0;
  window.tempo = { speed: 1, semitones: 0 };
  new SaveList(saves);
  const dialog = document.getElementById("save-dialog");
  window.ways = [];
  const onError = (error) => problems.push(String(error));
  const saveDialog = new SaveDialog(dialog, saves, onError, (way) => ways.push(way));
  window.openDialog = (options = {}) => {
    const stems = Object.assign(new EventTarget(), makeStems(given.drums.length / 2), {
      isFinal: () => true,
      grows: true,
      hold: () => holders++,
      close: async () => holders--,
      ...options.stems,
    });
    const channels = new Map([["drums", { volume: 1, pan: 0 }], ["bass", { volume: 0.5, pan: 0 }]]);
    const player = { mix: () => ({ channels, master: 1, ...window.tempo }) };
    window.dialogStems = stems;
    saveDialog.open({ player, song: tags, ...options, stems });
  };
  /** Stems that were handed over by `give`. */
  window.makeStems = (length, sources = ["drums", "bass", "vocals"]) => ({
    rate: 44100,
    length,
    sources,
    reads: 0,
    async read(source, start, length) {
      this.reads++;
      const samples = given[source];
      const part = new Float32Array(2 * length);
      for (let at = 0; at < part.length; ) {
        const from = (2 * start + at) % samples.length;
        const piece = samples.subarray(from, from + part.length - at);
        part.set(piece, at);
        at += piece.length;
      }
      return part;
    },
  });

  window.given = {};
  window.give = (source, content) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    given[source] = new Float32Array(bytes.buffer);
  };

  window.finished = (id) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const save = saves.list.find((save) => save.id === id);
        if (save?.state === "failed") reject(save.error);
        if (save?.state !== "done") return;
        saves.removeEventListener("change", look);
        resolve(save.download);
      };
      saves.addEventListener("change", look);
      look();
    });

  window.textOf = async (file) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return text;
  };

  window.tags = { name: "Größe & more" };
  window.save = async (options) => {
    const stems = makeStems(given.drums.length / 2, options.sources);
    const destination = { kind: "download" };
    const request = { stems, song: tags, what: "stem", format: "wav16", destination, ...options };
    if (request.mix) request.mix.channels = new Map(Object.entries(request.mix.channels));
    const download = await finished(saves.add(request).id);
    const { name, file, gain } = download;
    return { name, gain, content: file && (await textOf(file)) };
  };
}"""


class SavePage:
    """A page that can save."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page = context.new_page()
        self.console: list[str] = []
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))
        headers = {"Content-Security-Policy": POLICY}
        self.page.route(
            "**/saving.html",
            lambda route: route.fulfill(body=_PAGE, headers=headers, content_type="text/html"),
        )
        self.page.goto(url + "saving.html")
        self.page.evaluate(_HELPERS)

    def give(self, stems: Stems) -> None:
        """Hand stems to the page, ``(2, samples)`` each."""
        for source, stem in stems.items():
            content = base64.b64encode(stem.T.astype("<f4").tobytes()).decode()
            self.page.evaluate("([source, content]) => give(source, content)", [source, content])

    def open(self, **options: Any) -> None:
        """Open the save dialog."""
        self.page.evaluate("(options) => openDialog(options)", options)

    def go(self) -> None:
        """Press Save in the dialog."""
        self.page.locator("#save-dialog [data-do=go]").click()

    def download(self, what: str | None, kind: str) -> tuple[str, bytes]:
        """Choose options in the dialog and save; return the file's name and content."""
        if what:
            self.page.locator(f'#save-dialog input[value="{what}"]').check(force=True)
        self.page.locator(f'#save-dialog select:has(> [value="{kind}"])').select_option(kind)
        with self.page.expect_download() as download:
            self.go()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def save(self, **options: Any) -> tuple[str, bytes, float]:
        """Save without the dialog; return the file's name, content and gain."""
        try:
            made = self.page.evaluate("save", options)
        except Exception as error:
            raise AssertionError("\n".join(self.console)) from error
        return made["name"], made["content"].encode("latin-1"), made["gain"]


@pytest.fixture(scope="module")
def url(tiny_site: Path) -> Iterator[str]:
    headers = {"Content-Security-Policy": POLICY}
    with server.serving(tiny_site, headers=headers) as url:
        yield url


@pytest.fixture(scope="module")
def stems() -> Stems:
    """Music-like stems, the last one too loud for integer formats."""
    song = synthetic.song(LENGTH / RATE)[:, :LENGTH].astype(np.float32)
    assert song.shape == (2, LENGTH)
    quiet = {"drums": 0.5 * song, "bass": np.roll(0.3 * song, 999, axis=1)}
    return {**quiet, "vocals": (np.roll(song[::-1], 4321, axis=1) * (LOUD / np.abs(song).max()))}


@pytest.fixture(scope="module")
def tab(shared_context: BrowserContext, url: str, stems: Stems) -> SavePage:
    page = SavePage(shared_context, url)
    page.give(stems)
    return page


def decoded(content: bytes, *arguments: str) -> np.ndarray:
    """What FFmpeg decodes from a file: ``(2, samples)``, float64."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "-", *arguments]
    command += ["-f", "f64le", "-"]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    assert done.stderr == b""
    return np.frombuffer(done.stdout, "<f8").reshape(-1, 2).T


def integers(stem: np.ndarray, bits: int, gain: float) -> np.ndarray:
    """The expected integers in a file with this many bits per sample."""
    scale = 2.0 ** (bits - 1)
    value = np.floor(stem.astype(np.float64) * gain * scale + 0.5)
    return np.clip(value, -scale, scale - 1)


@pytest.mark.parametrize(
    ("kind", "subtype", "bits"),
    [
        ("wav16", "PCM_16", 16),
        ("wav24", "PCM_24", 24),
        ("flac16", "PCM_16", 16),
        ("flac24", "PCM_24", 24),
    ],
)
def test_integer_formats_are_exact(
    tab: SavePage, stems: Stems, kind: str, subtype: str, bits: int
) -> None:
    extension = kind.rstrip("0123456789")
    largest = 1 - 2.0 ** (1 - bits)
    for source, stem in stems.items():
        name, content, gain = tab.save(source=source, format=kind)
        assert name == f"Größe & more - {source}.{extension}"
        assert gain == pytest.approx(largest / np.abs(stems["vocals"]).max(), rel=1e-12)
        info = soundfile.info(io.BytesIO(content))
        assert (info.format, info.subtype) == (extension.upper(), subtype)
        assert (info.samplerate, info.channels) == (RATE, 2)
        wanted = integers(stem, bits, gain)
        found = decoded(content) * 2 ** (bits - 1)
        np.testing.assert_array_equal(found, wanted)
        dtype = soundfile.read(io.BytesIO(content), dtype="int32")[0].T
        np.testing.assert_array_equal(dtype >> (32 - bits), wanted)


def test_float_format_equals_the_stems_to_the_bit(tab: SavePage, stems: Stems) -> None:
    for source, stem in stems.items():
        _, content, gain = tab.save(source=source, format="wav32f")
        assert gain == 1
        found = soundfile.read(io.BytesIO(content), dtype="float32")[0].T
        np.testing.assert_array_equal(found.view(np.uint32), stem.view(np.uint32))
        np.testing.assert_array_equal(decoded(content), stem)


def test_mp3(tab: SavePage, stems: Stems) -> None:
    """The length is exact and the SNR 25.5 dB, as much of the stems is above 16 kHz."""
    for source, stem in stems.items():
        name, content, gain = tab.save(source=source, format="mp3")
        assert name == f"Größe & more - {source}.mp3"
        found = decoded(content)
        assert found.shape == (2, LENGTH)
        assert snr(found, stem * gain) >= 25
        assert len(content) / (LENGTH / RATE) == pytest.approx(40_000, rel=0.03)


def panned(stem: np.ndarray, pan: float) -> np.ndarray:
    """What the Web Audio API's StereoPannerNode makes of stereo."""
    left, right = stem.astype(np.float64)
    angle = (pan + 1 if pan <= 0 else pan) * np.pi / 2
    if pan <= 0:
        return np.stack([left + right * np.cos(angle), right * np.sin(angle)])
    return np.stack([left * np.cos(angle), right + left * np.sin(angle)])


def test_mix_applies_volumes_pans_and_master(tab: SavePage, stems: Stems) -> None:
    channels = {
        "drums": {"volume": 0.5, "pan": -0.4},
        "vocals": {"volume": 1.2, "pan": 0.7},
    }
    wanted = 0.8 * (
        0.5 * panned(stems["drums"], -0.4) + np.float32(1.2) * panned(stems["vocals"], 0.7)
    )
    mix = {"channels": channels, "master": 0.8}
    name, content, _ = tab.save(what="mix", mix=mix, format="wav32f")
    assert name == "Größe & more - drums + vocals.wav"
    np.testing.assert_allclose(decoded(content), wanted, rtol=0, atol=1e-6)
    # A mix has its own gain to avoid clipping.
    peak = np.abs(wanted).max()
    assert peak > 1
    _, content, gain = tab.save(what="mix", mix=mix, format="flac24")
    assert gain == pytest.approx((1 - 2.0**-23) / peak, rel=1e-6)
    assert np.abs(decoded(content)).max() == pytest.approx(1 - 2.0**-23, abs=2.0**-23)


def test_mix_at_unity_is_the_sum_and_is_named_mix(tab: SavePage, stems: Stems) -> None:
    channels = {source: {"volume": 1, "pan": 0} for source in SOURCES}
    mix = {"channels": channels, "master": 1}
    name, content, _ = tab.save(what="mix", mix=mix, format="wav32f")
    assert name == "Größe & more - mix.wav"
    wanted = sum(stem.astype(np.float64) for stem in stems.values())
    np.testing.assert_allclose(decoded(content), wanted, rtol=0, atol=1e-6)


def test_silent_mix_is_refused(tab: SavePage) -> None:
    with pytest.raises(AssertionError) as error:
        tab.save(what="mix", mix={"channels": {}, "master": 1})
    assert "UserError: muted" in str(error.value.__cause__)


@pytest.mark.parametrize("kind", ["wav24", "flac16", "mp3"])
def test_region_is_exact(tab: SavePage, stems: Stems, kind: str) -> None:
    start, stop = 70_001, 112_345
    _, content, gain = tab.save(source="vocals", format=kind, region=[start, stop])
    part = stems["vocals"][:, start:stop]
    found = decoded(content)
    assert found.shape == part.shape
    if kind == "mp3":
        assert snr(found, part * gain) >= 24
    else:
        bits = int(kind[-2:])
        np.testing.assert_array_equal(found * 2 ** (bits - 1), integers(part, bits, gain))


def tones(length: int, rate: int) -> np.ndarray:
    """Sines of different frequencies, left and right."""
    time = np.arange(length) / rate
    return 0.4 * np.sin(2 * np.pi * np.outer((440, 5000), time))


@pytest.mark.parametrize(("kind", "least"), [("wav32f", 140), ("flac24", 130), ("mp3", 70)])
def test_another_sample_rate(tab: SavePage, kind: str, least: float) -> None:
    tab.give({"tones": tones(LENGTH, RATE)})
    _, content, _ = tab.save(sources=["tones"], source="tones", format=kind, rate=48000)
    assert soundfile.info(io.BytesIO(content)).samplerate == 48000
    found = decoded(content)
    assert found.shape == (2, round(LENGTH * 48000 / RATE))
    # The silence before and after the song makes the resampler ring.
    within = slice(2000, -2000)
    assert snr(found[:, within], tones(found.shape[1], 48000)[:, within]) >= least


def test_speed_and_key_of_the_player(context: BrowserContext, url: str) -> None:
    """A sine has the length of the slowed-down song and the transposed pitch."""
    tab = SavePage(context, url)
    tab.give({source: tones(LENGTH, RATE) for source in SOURCES})
    tab.page.evaluate("() => { tempo = { speed: 0.8, semitones: 2 }; }")
    tab.open()
    speed = tab.page.get_by_label("At the current speed and key (80% +2)")
    assert not speed.is_checked()
    tab.page.locator('#save-dialog input[value="mix"]').check(force=True)
    assert speed.is_checked()
    name, content = tab.download("mix", "wav32f")
    assert name == "Größe & more - drums + bass, 80% +2.wav"
    found = decoded(content)
    assert found.shape == (2, round(LENGTH / 0.8))
    for side, frequency in zip(found, (440, 5000), strict=True):
        spectrum = np.abs(np.fft.rfft(side * np.hanning(side.size), 8 * side.size))
        peak = np.argmax(spectrum) * RATE / (8 * side.size)
        assert peak == pytest.approx(frequency * 2 ** (2 / 12), rel=1e-3)
    tab.open()
    # The last choice: what you hear.
    assert speed.is_checked()
    tab.page.locator('#save-dialog input[value="all"]').check(force=True)
    assert not speed.is_checked()
    speed.check()
    name, content = tab.download(None, "flac16")
    assert name == "Größe & more - stems, 80% +2.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for file in archive.namelist():
            assert decoded(archive.read(file)).shape == (2, round(LENGTH / 0.8))


_TAGS = {"name": "01 - file", "title": "Ein Lied", "artist": "Sörén & 林檎", "album": "Best of"}


@pytest.mark.parametrize("kind", ["wav16", "flac16", "mp3"])
@pytest.mark.parametrize("artist", ["Soren", "Sörén & 林檎"])
def test_tags_are_carried_over(tab: SavePage, kind: str, artist: str) -> None:
    song = _TAGS | {"artist": artist}
    name, content, _ = tab.save(source="bass", format=kind, song=song)
    assert name.startswith("01 - file - bass.")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "-", "-f", "ffmetadata", "-"]
    told = subprocess.run(command, input=content, capture_output=True, check=True).stdout.decode()
    # Names of Vorbis comments are case-insensitive.
    lines = re.sub("^[A-Z]+=", lambda found: found[0].lower(), told, flags=re.M).splitlines()
    assert "title=Ein Lied (bass)" in lines
    assert f"artist={artist}" in lines
    assert "album=Best of" in lines


@pytest.mark.parametrize(
    ("song", "safe"),
    [
        ('AC/DC: <Live> \\ "Hell?" *|', "AC DC Live Hell"),
        ("../../etc/passwd", "etc passwd"),
        ("con", "con_"),
        ("gpj\u202ewav\u0000\u0007", "gpj wav"),
        (" . . ", "song"),
        ("林檎" * 100, "林檎" * 25),
        ("Song. ", "Song"),
    ],
)
def test_hostile_names_are_made_safe(tab: SavePage, song: str, safe: str) -> None:
    script = """async (name) => {
      const { fileName } = await import(new URL("engine/save/names.js", location));
      return fileName({ name }, "vocals", "wav");
    }"""
    assert tab.page.evaluate(script, song) == f"{safe} - vocals.wav"


@pytest.mark.parametrize(
    ("pattern", "tags", "part", "wanted"),
    [
        ("{artist} - {title} - {stem}", _TAGS, "drums", "Sören - Ein Lied - drums.wav"),
        ("{stem} - {song}", _TAGS, "drums", "drums - 01 - file.wav"),
        ("{album}_{title}_{stem}", _TAGS, "drums", "Best of_Ein Lied_drums.wav"),
        # What is not known is left out.
        ("{artist} - {title} - {stem}", {"name": "file"}, "drums", "file - drums.wav"),
        ("{artist}", {"name": "file"}, "drums", "song.wav"),
        ("{song} - {stem}", {"name": "file"}, "", "file.wav"),
        ("{who}: {stem}", _TAGS, "drums", "{who} drums.wav"),
        ("../{stem}/ ", _TAGS, "drums", "drums.wav"),
        (
            "{artist} - {song}",
            {"name": "n" * 99, "artist": "a" * 99},
            "",
            f"{'a' * 75} - {'n' * 75}.wav",
        ),
    ],
)
def test_names_follow_a_pattern(
    tab: SavePage, pattern: str, tags: dict[str, str], part: str, wanted: str
) -> None:
    script = """async ([song, part, pattern]) => {
      const { fileName } = await import(new URL("engine/save/names.js", location));
      return fileName(song, part, "wav", pattern);
    }"""
    song = tags | {"artist": "Sören"} if tags is _TAGS else tags
    assert tab.page.evaluate(script, [song, part, pattern]) == wanted


def test_files_of_one_name_are_numbered(tab: SavePage) -> None:
    name, content, _ = tab.save(what="all", format="flac16", names="{song}")
    assert name == "Größe & more.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"Größe & more{n}.flac" for n in ("", " (2)", " (3)")]


def test_all_stems_in_a_zip(tab: SavePage, stems: Stems) -> None:
    name, content, gain = tab.save(what="all", format="flac16")
    assert name == "Größe & more - stems.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"Größe & more - {source}.flac" for source in SOURCES]
        for source, file in zip(SOURCES, archive.namelist(), strict=True):
            found = decoded(archive.read(file)) * 2**15
            np.testing.assert_array_equal(found, integers(stems[source], 16, gain))
    # One gain for all, so they still add up to the song.
    assert gain < 1


def in_zip(content: bytes) -> Stems:
    """The stems in a zip of 32-bit WAV files, by the ends of their names."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        read = (io.BytesIO(archive.read(name)) for name in archive.namelist())
        found = [soundfile.read(file, dtype="float32")[0].T for file in read]
        names = [name.removesuffix(".wav").split(" - ")[-1] for name in archive.namelist()]
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize("sources", [SOURCES, ("drums", "other", "vocals")])
def test_stems_add_up_to_the_song_on_request(
    context: BrowserContext, url: str, stems: Stems, sources: tuple[str, ...]
) -> None:
    """To the bit as in the library."""
    tab = SavePage(context, url)
    song = np.roll(stems["drums"], 77, axis=1)
    given = {**stems, "other": stems["bass"]}
    tab.give({**given, "mixture": song})
    every = np.stack([given[name] for name in sources])
    wanted = sum_to_mixture(py_demixer.Stems(sources, every, RATE), song)
    request = {"what": "all", "sources": list(sources), "format": "wav32f", "addsUp": True}
    found = in_zip(tab.save(**request)[1])
    assert list(found) == list(wanted)
    for name, stem in found.items():
        np.testing.assert_array_equal(stem, wanted[name])
    region = [RATE, 2 * RATE]
    part = in_zip(tab.save(**request, region=region)[1])
    assert len(part) == len(found)
    for name, stem in part.items():
        source = name.removesuffix(", 0m01.00-0m02.00")
        np.testing.assert_array_equal(stem, wanted[source][:, slice(*region)])


def test_dialog_offers_stems_that_add_up(context: BrowserContext, url: str, stems: Stems) -> None:
    tab = opened(context, url, stems)
    tab.give({"mixture": stems["drums"]})
    box = tab.page.get_by_label("Stems that add up to the song: the rest is one more file")
    box.check()
    with zipfile.ZipFile(io.BytesIO(tab.download("all", "flac16")[1])) as archive:
        assert archive.namelist()[-1] == "Größe & more - remainder.flac"
    tab.open()
    expect(box).to_be_checked()  # as the last time
    tab.page.locator('#save-dialog input[value="mix"]').check(force=True)
    expect(box).to_be_hidden()


def test_zip_states_sizes_before_the_content(tab: SavePage) -> None:
    """Java's ``ZipInputStream`` and old Android need them: no data descriptor may be used."""
    _, content, _ = tab.save(what="all", format="wav16")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            start = entry.header_offset
            _, _, flags, method, _, _, crc, packed, size = struct.unpack_from(
                "<IHHHHHIII", content, start
            )
            assert (flags & 0x8, method) == (0, zipfile.ZIP_STORED)
            assert (crc, packed, size) == (entry.CRC, entry.file_size, entry.file_size)


_FOLDER = """async () => {
  const root = await navigator.storage.getDirectory();
  window.folder = await root.getDirectoryHandle("a folder", { create: true });
  for await (const name of folder.keys()) await folder.removeEntry(name);
  window.listed = async (directory = folder) => {
    const files = {};
    for await (const [name, file] of directory.entries()) {
      if (file.kind === "directory") Object.assign(files, await listed(file));
      else files[name] = (await file.getFile()).size;
    }
    return files;
  };
  window.temporary = async () => {
    const downloads = await root.getDirectoryHandle("downloads", { create: true });
    return Object.keys(await listed(downloads)).length;
  };
}"""


def test_saving_to_a_folder_overwrites_nothing(tab: SavePage, stems: Stems) -> None:
    tab.page.evaluate(_FOLDER)
    options = {"what": "all", "format": "wav16"}
    script = "(options) => save({ ...options, destination: { kind: 'folder', handle: folder } })"
    kept = tab.page.evaluate("temporary()")
    assert tab.page.evaluate(script, options)["content"] is None
    tab.page.evaluate(script, options | {"format": "mp3"})
    for length in (RATE, RATE + 100):  # of one name
        tab.page.evaluate(script, options | {"region": [0, length]})
    files = tab.page.evaluate("listed()")
    names = [f"Größe & more - {source}" for source in SOURCES]
    endings = (".wav", ".mp3", ", 0m00.00-0m01.00.wav", ", 0m00.00-0m01.00 (2).wav")
    assert sorted(files) == sorted(name + ending for name in names for ending in endings)
    assert files[names[0] + endings[3]] - files[names[0] + endings[2]] == 400
    assert tab.page.evaluate("temporary()") == kept


def test_saving_to_a_picked_file(tab: SavePage, stems: Stems) -> None:
    tab.page.evaluate(_FOLDER)
    content = tab.page.evaluate("""async () => {
      const handle = await folder.getFileHandle("picked.zip", { create: true });
      await save({ what: "all", format: "mp3", destination: { kind: "file", handle } });
      return textOf(await handle.getFile());
    }""")
    with zipfile.ZipFile(io.BytesIO(content.encode("latin-1"))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3


_CANCEL = """async (kind) => {
  const stems = makeStems(3600 * 44100);
  const handles = {
    folder: folder,
    file: await folder.getFileHandle("picked.zip", { create: true }),
  };
  const destination = { kind, handle: handles[kind] };
  const [what, format] = ["all", "wav16"];
  const before = await temporary();
  const save = saves.add({ stems, song: tags, what, format, destination });
  const next = saves.add({ stems, song: tags, what, format, destination });
  while (save.share < 0.002) await new Promise((resolve) => setTimeout(resolve, 50));
  await Promise.all([saves.remove(save.id), saves.remove(next.id)]);
  const { reads } = stems;
  await new Promise((resolve) => setTimeout(resolve, 300));
  return [stems.reads - reads, (await temporary()) - before, await listed()];
}"""


@pytest.mark.parametrize("kind", ["download", "folder", "file"])
def test_cancel_leaves_nothing_behind(tab: SavePage, kind: str) -> None:
    tab.page.evaluate(_FOLDER)
    reads, temporary, files = tab.page.evaluate(_CANCEL, kind)
    assert (reads, temporary) == (0, 0)
    # OPFS has `remove`, as Chromium's folders do.
    assert files == ({} if kind == "file" else {"picked.zip": 0})


def opened(context: BrowserContext, url: str, stems: Stems, **options: Any) -> SavePage:
    """A separate page with the dialog open."""
    tab = SavePage(context, url)
    tab.give(stems)
    tab.open(**options)
    return tab


def test_dialog_saves_what_was_chosen(context: BrowserContext, url: str, stems: Stems) -> None:
    tab = opened(context, url, stems, source="vocals", region=[RATE, 2 * RATE])
    name, content = tab.download(None, "flac16")
    assert name == "Größe & more - vocals, 0m01.00-0m02.00.flac"
    gain = (1 - 2.0**-15) / float(np.abs(stems["vocals"][:, RATE : 2 * RATE]).max())
    assert gain < 1
    # The page shows the gain that all stems of the region got, and the file can be saved again.
    wanted = integers(stems["vocals"][:, RATE : 2 * RATE], 16, gain)
    np.testing.assert_array_equal(decoded(content) * 2**15, wanted)
    row = tab.page.locator("#saves li")
    decibels = f"{-20 * np.log10(gain):.2f} dB"
    expect(row).to_contain_text(f"Saved {decibels} quieter")
    with tab.page.expect_download() as download:
        row.get_by_role("link", name=f"Save {name} again").click()
    assert Path(download.value.path()).read_bytes() == content
    row.get_by_role("button", name=f"Remove {name} from the list").click()
    expect(tab.page.locator("#saves")).to_be_hidden()
    tab.page.evaluate(_FOLDER)
    assert tab.page.evaluate("temporary()") == 0
    # Next time, the dialog starts with the last choices.
    tab.open()
    expect(tab.page.get_by_label("Format")).to_have_value("flac16")
    name, content = tab.download("mix", "wav32f")
    assert name == "Größe & more - drums + bass.wav"
    np.testing.assert_allclose(decoded(content), stems["drums"] + 0.5 * stems["bass"], atol=1e-6)
    expect(row.locator(".quiet")).to_have_text("Saved")


def test_dialog_takes_a_pattern_for_names(context: BrowserContext, url: str, stems: Stems) -> None:
    song = {"name": "01 - file", "title": "Ein Lied", "artist": "Sören"}
    tab = opened(context, url, stems, song=song)
    example = tab.page.locator(".save-names summary")
    expect(example).to_have_text("File names: 01 - file - drums.wav")
    example.click()
    tab.page.get_by_label("File names", exact=True).fill("{artist} - {title} - {stem}")
    expect(example).to_have_text("File names: Sören - Ein Lied - drums.wav")
    name, content = tab.download("all", "flac16")
    assert name == "Sören - Ein Lied - stems.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"Sören - Ein Lied - {source}.flac" for source in SOURCES]
    tab.open(song=song)  # as the last time
    expect(example).to_have_text("File names: Sören - Ein Lied - drums.flac")
    tab.page.get_by_label("File names", exact=True).fill("")
    expect(example).to_have_text("File names: 01 - file - drums.flac")


def test_licence_of_the_mp3_encoder_is_shown(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    tab = opened(context, url, stems)
    dialog = tab.page.locator("#save-dialog")
    expect(dialog.get_by_role("link")).to_have_count(0)
    tab.page.get_by_label("Format").select_option("mp3")
    expect(dialog).to_contain_text("LAME (LGPL)")
    with tab.page.expect_popup() as popup:
        dialog.get_by_role("link", name="licence").click()
    expect(popup.value.locator("body")).to_contain_text("GNU LIBRARY GENERAL PUBLIC LICENSE")


def test_original_rate_is_offered_where_the_format_supports_it(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    tab = opened(context, url, stems, song={"name": "song", "rate": 96000}, source="drums")
    rate = tab.page.get_by_label("Sample rate")
    rate.select_option("96000")
    tab.page.get_by_label("Format").select_option("mp3")
    expect(rate).to_have_value("44100")
    tab.page.get_by_label("Format").select_option("wav24")
    rate.select_option("96000")
    assert soundfile.info(io.BytesIO(tab.download(None, "wav24")[1])).samplerate == 96000


_PICKERS = """async () => {
  await ({folder})();
  window.picked = [];
  window.showSaveFilePicker = async ({ suggestedName }) => {
    picked.push(suggestedName);
    if (suggestedName.includes("bass")) throw new DOMException("", "AbortError");
    return folder.getFileHandle("renamed.wav", { create: true });
  };
  window.showDirectoryPicker = async () => folder;
}""".replace("{folder}", _FOLDER)


def test_saving_to_a_chosen_place(context: BrowserContext, url: str, stems: Stems) -> None:
    tab = opened(context, url, stems, source="drums")
    tab.page.evaluate(_PICKERS)
    where = tab.page.get_by_label("Save to")
    where.select_option("place")
    tab.go()
    expect(tab.page.locator("#saves li")).to_contain_text("renamed.wav")
    tab.open(source="bass")
    tab.go()
    tab.open()
    # The choice is remembered, but the folder has to be chosen again.
    expect(where.locator("option:checked")).to_have_text("Choose a folder")
    tab.go()
    expect(tab.page.locator("#saves li[data-state=done]")).to_have_count(2)
    names = [f"Größe & more - {source}.wav" for source in SOURCES]
    assert sorted(tab.page.evaluate("listed()")) == sorted([*names, "renamed.wav"])
    assert tab.page.evaluate("picked") == [names[0], names[1]]
    expect(tab.page.locator("#saves li a")).to_have_count(0)


def test_unwritable_folder_is_reported(context: BrowserContext, url: str, stems: Stems) -> None:
    tab = opened(context, url, stems)
    tab.page.evaluate(_PICKERS)
    tab.page.evaluate("""() => {
      FileSystemDirectoryHandle.prototype.getFileHandle = async () => {
        throw new DOMException("no", "NotAllowedError");
      };
    }""")
    tab.page.get_by_label("Save to").select_option("place")
    tab.go()
    row = tab.page.locator("#saves li")
    expect(row).to_contain_text("could not be written there")
    row.get_by_role("button", name="Try saving").click()
    expect(row).to_have_count(1)
    expect(row).to_contain_text("could not be written there")


def test_finished_part_of_a_song_that_stopped_can_be_saved(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    tab = SavePage(context, url)
    tab.give(stems)
    tab.page.evaluate(
        """() => {
      const isFinal = (start, length) => start + length <= RATE;
      openDialog({ source: "drums", region: [0, RATE], stems: { isFinal, grows: false } });
    }""".replace("RATE", str(RATE))
    )
    box = tab.page.get_by_label("Only what is finished, 0:00–0:01")
    assert box.is_checked()
    box.uncheck()
    expect(tab.page.locator("#save-dialog")).to_contain_text("Continue the song first")


def test_final_part_of_a_song_at_work_can_be_saved(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    tab = SavePage(context, url)
    tab.give(stems)
    tab.page.evaluate("""() => {
      const isFinal = (start, length) => start + length <= (window.edge ?? 60000);
      const isLoop = true;
      openDialog({ source: "drums", region: [20000, 50000], isLoop, stems: { isFinal } });
    }""")
    go = tab.page.locator("#save-dialog [data-do=go]")
    expect(go).to_be_enabled()
    tab.page.get_by_label("Only the loop").uncheck()
    expect(go).to_be_disabled()
    expect(tab.page.locator("#save-dialog")).to_contain_text("still being separated")
    tab.page.evaluate("() => { edge = Infinity; dialogStems.dispatchEvent(new Event('final')); }")
    expect(go).to_be_enabled()


_HOUR = "(source) => openDialog({ source, stems: makeStems(3600 * 44100) })"


def test_long_save_can_be_cancelled_in_the_list(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    tab = SavePage(context, url)
    tab.give(stems)
    for source in ("drums", "bass"):
        tab.page.evaluate(_HOUR, source)
        tab.go()
    rows = tab.page.locator("#saves li")
    # The newest save is on top.
    expect(rows.first).to_contain_text("Waiting")
    expect(tab.page.locator("#saves summary")).to_have_text(re.compile(r"Saving 2: [1-9]\d?%"))
    for _ in range(2):
        tab.page.get_by_role("button", name="Cancel saving Größe & more").first.click()
    expect(tab.page.locator("#saves")).to_be_hidden()
    tab.page.evaluate(_FOLDER)
    tab.page.wait_for_function("async () => (await temporary()) === 0")
    # Nothing reads the stems any more, and nothing keeps them from being closed.
    assert tab.page.evaluate("holders") == 0


_EVERYTHING = """async () => {
  const stems = makeStems(30 * 44100);
  const channels = new Map(stems.sources.map((name) => [name, { volume: 0.7, pan: 0.2 }]));
  const [song, destination] = [tags, { kind: "download" }];
  const sizes = [];
  for (const [what, format, rate] of [
    ["all", "wav24"], ["mix", "flac16"], ["mix", "mp3", 48000],
  ]) {
    const mix = what === "mix" ? { channels, master: 1 } : undefined;
    const { id } = saves.add({ stems, song, what, mix, format, rate, destination });
    sizes.push((await finished(id)).file.size);
  }
  return sizes;
}"""


def test_page_stays_responsive_while_saving(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    """Save half a minute of every kind, mixed and resampled: no main-thread task takes 100 ms.

    Chromium's trace gives the CPU time of the thread, which excludes waiting for other tests. Where
    two tests share a core it can still be too long, so a task that is too long may be so only once.
    """
    tab = SavePage(context, url)
    tab.give(stems)
    assert longest_task(context, tab) < 100 or longest_task(context, tab) < 100


def longest_task(context: BrowserContext, tab: SavePage) -> float:
    """The CPU time of the longest task on the main thread while everything is saved, in ms."""
    session = context.new_cdp_session(tab.page)
    events: list[dict[str, Any]] = []
    complete: list[object] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda data: complete.append(data))
    categories = ["disabled-by-default-devtools.timeline"]
    config = {"includedCategories": categories, "excludedCategories": ["*"]}
    session.send("Tracing.start", {"traceConfig": config})
    sizes = tab.page.evaluate(_EVERYTHING)
    session.send("Tracing.end")
    until(lambda: complete, "The trace", page=tab.page)
    assert min(sizes) > 1e6
    is_main = {"name": "CrRendererMain"}
    threads = {event["tid"] for event in events if event.get("args") == is_main}
    tasks = [
        event.get("tdur", 0) / 1000
        for event in events
        if event["name"] == "RunTask" and event["tid"] in threads
    ]
    assert len(tasks) > 1000
    session.detach()
    return max(tasks)


def test_removing_a_song_cancels_its_saves(context: BrowserContext, url: str, stems: Stems) -> None:
    tab = SavePage(context, url)
    tab.give(stems)
    tab.page.evaluate(_HOUR, "bass")
    tab.go()
    expect(tab.page.locator("#saves li[data-state=working]")).to_be_visible()
    assert tab.page.evaluate("holders") == 1
    left = tab.page.evaluate("saves.giveUp(dialogStems).then(() => [holders, saves.list.length])")
    assert left == [0, 0]


def test_unreadable_stems_are_reported(context: BrowserContext, url: str) -> None:
    tab = SavePage(context, url)
    tab.page.evaluate("""() => {
      given.drums = new Float32Array(200000);
      const read = async () => { throw new Error("It is closed."); };
      openDialog({ source: "drums", stems: { read } });
    }""")
    tab.go()
    expect(tab.page.locator("#saves li")).to_contain_text("could no longer be read")
    assert tab.page.evaluate("holders") == 1
    tab.page.get_by_role("button", name="from the list").click()
    tab.page.wait_for_function("holders === 0")


def test_files_are_kept_until_storage_is_full(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    """Then the oldest is deleted; if even that is not enough, an error is shown."""
    tab = SavePage(context, url)
    tab.give(stems)
    tab.page.evaluate(_FOLDER)
    origin = tab.page.evaluate("location.origin")
    session = context.new_cdp_session(tab.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 2_200_000})
    for source in SOURCES:
        tab.open(source=source)
        tab.download(None, "wav24")
    states = tab.page.evaluate("saves.list.map(({ name, state }) => [name, state])")
    assert len(states) == 2
    assert states[-1] == ["Größe & more - vocals.wav", "done"]
    assert tab.page.evaluate("temporary()") == 2
    tab.page.evaluate(_HOUR, "bass")
    tab.go()
    row = tab.page.locator("#saves li[data-state=failed]")
    expect(row).to_contain_text("Not enough disk space")
    assert tab.page.evaluate("temporary()") == 0


def test_files_left_by_a_closed_tab_are_deleted(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    """But nothing of an open tab, however long ago it was saved."""
    first = opened(context, url, stems, source="drums")
    first.page.clock.install()
    first.page.evaluate(_FOLDER)
    first.download(None, "wav16")
    first.page.clock.fast_forward("10:00:00")
    second = opened(context, url, stems, source="bass")
    second.download(None, "wav16")
    assert first.page.evaluate("temporary()") == 2
    second.page.close()
    third = SavePage(context, url)
    third.page.evaluate(_FOLDER)
    third.page.wait_for_function("async () => (await temporary()) === 1")
    with first.page.expect_download() as download:
        first.page.locator("#saves li a").click()
    assert decoded(Path(download.value.path()).read_bytes()).shape == (2, LENGTH)


def test_files_are_made_in_memory_without_a_file_system(
    context: BrowserContext, url: str, stems: Stems
) -> None:
    context.add_init_script("delete window.StorageManager?.prototype.getDirectory")
    tab = opened(context, url, stems)
    for kind in ("mp3", "flac24"):
        with zipfile.ZipFile(io.BytesIO(tab.download("all", kind)[1])) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                assert decoded(archive.read(name)).shape == (2, LENGTH)
        tab.open()


def test_saved_file_can_be_dragged_out(context: BrowserContext, url: str, stems: Stems) -> None:
    """Checks what Chromium needs for it; what the desktop does with it is not tested here."""
    tab = opened(context, url, stems, source="bass")
    tab.download(None, "wav16")
    data = tab.page.locator("#saves li a").evaluate("""async (link) => {
      const dataTransfer = new DataTransfer();
      link.dispatchEvent(new DragEvent("dragstart", { dataTransfer, bubbles: true }));
      const [, type, name, href] = dataTransfer.getData("DownloadURL").match(/^(.*?):(.*?):(.*)$/);
      return [type, name, (await fetch(href).catch(() => null))?.status ?? href];
    }""")
    assert data[:2] == ["audio/wav", "Größe & more - bass.wav"]


def test_dialog_in_german_on_a_phone(
    playwright: Playwright,
    chromium_options: dict[str, Any],
    url: str,
    stems: Stems,
    tmp_path: Path,
) -> None:
    phone = playwright.chromium.launch_persistent_context(
        tmp_path / "phone",
        **chromium_options,
        viewport={"width": 360, "height": 740},
        has_touch=True,
        is_mobile=True,
        locale="de-DE",
        color_scheme="dark",
    )
    try:
        tab = SavePage(phone, url)
        tab.give(stems)
        song = {"name": "song", "rate": 48000}
        tab.open(source="drums", region=[0, RATE], song=song)
        dialog = tab.page.locator("#save-dialog")
        expect(dialog.get_by_role("radio", name="Was du hörst")).to_be_visible()
        tab.page.get_by_label("Format").select_option("mp3")
        controls = dialog.locator("button:visible, select:visible, label:has(input):visible")
        boxes = [box for control in controls.all() if (box := control.bounding_box())]
        assert len(boxes) == 9
        assert min(box["height"] for box in boxes) >= 40
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
        tab.go()
        expect(tab.page.locator("#saves summary")).to_have_text("Gespeichert")
    finally:
        phone.close()


@pytest.mark.long
def test_file_of_more_than_4_gib_is_rf64(tab: SavePage) -> None:
    """The samples are discarded; only the header is checked."""
    header = tab.page.evaluate("""async () => {
      const { encode } = await import(new URL("engine/save/encode.js", location));
      const head = new Uint8Array(120);
      let size = 0;
      const write = (data, position) => {
        const left = Math.max(0, head.length - position);
        if (left > 0) head.set(data.subarray(0, left), position);
        size = Math.max(size, position + data.length);
      };
      const block = 1 << 18;
      const length = 2 ** 29 + block;
      const blocks = async function* () {
        for (let at = 0; at < length; at += block) yield new Float32Array(2 * block);
      };
      const content = { format: "wav32f", rate: 44100, length, gain: 1, tags: { title: "song" } };
      await encode(blocks(), content, { write, close: async () => null }, () => {});
      return [String.fromCharCode(...head), size];
    }""")
    content, size = header[0].encode("latin-1"), header[1]
    data = (2**29 + 2**18) * 8
    assert (content[:4], content[8:16]) == (b"RF64", b"WAVEds64")
    assert int.from_bytes(content[20:28], "little") == size - 8
    assert int.from_bytes(content[28:36], "little") == data
    assert b"INAMsong" in content.replace(b"\x05\0\0\0", b"")
    assert 80 < size - data < 200
