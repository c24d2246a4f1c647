"""Conversion of weight files to one safetensors file: PyTorch, ONNX, and hostile files."""

import io
import json
import os
import pickle
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from py_demixer.cli import main
from py_demixer.errors import ConvertError
from py_demixer.weights import checkpoint, convert, manifest, onnx_export, pytorch

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
HTDEMUCS = manifest.load()["htdemucs"]
TINY = {"bottom_channels": 8, "channels": 4, "dconv_compress": 2, "t_heads": 2, "t_layers": 3}
"""The dimensions of tiny.th."""


def expected(file):
    """The arrays that PyTorch wrote into one of the golden files."""
    with np.load(GOLDEN / "checkpoint.npz") as arrays:
        return {
            name.removeprefix(f"{file}/"): arrays[name]
            for name in arrays.files
            if name.startswith(f"{file}/")
        }


def assert_same(actual, wanted):
    assert sorted(actual) == sorted(wanted)
    for name, array in wanted.items():
        assert actual[name].dtype == array.dtype, name
        assert actual[name].shape == array.shape, name
        assert actual[name].tobytes() == array.tobytes(), name


# ---- PyTorch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["tiny.th", "layouts.pth"])
def test_pytorch_files_bit_for_bit(file):
    assert_same(pytorch.read(GOLDEN / file).tensors, expected(file))


def test_big_endian_checkpoint(tmp_path):
    swapped = {}
    with zipfile.ZipFile(GOLDEN / "tiny.th") as archive:
        for name in archive.namelist():
            swapped[name] = archive.read(name)
            if "/data/" in name:  # every storage of this file is float16
                swapped[name] = np.frombuffer(swapped[name], "<f2").astype(">f2").tobytes()
    swapped["tiny/byteorder"] = b"big"
    assert_same(pytorch.read(write_zip(tmp_path, swapped)).tensors, expected("tiny.th"))


def write_zip(folder, entries):
    path = folder / "file.th"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


class Call:
    """Pickles as a call of ``function``, which unpickling would execute."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class Pickler(pickle._Pickler):
    """Writes instances of Pid as persistent ids, as PyTorch does for storages."""

    def persistent_id(self, thing):
        return thing.value if isinstance(thing, Pid) else None


class Pid:
    def __init__(self, value):
        self.value = value


def checkpoint_of(folder, content, storage=b"\0" * 16, protocol=2):
    buffer = io.BytesIO()
    Pickler(buffer, protocol=protocol).dump(content)
    return write_zip(folder, {"x/data.pkl": buffer.getvalue(), "x/data/0": storage})


def hostile_pickles(flag):
    system = Call(os.system, f"touch {flag}")
    return {
        "os.system": system,
        "eval": Call(eval, f"open({str(flag)!r}, 'w')"),
        "getattr": Call(getattr, OrderedDict(), "__class__"),
        "in a state dict": OrderedDict(weight=system),
        "in training_args": {"klass": None, "state": {}, "training_args": [system]},
        "in a persistent id": {"weight": Pid(("storage", system, "0", "cpu", 4))},
        "a class": {"weight": Call(subprocess.Popen, ["touch", str(flag)])},
        "a module's class": {"weight": Call(zipfile.ZipFile, str(flag), "w")},
    }


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("case", hostile_pickles("x"))
def test_hostile_pickle_is_refused(tmp_path, case, protocol):
    flag = tmp_path / "ran"
    path = checkpoint_of(tmp_path, hostile_pickles(flag)[case], protocol=protocol)
    with pytest.raises(ConvertError, match=r"file\.th was refused: its pickle names "):
        pytorch.read(path)
    assert not flag.exists()


@pytest.fixture
def torch_names(monkeypatch):
    """Stand-ins for two of torch's names, so that pickle can write them without torch."""
    modules = {"torch": types.ModuleType("torch"), "torch._utils": types.ModuleType("torch._utils")}
    for path, module in modules.items():
        monkeypatch.setitem(sys.modules, path, module)
    storage = type("FloatStorage", (), {"__module__": "torch"})
    rebuild = type("_rebuild_tensor_v2", (), {"__module__": "torch._utils"})
    setattr(modules["torch"], storage.__name__, storage)
    setattr(modules["torch._utils"], rebuild.__name__, rebuild)
    return storage, rebuild


def tensor_file(folder, torch_names, offset, size, stride, **changes):
    """A state dict with one tensor over a storage of the four float32 numbers 0, 1, 2, 3."""
    storage, rebuild = torch_names
    pid = {"kind": "storage", "type": storage, "key": "0", "device": "cpu", "count": 4} | changes
    tensor = Call(rebuild, Pid(tuple(pid.values())), offset, size, stride, False, OrderedDict())
    return checkpoint_of(folder, {"weight": tensor}, np.arange(4, dtype="<f4").tobytes())


