"""The command line, run as a user runs it, with the tiny model."""

import json
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import sys
import unicodedata
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer import cli, errors
from py_demixer.audio import encode
from py_demixer.weights import manifest
from tests import tiny, unmix
from tests.interrupt import hear_ctrl_c
from tests.plans import separate
from web import server

ROOT = Path(__file__).parents[2]
STEMS = ("drums", "bass", "other", "vocals")


def music(seconds, rate=44100, channels=2, level=0.05):
    """Noise with a rhythm, (frames, channels) float32."""
    frames = round(seconds * rate)
    envelope = 0.3 + 0.7 * (np.arange(frames) * 4 // rate % 2)
    samples = np.random.default_rng(1).standard_normal((frames, channels))
    return (level * envelope[:, None] * samples).astype(np.float32)


def write(path, samples, rate=44100, subtype="FLOAT"):
    soundfile.write(path, samples, rate, subtype)
    return path


def stems_of(folder, extension="wav"):
    """The stems in a folder, (2, T) each; fails if anything else is there."""
    files = sorted(folder.iterdir())
    assert all(file.suffix == f".{extension}" for file in files)
    return {file.stem: soundfile.read(file, dtype="float32")[0].T for file in files}


@pytest.fixture
def song(tmp_path):
    return write(tmp_path / "song.wav", music(1))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run(tiny_weights, out, capfd):
    """Runs `py-demixer separate` on songs; returns exit code, standard output and error."""

    def run(*arguments):
        options = ["separate", "--weights", tiny_weights, "-o", out, *arguments]
        code = cli.main([str(option) for option in options])
        return code, *capfd.readouterr()

    return run


def sentence(stderr):
    """The single line that standard error must consist of."""
    assert re.fullmatch(r"py-demixer: [^\n]+\n", stderr), stderr
    return stderr


# ---- what is separated --------------------------------------------------------------------------


def test_stems_equal_those_of_the_package(run, song, out, tiny_weights):
    code, stdout, stderr = run(song, "--bits", "32f")
    assert code == 0
    assert "100%" in stderr
    assert "2/2 parts" in stderr
    assert stdout.splitlines() == [str(out / "song" / f"{name}.wav") for name in STEMS]
    model = py_demixer.load_model("htdemucs", tiny_weights)
    expected = py_demixer.separate(music(1).T, model)
    written = stems_of(out / "song")
    assert sorted(written) == sorted(STEMS)
    for name in STEMS:
        np.testing.assert_array_equal(written[name], expected[name])


def test_overlap_shifts_and_seed_are_applied(run, song, out, tiny_weights):
    run(song, "--bits", "32f", "--overlap", "0.5", "--shifts", "1", "--seed", "3")
    model = py_demixer.load_model("htdemucs", tiny_weights)
    options = py_demixer.DemucsOptions(overlap=0.5, shifts=1, seed=3)
    expected = py_demixer.separate(music(1).T, model, options)
    np.testing.assert_array_equal(stems_of(out / "song")["bass"], expected["bass"])
    assert not np.array_equal(expected["bass"], py_demixer.separate(music(1).T, model)["bass"])


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        pytest.param(music(0.1), 44100, id="0.1 s"),
        pytest.param(music(1, channels=1), 44100, id="mono"),
        pytest.param(music(1, rate=8000), 8000, id="8 kHz"),
        pytest.param(music(1, rate=48000), 48000, id="48 kHz"),
        pytest.param(music(1, channels=6), 44100, id="6 channels"),
    ],
)
def test_unusual_songs_work_and_keep_their_duration(run, tmp_path, out, samples, rate):
    code, _, _ = run(write(tmp_path / "song.wav", samples, rate), "--bits", "32f")
    assert code == 0
    written = stems_of(out / "song")
    assert sorted(written) == sorted(STEMS)
    for stem in written.values():
        assert stem.shape == (2, round(len(samples) * 44100 / rate))
        assert np.isfinite(stem).all()
        assert np.abs(stem).max() > 1e-3


def test_silence_gives_silence(run, tmp_path, out):
    code, _, _ = run(write(tmp_path / "song.wav", np.zeros((44100, 2))), "--bits", "32f")
    assert code == 0
    for stem in stems_of(out / "song").values():
        assert stem.shape == (2, 44100)
        assert np.isfinite(stem).all()
        assert np.abs(stem).max() < 1e-6  # less than a hundredth of a 16-bit step


def test_name_with_spaces_and_non_ascii_letters(run, tmp_path, out):
    code, _, _ = run(write(tmp_path / "Für Élise – 曲 №1.wav", music(0.1)))
    assert code == 0
    assert sorted(stems_of(out / "Für Élise – 曲 №1")) == sorted(STEMS)


