"""What code an object reaches, in a small package."""

import sys
from types import SimpleNamespace

import pytest

from voicegraft.embedding import code
from voicegraft.embedding.code import code_behind

ENCODER = '''"""An encoder."""
import math
from made import filters
from made.shapes import Shape as Form

DOWNLOADS = {"base": "https://example.org"}
SIZE, HOP = 3, 160

class Encoder(Form):
    """Encodes."""
    def encode(self, waves: "list") -> list:
        from made.pads import pad
        return [filters.mel(w, SIZE) for w in pad(waves)]

def load(folder):
    return DOWNLOADS[folder]
'''
FILES = {
    "encoder": ENCODER,
    "filters": "import numpy as np\n\ndef mel(w, n):\n    return np.dot(w, n) + _floor()\n"
    "\ndef _floor():\n    return 0\n\ndef other():\n    return 1\n",
    "shapes": "class Shape:\n    size: int = 2\n",
    "pads": "def pad(waves):\n    return waves\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return what writes the package with changes, and what the encoder then reaches."""
    monkeypatch.setattr(code, "PACKAGE", "made")
    monkeypatch.setattr(code, "FOLDER", tmp_path)

    def written(**changes):
        for path in tmp_path.iterdir():
            path.unlink()
        for name, text in (FILES | changes).items():
            (tmp_path / f"{name}.py").write_text(text)
        return code_behind([SimpleNamespace(__module__="made.encoder", __qualname__="Encoder")])

    return written


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("encoder", "pad(waves)]", "pad(waves)[:1]]"),
        ("encoder", "HOP = 3", "HOP = 4"),
        ("filters", "+ _floor()", "- _floor()"),
        ("filters", "return 0", "return 2"),
        ("filters", "import numpy", "tune()\nimport numpy"),
        ("shapes", "size: int = 2", "size: int = 3"),
        ("pads", "return waves", "return waves[::-1]"),
        ("pads", "(waves)", "(waves, more=1)"),
        ("pads", "def pad", "@twice\ndef pad"),
    ],
)
def test_a_change_of_what_runs_is_seen(package, file, old, new):
    assert old in FILES[file]
    assert package(**{file: FILES[file].replace(old, new)}) != package()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("encoder", '"""Encodes."""', '"""Encodes waves."""'),
        ("encoder", '"""An encoder."""', "# An encoder"),
        ("encoder", 'waves: "list"', "waves: tuple"),
        ("encoder", "-> list", "-> tuple"),
        ("encoder", "example.org", "example.com"),
        ("encoder", "DOWNLOADS[folder]", "None"),
        ("filters", "return 1", "return 2"),
        ("shapes", "int", "float"),
        ("pads", "    return", "\n    # none\n    return"),
    ],
)
def test_comments_docstrings_annotations_and_what_does_not_run_are_left_out(
    package, file, old, new
):
    assert old in FILES[file]
    assert package(**{file: FILES[file].replace(old, new)}) == package()


def test_where_a_definition_stands_does_not_count(package):
    moved = {
        "encoder": ENCODER.replace("from made import filters", "from made.pads import mel")
        .replace("filters.mel", "mel"),
        "pads": FILES["pads"] + FILES["filters"],
    }  # fmt: skip
    before = package(encoder=ENCODER.replace("filters.mel", "mel").replace(
        "from made import filters", "from made.filters import mel"))  # fmt: skip
    assert package(**moved) == before


def test_packages_of_others_are_named_and_the_standard_library_is_not(package):
    assert package().packages == {"numpy"}
    imported_late = FILES["pads"].replace(
        "    return", "    import scipy.fft\n    return scipy.x and"
    )
    assert package(pads=imported_late).packages == {"numpy", "scipy"}


def test_a_module_that_is_named_as_a_whole_is_taken_as_a_whole(package):
    text = ENCODER.replace("filters.mel(w, SIZE)", "getattr(filters, w)")
    both = [package(encoder=text, filters=FILES["filters"].replace("return 1", f"return {n}"))
            for n in (1, 2)]  # fmt: skip
    assert both[0] != both[1]


def test_a_class_of_another_package_is_that_package():
    assert code_behind([sys.modules["pytest"].Item]).packages == {"_pytest"}
