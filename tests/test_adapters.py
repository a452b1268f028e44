"""The adapter's network against the formulas of Bapna and Firat (2019), section 2.1."""

import numpy as np
import torch

from voicegraft.model import upstream as upstreams
from voicegraft.unfreezing.adapters import Bottleneck, Way

SIZE, BOTTLENECK = 32, 5


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(1)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module


def test_an_adapter_is_a_norm_a_way_down_a_rectifier_and_a_way_up():
    adapter = randomised(Bottleneck(SIZE, BOTTLENECK))
    z = np.random.default_rng(1).normal(3, 2, size=(7, SIZE))
    state = {n: p.detach().numpy().astype(float) for n, p in adapter.named_parameters()}
    norm = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-5)
    norm = norm * state["norm.weight"] + state["norm.bias"]
    hidden = np.maximum(0, norm @ state["down.weight"].T + state["down.bias"])
    expected = hidden @ state["up.weight"].T + state["up.bias"]
    given = adapter(torch.from_numpy(z).float()).detach().numpy()
    np.testing.assert_allclose(given, expected, atol=1e-3)


def test_a_block_gives_its_states_and_what_the_adapter_makes_of_them():
    whisper = upstreams.plugin("whisper")
    torch.manual_seed(1)
    block = whisper.build(whisper.TINY).blocks[0]
    states = torch.randn(9, SIZE)
    plain = block(states, [5, 4])
    Way(bottleneck=BOTTLENECK).add(block, SIZE)
    adapter = randomised(block.adapter)
    assert torch.equal(block(states, [5, 4]), plain + adapter(plain))


def test_an_adapter_has_the_parameters_of_its_shapes():
    sizes = sum(p.numel() for p in Bottleneck(SIZE, BOTTLENECK).parameters())
    assert sizes == 2 * SIZE + 2 * SIZE * BOTTLENECK + BOTTLENECK + SIZE