def test_name_of_dots_stays_inside_the_folder(run, tmp_path, out):
    path = tmp_path / "...wav"
    with path.open("wb") as file:
        soundfile.write(file, music(0.1), 44100, format="WAV")
    code, _, _ = run(path)
    assert code == 0
    assert sorted(stems_of(out / "...wav")) == sorted(STEMS)


def test_two_stems_are_one_stem_and_the_sum_of_the_others(run, song, out):
    run(song, "--bits", "32f")
    four = stems_of(out / "song")
    shutil.rmtree(out)
    code, _, _ = run(song, "--bits", "32f", "--two-stems", "vocals")
    assert code == 0
    two = stems_of(out / "song")
    assert sorted(two) == ["no_vocals", "vocals"]
    np.testing.assert_array_equal(two["vocals"], four["vocals"])
    others = four["drums"] + four["bass"] + four["other"]
    np.testing.assert_allclose(two["no_vocals"], others, atol=1e-6)


@pytest.mark.parametrize(
    ("more", "made", "taker"),
    [
        ([], sorted(STEMS), "other"),
        (["--remainder-into", "remainder"], sorted([*STEMS, "remainder"]), "remainder"),
        (["--remainder-into", "bass"], sorted(STEMS), "bass"),
        (["--stems", "vocals"], ["remainder", "vocals"], "remainder"),
        (["--stems", "vocals", "--two-stems", "vocals"], ["no_vocals", "vocals"], "no_vocals"),
    ],
)
def test_stems_sum_to_the_mixture_on_request(run, tmp_path, out, more, made, taker):
    song = music(1)
    path = write(tmp_path / "song.wav", song)
    code, _, _ = run("--bits", "32f", "--sum-to-mixture", path, *more)
    assert code == 0
    stems = stems_of(out / "song")
    assert sorted(stems) == made
    total = sum((stems[name] for name in STEMS if name in stems and name != taker), 0)
    np.testing.assert_allclose(total + stems[taker], song.T, atol=1e-6)


def test_loud_stems_are_turned_down_by_one_gain_and_it_is_reported(run, tmp_path, out):
    loud = write(tmp_path / "loud.wav", music(1, level=0.5))
    run(loud, "--bits", "32f")
    exact = stems_of(out / "loud")
    code, _, stderr = run(loud, "--format", "flac", "--bits", "24", "-o", out / "flac")
    assert code == 0
    assert "--bits 32f" in stderr
    written = stems_of(out / "flac" / "loud", "flac")
    peak = max(np.abs(stem).max() for stem in exact.values())
    assert peak > 1
    assert f"turned down by {20 * np.log10(peak):.2f} dB" in stderr
    for name in STEMS:
        np.testing.assert_allclose(written[name], exact[name] / peak, atol=3e-7)


def test_quiet_stems_keep_their_level(run, song, out):
    _, _, stderr = run(song)
    assert "turned down" not in stderr
    assert soundfile.info(out / "song" / "bass.wav").subtype == "PCM_16"


# ---- Open-Unmix ---------------------------------------------------------------------------------


@pytest.fixture
def unmix_weights(tmp_path):
    return unmix.write(tmp_path / "umxl.safetensors")


@pytest.fixture
def run_unmix(unmix_weights, out, capfd):
    def run(*arguments):
        options = ["separate", *arguments, "-o", out, "--bits", "32f"]
        options += ["--model", "umxl", "--weights", unmix_weights]
        code = cli.main([str(option) for option in options])
        return code, *capfd.readouterr()

    return run


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (
            ["--stems", "vocals, bass", "--residual"],
            {"stems": ["bass", "vocals"], "residual": True},
        ),
        (["--stems", "drums"], {"stems": ["drums"]}),
        (["--niter", "0"], {"niter": 0}),
    ],
)
def test_open_unmix(run_unmix, unmix_weights, song, out, arguments, options):
    code, stdout, stderr = run_unmix(song, *arguments)
    assert code == 0
    model = py_demixer.load_model("umxl", unmix_weights)
    expected = separate(music(1).T, model, **options)
    written = stems_of(out / "song")
    assert set(written) == set(expected.sources)
    assert len(stdout.splitlines()) == len(written)
    assert "100%" in stderr
    for name, stem in written.items():
        np.testing.assert_array_equal(stem, expected[name])


