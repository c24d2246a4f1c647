"""Evaluation: metrics on signals with known scores, finding songs, and the command."""

import json
import math
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from py_demixer import cli, errors, extras, separate
from py_demixer.audio import decode
from py_demixer.errors import EvaluationError
from py_demixer.evaluation import comparison, datasets, metrics, scoring, tables
from py_demixer.evaluation.comparison import likeness
from py_demixer.evaluation.metrics import METRICS
from py_demixer.evaluation.spectra import METRICS as SPECTRAL
from tests import synthetic, tiny

RATE = 44100
STEMS = ("drums", "bass", "other", "vocals")
TWO = ("drums", "bass")
"""Enough for tests that are not about scores: with four stems, museval takes ten times as long."""


def noises(*names, seconds=3.0):
    """Independent noises: if one leaks into another, that is interference and nothing else."""
    return {name: synthetic.noise(seconds, seed) for seed, name in enumerate(names)}


def score(references, **estimates):
    """The median scores of one estimate."""
    ((name, frames),) = metrics.bss_eval(references, estimates, RATE).items()
    assert name in estimates
    return metrics.median(frames)


def ignore(_sentence):
    pass


# ---- metrics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("leak", [0.1, 0.03])
def test_leakage_from_another_stem_is_interference(leak):
    references = noises("a", "b")
    found = score(references, a=references["a"] + np.float32(leak) * references["b"])
    expected = -20 * math.log10(leak)
    assert found["SIR"] == pytest.approx(expected, abs=0.2)
    assert found["SDR"] == pytest.approx(expected, abs=0.2)
    assert found["ISR"] > expected + 15  # part of the leak resembles the stem itself by chance
    assert found["SAR"] > 100


@pytest.mark.parametrize("level", [0.1, 0.03])
def test_sound_from_no_stem_is_an_artifact(level):
    references = noises("a", "b")
    found = score(references, a=references["a"] + np.float32(level) * synthetic.noise(3.0, 99))
    expected = -20 * math.log10(level)
    assert found["SAR"] == pytest.approx(expected, abs=0.2)
    assert found["SDR"] == pytest.approx(expected, abs=0.2)
    assert found["ISR"] > expected + 15
    assert found["SIR"] > expected + 15


@pytest.mark.parametrize("gain", [0.9, 0.5])
def test_wrong_level_is_only_a_distortion(gain):
    references = noises("a", "b")
    found = score(references, a=np.float32(gain) * references["a"])
    expected = -20 * math.log10(1 - gain)
    assert found["ISR"] == pytest.approx(expected, abs=0.01)
    assert found["SDR"] == pytest.approx(expected, abs=0.01)
    assert found["SIR"] > 100
    assert found["SAR"] > 100


def test_sdr_sums_the_three_errors():
    references = noises("a", "b")
    a, b = references.values()
    found = score(references, a=0.9 * a + 0.05 * b + 0.02 * synthetic.noise(3.0, 99))
    assert found["ISR"] == pytest.approx(-20 * math.log10(0.1), abs=0.2)
    assert found["SIR"] == pytest.approx(20 * math.log10(0.9 / 0.05), abs=0.3)
    assert found["SAR"] == pytest.approx(20 * math.log10(math.hypot(0.9, 0.05) / 0.02), abs=0.3)
    assert found["SDR"] == pytest.approx(-20 * math.log10(math.hypot(0.1, 0.05, 0.02)), abs=0.2)


def test_scores_do_not_depend_on_which_other_stems_are_scored():
    references = noises("a", "b", "c")
    estimates = {name: 0.8 * stem + 0.1 * references["c"] for name, stem in references.items()}
    together = metrics.bss_eval(references, estimates, RATE)
    alone = metrics.bss_eval(references, {"b": estimates["b"]}, RATE)
    assert alone == {"b": together["b"]}


def test_silent_stem_has_no_scores_and_does_not_affect_others():
    references = noises("a", "b")
    estimates = {"a": 0.9 * references["a"], "b": 0.9 * references["b"]}
    expected = metrics.bss_eval(references, estimates, RATE)
    silent = {"c": np.zeros_like(references["a"])}
    assert metrics.bss_eval(references | silent, estimates | silent, RATE) == expected


def test_windows_of_silence_have_no_scores():
    references = noises("a", "b")
    references["b"][:, :RATE] = 0
    (frames,) = metrics.bss_eval(references, {"a": 0.9 * references["a"]}, RATE).values()
    assert [value is None for value in frames["SDR"]] == [True, False, False]
    assert metrics.median(frames)["SDR"] == pytest.approx(20, abs=0.01)


