"""What the trials for voices never heard compute: benchmarks, each beside a plain reference."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import torch
from invented import model
from safetensors.torch import save_file
from scored import PARAMS, scores
from spelling_emissions import LABELS, emission

from benchmarks import averages, changes, every_epoch, per_clip
from voicegraft.evaluation.paired import difference
from voicegraft.evaluation.predictions import write_emissions
from voicegraft.inference.voice import HeldStates
from voicegraft.model import ctc
from voicegraft.unfreezing.norms import NORMS


def plain_entropy(emission: torch.Tensor) -> float:
    """Return SUTA's loss, frame by frame and label by label."""
    shares = np.exp(emission.double().numpy() / per_clip.TEMPERATURE)
    shares /= shares.sum(1, keepdims=True)
    unsure = [-sum(p * np.log(p) for p in f) for f in shares if f.argmax() != ctc.BLANK]
    confused, count = 0.0, shares.shape[1]
    for one in range(count):
        row = [sum(f[one] * f[other] for f in shares) for other in range(count)]
        confused += (sum(row) - row[one]) / sum(row) / count
    part = per_clip.ENTROPY_SHARE
    return part * float(np.mean(unsure)) + (1 - part) * confused


def adapting(rate: float, clips: int = 2) -> tuple[per_clip.Adapting, dict]:
    """Return a model that adapts, and what it then emits of random states."""
    states, grafted = HeldStates(1), model("ctc_transformer").requires_grad_(False)
    named = [SimpleNamespace(id=f"clip {number}") for number in range(clips)]
    rng = np.random.default_rng(1)
    for clip in named:
        own = rng.normal(size=(40, grafted.upstream.size)).astype(np.float16)
        states._states[clip.id], states.frames[clip.id] = own, len(own)
    adapted = per_clip.Adapting(grafted, states, None)
    return adapted, {"before": adapted.unchanged(named), **adapted(named, rate, "entropy")}


def test_a_change_is_the_paired_one_and_a_minus_is_a_minus():
    old, new = scores(0.3), scores(0.2, seed=2)
    found = difference(old, new, "cer", PARAMS)
    numbers = f"−{-100 * found.change:.1f} (−{-100 * found.low:.1f} to −{-100 * found.high:.1f})"
    assert changes.changed(old, new, "cer", PARAMS) == numbers


def test_entropy_and_confusion_are_those_of_the_paper():
    unsure = emission("abba cede", "řřřř řřřř", sure=0.6)
    assert np.isclose(float(per_clip.entropy(unsure)), plain_entropy(unsure), atol=1e-5)


def test_a_clip_that_adapts_gets_surer_and_leaves_the_weights_to_the_next_as_they_were():
    adapted, found = adapting(0.01)
    first = model("ctc_transformer").state_dict()
    assert all(torch.equal(value, first[k]) for k, value in adapted.model.state_dict().items())
    for name, before in found["before"].items():
        assert per_clip.entropy(found[5][name]) < per_clip.entropy(before)
    alone = adapting(0.01, clips=1)[1][5]["clip 0"]
    assert torch.equal(alone, found[5]["clip 0"])


def test_norms_alone_adapt_above_the_stored_layer():
    grafted = model("ctc_transformer")
    learning = {id(p) for p in per_clip.learning(grafted, 1)}
    below = [m for m in grafted.upstream.blocks[0].modules() if isinstance(m, NORMS)]
    kinds = Counter(type(m) for m in grafted.modules() if isinstance(m, NORMS))
    assert len(learning) == 2 * (sum(kinds.values()) - len(below))
    assert not learning & {id(p) for norm in below for p in norm.parameters()}


def test_averaged_emissions_are_the_mean_of_probabilities(tmp_path):
    clips = [SimpleNamespace(id="a"), SimpleNamespace(id="b")]
    each = [[emission("abba"), emission("cede")], [emission("řada"), emission("beře")]]
    for number, own in enumerate(each):
        write_emissions(tmp_path / f"{number}.safetensors", clips, own)
    reader = SimpleNamespace(dev=clips[:1], scored=clips[1:])
    found = averages.averaged(sorted(tmp_path.glob("*.safetensors")), reader)
    for number, clip in enumerate(clips):
        mean = (each[0][number].exp() + each[1][number].exp()) / 2
        assert torch.allclose(found[clip.id].exp(), mean, atol=1e-6)
    assert found["a"].shape == (8, len(LABELS))


def test_the_mean_of_epochs_is_that_of_each_weight(tmp_path):
    for epoch, value in enumerate((1.0, 2.0, 6.0)):
        save_file({"a": torch.full((2,), value)}, tmp_path / f"{epoch}.safetensors")
    files = sorted(tmp_path.iterdir())
    assert every_epoch.mean_of(files)["a"].tolist() == [3.0, 3.0]
    assert every_epoch.mean_of(files[-2:])["a"].tolist() == [4.0, 4.0]