def test_open_unmix_with_two_stems(run_unmix, song, out):
    arguments = ["--two-stems", "vocals", "--stems", "vocals", "--residual", "--niter", "0"]
    assert run_unmix(song, *arguments)[0] == 0
    two = stems_of(out / "song")
    assert sorted(two) == ["no_vocals", "vocals"]
    np.testing.assert_allclose(two["vocals"] + two["no_vocals"], music(1).T, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--overlap", "0.5"], "no option 'overlap', only stems"),
        (["--stems", "vocals,guitar"], "no stem 'guitar': choose from drums, bass"),
        (["--stems", "bass", "--two-stems", "vocals"], "no stem 'vocals': choose one of bass."),
        (["--stems", "bass", "--two-stems", "bass"], "ask for more stems, for a residual"),
        (["--niter", "-1"], "must not be negative"),
    ],
)
def test_options_unsupported_by_open_unmix_are_refused(
    run_unmix, song, out, capfd, arguments, message
):
    with pytest.raises(SystemExit) as stop:
        run_unmix(song, *arguments)
    assert stop.value.code == 2
    assert message in capfd.readouterr().err
    assert not out.exists()


def test_weights_of_another_architecture_are_refused(run, song, out):
    code, _, stderr = run(song, "--model", "umxl")  # with weights of the tiny HTDemucs
    assert code == 1
    assert "of another kind, which is not umxl" in sentence(stderr)
    assert not out.exists()


def test_trace_of_open_unmix(unmix_weights, song, capfd):
    assert cli.main(["trace", str(song), "--model", "umxl", "--weights", str(unmix_weights)]) == 0
    rows = capfd.readouterr().out.splitlines()[1:]
    assert len(rows) == 4 * (2 + 6 + 1)
    assert rows[0].split()[0] == "drums.fc1"


# ---- many songs, pipes, scripts, processes ------------------------------------------------------


def test_folder_is_separated_with_its_subfolders(run, tmp_path, out):
    album = tmp_path / "music" / "album"
    album.mkdir(parents=True)
    (tmp_path / "music" / ".hidden").mkdir()
    songs = ("one.wav", "album/two.flac", ".hidden/three.wav")
    for name in songs:
        write(tmp_path / "music" / name, music(0.1), subtype="PCM_16")
    (album / "cover.jpg").write_bytes(b"no song")
    code, stdout, _ = run(tmp_path / "music", "--stems", "bass")
    assert code == 0
    assert stdout.splitlines() == [
        str(out / "album" / "two" / "bass.wav"),
        str(out / "one" / "bass.wav"),
    ]


