import pytest
import torch

from voicegraft.model.dropout import Dropout


def dropped(p, seed=1, shape=(300, 400)):
    torch.manual_seed(seed)
    return Dropout(p)(torch.ones(shape))


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5])
def test_so_many_values_are_zero_and_the_mean_stays(p):
    values = dropped(p)
    assert (values == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert values.mean().item() == pytest.approx(1, abs=0.01)
    assert len(values.unique()) == 2


def test_the_seed_decides_which():
    assert torch.equal(dropped(0.3), dropped(0.3))
    assert not torch.equal(dropped(0.3), dropped(0.3, seed=2))
    torch.manual_seed(1)
    layer, ones = Dropout(0.3), torch.ones(9, 9)
    assert not torch.equal(layer(ones), layer(ones))


def test_gradients_pass_where_values_do():
    values = torch.ones(50, 50, requires_grad=True)
    kept = Dropout(0.4)(values)
    kept.sum().backward()
    assert torch.equal(values.grad, kept.detach())


def test_nothing_is_dropped_in_evaluation_or_with_no_share():
    values = torch.randn(5, 5)
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)
