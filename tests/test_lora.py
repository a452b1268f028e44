"""LoRA against the formula of the paper, and against the library of Hugging Face."""

import copy

import numpy as np
import pytest
import torch
from networks import with_blocks

from voicegraft.model import upstream as upstreams
from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before peft, which imports it
from voicegraft.unfreezing.lora import LowRank, Way

RANK, ALPHA = 3, 12.0
NETWORKS = with_blocks()


def block() -> torch.nn.Module:
    torch.manual_seed(1)
    whisper = upstreams.plugin("whisper")
    return whisper.build(whisper.TINY).blocks[0].requires_grad_(False)


def with_lora(of: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of `of` with updates that are no longer zero."""
    changed = copy.deepcopy(of)
    Way(rank=RANK, alpha=ALPHA).add(changed, 32)
    for parameter in Way(rank=RANK, alpha=ALPHA).learning(changed):
        torch.nn.init.normal_(parameter)
    return changed


def test_a_layer_gives_what_the_paper_says():
    layer = with_lora(block()).up
    x = np.random.default_rng(1).normal(size=(7, 32))
    w, bias, a, b = (
        p.detach().numpy().astype(float)
        for p in (block().up.weight, layer.bias, layer.lora.a, layer.lora.b)
    )
    expected = [w @ row + bias + ALPHA / RANK * (b @ (a @ row)) for row in x]
    given = layer(torch.from_numpy(x).float()).detach().numpy()
    np.testing.assert_allclose(given, expected, atol=1e-4)
    assert np.abs(given - x @ w.T - bias).max() > 1


def test_every_linear_layer_has_an_update_of_rank_times_what_it_takes_and_gives():
    updates = {n: m for n, m in with_lora(block()).named_modules() if isinstance(m, LowRank)}
    sizes = {n: sum(p.numel() for p in m.parameters()) for n, m in updates.items()}
    shapes = {"qkv": (32, 96), "out": (32, 32), "up": (32, 128), "down": (128, 32)}
    assert sizes == {f"{name}.lora": RANK * sum(shape) for name, shape in shapes.items()}


def test_peft_gives_the_same_block():
    peft = pytest.importorskip("peft")
    ours, theirs = with_lora(block()), torch.nn.ModuleDict({"block": block()})
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["qkv", "out", "up", "down"])
    peft.inject_adapter_in_model(config, theirs)
    for name in ("qkv", "out", "up", "down"):
        wrapped, update = getattr(theirs.block, name), getattr(ours, name).lora
        wrapped.lora_A["default"].weight.data = update.a.data
        wrapped.lora_B["default"].weight.data = update.b.data
    states, lengths = torch.randn(9, 32), [5, 4]
    torch.testing.assert_close(ours(states, lengths), theirs.block(states, lengths))
    assert not torch.allclose(ours(states, lengths), block()(states, lengths), atol=0.1)


@pytest.fixture(params=[name for name in NETWORKS if "resemblyzer" not in name])  # LSTMs
def upstream(request):
    """A network of any kind whose every block has updates that are no longer zero."""
    name, config = NETWORKS[request.param]
    torch.manual_seed(1)
    network = upstreams.plugin(name).build(config).eval().requires_grad_(False)
    for position, block in enumerate(network.blocks):
        network.blocks[position] = with_lora(block)
    return network


def frozen_matrices(block: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return what multiplies states: matrices, but for the tables of distances."""
    return {
        name: weight
        for name, weight in block.named_parameters()
        if weight.ndim == 2 and ".lora." not in name and "embed" not in name
    }


def test_every_matrix_of_every_kind_of_block_has_an_update(upstream):
    for block in upstream.blocks:
        updated = {name for name, module in block.named_modules() if hasattr(module, "lora")}
        assert updated == {name.rpartition(".")[0] for name in frozen_matrices(block)}


def test_the_plain_network_with_the_updates_in_its_weights_gives_the_same_states(upstream):
    state = dict(upstream.named_parameters()) | dict(upstream.named_buffers())
    merged = {name: value.clone() for name, value in state.items() if ".lora." not in name}
    for number, block in enumerate(upstream.blocks):
        for name in frozen_matrices(block):
            own = f"blocks.{number}.{name}"
            a, b = (state[f"{own.rpartition('.')[0]}.lora.{letter}"] for letter in "ab")
            merged[own] += ALPHA / RANK * (b @ a)
    plain = upstreams.plugin(name_of(upstream)).build(upstream.config).eval().requires_grad_(False)
    plain.load_state_dict({n: v for n, v in state.items() if ".lora." not in n}, strict=False)
    torch.manual_seed(1)
    inputs = torch.randn(9, upstream.size), [5, 4]
    before = plain.blocks[-1](*inputs)
    plain.load_state_dict(merged, strict=False)
    given, expected = upstream.blocks[-1](*inputs), plain.blocks[-1](*inputs)
    assert (given - expected).norm() <= 1e-4 * expected.norm()
    assert (given - before).norm() > 0.1 * expected.norm()


def name_of(upstream: torch.nn.Module) -> str:
    if "network" in upstream.config:
        return "random"
    return type(upstream).__module__.rpartition(".")[2]