def test_written_stems_are_not_taken_for_songs(run, tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    write(folder / "one.wav", music(0.1))
    assert run(folder, "-o", folder / "stems")[0] == 0
    code, stdout, _ = run(folder, "-o", folder / "stems", "--force")
    assert code == 0
    assert len(stdout.splitlines()) == 4


def test_songs_in_the_output_folder(run, tmp_path, monkeypatch):
    """As with `-o .`; existing stems are not taken for songs the next time."""
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    for name in ("one.wav", "album/two.wav", "album/drums.wav"):
        write(folder / name, music(0.1))
    monkeypatch.chdir(folder)
    expected = [f"{name}/bass.wav" for name in ("album/drums", "album/two", "one")]
    for more in ([], ["--force"]):
        code, stdout, _ = run(".", "-o", ".", "--stems", "bass", *more)
        assert code == 0
        assert stdout.splitlines() == expected


def test_songs_in_a_subfolder_of_the_output_folder(run, tmp_path, monkeypatch):
    (tmp_path / "music").mkdir()
    write(tmp_path / "music" / "one.wav", music(0.1))
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--force"]):
        code, stdout, _ = run("music", "-o", ".", "--two-stems", "bass", *more)
        assert code == 0
        assert stdout.splitlines() == ["one/bass.wav", "one/no_bass.wav"]


def test_links_to_folders_are_followed(run, tmp_path, out):
    folder, elsewhere = tmp_path / "music", tmp_path / "elsewhere"
    for place in (folder, elsewhere):
        place.mkdir()
    write(elsewhere / "one.wav", music(0.1))
    (folder / "album").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(folder)
    (folder / "lost.wav").symlink_to(tmp_path / "nowhere.wav")
    code, stdout, stderr = run(folder, "--stems", "bass")
    assert code == 1
    assert stdout.splitlines() == [str(out / "album" / "one" / "bass.wav")]
    assert f"There is no file {folder / 'lost.wav'}" in stderr


def test_unreadable_folder_is_reported(run, tmp_path, out, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    code, _, stderr = run(tmp_path)
    assert code == 1
    assert f"{tmp_path} cannot be read: Permission denied." in sentence(stderr)
    assert not out.exists()


def test_patterns_not_expanded_by_a_shell(run, tmp_path, out):
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("one.wav", "two.wav", "two [live].wav", "three.flac"):
        write(folder / name, music(0.1), subtype="PCM_16")
    arguments = [folder / "t*.wav", folder / "two [live].wav", folder / "nope*.wav"]
    code, stdout, stderr = run(*arguments[1:], folder / "o?e.wav", "--stems", "bass")
    assert code == 1
    assert f"There is no file {folder / 'nope*.wav'}" in stderr
    assert stdout.splitlines() == [str(out / name / "bass.wav") for name in ("two [live]", "one")]
    code, stdout, _ = run(arguments[0], "--stems", "drums")
    assert code == 0
    assert stdout.splitlines() == [str(out / name / "drums.wav") for name in ("two [live]", "two")]


def test_names_that_differ_only_in_unicode_normalisation(run, tmp_path, out):
    """Some file systems treat them as the same name."""
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    songs = [write(tmp_path / f"{name}.wav", music(0.1)) for name in (composed, decomposed)]
    code, _, stderr = run(*songs)
    assert code == 1
    assert "would both be written to" in sentence(stderr)
    assert not out.exists()


def test_folder_without_songs_is_refused(run, tmp_path, out):
    (tmp_path / "empty").mkdir()
    code, _, stderr = run(tmp_path / "empty")
    assert code == 1
    assert "There is no audio file in" in sentence(stderr)
    assert not out.exists()


def test_pipes(tiny_weights, song, out, run):
    run(song, "--stems", "vocals")
    command = [sys.executable, "-m", "py_demixer", "separate", "-", "-o", "-", "--stems", "vocals"]
    command += ["--weights", str(tiny_weights)]
    made = subprocess.run(command, input=song.read_bytes(), capture_output=True, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    assert made.stdout == (out / "song" / "vocals.wav").read_bytes()


def test_standard_input_is_named_as_such(tiny_weights, song, tmp_path):
    """Not the temporary file that it was written to."""
    options = ["-o", tmp_path, "--weights", tiny_weights, "--stems", "bass", "--json", "--force"]
    command = [sys.executable, "-m", "py_demixer", "separate", "-", *map(str, options)]
    made = subprocess.run(command, input=song.read_bytes(), capture_output=True, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["song"] == "-"
    failed = subprocess.run(command, input=b"no song", capture_output=True, cwd=ROOT)
    assert failed.returncode == 1
    answer = json.loads(failed.stdout)
    assert answer["song"] == "-"
    assert answer["error"].startswith("standard input is not audio")
    assert answer["error"] in failed.stderr.decode()


@pytest.mark.parametrize("closed", [(2,), (0, 2), (0, 1, 2)])
def test_closed_standard_streams(tiny_weights, song, out, closed):
    """As in a program without a console: the stems are written, and nothing is printed."""
    command = [sys.executable, "-m", "py_demixer", "separate", song, "-o", out]
    made = subprocess.run(
        [*command, "--weights", tiny_weights],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=lambda: [os.close(number) for number in closed],
    )
    assert made.returncode == 0
    assert len(made.stdout.splitlines()) == (0 if 1 in closed else len(STEMS))
    for stem in stems_of(out / "song").values():
        assert np.abs(stem).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "-"], "Only one stem of one song can go to standard output"),
        (["-o", "-", "--stems", "bass", "--json"], "leave out --json"),
        (["-o", "-", "--stems", "bass", "--format", "flac"], "leave out --format"),
    ],
)
def test_options_impossible_with_a_pipe_are_refused(run, song, capfd, arguments, message):
    with pytest.raises(SystemExit) as stop:
        run(song, *arguments)
    assert stop.value.code == 2
    assert message in capfd.readouterr().err


def test_json_for_scripts(run, song, tmp_path, out):
    loud = write(tmp_path / "loud.wav", music(1, level=0.5))
    code, stdout, _ = run(tmp_path / "nope.wav", song, loud, "--json")
    assert code == 1
    missing, quiet, turned_down = map(json.loads, stdout.splitlines())
    assert missing["song"] == str(tmp_path / "nope.wav")
    assert "There is no file" in missing["error"]
    assert quiet["stems"] == {name: str(out / "song" / f"{name}.wav") for name in STEMS}
    assert (quiet["seconds"], quiet["turned_down_db"]) == (1.0, 0.0)
    assert turned_down["turned_down_db"] > 0
    assert turned_down["took_seconds"] > 0


def test_processes_give_the_same_files(run, tmp_path, out):
    song = write(tmp_path / "song.wav", music(12))
    assert run(song, "--jobs", "1", "--bits", "24", "-o", out / "one")[0] == 0
    assert run(song, "--jobs", "2", "--bits", "24", "-o", out / "two")[0] == 0
    for name in STEMS:
        one, two = ((out / count / "song" / f"{name}.wav").read_bytes() for count in ("one", "two"))
        assert one == two