@pytest.mark.parametrize("view", [{}, {"view": None}])
def test_both_forms_of_storage_reference(tmp_path, torch_names, view):
    path = tensor_file(tmp_path, torch_names, 1, (2,), (2,), **view)
    assert pytorch.read(path).tensors["weight"].tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (5,), (1,)),
        (1, (2, 2), (2, 1)),
        (-1, (2,), (1,)),
        (3, (2,), (-1,)),
        (0, (1 << 40,), (0,)),
        (0, (2,), (1 << 40,)),
        (0, (2, 2), (1,)),
        (0, (-1,), (1,)),
    ],
)
def test_tensor_outside_its_storage_is_refused(tmp_path, torch_names, offset, size, stride):
    path = tensor_file(tmp_path, torch_names, offset, size, stride)
    with pytest.raises(ConvertError, match="was refused: a tensor in it"):
        pytorch.read(path)


@pytest.mark.parametrize("change", [{"kind": "module"}, {"type": "O"}, {"view": ("k", 0, 1)}])
def test_odd_storage_is_refused(tmp_path, torch_names, change):
    path = tensor_file(tmp_path, torch_names, 0, (4,), (1,), **change)
    with pytest.raises(ConvertError, match="something other than a plain storage"):
        pytorch.read(path)


def global_(name):
    """The opcode that pushes an allowed global name."""
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def text(value):
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def pickled(program):
    return b"\x80\x02" + program + b"."


STORAGE = (
    b"(" + text("storage") + global_("torch.FloatStorage") + text("0") + text("cpu") + b"K\4tQ"
)
NUMBERS = (
    STORAGE.replace(b"FloatStorage", b"LongStorage").replace(b"K\4", b"K\1").replace(b"0", b"1")
)
REBUILD = global_("torch._utils._rebuild_tensor_v2")
TENSOR = REBUILD + b"(" + STORAGE + b"K\0K\4\x85K\1\x85\x89NtR"
SCALAR = REBUILD + b"(" + NUMBERS + b"K\0))\x89NtR"
BUILD = b"}" + text("items") + b"K\1sb"
SLOTS = b"N}" + text("__defaults__") + b"K\1\x85s\x86b"

