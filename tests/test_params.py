from pathlib import Path
from typing import Literal

import pytest
from dvc.utils.serialize import dumps_yaml, parse_yaml
from pydantic import Field, PositiveFloat, PositiveInt

from voicegraft.pipeline.params import ParamsError, Section, load_params, read_params

ROOT = Path(__file__).parent.parent
GOOD = {"lr": 0.01, "epochs": 3, "mode": "fast", "share": 0.5}
SCALARS = """
    no yes on off y n NO Norway true True TRUE tRuE false False FALSE null Null NULL ~ nULL
    0 00 7 +7 -7 010 -010 08 0777 0o17 0o8 0x1F 0xFg 123456789012345678901234567890
    1.5 1. .5 -.5 +.5e-3 0.10 1e-06 1e-6 1E5 1e5 1e+6 -1e-6 1.5e3 0e0 e5 1e 1.2.3 .. .
    .inf -.inf +.inf .Inf .INF .iNF .nan .NaN .NAN .nAN inf nan
    12:30 12:30:45 190:20:30.15 2024-01-01 1,5 a1 1-1 --1 'no' "1" '' "" [] {} [1e-6,no]
""".split()


class Knobs(Section):
    lr: PositiveFloat
    epochs: PositiveInt
    mode: Literal["fast", "slow"]
    share: float = Field(ge=0, le=1)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "params.yaml"


def knobs(file, **changes):
    file.write_text(dumps_yaml({"train": GOOD | changes}))
    return load_params(Knobs, "train", file)


def refusal(file, **changes):
    with pytest.raises(ParamsError) as caught:
        knobs(file, **changes)
    return str(caught.value)


def test_a_section_is_read_as_it_stands(file):
    assert knobs(file).model_dump() == GOOD


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("epochz", 3, "lr, epochs, mode, share"),
        ("epochs", "3", "integer"),
        ("epochs", 3.5, "integer"),
        ("epochs", True, "integer"),
        ("epochs", 0, "greater than 0"),
        ("lr", "0.01", "number"),
        ("lr", -0.5, "greater than 0"),
        ("lr", None, "number"),
        ("lr", float("inf"), "finite"),
        ("share", float("nan"), "finite"),
        ("lr", [0.1], "number"),
        ("mode", "quick", "'fast' or 'slow'"),
        ("mode", False, "'fast' or 'slow'"),
        ("share", 1.01, "less than or equal to 1"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_file_key_value_and_choice(file, key, value, allowed):
    message = refusal(file, **{key: value})
    assert str(file) in message
    assert f"train.{key}" in message
    assert allowed in message
    assert key == "epochz" or repr(value) in message


def test_every_wrong_key_has_its_line(file):
    assert len(refusal(file, lr=0, epochs=0).splitlines()) == 2


def test_a_missing_key_is_named(file):
    file.write_text("train: {lr: 1, epochs: 1, mode: fast}")
    with pytest.raises(ParamsError, match=r"params.yaml: train\.share is missing"):
        load_params(Knobs, "train", file)


def test_a_section_inside_a_section_is_found_and_a_missing_one_names_those_there(file):
    file.write_text(dumps_yaml({"finetune": {"top3": GOOD, "full": {}}}))
    assert load_params(Knobs, "finetune.top3", file).epochs == 3
    for name, choices in {"tune": "finetune", "finetune.top9": "top3, full"}.items():
        with pytest.raises(ParamsError, match=f"no section {name}; here are: {choices}"):
            load_params(Knobs, name, file)


class Nested(Section):
    outer: Knobs


def test_a_section_that_is_a_difference_from_defaults_is_one_at_any_depth(file):
    of = {"defaults": {"outer": GOOD}, "top3": {}, "full": {"outer": {"epochs": 9}}}
    file.write_text(dumps_yaml({"finetune": of | {"wrong": {"outer": {"epoch": 9}}}}))
    found = {
        name: load_params(Nested, name, file, "finetune.defaults")
        for name in ("finetune.top3", "finetune.full")
    }
    assert found["finetune.top3"].outer == Knobs(**GOOD)
    assert found["finetune.full"].outer == Knobs(**GOOD | {"epochs": 9})
    with pytest.raises(ParamsError, match=r"finetune\.wrong\.outer\.epoch is unknown"):
        load_params(Nested, "finetune.wrong", file, "finetune.defaults")


def test_a_section_cannot_be_changed(file):
    with pytest.raises(ValueError, match="frozen"):
        knobs(file).lr = 1.0


@pytest.mark.parametrize("value", [1e-06, 1e-300, 1e22, 0.1, 1.0, 10, "no", "1e-6", "010", ""])
def test_what_dvc_writes_is_read_with_its_type(file, value):
    file.write_text(dumps_yaml({"key": value}))
    read = read_params(file)["key"]
    assert (type(read), read) == (type(value), value)


def test_norwegian_is_a_string_and_010_is_ten(file):
    file.write_text("language: no\nlr: 1e-6\nten: 010\n")
    assert read_params(file) == {"language": "no", "lr": 0.000001, "ten": 10}


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_scalar_is_read_as_dvc_reads_it(file, scalar):
    file.write_text(f"key: {scalar}")
    assert repr(read_params(file)) == repr(parse_yaml(f"key: {scalar}", "params.yaml"))


def test_the_projects_params_are_read_as_dvc_reads_them():
    path = ROOT / "params.yaml"
    assert read_params(path) == parse_yaml(path.read_text(encoding="utf-8"), path)


def test_a_missing_file_says_where_to_run(file):
    with pytest.raises(ParamsError, match=r"params.yaml is not here: run from"):
        load_params(Knobs, "train", file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not YAML"),
        ("a: 1\na: 2", "duplicate key"),
        ("- 1", "must hold sections"),
        ("", "None"),
    ],
)
def test_what_is_not_yaml_or_holds_no_sections_is_refused(file, text, message):
    file.write_text(text)
    with pytest.raises(ParamsError, match=message):
        load_params(Knobs, "train", file)