@pytest.mark.parametrize("name", ["htdemucs_ft", "htdemucs_6s", "hdemucs_mmi"])
def test_other_models_and_two_stems_of_each(song, out, tmp_path, capfd, name):
    weights = tiny.write(tmp_path / "weights", name=name, segment_length=tiny.SECOND)
    options = ["--model", name, "--weights", str(weights), "-o", str(out), "--bits", "32f"]
    assert cli.main(["separate", str(song), *options, "--two-stems", "drums"]) == 0
    model = py_demixer.load_model(name, weights)
    expected = py_demixer.separate(music(1).T, model)
    two = stems_of(out / "song")
    assert sorted(two) == ["drums", "no_drums"]
    np.testing.assert_array_equal(two["drums"], expected["drums"])
    others = sum(expected[stem] for stem in expected if stem != "drums")
    np.testing.assert_allclose(two["no_drums"], others, atol=1e-6)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(capfd, shell):
    assert cli.main(["completion", shell]) == 0
    script = capfd.readouterr().out
    assert "separate" in script
    assert "--two-stems" in script


def test_completion_works_in_bash():
    program = (
        f'eval "$({sys.executable} -m py_demixer completion bash)"\n'
        "COMP_WORDS=(py-demixer separate --two) COMP_CWORD=2\n"
        "complete -p py-demixer | grep -o -- '-F [^ ]*' | { read _ function; "
        "COMP_WORDS=(py-demixer separate --two); COMP_CWORD=2; $function; echo ${COMPREPLY[@]}; }"
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["--two-stems"], done.stderr


def test_help_lists_the_exit_codes(capfd):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    told = capfd.readouterr().out
    for line in ("0    done", "2    wrong usage", "130  stopped with Ctrl-C"):
        assert line in told


# ---- what is refused ----------------------------------------------------------------------------


def test_empty_file_is_refused(run, tmp_path, out):
    path = tmp_path / "song.wav"
    path.touch()
    code, _, stderr = run(path)
    assert code == 1
    assert "is empty" in sentence(stderr)
    assert not out.exists()


def test_text_file_named_mp3_is_refused(run, tmp_path, out):
    path = tmp_path / "song.mp3"
    path.write_text("This is not music.\n" * 200)
    code, _, stderr = run(path)
    assert code == 1
    assert "song.mp3 is not audio" in sentence(stderr)
    assert not out.exists()


def test_nan_samples_are_refused(run, tmp_path, out):
    samples = music(1)
    samples[22050:22060, 1] = np.nan
    code, _, stderr = run(write(tmp_path / "song.wav", samples))
    assert code == 1
    assert "0.500 s" in sentence(stderr)
    assert not out.exists()


def test_existing_stems_need_force(run, song, out):
    assert run(song)[0] == 0
    precious = out / "song" / "vocals.wav"
    precious.write_bytes(b"precious")
    code, stdout, stderr = run(song)
    assert (code, stdout) == (1, "")
    assert "already exists: add --force" in sentence(stderr)
    assert precious.read_bytes() == b"precious"
    assert run(song, "--force")[0] == 0
    assert sorted(stems_of(out / "song")) == sorted(STEMS)


def test_stem_that_cannot_be_replaced_is_reported(run, song, out):
    (out / "song" / "drums.wav").mkdir(parents=True)
    code, _, stderr = run(song, "--force")
    assert code == 1
    assert "drums.wav could not be replaced: " in stderr
    assert [path.name for path in (out / "song").iterdir()] == ["drums.wav"]


def test_two_songs_with_the_same_name_are_refused(run, song, tmp_path, out):
    (tmp_path / "more").mkdir()
    other = write(tmp_path / "more" / "SONG.flac", music(0.1), subtype="PCM_16")
    code, _, stderr = run(song, other, "--force")
    assert code == 1
    assert f"{song} and {other} would both be written" in sentence(stderr)
    assert not out.exists()


def test_bad_song_does_not_stop_the_others(run, song, tmp_path, out):
    code, stdout, stderr = run(tmp_path / "nope.wav", song)
    assert code == 1
    assert "There is no file" in stderr
    assert len(stdout.splitlines()) == 4
    assert sorted(stems_of(out / "song")) == sorted(STEMS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "flac", "--bits", "32f"], "FLAC holds integers only"),
        (["--two-stems", "guitar"], "no stem 'guitar': choose one of drums, bass"),
        (["--overlap", "1"], "The overlap must be"),
        (["--shifts", "-1"], "The number of shifts"),
        (["--bits", "8"], "choose from"),
        (["--niter", "1"], "no option 'niter', only stems, overlap"),
        (["--segment", "0"], "longer than 0 s"),
        (["--jobs", "0"], "0 is less than 1"),
        (["--backend", "abacus"], "choose from"),
    ],
)
def test_wrong_usage_is_exit_code_2(run, song, out, capfd, arguments, message):
    with pytest.raises(SystemExit) as stop:
        run(song, *arguments)
    assert stop.value.code == 2
    assert message in capfd.readouterr().err
    assert not out.exists()