def test_silent_estimate_has_no_scores():
    references = noises("a", "b")
    frames = metrics.bss_eval(references, {"a": np.zeros_like(references["a"])}, RATE)["a"]
    assert frames["SDR"] == [None] * 3
    assert metrics.median(frames) == dict.fromkeys(METRICS)


@pytest.mark.parametrize("cut", ["reference", "estimate"])
def test_common_beginning_of_unequal_lengths_is_scored(cut):
    references = noises("a", "b")
    estimate = 0.9 * references["a"]
    half = {name: stem[:, : 3 * RATE // 2] for name, stem in references.items()}
    (expected,) = metrics.bss_eval(half, {"a": 0.9 * half["a"]}, RATE).values()
    if cut == "reference":
        references["b"] = half["b"]
    else:
        estimate = 0.9 * half["a"]
    (found,) = metrics.bss_eval(references, {"a": estimate}, RATE).values()
    assert found == expected


def test_song_shorter_than_a_window_is_refused():
    references = noises("a", "b", seconds=0.5)
    with pytest.raises(EvaluationError, match=r"0\.50 s cannot be evaluated"):
        metrics.bss_eval(references, references, RATE)


def test_metrics_need_no_ffmpeg(tmp_path, monkeypatch):
    """Without it, the museval package cannot even be imported; see metrics.museval."""
    monkeypatch.setenv("PATH", str(tmp_path))
    extras.require_alone.cache_clear()
    references = noises("drums", "bass", seconds=1.0)
    assert score(references, bass=references["drums"])["SIR"] < 0
    assert "stempeg" not in sys.modules


def test_missing_museval_is_named():
    with pytest.raises(
        errors.MissingPackageError, match=r"nowhere\.at_all.*py-demixer\[evaluate\]"
    ):
        extras.require_alone("nowhere", "at_all", "evaluate")


def test_snr():
    signal = np.array([3.0, 4.0])
    assert metrics.snr(signal, signal) == math.inf
    assert metrics.snr(np.array([3.0, 4.5]), signal) == pytest.approx(20)
    assert metrics.snr(signal, 0 * signal) == -math.inf


# ---- songs --------------------------------------------------------------------------------------


def make_track(folder, seconds=1.2, stems=STEMS):
    """A folder with a song and all or some of its true stems."""
    folder.mkdir(parents=True)
    samples = synthetic.track(seconds)
    for name in ("mixture", *stems):
        soundfile.write(folder / f"{name}.wav", samples[name].T, RATE, "FLOAT")
    return folder


def make_stem_file(folder, path, ffmpeg):
    """The same in MUSDB18's format, but with a lossless codec."""
    path.parent.mkdir()
    inputs = [argument for name in datasets.STREAMS for argument in ("-i", folder / f"{name}.wav")]
    maps = [argument for place in range(5) for argument in ("-map", str(place))]
    ffmpeg(*inputs, *maps, "-c:a", "alac", path)
    return path


def names_of(tracks):
    return [track.name for track in tracks]


def test_folder_with_subsets(tmp_path):
    for place in ("train/A - One", "test/B - Two", "test/C - Three"):
        make_track(tmp_path / place)
    assert names_of(datasets.find_tracks(tmp_path)) == ["B - Two", "C - Three"]
    assert names_of(datasets.find_tracks(tmp_path, subsets=("train",))) == ["A - One"]
    every = datasets.find_tracks(tmp_path, subsets=datasets.SUBSETS)
    assert names_of(every) == ["A - One", "B - Two", "C - Three"]
    assert names_of(datasets.find_tracks(tmp_path, ["C - Three"])) == ["C - Three"]
    assert names_of(datasets.find_tracks(tmp_path / "test" / "B - Two")) == ["B - Two"]
    with pytest.raises(EvaluationError, match="no song 'A - One'"):
        datasets.find_tracks(tmp_path, ["A - One"])


def test_songs_with_the_same_name_are_distinguished(tmp_path):
    """Results are stored by name, so two songs with the same name would share one score."""
    for place in ("train/A", "test/A", "test/B"):
        make_track(tmp_path / place, 0.1, ())
    every = datasets.find_tracks(tmp_path, subsets=datasets.SUBSETS)
    assert names_of(every) == ["B", "test/A", "train/A"]
    assert {track.name: track.path for track in every}["train/A"] == tmp_path / "train" / "A"
    for name in ("one/a.wav", "two/a.wav", "two/a.flac", "b.wav"):
        (tmp_path / "songs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "songs" / name).touch()
    found = datasets.find_tracks(tmp_path / "songs", without_stems=True)
    assert names_of(found) == ["b", "one/a.wav", "two/a.flac", "two/a.wav"]


def test_hidden_files_are_ignored(tmp_path):
    """macOS leaves them beside every file on foreign disks."""
    track = make_track(tmp_path / "songs" / "A", 0.1, ())
    (track.parent / "._x.stem.mp4").write_bytes(b"\0\5\x16\7")
    make_track(track.parent / ".trash" / "B", 0.1, ())
    assert names_of(datasets.find_tracks(track.parent)) == ["A"]


def test_links_to_folders_are_followed(tmp_path):
    make_track(tmp_path / "elsewhere" / "A", 0.1, ())
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "songs" / "loop").symlink_to(tmp_path / "songs")
    assert names_of(datasets.find_tracks(tmp_path / "songs")) == ["A"]


def test_folder_without_songs_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="has no song with true stems"):
        datasets.find_tracks(tmp_path)
    assert datasets.find_tracks(tmp_path / "song.flac", without_stems=True)


def test_stem_files_are_read_like_folders(tmp_path, ffmpeg):
    folder = make_track(tmp_path / "a song")
    file = make_stem_file(folder, tmp_path / "stems" / "a song.stem.mp4", ffmpeg)
    (track,) = datasets.find_tracks(file.parent)
    assert track == datasets.Track("a song", file)
    assert track.stems(("vocals", "guitar")) == ("vocals",)
    for name, samples in synthetic.track(1.2).items():
        heard = track.load(name, RATE, ignore)
        assert np.abs(heard - samples).max() <= 2**-16  # 16-bit integers


# ---- the command --------------------------------------------------------------------------------


@pytest.fixture
def run(tiny_weights, capfd):
    """Runs `py-demixer evaluate` with the tiny model; returns exit code, output and errors."""

    def run(*arguments, weights=tiny_weights):
        words = ["evaluate", *arguments, "--weights", weights]
        code = cli.main([str(word) for word in words])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def track(tmp_path):
    return make_track(tmp_path / "songs" / "a song")


def test_released_model_scores_like_pytorch(tmp_path, real_weights, run):
    """Scored by museval on PyTorch's stems; see tests/golden/make.py."""
    golden = json.loads((Path(__file__).parents[1] / "golden" / "scores.json").read_text())
    track = make_track(tmp_path / "a song", 7.0)
    code, stdout, _ = run(track, "--json", tmp_path / "scores.json", weights=real_weights)
    found = json.loads((tmp_path / "scores.json").read_text())["tracks"]["a song"]
    assert code == 0
    assert set(found) == set(STEMS)
    for stem, scores in golden.items():
        for metric, value in scores.items():
            assert found[stem][metric] == pytest.approx(value, abs=0.01), (stem, metric)
        assert re.search(rf"^{stem} +{found[stem]['SDR']:.3f}", stdout, re.MULTILINE)


def test_output_files(run, track, tmp_path):
    files = {name: tmp_path / f"scores.{name}" for name in ("json", "md", "png")}
    code, stdout, _ = run(
        track, "--json", files["json"], "--markdown", files["md"], "--plot", files["png"]
    )
    assert code == 0
    content = json.loads(files["json"].read_text())
    assert content["model"] == "htdemucs"
    scores = content["tracks"]["a song"]
    assert set(scores) == set(STEMS)
    assert list(scores["bass"]) == [*METRICS, *SPECTRAL]
    assert all(0 < scores["bass"][name] < 100 for name in ("bleedless", "fullness"))
    assert content["aggregate"] == scores
    assert content["frames"]["a song"]["bass"]["SDR"] == [scores["bass"]["SDR"]]
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    for text in (stdout, files["md"].read_text()):
        assert text.count(f"{scores['bass']['SDR']:.3f}") == 2
        assert "htdemucs, median over 1 song\n" in text
        assert "Zeno - Signs, as published" in text
        assert "18.257" in text  # the song's vocals by htdemucs
    assert "| bass |" in files["md"].read_text()


def test_mixture_shorter_than_its_stems(run, track):
    mixture, rate = soundfile.read(track / "mixture.wav")
    soundfile.write(track / "mixture.wav", mixture[: rate * 11 // 10], rate, "FLOAT")
    code, stdout, stderr = run(track)
    assert code == 0
    assert "a song: the mixture and its stems have from 1.100 to 1.200 s; the beginning" in stderr
    assert re.search(r"^bass +-?\d", stdout, re.MULTILINE)


def test_song_whose_name_is_not_valid_utf8(run, tmp_path):
    name = os.fsdecode(b"na\xefve")
    folder = make_track(tmp_path / "song", 1.0, TWO).rename(tmp_path / name)
    code, _, _ = run(folder, "--markdown", tmp_path / "a.md", "--json", tmp_path / "a.json")
    assert code == 0
    assert b"na\xefve" in (tmp_path / "a.md").read_bytes()
    assert folder.name in json.loads((tmp_path / "a.json").read_text())["tracks"]


def test_aggregate_is_the_median_over_songs(run, tmp_path):
    for name in "abc":
        make_track(tmp_path / "songs" / name, 1.0 + ord(name) % 3, TWO)
    code, _, _ = run(tmp_path / "songs", "--json", tmp_path / "scores.json")
    content = json.loads((tmp_path / "scores.json").read_text())
    assert code == 0
    of_songs = [song["drums"]["SIR"] for song in content["tracks"].values()]
    assert len(set(of_songs)) == 3
    assert content["aggregate"]["drums"]["SIR"] == sorted(of_songs)[1]


def test_published_scores_are_shown_beside_ours(run, tmp_path):
    make_track(tmp_path / "Zeno - Signs")
    _, stdout, _ = run(tmp_path, "--tracks", "Zeno - Signs")
    published = stdout.partition("Zeno - Signs, as published")[2].partition("\n\n")[0]
    assert [line.split("  ")[0] for line in published.splitlines()[2:5]] == [
        "vocals, htdemucs",
        "vocals, umxl",
        "vocals, htdemucs here",
    ]


def test_published_scores_of_test_sets_are_shown_on_request(run, tmp_path):
    make_track(tmp_path / "a song")
    _, stdout, _ = run(tmp_path)
    assert "MUSDB18-HQ" not in stdout
    _, stdout, _ = run(tmp_path, "--against-scores")
    table = stdout.partition("SDR, median over the test songs of MUSDB18-HQ")[2].partition("\n\n")[
        0
    ]
    rows = {line.split("  ")[0]: line.split() for line in table.splitlines()[2:]}
    assert rows["scnet_large"][1:] == ["10.940", "11.150", "9.380", "7.310"]
    ours = re.search(r"^vocals +(\S+)", stdout, re.MULTILINE)
    assert rows["htdemucs here, 1 song"][-4] == ours[1]
    assert "mel_band_roformer_vocals_kim" in stdout


def test_finished_songs_are_skipped(run, tmp_path, monkeypatch):
    first = make_track(tmp_path / "songs" / "a", stems=TWO)
    code, before, _ = run(first, "--json", tmp_path / "scores.json")
    make_track(tmp_path / "songs" / "b", stems=TWO)
    scored = []
    score = scoring.score
    monkeypatch.setattr(
        scoring,
        "score",
        lambda track, *a, **k: (scored.append(track.name), score(track, *a, **k))[1],
    )
    code, stdout, _ = run(first.parent, "--json", tmp_path / "scores.json")
    assert code == 0
    assert scored == ["b"]
    assert stdout.startswith(before.partition("\n\n")[0])
    assert set(json.loads((tmp_path / "scores.json").read_text())["tracks"]) == {"a", "b"}


def test_results_of_another_model_or_other_options_are_not_mixed(run, tmp_path):
    track, results = make_track(tmp_path / "a song", stems=TWO), tmp_path / "scores.json"
    run(track, "--json", results)
    kept = results.read_bytes()
    code, _, stderr = run(track, "--json", results, "--overlap", 0.5)
    assert code == 1
    assert "scores.json was made with the options" in stderr
    other = tmp_path / "other.safetensors"
    tiny.write(other, seed=1, segment_length=tiny.SECOND)
    code, _, stderr = run(track, "--json", results, weights=other)
    assert code == 1
    assert "scores.json was made with the weights" in stderr
    assert results.read_bytes() == kept
    code, _, stderr = run(track, "--json", track / "bass.wav")
    assert code == 1
    assert "does not hold such results" in stderr


def test_broken_song_is_reported_and_the_others_are_scored(run, tmp_path):
    make_track(tmp_path / "songs" / "a", stems=TWO)
    make_track(tmp_path / "songs" / "b", stems=TWO)
    (tmp_path / "songs" / "a" / "mixture.wav").write_text("This is no audio.")
    make_track(tmp_path / "songs" / "c", stems=())
    code, _, stderr = run(tmp_path / "songs", "--json", tmp_path / "scores.json")
    assert code == 1
    assert set(json.loads((tmp_path / "scores.json").read_text())["tracks"]) == {"b"}
    assert re.search(r"py-demixer: a: .*mixture.wav is not audio", stderr)
    assert re.search(r"py-demixer: c: .*none of the stems", stderr)


def test_unwritable_path_is_reported_before_the_work(run, track, tmp_path):
    code, stdout, stderr = run(track, "--json", tmp_path / "nowhere" / "scores.json")
    assert (code, stdout) == (1, "")
    assert "scores.json cannot be written" in stderr


def test_stems_missing_in_musdb_count_as_other(track, tmp_path, run):
    six = tmp_path / "six.safetensors"
    tiny.write(six, name="htdemucs_6s", segment_length=tiny.SECOND)
    model = ("--model", "htdemucs_6s")
    code, _, _ = run(track, *model, "--json", tmp_path / "all.json", weights=six)
    scores = json.loads((tmp_path / "all.json").read_text())["tracks"]["a song"]
    assert code == 0
    assert set(scores) == set(STEMS)

    network = tiny.short("htdemucs_6s")
    mixture = decode.load(track / "mixture.wav", RATE, ignore)
    stems = separate(mixture, network)
    other = stems["other"] + stems["guitar"] + stems["piano"]
    references = {name: decode.load(track / f"{name}.wav", RATE, ignore) for name in STEMS}
    found = {metric: scores["other"][metric] for metric in METRICS}
    assert score(references, other=other) == pytest.approx(found, abs=1e-6)

    # Also if the other stems were not requested.
    run(track, *model, "--stems", "other", "--json", tmp_path / "other.json", weights=six)
    alone = json.loads((tmp_path / "other.json").read_text())["tracks"]["a song"]
    assert set(alone) == {"other"}
    assert alone["other"] == pytest.approx(scores["other"], abs=1e-6)


def test_number_of_jobs_does_not_change_scores(run, tmp_path):
    track = make_track(tmp_path / "a song", stems=TWO)
    for count in (1, 2):
        run(track, "--jobs", count, "--json", tmp_path / f"{count}.json")
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_options_for_another_architecture_are_wrong_usage(run, track):
    with pytest.raises(SystemExit, match="2"):
        run(track, "--niter", 2)


# ---- likeness to PyTorch ------------------------------------------------------------------------


def test_likeness_of_a_stem():
    rng = np.random.default_rng(0)
    mixture, error, other = rng.standard_normal((3, 2, 1000))
    found = likeness(mixture, mixture / 2, mixture / 2 + 1e-6 * error, mixture / 2 + 1e-5 * other)
    assert not found.nearly_silent
    assert found.level == pytest.approx(-6.02, abs=0.01)
    assert found.ours == pytest.approx(114, abs=0.5)
    assert found.pytorch == pytest.approx(94, abs=0.5)
    assert found.reaches(100)
    assert not found.reaches(120)


def test_nearly_silent_stem_is_compared_with_the_mixture():
    rng = np.random.default_rng(0)
    mixture, stem, error = rng.standard_normal((3, 2, 1000))
    quiet = 1e-3 * stem
    found = likeness(mixture, quiet, quiet + 1e-6 * error, quiet)
    assert found.nearly_silent
    assert found.level == pytest.approx(-60, abs=0.5)
    assert found.ours == pytest.approx(120, abs=0.5)  # not 60
    assert found.pytorch is None  # equal
    assert "x (nearly silent)" in tables.likenesses("a song", {"x": found}).text()
    assert likeness(mixture, 0 * stem, 0 * stem, error).level is None


def test_stem_that_is_not_close_enough_is_a_failure(run, track, tmp_path, monkeypatch):
    """Without PyTorch here; tests/reference/test_pytorch.py does it with PyTorch."""
    near = comparison.Likeness(-10.0, False, 120.0, 121.0, 5.0, 5.0)
    far = comparison.Likeness(-10.0, False, 99.0, 121.0, 5.001, 5.0)
    monkeypatch.setattr("py_demixer.cli.evaluate.require", lambda *names: None)
    monkeypatch.setattr(comparison, "PACKAGES", ())
    monkeypatch.setattr(comparison, "compare", lambda *a, **k: {"bass": near, "drums": far})
    code, stdout, stderr = run(track, "--against", "pytorch", "--json", tmp_path / "found.json")
    assert code == 1
    assert "Farther from PyTorch than 100 dB: drums of a song." in stderr
    assert re.search(r"^drums +-10.0 +99.0 +121.0 +5.001 +5.000 +\+0.0010$", stdout, re.MULTILINE)
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["tracks"]["a song"]["bass"]["ours"] == 120.0


def test_missing_packages_are_named_with_the_install_command(run, track):
    code, _, stderr = run(track, "--against", "pytorch")
    assert code == 1
    assert "pip install 'py-demixer[reference]'" in stderr
