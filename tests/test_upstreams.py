"""The contract of voicegraft/upstreams, over every file there, with random weights."""

import re

import pytest
import torch

from voicegraft import upstreams
from voicegraft.ragged import join

SECONDS = [0.05, 1.0, 0.31, 2.3, 1.0]


@pytest.fixture(scope="module", params=upstreams.names())
def plugin(request):
    return upstreams.plugin(request.param)


@pytest.fixture(scope="module")
def upstream(plugin):
    torch.manual_seed(1)
    return plugin.build(plugin.TINY).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def layers(upstream):
    return list(range(len(upstream.blocks) + 1))


def noise(upstream, seconds, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(round(seconds * upstream.sample_rate), generator=generator) / 10


@pytest.fixture(scope="module")
def windows(upstream):
    """Noise of several lengths, one of them silent and one with a silent end."""
    waves = [noise(upstream, seconds, seed) for seed, seconds in enumerate(SECONDS)]
    waves[1][:] = 0
    waves[4][len(waves[4]) // 2 :] = 0
    return [upstream.window(wave, margin_seconds=0.1) for wave in waves]


def largest_difference(some, others):
    """Return it over clips and layers; shapes must agree."""
    pairs = [(some[k].clips(), others[k].clips()) for k in others]
    return max((a - b).abs().max().item() for x, y in pairs for a, b in zip(x, y, strict=True))


def test_a_clip_alone_has_the_states_it_has_in_a_batch_at_every_layer(upstream, windows, layers):
    batch = upstream.encode(windows, layers)
    for i, window in enumerate(windows):
        alone = upstream.encode([window], layers)
        of_batch = {k: join([batch[k].clips()[i]]) for k in layers}
        assert largest_difference(alone, of_batch) <= 1e-3


def test_the_same_clips_have_the_same_states(upstream, windows, layers):
    once, again = (upstream.encode(windows, layers) for _ in range(2))
    assert all(torch.equal(once[k].values, again[k].values) for k in layers)


def test_different_audio_has_different_states(upstream, layers):
    waves = [upstream.window(noise(upstream, 1.0, seed), 0.0) for seed in (1, 2)]
    for states in upstream.encode(waves, layers).values():
        one, other = states.clips()
        assert (one - other).abs().max() > 0.01


def test_a_clip_has_a_frame_for_each_step_of_its_window(upstream, windows, layers):
    expected = [len(window) // upstream.frame_samples for window in windows]
    for states in upstream.encode(windows, layers).values():
        assert states.lengths.tolist() == expected
        assert states.values.shape == (sum(expected), upstream.size)


def test_a_window_is_the_clip_then_silence_to_a_whole_number_of_frames(upstream):
    for seconds in (0.0, 0.05, 0.333):
        wave = noise(upstream, seconds)
        window = upstream.window(wave, margin_seconds=0.5)
        assert torch.equal(window[: len(wave)], wave)
        assert not window[len(wave) :].any()
        assert len(window) % upstream.frame_samples == 0
        rest = len(window) - len(wave) - 0.5 * upstream.sample_rate
        assert 0 <= rest < upstream.frame_samples


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05, 1.0])
@pytest.mark.parametrize("level", [0.0, 1e-4, 1.0])
def test_states_are_finite_on_short_and_on_silent_clips(upstream, layers, seconds, level):
    window = upstream.window(level * noise(upstream, seconds), margin_seconds=0.0)
    for states in upstream.encode([window], layers).values():
        assert states.values.isfinite().all()


def test_from_the_states_of_any_layer_those_above_are_what_the_whole_run_gives(
    upstream, windows, layers
):
    whole = upstream.encode(windows, layers)
    for start in layers:
        above = upstream.above(whole[start], start, layers[start:])
        assert list(above) == layers[start:]
        assert largest_difference(whole, above) <= 1e-5


def test_blocks_norm_and_stem_modules_hold_every_parameter_once(upstream):
    modules = [*upstream.blocks, upstream.norm, *upstream.stem_modules()]
    held = [id(parameter) for module in modules for parameter in module.parameters()]
    assert sorted(held) == sorted(id(parameter) for parameter in upstream.parameters())


def test_the_config_builds_the_same_network(plugin, upstream):
    again = plugin.build(upstream.config)
    again.load_state_dict(upstream.state_dict())
    assert again.config == upstream.config == plugin.TINY


def test_the_longest_clip_fits_and_one_sample_more_is_refused_in_seconds(upstream):
    wave = torch.zeros(upstream.max_samples)
    assert len(upstream.window(wave, margin_seconds=1.0)) == upstream.max_samples
    limit = upstream.max_samples / upstream.sample_rate
    long = torch.zeros(upstream.max_samples + 5 * upstream.sample_rate)
    with pytest.raises(ValueError, match=rf"{limit + 5:.1f} s; the upstream takes {limit:.0f} s"):
        upstream.window(long, margin_seconds=0.0)
    with pytest.raises(ValueError):
        upstream.window(torch.zeros(upstream.max_samples + 1), margin_seconds=0.0)


def test_checkpoints_have_hashes_mirrors_and_a_licence(plugin):
    assert plugin.CHECKPOINTS
    for checkpoint in plugin.CHECKPOINTS.values():
        assert checkpoint.licence
        assert checkpoint.files
        for file in checkpoint.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.mirrors
            assert "/" not in file.name


def test_an_unknown_upstream_or_checkpoint_names_the_choices(plugin):
    name = plugin.__name__.rpartition(".")[2]
    with pytest.raises(ValueError, match=rf"upstream\.name: 'nobody' .*'{name}'"):
        upstreams.plugin("nobody")
    choices = re.escape(str(sorted(plugin.CHECKPOINTS)))
    with pytest.raises(ValueError, match=rf"upstream\.checkpoint: {name} has {choices}, not 'xl'"):
        upstreams.fetchable(name, "xl")


def test_a_folder_says_whose_files_it_holds(plugin, tmp_path):
    name = plugin.__name__.rpartition(".")[2]
    upstreams.write_identity(tmp_path, name, next(iter(plugin.CHECKPOINTS)))
    assert upstreams.name_in(tmp_path) == name
