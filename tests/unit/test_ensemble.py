"""Ensembles, and second models that separate a stem."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

import py_demixer
from py_demixer import DemucsOptions, Ensemble, EnsembleOptions, Output, Workers, cli
from py_demixer.audio.collection import collect
from py_demixer.evaluation.metrics import snr
from py_demixer.separation import planning
from tests import plans, synthetic, tiny, unmix

KINDS = ("htdemucs", "scnet", "mel_roformer")


@pytest.fixture(scope="module")
def models():
    """With segments of different lengths."""
    return [tiny.model(tiny.kind(name, 40_000 + 3000 * n)) for n, name in enumerate(KINDS)]


@pytest.fixture(scope="module")
def song():
    return synthetic.song(3.3)


@pytest.fixture(scope="module")
def alone(models, song):
    """The stems of each model."""
    return [py_demixer.separate(song, model) for model in models]


def test_mean_of_the_models_that_make_a_stem(models, song, alone):
    stems = py_demixer.separate(song, Ensemble(tuple(models)))
    assert stems.sources == ("drums", "bass", "other", "vocals", "instrumental")
    vocals = (alone[0]["vocals"] + alone[1]["vocals"] + alone[2]["vocals"]) / np.float32(3)
    assert np.array_equal(stems["vocals"], vocals)
    assert np.array_equal(stems["drums"], (alone[0]["drums"] + alone[1]["drums"]) / 2)
    assert np.array_equal(stems["instrumental"], alone[2]["instrumental"])


def test_weighted_mean(models, song, alone):
    stems = py_demixer.separate(song, Ensemble(tuple(models[:2]), (3.0, 1.0)))
    wanted = (3 * alone[0]["bass"] + alone[1]["bass"]) / 4
    assert np.abs(stems["bass"] - wanted).max() < 1e-6


def test_options_reach_every_model(models, song):
    options = EnsembleOptions("vocals", overlap=0.5, shifts=1, seed=3, transition_power=2.0)
    stems = py_demixer.separate(song, Ensemble(tuple(models[:2])), options)
    each = DemucsOptions("vocals", overlap=0.5, shifts=1, seed=3, transition_power=2.0)
    first, second = (py_demixer.separate(song, model, each)["vocals"] for model in models[:2])
    assert stems.sources == ("vocals",)
    assert np.array_equal(stems["vocals"], (first + second) / 2)


def test_model_without_a_wanted_stem_is_not_run(models, song, alone, monkeypatch):
    monkeypatch.setattr(type(models[2]), "network", None)
    stems = py_demixer.separate(song, Ensemble(tuple(models)), EnsembleOptions("drums"))
    assert np.array_equal(stems["drums"], (alone[0]["drums"] + alone[1]["drums"]) / 2)


def test_open_unmix_can_be_a_member(tmp_path, models, song, alone):
    path = unmix.write(tmp_path / "umxhq.safetensors")
    other = py_demixer.load_model("umxhq", path)
    stems = py_demixer.separate(song, Ensemble((models[0], other)))
    both = alone[0]["vocals"] + py_demixer.separate(song, other)["vocals"]
    assert np.array_equal(stems["vocals"], both / 2)


def test_median_of_two_is_their_mean(models, song):
    mean, median = (
        py_demixer.separate(song, Ensemble(tuple(models[:2]), combination=how))
        for how in ("mean", "median")
    )
    for name in mean:
        assert snr(median[name], mean[name]) > 110


def test_median_keeps_out_what_only_one_model_has(models, song):
    """Two equal models outvote a third, whatever it says."""
    same = models[0]
    stems = py_demixer.separate(song, Ensemble((same, models[1], same), combination="median"))
    for name, stem in py_demixer.separate(song, same).items():
        assert snr(stems[name], stem) > 110


@pytest.mark.parametrize("combination", ["mean", "median"])
@pytest.mark.parametrize("length", [1, 3000, 145_530])
def test_any_order_any_blocks_and_workers_give_the_same_bits(models, song, combination, length):
    model, song = Ensemble(tuple(models), combination=combination), song[:, :length]
    about = py_demixer.measure([song], model.sample_rate)
    work = planning.plan(model, about)
    whole = py_demixer.separate(song, model)
    assert whole.audio.shape[2] == length
    order = plans.any_order(work, np.random.default_rng(length))
    planes = plans.run_in_order(work, song.T, order)
    blocks = [song[:, start : start + 9999] for start in range(0, length, 9999)]
    parts = list(py_demixer.separate_blocks(blocks, model, song=about))
    for name, stem in whole.items():
        assert np.array_equal(planes[name].T, stem)
        assert np.array_equal(np.concatenate([part[name] for part in parts], axis=1), stem)
    if length > 100_000:
        assert len(parts) > 2  # final bit by bit
        with_two = py_demixer.separate(song, model, workers=2)
        assert np.array_equal(with_two.audio, whole.audio)


def test_networks_are_numbered_together(models):
    bag = tiny.model(tiny.kind("htdemucs_ft", tiny.SECOND))
    work = plans.plan(Ensemble((models[0], bag, models[1])), 100_000)
    numbers = {task.network for task in work.tasks}
    assert numbers == {None, *range(6)}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"members": ()}, "at least two models"),
        ({"weights": (1.0,)}, "as many weights, not 1"),
        ({"weights": (1.0, 0.0)}, "must be positive"),
        ({"weights": (1.0, float("nan"))}, "must be positive"),
        ({"combination": "mode"}, "mean or median, not 'mode'"),
        ({"combination": "median", "weights": (1.0, 2.0)}, "all models count alike"),
    ],
)
def test_impossible_ensembles_are_refused(models, change, why):
    with pytest.raises(ValueError, match=why):
        replace(Ensemble(tuple(models[:2])), **change)


def test_models_with_other_rates_are_refused(models):
    slow = tiny.model(
        replace(tiny.KINDS["scnet"], config={**tiny.KINDS["scnet"].config, "sample_rate": 22050})
    )
    with pytest.raises(ValueError, match="the same sample rate"):
        Ensemble((models[0], slow))


def test_unknown_stem_is_refused(models, song):
    with pytest.raises(ValueError, match="no stem 'kick'"):
        py_demixer.separate(song, Ensemble(tuple(models[:2])), EnsembleOptions("kick"))


# ---- files and the command line -----------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, song):
    """A folder with a song and weights."""
    soundfile.write(tmp_path / "song.wav", song.T, 44100, "FLOAT")
    for name in KINDS:
        tiny.write(tmp_path / f"{name}.safetensors", name=name, segment_length=tiny.SECOND)
    return tmp_path


def run(folder, *words):
    given = ["separate", folder / "song.wav", "-o", folder / "out", "--bits", "32f", *words]
    return cli.main(list(map(str, given)))


def stems_in(folder):
    return {path.stem: soundfile.read(path, dtype="float32")[0].T for path in folder.iterdir()}


def test_ensemble_on_the_command_line(folder, song):
    first, second = (folder / f"{name}.safetensors" for name in KINDS[:2])
    assert run(folder, "--ensemble", f"{first}:3,{second}", "--stems", "vocals") == 0
    models = tuple(map(py_demixer.load_checkpoint, (first, second)))
    wanted = py_demixer.separate(song, Ensemble(models, (3.0, 1.0)), EnsembleOptions("vocals"))
    (vocals,) = stems_in(folder / "out" / "song").values()
    assert np.array_equal(vocals, wanted["vocals"])


def test_stem_is_separated_further(folder, song):
    first, second = (folder / f"{name}.safetensors" for name in KINDS[1:])
    given = ["--weights", first, "--then", f"vocals={second}", "--stems", "vocals,drums"]
    assert run(folder, *given) == 0
    stems = stems_in(folder / "out" / "song")
    assert set(stems) == {"drums", "vocals", "vocals_vocals", "vocals_instrumental"}
    wanted = py_demixer.separate(stems["vocals"], py_demixer.load_checkpoint(second))
    for name, stem in wanted.items():
        assert np.array_equal(stems[f"vocals_{name}"], stem)
    assert run(folder, *given) == 1  # they exist
    out = folder / "out"
    (folder / "song.wav").rename(out / "song.wav")
    (job,) = collect([out], out)  # results are no songs
    assert job.name == "song"


def test_processes_share_the_work_of_both_models(folder, song):
    first, second = (
        py_demixer.load_checkpoint(folder / f"{name}.safetensors") for name in KINDS[:2]
    )
    made = []
    with Workers(first, 2) as one, Workers(second, 2) as other:
        for name, workers, then in (("a", one, other), ("b", None, second), ("c", 2, second)):
            py_demixer.separate_file(
                folder / "song.wav",
                folder / name,
                first,
                output=Output(bits="32f"),
                then={"drums": then},
                workers=workers,
            )
            made.append(stems_in(folder / name))
    assert len(made[0]) == 8
    for stems in made[1:]:
        assert all(np.array_equal(stems[name], made[0][name]) for name in made[0])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--ensemble", "htdemucs,scnet", "--model", "scnet"], "names all models"),
        (["--ensemble", "htdemucs,scnet", "--segment", "3"], "no option 'segment'"),
        (["--ensemble", "htdemucs,"], "'htdemucs,' is not a list of models"),
        (["--model", "scnet", "--then", "drums"], "not of the form STEM=MODEL"),
        (["--model", "scnet", "--then", "kick=scnet"], "no stem 'kick' to separate further"),
        (["--model", "scnet", "--format", "stem.mp4", "--then", "drums=scnet"], "room for four"),
        (["--model", "scnet", *["--then", "drums=scnet"] * 2], "only once"),
    ],
)
def test_wrong_usage_is_told(folder, capsys, words, why):
    bits = ["--bits", "16"] if "stem.mp4" in words else []
    with pytest.raises(SystemExit) as stopped:
        run(folder, *words, *bits)
    assert stopped.value.code == 2
    assert why in capsys.readouterr().err


def test_missing_model_is_told(folder, capsys):
    assert run(folder, "--ensemble", f"{folder / 'scnet.safetensors'},nothing.ckpt") == 1
    assert "There is no file nothing.ckpt" in capsys.readouterr().err
    assert run(folder, "--ensemble", str(folder / "scnet.safetensors")) == 1
    assert "at least two models" in capsys.readouterr().err
    twice = ",".join([f"{folder / 'scnet.safetensors'}:0"] * 2)
    assert run(folder, "--ensemble", twice) == 1
    assert "must be positive" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_second_model_needs_the_same_rate(folder):
    kind = tiny.KINDS["scnet"]
    slow = tiny.model(replace(kind, config={**kind.config, "sample_rate": 22050}))
    with pytest.raises(ValueError, match="choose models with the same rate"):
        py_demixer.separate_file(
            folder / "song.wav",
            folder / "out",
            py_demixer.load_checkpoint(folder / "scnet.safetensors"),
            then={"drums": slow},
        )
    assert not (folder / "out").exists()


def test_json_names_all_files(folder, capsys):
    scnet = folder / "scnet.safetensors"
    assert run(folder, "--weights", scnet, "--then", f"bass={scnet}", "--json") == 0
    told = json.loads(capsys.readouterr().out)["stems"]
    assert len(told) == 8
    assert told["bass_drums"].endswith("bass_drums.wav")
