"""Batches by local processes: finished songs are kept, interrupted ones are done again."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
import soundfile

import py_demixer
from py_demixer import DemucsOptions
from py_demixer.audio.collection import collect
from py_demixer.audio.files import Output, separate_file, workshop
from py_demixer.batch.run import MANIFEST, LocalExecutor, Recipe
from py_demixer.batch.run import run as run_batch
from py_demixer.weights.checkpoint import sha256
from tests import synthetic, tiny
from tests.batch.conftest import (
    BROKEN,
    LONG,
    RATE,
    batch,
    busy_with,
    contents,
    finish,
    is_alive,
    statuses,
    wait_for,
)

STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture
def few(tmp_path):
    """A folder with two songs."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for name in ("a", "b"):
        soundfile.write(folder / f"{name}.wav", synthetic.song(0.5).T, RATE)
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def run(few, out, tiny_weights):
    """Runs a batch of the two songs."""
    return lambda *more: finish(batch(few, "-o", out, "--weights", tiny_weights, "-j", 1, *more))


def test_stems_equal_those_of_separate_and_the_manifest_says_how(run, few, out, tiny_weights):
    code, said, stderr = run("--bits", "32f", "--overlap", 0.5)
    assert code == 0
    assert statuses(said) == {"a": "done", "b": "done"}
    assert "2 songs were separated, 0 were already done, 0 failed." in stderr
    model = py_demixer.load_model("htdemucs", tiny_weights)
    separate_file(
        few / "a.wav",
        out / "expected",
        model,
        DemucsOptions(overlap=0.5),
        output=Output(bits="32f"),
        workers=1,
    )
    for stem in STEMS:
        ours, expected = (
            soundfile.read(out / name / f"{stem}.wav")[0] for name in ("a", "expected")
        )
        assert (ours == expected).all()
    manifest = json.loads((out / "a" / MANIFEST).read_text())
    assert manifest["model"] is None  # whatever the weight file holds
    assert manifest["options"]["overlap"] == 0.5
    assert manifest["version"] == py_demixer.__version__
    assert manifest["weights"] == sha256(tiny_weights)
    assert manifest["song"]["sha256"] == sha256(few / "a.wav")
    assert manifest["stems"]["bass"]["sha256"] == sha256(out / "a" / "bass.wav")
    assert set(os.listdir(out / "a")) == {MANIFEST, *(f"{stem}.wav" for stem in STEMS)}