HOSTILE = {
    "an array as a size": REBUILD + b"(" + STORAGE + b"K\0" + SCALAR + b"\x85K\1\x85\x89NtR",
    "an array as a stride": REBUILD + b"(" + STORAGE + b"K\0K\4\x85" + SCALAR + b"\x85\x89NtR",
    "an array as an offset": REBUILD + b"(" + STORAGE + SCALAR + b"K\4\x85K\1\x85\x89NtR",
    "a truth as a size": REBUILD + b"(" + STORAGE + b"K\0\x88\x85K\1\x85\x89NtR",
    "a list as a size": REBUILD + b"(" + STORAGE + b"K\0]K\4aK\1\x85\x89NtR",
    "many axes": REBUILD
    + b"("
    + STORAGE
    + b"K\0("
    + b"K\1" * 99
    + b"t("
    + b"K\1" * 99
    + b"t\x89NtR",
    "attributes of a function": REBUILD + SLOTS,
    "attributes of a class": global_("collections.OrderedDict") + BUILD,
    "attributes of a tensor": TENSOR + BUILD,
    "attributes of a storage": STORAGE + BUILD,
    "attributes of a fraction": global_("fractions.Fraction") + b"(K\1K\2tR" + BUILD,
    "a dictionary of pairs": global_("collections.OrderedDict") + b"]\x85R",
    "a parameter that is none": global_("torch._utils._rebuild_parameter") + b"(K\1\x88NtR",
    "a tuple in a tuple": b"})" + b"\x85" * 1_000_000 + b"K\1s",
    "by a mark": b"}" + b"(" * 100_000 + b"t" * 100_000 + b"K\1s",
    "beside others": b"})" + b"K\1\x86" * 500_000 + b"K\1s",
    "by the memo": b"})q\0" + b"0h\0\x85q\0" * 500_000 + b"K\1s",
    "a storage of another size": STORAGE.replace(b"K\4", b"K\3"),
    "a storage by a number": STORAGE.replace(b"K\4", SCALAR),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_pickles_neither_crash_nor_change_the_reader(tmp_path, case):
    """In a separate process, which survives: a good file is read as before."""
    program = b"}" + text("weight") + HOSTILE[case] + b"s"
    files = {"x/data.pkl": pickled(program), "x/data/0": bytes(16), "x/data/1": b"\4" + bytes(7)}
    path = write_zip(tmp_path, files)
    code = f"""
import pathlib, sys
from py_demixer.weights import pytorch
try:
    pytorch.read(pathlib.Path({str(path)!r}))
except ValueError as error:
    print(error)
print(len(pytorch.read(pathlib.Path({str(GOLDEN / "tiny.th")!r})).tensors))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-500:]
    refusal, count = done.stdout.splitlines()
    assert refusal.startswith("file.th was refused: ")
    assert int(count) == len(expected("tiny.th"))


def test_attributes_of_a_state_dict_are_ignored(tmp_path):
    """PyTorch writes some, but they must not become methods of the dict."""
    state = global_("collections.OrderedDict") + b")R" + text("weight") + TENSOR + b"s" + BUILD
    files = {"x/data.pkl": pickled(state), "x/data/0": np.arange(4, dtype="<f4").tobytes()}
    assert pytorch.read(write_zip(tmp_path, files)).tensors["weight"].tolist() == [0, 1, 2, 3]


def test_compressed_entries_are_refused(tmp_path):
    """A few bytes could decompress to any amount."""
    path = tmp_path / "file.th"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickled(b"}" + text("weight") + TENSOR + b"s"))
        archive.writestr("x/data/0", bytes(16))
    with pytest.raises(ConvertError, match="it is compressed"):
        pytorch.read(path)


@pytest.mark.parametrize("value", [[[1]], {"a": 1}, np.float64])
def test_arguments_that_are_not_plain_are_refused(tmp_path, value):
    package = b"}(" + text("klass") + text("HTDemucs") + text("kwargs") + b"}" + text("depth")
    package += {list: b"]]K\1aas", dict: b"}" + text("a") + b"K\1ss"}.get(
        type(value), TENSOR + b"s"
    )
    package += text("state") + b"}" + text("weight") + TENSOR + b"su"
    path = write_zip(tmp_path, {"x/data.pkl": pickled(package), "x/data/0": bytes(16)})
    with pytest.raises(ConvertError, match="something other than named tensors"):
        pytorch.read(path)


def test_files_that_are_not_checkpoints_are_refused(tmp_path):
    with pytest.raises(ConvertError, match=r"without data\.pkl"):
        pytorch.read(write_zip(tmp_path, {"readme.txt": b"hello"}))
    with pytest.raises(ConvertError, match="not a whole PyTorch checkpoint"):
        pytorch.read(write_zip(tmp_path, {"x/data.pkl": b"\x80\x02}nonsense"}))
    for content in ([1, 2], {}, {"epoch": 3}, {"klass": None}):
        with pytest.raises(ConvertError, match="something other than named tensors"):
            pytorch.read(checkpoint_of(tmp_path, content))
    path = tmp_path / "cut.th"
    path.write_bytes((GOLDEN / "tiny.th").read_bytes()[:50_000])
    with pytest.raises(ConvertError, match="not a whole PyTorch checkpoint"):
        pytorch.read(path)
    with pytest.raises(ConvertError, match="neither a PyTorch checkpoint"):
        convert.convert([path], tmp_path / "out", [])


# ---- ONNX ---------------------------------------------------------------------------------------

ANONYMOUS = {  # parameter: the node that uses it (or its first piece, where there are two)
    "encoder.1.dconv.layers.0.4.weight": "/encoder.1/dconv/layers.0/layers.0.4/Mul",
    "encoder.1.dconv.layers.0.4.bias": "/encoder.1/dconv/layers.0/layers.0.4/Add",
    "encoder.1.dconv.layers.0.6.scale": "/encoder.1/dconv/layers.0/layers.0.6/Mul",
    "crosstransformer.layers.0.norm_out.weight": "/crosstransformer/layers.0/norm_out/Mul",
    "crosstransformer.layers.0.norm_out.bias": "/crosstransformer/layers.0/norm_out/Add",
    "crosstransformer.layers.0.linear1.weight": "/crosstransformer/layers.0/linear1/MatMul",
    "crosstransformer.layers.0.self_attn.in_proj_weight": (
        "/crosstransformer/layers.0/self_attn/MatMul"
    ),
    "crosstransformer.layers.1.cross_attn.in_proj_weight": (
        "/crosstransformer/layers.1/cross_attn/MatMul"
    ),
    "crosstransformer.layers.1.cross_attn.in_proj_bias": (
        "/crosstransformer/layers.1/cross_attn/Add"
    ),
    "freq_emb.embedding.weight": "/Expand",
}
SHAPES = {
    "encoder.1.conv.weight": (6, 3, 8, 1),
    "encoder.1.conv.bias": (6,),
    "encoder.1.dconv.layers.0.4.weight": (12,),
    "encoder.1.dconv.layers.0.4.bias": (12,),
    "encoder.1.dconv.layers.0.6.scale": (6,),
    "crosstransformer.layers.0.norm_out.weight": (6,),
    "crosstransformer.layers.0.norm_out.bias": (6,),
    "crosstransformer.layers.0.linear1.weight": (10, 6),
    "crosstransformer.layers.0.self_attn.in_proj_weight": (18, 6),
    "crosstransformer.layers.1.cross_attn.in_proj_weight": (18, 6),
    "crosstransformer.layers.1.cross_attn.in_proj_bias": (18,),
    "freq_emb.embedding.weight": (16, 6),
}


@pytest.fixture
def tensors():
    """Parameters as in PyTorch: float16 values, stored as float32."""
    rng = np.random.default_rng(5)
    return {
        name: rng.standard_normal(shape).astype(np.float16).astype(np.float32)
        for name, shape in SHAPES.items()
    }


def export(path, tensors, extra=()):
    """Write ``tensors`` as PyTorch's exporter does: folded, transposed, split, without names."""
    nodes, initializers = list(extra), []
    for name, array in tensors.items():
        if name not in ANONYMOUS:
            initializers.append(numpy_helper.from_array(array, name))
            continue
        for node, part in folded(ANONYMOUS[name], array):
            constant = f"onnx::{node.rsplit('/', 1)[-1].split('_')[0]}_{len(initializers)}"
            initializers.append(numpy_helper.from_array(np.ascontiguousarray(part), constant))
            operation = constant.removeprefix("onnx::").split("_")[0]
            nodes.append(helper.make_node(operation, ["x", constant], [f"{node}_out"], name=node))
    nodes.reverse()  # nothing may depend on the order of either
    initializers.reverse()
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], initializers)
    onnx.save(helper.make_model(graph), str(path))


