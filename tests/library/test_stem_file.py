"""Stem files from the command line, decoded by another FFmpeg than the one that encoded them."""

import json
import re
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer import cli
from py_demixer.audio import collection, decode, stem_file
from py_demixer.audio.files import Output
from py_demixer.evaluation.metrics import snr
from tests import synthetic
from tests.boxes import box, boxes

RATE = 44100
LENGTH = 3 * RATE + 12345
STEMS = ("drums", "bass", "other", "vocals")
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TAGS = {"title": "Ein Lied", "artist": "Sörén & 林檎", "album": "Best of"}


@pytest.fixture
def song(tmp_path):
    """A file with tags, too loud for integers once it is separated."""
    raw, path = tmp_path / "raw.wav", tmp_path / "Mr. Song.flac"
    soundfile.write(raw, synthetic.song(4.0)[:, :LENGTH].T, RATE)
    tags = [word for name, value in TAGS.items() for word in ("-metadata", f"{name}={value}")]
    subprocess.run([FFMPEG, "-v", "error", "-i", raw, *tags, path], check=True)
    return path


@pytest.fixture
def separate(tiny_weights, song, tmp_path):
    """Runs `py-demixer separate SONG --format stem.mp4`; returns the exit code."""

    def run(*arguments):
        words = ["separate", song, "-o", tmp_path / "out", "--format", "stem.mp4", *arguments]
        return cli.main([str(word) for word in (*words, "--weights", tiny_weights)])

    return run


def decoded(path, track):
    """What FFmpeg decodes from a track: ``(2, samples)``, float64."""
    command = [FFMPEG, "-v", "error", "-i", path, "-map", f"0:a:{track}", "-f", "f64le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return np.frombuffer(done.stdout, "<f8").reshape(-1, 2).T


def test_file_holds_the_song_and_its_stems(separate, song, tiny_weights, tmp_path, capsys):
    assert separate() == 0
    path = tmp_path / "out" / "Mr. Song" / "Mr. Song.stem.mp4"
    assert capsys.readouterr().out == f"{path}\n"
    assert [*path.parent.iterdir()] == [path]
    mixture = decode.load(song, RATE, warn=pytest.fail)
    model = py_demixer.load_model("htdemucs", tiny_weights)
    stems = py_demixer.separate(mixture, model)
    wanted = [mixture, *(stems[name] for name in STEMS)]
    gain = min(1.0, (1 - 2.0**-15) / max(abs(track).max() for track in wanted))
    for number, track in enumerate(wanted):
        found = decoded(path, number)
        assert found.shape == (2, LENGTH)
        # The tiny network's stems are like noise, of which AAC keeps least.
        assert snr(found, track * gain) >= (20 if number == 0 else 8)


def test_tags_and_stems_are_where_programs_look(separate, tmp_path):
    separate()
    path = tmp_path / "out" / "Mr. Song" / "Mr. Song.stem.mp4"
    said = subprocess.run([FFMPEG, "-i", path], capture_output=True, check=False).stderr.decode()
    for name, value in TAGS.items():
        assert re.search(rf"^ +{name} +: {value}$", said, re.MULTILINE)
    assert said.count("(default)") == 1
    content = path.read_bytes()
    manifest = json.loads(box(content, "moov", "udta", "stem"))
    assert manifest == stem_file.manifest(STEMS)
    assert manifest["version"] == 1
    assert [stem["name"] for stem in manifest["stems"]] == ["Drums", "Bass", "Other", "Vocals"]
    tracks = [payload for kind, payload in boxes(box(content, "moov")) if kind == "trak"]
    flags = [int.from_bytes(box(track, "tkhd")[1:4], "big") for track in tracks]
    assert [flag & 1 for flag in flags] == [1, 0, 0, 0, 0]  # enabled


def test_existing_file_is_replaced_only_on_request(separate, capsys):
    assert separate() == 0
    assert separate() != 0
    assert "Mr. Song.stem.mp4" in capsys.readouterr().err
    assert separate("--force") == 0


def test_stem_file_of_an_earlier_run_is_no_song(tmp_path):
    for name in ("a.wav", "a/a.stem.mp4", "b.stem.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [job.song.name for job in collection.collect([tmp_path], tmp_path)]
    assert found == ["a.wav", "b.stem.mp4"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stems", "drums,bass"], "exactly 4 stems, and these are 2"),
        (["--two-stems", "vocals"], "has all stems"),
        (["--bits", "24"], "it takes no such option"),
    ],
)
def test_options_that_do_not_go_with_it_are_refused(separate, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        separate(*arguments)
    assert end.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_missing_package_is_named_before_the_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(py_demixer.errors.MissingPackageError, match=r"py-demixer\[dj\]"):
        Output(format="stem.mp4")
