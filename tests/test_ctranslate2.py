import struct

import numpy as np
import pytest

from voicegraft.model.formats import WeightsError, read_ctranslate2

# The numbers of the types, as CTranslate2's `model_spec.py` writes them.
TYPES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
VARIABLES = {
    "encoder/weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "encoder/num_heads": np.int16(8),
    "decoder/weight": np.arange(-3, 3, dtype=np.int8),
    "encoder/half": np.linspace(-1, 1, 10, dtype=np.float16).reshape(5, 2),
    "decoder/ids": np.array([[1, -(2**31)]], np.int32),
}


def string(text):
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def model_bin(variables):
    """Return the bytes of a model.bin, put together by hand."""
    pieces = [struct.pack("<I", 6), string("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, array in variables.items():
        array = np.asarray(array)
        pieces += [string(name), struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)]
        pieces += [struct.pack("<BI", TYPES[array.dtype.name], array.nbytes), array.tobytes()]
    return b"".join(pieces)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.bin"


def test_types_ranks_and_values_are_those_written(path):
    path.write_bytes(model_bin(VARIABLES) + struct.pack("<I", 0))  # no aliases behind the variables
    read = read_ctranslate2(path)
    assert list(read) == list(VARIABLES)
    for name, expected in VARIABLES.items():
        assert read[name].dtype == expected.dtype
        assert read[name].shape == expected.shape
        assert np.array_equal(read[name], expected)


def test_a_prefix_chooses_variables_wherever_they_stand(path):
    path.write_bytes(model_bin(VARIABLES))
    read = read_ctranslate2(path, "encoder/")
    assert list(read) == ["encoder/weight", "encoder/num_heads", "encoder/half"]
    assert np.array_equal(read["encoder/half"], VARIABLES["encoder/half"])


@pytest.mark.parametrize("prefix", ["", "encoder/"])
def test_a_file_cut_anywhere_is_refused_with_its_path(path, prefix):
    whole = model_bin(VARIABLES)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(WeightsError, match=str(path)):
            read_ctranslate2(path, prefix)


def test_what_is_no_model_is_refused_with_its_path(path):
    random = np.random.default_rng(1)
    texts = [b"", b"PK\x03\x04" * 99, b"version https://git-lfs.github.com/spec/v1\n" * 9]
    for content in texts + [random.bytes(n) for n in range(1, 200)]:
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=str(path)):
            read_ctranslate2(path)


def test_an_unknown_type_and_a_shape_that_does_not_fit_are_refused(path):
    header = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, 1) + string("a")
    for shape, kind, size in [((2,), 5, 4), ((3,), 0, 8)]:
        path.write_bytes(header + struct.pack("<BIBI", 1, *shape, kind, size) + bytes(size))
        with pytest.raises(WeightsError, match=str(path)):
            read_ctranslate2(path)
