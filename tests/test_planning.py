"""What `voicegraft plan` foresees, against arithmetic by hand and a network of a few numbers."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stage_runs
from typer.testing import CliRunner

from voicegraft.cli import app
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.params import load_params
from voicegraft.planning import forecast as planning
from voicegraft.planning import rates
from voicegraft.planning.forecast import forecast, on_device, simulated
from voicegraft.planning.rates import NOISE_SECONDS, Rates, measure

RATES = Rates(
    encode=24.0,
    compose=2.0,
    start=5.0,
    takes=2.5,
    clips=900.0,
    layer_bytes=184e6,
    operations=1e15,
    memory=700_000_000,
    sample=60.0,
)


@pytest.fixture
def even(monkeypatch):
    """Nodes and tasks that are all alike."""
    for name in ("TASK_SPREAD", "NODE_SPREAD", "LAGGING"):
        monkeypatch.setattr(planning, name, 0.0)


@pytest.mark.usefixtures("even")
@pytest.mark.parametrize("nodes, rounds", [(2, 50), (3, 34), (64, 2), (200, 1)])
def test_alike_nodes_take_as_many_rounds_as_tasks_by_nodes(nodes, rounds):
    rng = np.random.default_rng(1)
    assert simulated(100.0, nodes, RATES, 0.0, rng) == pytest.approx(rounds * RATES.encode)


def test_one_node_encodes_one_hour_after_the_other():
    found = forecast(10, 1, RATES, lost=0.5)
    assert found.seconds == (605.0,) * 3 and found.node_hours == pytest.approx(605 / 3600)


def test_several_nodes_lag_and_are_lost_and_one_composes_the_store():
    calm, rough = (forecast(10_000, 8, RATES, lost) for lost in (0.0, 0.5))
    ideal = 10_000 * 2.5 * 24 / 8
    assert ideal < calm.encode[1] < 1.1 * ideal
    # Half of the nodes an hour, each away for five minutes: 4 % less of them.
    assert rough.encode[1] / calm.encode[1] == pytest.approx(1 + 0.5 * 300 / 3600, abs=0.02)
    assert calm.compose == 10_000 * 2.5 * 2
    assert calm.node_hours == pytest.approx((8 * calm.encode[1] + calm.compose) / 3600)


def test_the_same_seed_foresees_the_same():
    assert forecast(100, 3, RATES, 0.1) == forecast(100, 3, RATES, 0.1)
    assert forecast(100, 3, RATES, 0.1) != forecast(100, 3, RATES, 0.1, seed=2)


def test_a_device_is_as_fast_as_a_share_of_its_data_sheet():
    best, worst = on_device(RATES, "l4", "float32")
    assert best.encode == pytest.approx(2 + 1e15 / (0.3 * 30.3e12))
    assert worst.encode == pytest.approx(2 + 1e15 / (0.05 * 30.3e12))
    assert on_device(RATES, "l4", "auto")[0].encode < best.encode
    with pytest.raises(ValueError, match="--device abacus: known are t4, l4, a100, h100"):
        on_device(RATES, "abacus", "auto")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with params, and an upstream of a few numbers, without a corpus."""
    stage_runs.write_params(tmp_path, stage_runs.params_of())
    (folder := tmp_path / "models/upstream").mkdir(parents=True)
    config = upstreams.plugin("random").TINY
    upstreams._write_identity(folder, {"name": "random", "config": config})
    monkeypatch.chdir(tmp_path)
    return folder


def test_noise_is_measured_where_there_is_no_corpus(project):
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    found = measure(project, Path("data/corpus"), params, seconds=0.1)
    upstream = upstreams.load(project)
    speeds, samples = (1, *params.speeds), NOISE_SECONDS * upstream.sample_rate
    frames = [upstream.frames(int(samples / s), params.margin_seconds) for s in speeds]
    seconds = sum(NOISE_SECONDS / s for s in speeds)
    assert found.takes == pytest.approx(seconds / NOISE_SECONDS, rel=1e-4)
    assert found.clips == pytest.approx(3600 / NOISE_SECONDS)
    assert found.layer_bytes == pytest.approx(
        sum(frames) * 2 * upstream.size / seconds * 3600, rel=1e-4
    )
    assert 0 < found.compose < found.encode < 3600
    # A linear layer of n to m has 2nm operations a frame: qkv, out, up, down of each of 2 blocks.
    linear = 2 * 2 * (3 + 1 + 4 + 4) * upstream.size**2 * sum(frames) / seconds * 3600
    assert linear < found.operations < 20 * linear


def test_a_process_loads_what_it_needs_before_it_encodes(project, monkeypatch):
    monkeypatch.setattr(rates, "loading", lambda: 1000.0)
    params = load_params(ExtractEmbeddings, "extract_embeddings")
    found = measure(project, Path("data/corpus"), params, seconds=0.1)
    assert 1000 < found.start < 1500


def numbers(output: str, line: str) -> list[float]:
    (found,) = re.findall(rf"^{line} +(.*)", output, re.MULTILINE)
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\.?\d*", found)]


def plan(*options: str) -> str:
    done = CliRunner().invoke(app, ["plan", "--seconds", "1", *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("project")
def test_the_command_tells_time_money_disk_and_memory():
    told = plan("--hours", "100", "--nodes", "4", "--speed", "900", "--price", "2", "--lost", "0")
    middle, low, high, hours, nodes = numbers(told, "time")
    assert low <= middle <= high and (hours, nodes) == (100, 4)
    takes = numbers(told, "takes")[0]
    assert middle >= 100 * takes / 900 / 4 * 60
    assert numbers(told, "disk")[0] == pytest.approx(100 * 3600 * 32_000 / 1e9, rel=0.01)
    assert numbers(told, "price")[0] > 0 and numbers(told, "memory")[0] > 0


def test_what_cannot_be_planned_is_said_in_a_line(project):
    for options, message in {
        ("--hours", "1", "--device", "abacus"): "--device abacus: known are t4, l4, a100, h100",
        ("--hours", "1", "--upstream", "nowhere"): "nowhere has no pretrained model",
    }.items():
        done = CliRunner().invoke(app, ["plan", "--seconds", "1", *options])
        assert done.exit_code == 1 and message in done.output
    assert project.is_dir()


def test_rates_of_another_node_change_only_its_encoding():
    faster = replace(RATES, encode=12.0)
    assert forecast(10, 1, faster, 0).seconds[0] == pytest.approx(5 + 25 * 12)