def test_overlap_without_any_step_is_refused(run, song, out):
    code, _, stderr = run(song, "--overlap", "0.99999999")
    assert code == 1
    assert "lower it" in stderr
    assert not out.exists()


def test_output_path_that_is_not_a_folder_is_refused(run, song, tmp_path):
    code, _, stderr = run(song, "-o", song)
    assert code == 1
    assert "choose another folder" in sentence(stderr)


def test_too_little_disk_space_is_reported(run, song, out, monkeypatch):
    usage = shutil.disk_usage(song)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    code, _, stderr = run(song)
    assert code == 1
    # 4 stems, 2 channels, 4 and 2 bytes, 44100 frames
    assert "may take 2.1 MB" in stderr.splitlines()[-1]
    assert not out.exists()


def test_full_disk_leaves_no_partial_output(run, song, out, monkeypatch):
    real = encode.write

    def write_two(path, *arguments):
        if path.stem == "other":
            raise errors.AudioError("The disk is full.")
        real(path, *arguments)

    monkeypatch.setattr(encode, "write", write_two)
    code, stdout, stderr = run(song)
    assert (code, stdout) == (1, "")
    assert stderr.endswith("py-demixer: The disk is full.\n")
    assert not out.exists()


def command(*arguments, **options):
    """Runs `py-demixer` in its own process; returns its output and exit code."""
    words = [sys.executable, "-m", "py_demixer", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(words, cwd=ROOT, **(pipes | options))


@pytest.mark.parametrize("what", ["the mixture", "a stem", "a plane"])
def test_disk_full_midway(tiny_weights, song, tmp_path, out, what):
    """The disk is full for one song; the next one may still fit."""
    small = write(tmp_path / "small.wav", music(0.1))
    frames = 44100 if what == "the mixture" else 44100 + 5  # a WAV file with its header is larger
    more = ["--jobs", 1] if what == "a plane" else []
    limit = 8 * frames - 8 if what != "a stem" else 8 * frames
    made = command(
        *("separate", song, small, "-o", out, "--weights", tiny_weights, "--bits", "32f", *more),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    stderr = made.stderr.decode()
    assert made.returncode == 1
    assert "Traceback" not in stderr
    assert re.search(r"py-demixer: .*could not be written", stderr)
    assert [folder.name for folder in out.iterdir()] == ["small"]
    assert sorted(stems_of(out / "small")) == sorted(STEMS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no such device")
@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["separate"], ["pipe"]])
def test_full_standard_output_is_reported(tiny_weights, song, out, arguments):
    if arguments == ["separate"]:
        arguments = ["separate", song, "-o", out, "--weights", tiny_weights]
    elif arguments == ["pipe"]:
        arguments = ["separate", song, "-o", "-", "--stems", "bass", "--weights", tiny_weights]
    with open("/dev/full", "wb") as full:
        made = command(*arguments, stdout=full)
    assert made.returncode == 1
    last = made.stderr.decode().splitlines()[-1]
    assert last.startswith("py-demixer: standard output could not be read or written: No space")


def test_unprintable_names(tiny_weights, tmp_path, out):
    """Neither the terminal's encoding nor UTF-8 has them: later songs must not be lost."""
    names = [os.fsdecode(b"na\xefve.wav"), "曲.wav", "plain.wav"]
    folder = tmp_path / "songs"
    folder.mkdir()
    for name in names:
        shutil.copy(write(tmp_path / "song.wav", music(0.1)), folder / name)
    made = command(
        *("separate", folder, "-o", out, "--weights", tiny_weights, "--stems", "bass"),
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert made.returncode == 0, made.stderr
    expected = [os.fsencode(out / Path(name).stem / "bass.wav") for name in sorted(names)]
    printed = [os.fsencode(line.replace("曲", "\\u66f2")) for line in map(os.fsdecode, expected)]
    assert made.stdout.splitlines() == printed
    for path in expected:
        assert os.path.getsize(path) > 1000


def wait_for_the_first_task(stderr: IO[bytes]) -> None:
    """Read a program's progress output until its first task is done."""
    seen = b""
    while b" 1/" not in seen:
        byte = stderr.read(1)
        assert byte, seen
        seen += byte


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("jobs", [[], ["--jobs", "2"]])
def test_termination_leaves_no_partial_output(tiny_weights, tmp_path, out, number, jobs):
    song = write(tmp_path / "song.wav", music(60))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, "-m", "py_demixer", "separate", song, "-o", out, *jobs, "--weights"]
    with subprocess.Popen(
        [*words, tiny_weights],
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        # With nohup, the tests ignore SIGHUP, and child processes inherit that.
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        wait_for_the_first_task(process.stderr)
        process.send_signal(number)
        process.wait(120)
        with suppress(ProcessLookupError):  # kill any process that is left and holds standard error
            os.killpg(process.pid, signal.SIGKILL)
        stderr = process.stderr.read().decode()
    assert process.returncode == 128 + number
    assert "Traceback" not in stderr
    assert "py-demixer: Stopped;" in stderr
    assert not out.exists()
    assert not list(temporary.glob("py-demixer-*"))


@pytest.mark.parametrize("package", ["soundfile", "soxr", "tqdm"])
def test_missing_packages_are_named(run, tmp_path, monkeypatch, package):
    path = write(tmp_path / "song.wav", music(0.1, rate=8000), 8000)
    monkeypatch.setitem(sys.modules, package, None)
    code, _, stderr = run(path)
    assert code == 1
    assert package in stderr
    assert "pip install 'py-demixer[cli]'" in stderr


def test_ctrl_c_leaves_no_partial_output(tiny_weights, tmp_path, out):
    song = write(tmp_path / "song.wav", music(60))
    program = "import sys; from py_demixer.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "separate", song, "-o", out, "--weights"]
    with subprocess.Popen(
        [*command, tiny_weights],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_ctrl_c,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        wait_for_the_first_task(process.stderr)
        process.send_signal(signal.SIGINT)
        stderr = process.stderr.read().decode()
        stdout = process.stdout.read()
    assert process.returncode == 130
    assert stdout == b""
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1].startswith("py-demixer: Stopped;")
    assert not out.exists()


# ---- weights and models -------------------------------------------------------------------------


def test_weights_at_the_default_path_are_used(song, out, tmp_path, monkeypatch, capfd):
    """The hash of this converted file is not known: it only has to be complete."""
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path))
    tiny.write(tmp_path / "htdemucs_6s.safetensors", name="htdemucs_6s")
    assert cli.main(["separate", str(song), "-o", str(out), "--model", "htdemucs_6s"]) == 0
    assert "Fetching" not in capfd.readouterr().err
    assert sorted(stems_of(out / "song")) == sorted(tiny.SIX)


