"""What learns in every kind of network that there is, one parameter after the other."""

import pytest
import torch
from networks import every_kind, with_blocks

from voicegraft.model import unfreezing
from voicegraft.model import upstream as upstreams
from voicegraft.model.unfreezing import Unfreezing
from voicegraft.model.upstream import Upstream
from voicegraft.pipeline.params import read_params
from voicegraft.upstreams import huggingface

NETWORKS = with_blocks()
KEY_BIASES = ("k_proj.bias", "linear_k.bias")
"""Softmax takes the same from every key's score, so a bias of keys alone changes nothing."""


@pytest.fixture(params=NETWORKS)
def upstream(request) -> Upstream:
    """A network with random weights, none of them zero."""
    name, config = NETWORKS[request.param]
    torch.manual_seed(1)
    return randomised(upstreams.plugin(name).build(config).eval().requires_grad_(False))


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    for parameter in module.parameters():
        parameter.data += torch.randn_like(parameter) / 5
    return module


@pytest.fixture(params=unfreezing.names())
def way(request) -> Unfreezing:
    """The way with the knobs of its recipe in params.yaml."""
    kind = unfreezing.way(request.param)
    sections = read_params()["finetune"]
    recipes = [sections["defaults"] | s for s in sections.values() if isinstance(s, dict)]
    recipe = next(s for s in recipes if s["learns"] == request.param)
    return kind(**{name: recipe[name] for name in kind.model_fields})


@pytest.fixture
def learning(upstream, way) -> dict[str, torch.nn.Parameter]:
    """All that learns when every block is unfrozen, by name; what is added is no longer zero."""
    for block in upstream.blocks:
        try:
            way.add(block, upstream.size)
        except ValueError as error:
            pytest.skip(str(error))
    before = {id(parameter) for parameter in upstream.parameters()}
    modules = [*upstream.blocks, upstream.norm, *upstream.stem_modules()]
    found = [parameter for module in modules for parameter in way.learning(module)]
    names = {id(parameter): name for name, parameter in upstream.named_parameters()}
    assert len({id(p) for p in found}) == len(found) and {id(p) for p in found} <= before
    if way.adds:
        randomised(torch.nn.ParameterList(found))
    if not found:
        pytest.skip("nothing here is of that kind")
    return {names[id(parameter)]: parameter for parameter in found}


def states(upstream: Upstream) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    window = upstream.window(torch.randn(2_000, generator=draw) / 10, 0.0)
    last = len(upstream.blocks)
    with torch.inference_mode():
        return upstream.encode([window], [last])[last].values


def test_a_change_of_each_parameter_that_learns_changes_the_states(upstream, learning):
    expected, idle = states(upstream), []
    for name, parameter in learning.items():
        kept = parameter.data.clone()
        parameter.data += torch.randn_like(parameter)
        if (states(upstream) - expected).norm() < 1e-4 * expected.norm():
            idle.append(name)
        parameter.data = kept
    assert idle == [name for name in learning if name.endswith(KEY_BIASES)]


def test_every_kind_of_transformers_is_among_the_networks():
    kinds = {config["encoder"]["model_type"] for name, config in NETWORKS.values()
             if name == "huggingface"}  # fmt: skip
    assert kinds == {*huggingface.WAVE_TYPES, *huggingface.MEL_TYPES}


def test_every_upstream_is_among_the_networks():
    assert {name for name, _ in every_kind().values()} == set(upstreams.names())