def damage(path: Path) -> None:
    """Change one byte of a file, but not its size or times."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("what", ["damaged", "gone", "another song", "interrupted"])
def test_damaged_results_are_done_again(run, few, out, what):
    run()
    expected = contents(out)
    if what == "damaged":
        damage(out / "b" / "drums.wav")
    elif what == "gone":
        (out / "b" / "drums.wav").unlink()
    elif what == "another song":
        soundfile.write(few / "b.wav", synthetic.song(0.6).T, RATE)
    else:  # after the manifest and before the stems: left by a killed process
        (out / "b" / "vocals.wav").unlink()
        (out / "b" / "bass.wav").unlink()
        (out / "b" / ".unfinished-xyz").mkdir()
        (out / "b" / ".unfinished-xyz" / "bass.wav").write_text("half of it")
    code, said, _ = run()
    assert code == 0
    assert statuses(said) == {"a": "skipped", "b": "done"}
    assert (contents(out) == expected) == (what != "another song")
    assert statuses(run()[1]) == {"a": "skipped", "b": "skipped"}


def test_files_of_a_concurrent_run_are_kept(run, out):
    with workshop(out / "b") as place:
        (place / "bass.wav").write_text("half of it")
        code, said, _ = run()
        assert code == 0
        assert statuses(said) == {"a": "done", "b": "done"}
        assert (place / "bass.wav").read_text() == "half of it"


@pytest.mark.parametrize("name", ["../../precious.wav", "{out}/precious.wav", "notes.wav", ".."])
def test_force_deletes_only_its_own_files(run, out, name):
    """A manifest is not trusted, because anyone may have written it."""
    run()
    named = name.format(out=out.parent)
    precious = out / "a" / named
    if name != "..":
        precious.write_text("precious")
    manifest = json.loads((out / "a" / MANIFEST).read_text())
    facts = {"name": named, "bytes": 8, "sha256": hashlib.sha256(b"precious").hexdigest()}
    if name == "notes.wav":
        facts["sha256"] = "0" * 64  # another file has this name by now
    manifest["stems"]["bass"] = facts
    (out / "a" / MANIFEST).write_text(json.dumps(manifest))
    code, said, stderr = run("--two-stems", "drums", "--force")
    assert code == 0, stderr
    assert statuses(said) == {"a": "done", "b": "done"}
    assert precious.exists()
    assert name == ".." or precious.read_text() == "precious"


@pytest.mark.parametrize(
    "content",
    ["[]", "{", '{"song": 1, "stems": {}}', '{"song": {}, "stems": {"bass": {"name": 1}}}'],
)
def test_invalid_manifest_is_reported(run, out, content):
    run()
    (out / "a" / MANIFEST).write_text(content)
    code, said, stderr = run()
    assert (code, said) == (1, {})
    assert "Traceback" not in stderr
    assert "holds stems that were made with other settings" in stderr
    assert statuses(run("--force")[1]) == {"a": "done", "b": "skipped"}


def test_stems_made_with_other_settings_need_force(run, out):
    run()
    before = contents(out)
    code, said, stderr = run("--two-stems", "bass")
    assert (code, said) == (1, {})
    assert "(and 1 more) holds stems that were made with other settings: add --force" in stderr
    assert contents(out) == before
    code, said, _ = run("--two-stems", "bass", "--force")
    assert statuses(said) == {"a": "done", "b": "done"}
    assert set(os.listdir(out / "a")) == {MANIFEST, "bass.wav", "no_bass.wav"}


def test_stems_from_elsewhere_are_not_replaced(run, out):
    (out / "b").mkdir(parents=True)
    (out / "b" / "bass.wav").write_text("somebody's work")
    code, _, stderr = run()
    assert code == 1
    assert f"{out / 'b'} holds stems that were made with other settings" in stderr
    assert contents(out) == {"b/bass.wav": b"somebody's work"}


def test_killed_process_loses_only_its_song(songs, tmp_path, tiny_weights):
    """A file that is not audio is reported, and the others are done."""
    out = tmp_path / "out"
    process = batch(songs, "-o", out, "--weights", tiny_weights, "--jobs", 2)
    victim = wait_for(lambda: busy_with(out / LONG))
    wait_for(lambda: len(list(out.rglob(MANIFEST))) > 2)
    others = [pid for pid in children(process.pid) if pid != victim]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: busy_with(out / LONG) not in (victim, None))  # the song is done again
    assert all(is_alive(pid) for pid in others)
    code, said, stderr = finish(process)
    assert code == 1
    assert len(said) == 20
    assert [name for name, status in statuses(said).items() if status != "done"] == [BROKEN]
    assert f"{BROKEN}.flac is not audio" in said[BROKEN]["error"]
    assert "19 songs were separated, 0 were already done, 1 failed." in stderr
    assert not (out / BROKEN).exists()
    assert not list(out.rglob(".unfinished-*"))

    first = contents(out)
    began = time.time_ns()
    code, said, stderr = finish(batch(songs, "-o", out, "--weights", tiny_weights))
    assert "0 songs were separated, 19 were already done, 1 failed." in stderr
    assert all(path.stat().st_mtime_ns < began for path in out.rglob("*.*"))
    assert contents(out) == first


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


class Deadly(Recipe):
    """A recipe that ends each process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


def test_song_that_kills_every_process_is_given_up(few, out, tiny_weights):
    recipe = Deadly("htdemucs", "?", "numpy", DemucsOptions(), Output())
    outcomes = list(run_batch(collect([few], out), recipe, LocalExecutor(2, tiny_weights)))
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.manifest is None
        assert "3 processes ended in the middle of it" in outcome.error


def test_ctrl_c_keeps_finished_songs(songs, tmp_path, tiny_weights):
    out = tmp_path / "out"
    process = batch(songs, "-o", out, "--weights", tiny_weights, "--jobs", 2)
    wait_for(lambda: busy_with(out / LONG) and len(list(out.rglob(MANIFEST))) > 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    code, said, stderr = finish(process)
    assert code == 130
    assert "py-demixer: Stopped" in stderr
    assert not list(out.rglob(".unfinished-*"))
    assert not (out / LONG).exists()
    assert "Traceback" not in stderr
    kept = {path.parent for path in out.rglob(MANIFEST)}
    assert len(kept) > 2
    told = {Path(line["folder"]) for line in said.values() if line["status"] == "done"}
    # The last one may not have been reported yet.
    assert told <= kept
    assert len(told) > 1
    for folder in kept:
        manifest = json.loads((folder / MANIFEST).read_text())
        for facts in manifest["stems"].values():
            assert sha256(folder / facts["name"]) == facts["sha256"]


def test_wrong_usage():
    code, _, stderr = finish(batch("songs", "--jobs", 2, "--scheduler", "tcp://127.0.0.1:1"))
    assert code == 2
    assert "leave out --scheduler" in stderr


def test_models_of_every_kind(few, tmp_path):
    weights = tiny.write(
        tmp_path / "bag.safetensors", name="htdemucs_ft", segment_length=tiny.SECOND
    )
    options = ("-o", tmp_path / "out", "--model", "htdemucs_ft", "--weights", weights, "-j", 1)
    code, said, _ = finish(batch(few / "a.wav", *options, "--stems", "vocals"))
    assert code == 0
    assert statuses(said) == {"a": "done"}
    assert set(os.listdir(tmp_path / "out" / "a")) == {MANIFEST, "vocals.wav"}