def test_wrong_weights_at_the_default_path_are_fetched_again(
    song, out, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("PATH", "")  # no npm
    tiny.write(tmp_path / "htdemucs.safetensors")
    with server.serving(tmp_path) as url:  # the server lacks the requested files
        monkeypatch.setenv("PY_DEMIXER_MIRROR", url)
        assert cli.main(["separate", str(song), "-o", str(out)]) == 1
    stderr = capfd.readouterr().err
    assert "is damaged or of another version: it is fetched again" in stderr
    assert "could not be fetched from any source" in stderr.splitlines()[-1]


def test_unavailable_weights_are_reported(song, out, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("PATH", "")  # no npm
    (tmp_path / "site").mkdir()
    with server.serving(tmp_path / "site") as url:  # every file is missing here
        monkeypatch.setenv("PY_DEMIXER_MIRROR", url)
        code = cli.main(["separate", str(song), "-o", str(out)])
    stderr = capfd.readouterr().err
    assert code == 1
    assert stderr.index("Personal and research use only") < stderr.index("(84.1 MB)")
    assert "could not be fetched from any source" in stderr.splitlines()[-1]
    assert not out.exists()


def test_weights_are_not_fetched_for_a_missing_song(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path / "weights"))
    code = cli.main(["separate", str(tmp_path / "nope.wav")])
    assert code == 1
    assert "There is no file" in sentence(capfd.readouterr().err)


def test_file_without_weights_is_refused(run, song, out):
    code, _, stderr = run(song, "--weights", song)
    assert code == 1
    assert "neither a PyTorch checkpoint nor a safetensors file" in sentence(stderr)
    code, _, stderr = run(song, "--model", "htdemucs", "--weights", song)
    assert code == 1
    assert "weight file" in sentence(stderr)
    assert not out.exists()


@pytest.fixture
def no_home(monkeypatch):
    """A user without a home directory, as in a container."""

    def unknown(_):
        raise KeyError("uid not found")

    for name in ("HOME", "XDG_CACHE_HOME", "PY_DEMIXER_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_missing_home_directory_is_reported(no_home, song, out, capfd):
    assert cli.main(["separate", str(song), "-o", str(out)]) == 1
    message = "There is no home directory to keep weights in: name a folder in PY_DEMIXER_WEIGHTS."
    assert message in sentence(capfd.readouterr().err)
    assert cli.main(["models"]) == 0
    assert message in capfd.readouterr().out
    assert cli.main(["models", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["htdemucs"]["weights"] is None


def test_models_for_scripts(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path))
    tiny.write(tmp_path / "htdemucs_6s.safetensors", name="htdemucs_6s")
    assert cli.main(["models", "--json"]) == 0
    models = json.loads(capfd.readouterr().out)
    assert set(models) == set(manifest.load())
    assert models["htdemucs_6s"]["stems"][-1] == "piano"
    assert [name for name, model in models.items() if model["is_here"]] == ["htdemucs_6s"]


def test_models_lists_licence_size_and_path(tiny_weights, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tmp_path))
    assert cli.main(["models"]) == 0
    listing = capfd.readouterr().out
    for name, model in manifest.load().items():
        assert f"{name}: {model.title}\n" in listing
    assert "Personal and research use only" in listing
    assert f"84.0 MB, fetched when first needed: {tmp_path / 'htdemucs.safetensors'}" in listing
    monkeypatch.setenv("PY_DEMIXER_WEIGHTS", str(tiny_weights.parent))
    cli.main(["models"])
    assert f"84.0 MB, here: {tiny_weights}" in capfd.readouterr().out


def test_importing_the_command_line_needs_only_numpy():
    program = "import sys; from py_demixer import cli; print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    modules = subprocess.check_output([sys.executable, "-c", program], env=env, text=True).split()
    assert "numpy" in modules
    assert not {"soundfile", "soxr", "tqdm", "scipy", "loky", "shtab"} & set(modules)


# ---- trace --------------------------------------------------------------------------------------


@pytest.fixture
def tracing(tiny_weights, song, capfd):
    """Runs `py-demixer trace` on the song; returns exit code, standard output and error."""

    def run(*arguments):
        options = ["trace", song, "--weights", tiny_weights, *arguments]
        code = cli.main([str(option) for option in options])
        return code, *capfd.readouterr()

    return run


def test_trace_shows_every_step_and_writes_the_same_as_json(tracing, tmp_path):
    path = tmp_path / "trace.json"
    code, stdout, stderr = tracing("--json", path)
    assert (code, stderr) == (0, "")
    header, *rows = stdout.splitlines()
    assert " ".join(header.split()) == "step shape min max mean std sum argmin argmax"
    steps = json.loads(path.read_text())
    assert [row.split()[0] for row in rows] == [step["name"] for step in steps]
    assert len(steps) > 40
    last = rows[-1].split()
    assert last[:6] == ["stems", "4", "x", "2", "x", "44100"]
    assert float(last[7]) == pytest.approx(steps[-1]["max"], rel=1e-3)
    assert int(last[-1]) == steps[-1]["argmax"]


def test_trace_finds_the_first_step_that_differs(tracing, tmp_path):
    path = tmp_path / "trace.json"
    tracing("--json", path)
    code, stdout, stderr = tracing("--compare", path)
    assert (code, stdout) == (0, "")
    assert re.search(r"All \d+ steps agree", sentence(stderr))
    other = tmp_path / "other.safetensors"
    tiny.write(other, seed=1, segment_length=tiny.SECOND)
    code, stdout, stderr = tracing("--compare", path, "--weights", other)
    assert code == 1
    assert "first step that differs" in sentence(stderr)
    _, ours, theirs = stdout.splitlines()
    steps = json.loads(path.read_text())
    assert ours.split()[0] == theirs.split()[0] == steps[1]["name"]  # after the spectrum
    assert f"{steps[1]['mean']:.4e}" in theirs
    assert f"{steps[1]['mean']:.4e}" not in ours


def test_trace_reports_where_a_trace_ends_early(tracing, tmp_path):
    path = tmp_path / "trace.json"
    tracing("--json", path)
    path.write_text(json.dumps(json.loads(path.read_text())[:3]))
    code, stdout, _ = tracing("--compare", path)
    assert code == 1
    assert stdout.splitlines()[-1].startswith("(no such step")


def test_trace_does_not_overwrite_silently(tracing, tmp_path):
    path = tmp_path / "trace.json"
    path.write_text("precious")
    code, _, stderr = tracing("--json", path)
    assert code == 1
    assert "already exists" in sentence(stderr)
    assert path.read_text() == "precious"
    assert tracing("--json", path, "--force")[0] == 0
    assert path.read_text() != "precious"


@pytest.mark.parametrize("content", [None, "no JSON", '[{"name": "stems"}]'])
def test_trace_refuses_other_files(tracing, tmp_path, content):
    path = tmp_path / "trace.json"
    if content is not None:
        path.write_text(content)
    code, _, stderr = tracing("--compare", path)
    assert code == 1
    assert str(path) in sentence(stderr)