def folded(node, array):
    """The constants that one parameter is exported to, each with the node that uses it."""
    if node == "/Expand":
        yield node, array.T[None, :, :, None] * np.float32(10)
    elif "cross_attn" in node:
        yield node, array[:6].T
        yield f"{node}_1", array[6:].T
    elif node.endswith("MatMul"):
        yield node, array.T
    else:
        yield node, array[:, None]


def test_onnx_names_and_shapes(tmp_path, tensors):
    export(tmp_path / "m.onnx", tensors)
    wanted = {name: array.astype(np.float16) for name, array in tensors.items()}
    assert_same(onnx_export.read(tmp_path / "m.onnx"), wanted)


def test_unknown_use_of_a_constant_is_refused(tmp_path, tensors):
    strange = helper.make_node("Pow", ["x", "onnx::Pow_1"], ["z"], name="/encoder.1/Pow")
    tensors["onnx::Pow_1"] = np.ones(3, np.float32)
    export(tmp_path / "m.onnx", tensors, extra=[strange])
    with pytest.raises(ConvertError, match=r"'/encoder\.1/Pow' uses a constant"):
        onnx_export.read(tmp_path / "m.onnx")


def test_missing_onnx_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConvertError, match="pip install onnx"):
        onnx_export.read(tmp_path / "m.onnx")


# ---- the converted file -------------------------------------------------------------------------


def test_pytorch_and_onnx_give_the_same_file(tmp_path):
    tensors = expected("tiny.th")
    named = {name: array.astype(np.float32) for name, array in tensors.items()}
    initializers = [numpy_helper.from_array(array, name) for name, array in named.items()]
    graph = helper.make_graph([], "g", [], [], initializers[::-1])
    onnx.save(helper.make_model(graph), str(tmp_path / "m.onnx"))
    models = [HTDEMUCS, replace(HTDEMUCS, config=TINY)]
    # The first file states its dimensions; those of the second must come from the manifest.
    for original, out, model in (
        (GOLDEN / "tiny.th", "a", models[0]),
        (tmp_path / "m.onnx", "b", models[1]),
    ):
        assert convert.convert([original], tmp_path / out, models) is model
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    content = checkpoint.read((tmp_path / "a").read_bytes())
    assert_same(content.tensors, tensors)
    assert content.metadata == {
        "architecture": "htdemucs",
        "config": json.dumps(TINY),
        "licence": HTDEMUCS.licence.text,
    }


def test_values_beyond_float16_are_refused(tmp_path, tensors):
    for value in (1 + 2**-12, 1e6, np.nan):
        tensors["encoder.1.conv.bias"][2] = value
        export(tmp_path / "m.onnx", tensors)
        with pytest.raises(ConvertError, match=r"encoder\.1\.conv\.bias has values"):
            onnx_export.read(tmp_path / "m.onnx")


def test_another_layout_is_refused(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["convert", str(GOLDEN / "layouts.pth"), "-o", str(out)]) == 1
    error = capsys.readouterr().err
    assert "layouts.pth: This checkpoint is of no kind that is known here" in error
    assert "htdemucs_ft: it is made of one file for each of f7e0c4bc, d12395a8" in error
    assert "htdemucs: The weight file lacks the tensor" in error
    assert not out.exists()
    assert main(["convert", str(tmp_path / "none.th"), "-o", str(out)]) == 1
    assert "none.th" in capsys.readouterr().err
