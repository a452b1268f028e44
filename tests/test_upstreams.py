"""The contract of voicegraft/upstreams, over every file there, with random weights."""

import re

import pytest
import torch

from voicegraft.fetching.checkpoints import fetchable
from voicegraft.model import upstream as upstreams
from voicegraft.model.batches import join
from voicegraft.model.grafted import Description, GraftedModel
from voicegraft.model.saved import load_model, save_model
from voicegraft.pipeline import plugins

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
        assert (one - other).abs().max() > 0.001 * one.abs().max()


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


def test_under_a_head_it_is_the_same_once_written_and_read(plugin, upstream, tmp_path):
    description = Description(
        upstream=plugin.__name__.rpartition(".")[2],
        upstream_config=upstream.config,
        margin_seconds=0.1,
        head="ctc_linear",
        layer=len(upstream.blocks),
        labels=["", "a", "b"],
    )
    model = GraftedModel(description).eval()
    save_model(model, tmp_path)
    wave = noise(upstream, 1.0).numpy()
    once, later = (m.emissions([wave])[0] for m in (model, load_model(tmp_path, "cpu")))
    assert torch.allclose(once, later, atol=1e-5)


def test_the_longest_clip_fits_and_one_sample_more_is_refused_in_seconds(upstream):
    wave = torch.zeros(upstream.max_samples)
    assert len(upstream.window(wave, margin_seconds=1.0)) == upstream.max_samples
    limit = upstream.max_samples / upstream.sample_rate
    long = torch.zeros(upstream.max_samples + 5 * upstream.sample_rate)
    with pytest.raises(ValueError, match=rf"{limit + 5:.1f} s; the upstream takes {limit:.0f} s"):
        upstream.window(long, margin_seconds=0.0)
    with pytest.raises(ValueError):
        upstream.window(torch.zeros(upstream.max_samples + 1), margin_seconds=0.0)


each_pretrained = pytest.mark.parametrize(
    "name", [name for name in upstreams.names() if not upstreams.is_control(name)]
)
each_control = pytest.mark.parametrize(
    "name", [name for name in upstreams.names() if upstreams.is_control(name)]
)


each_with_a_layout = pytest.mark.parametrize(
    "name",
    [n for n in plugins.names("checkpoints") if hasattr(plugins.load("checkpoints", n), "LAYOUT")],
)
ON_THE_HUB = f"someone/some-model@{'0' * 40}"


@each_pretrained
def test_something_can_be_fetched(name):
    table = plugins.load("checkpoints", name)
    assert table.CHECKPOINTS or table.LAYOUT


@each_pretrained
def test_checkpoints_have_mirrors_a_licence_and_a_hash_unless_none_is_published(name):
    for checkpoint in plugins.load("checkpoints", name).CHECKPOINTS.values():
        assert checkpoint.licence
        assert checkpoint.files
        for file in checkpoint.files:
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.mirrors
            assert "/" not in file.name


@each_pretrained
def test_an_unknown_upstream_or_checkpoint_names_the_choices(name):
    with pytest.raises(ValueError, match=rf"upstream\.name: 'nobody' .*'{name}'"):
        upstreams.plugin("nobody")
    choices = re.escape(str(sorted(plugins.load("checkpoints", name).CHECKPOINTS)))
    with pytest.raises(ValueError, match=rf"upstream\.checkpoint: {name} has {choices}, not 'xl'"):
        fetchable(name, "xl")


@each_with_a_layout
def test_a_layout_has_names_of_weights_that_are_no_pickles(name):
    layout = plugins.load("checkpoints", name).LAYOUT
    assert layout.weights
    assert not any("/" in file for file in (*layout.weights, *layout.beside))
    assert set(layout.weights) <= {"model.safetensors", "model.bin"}  # the latter CTranslate2's


@each_with_a_layout
def test_a_repository_of_the_hub_is_a_checkpoint_if_its_revision_cannot_move(name):
    assert str(fetchable(name, ON_THE_HUB)) == ON_THE_HUB
    with pytest.raises(ValueError, match="some-model@<40 hex digits> is needed"):
        fetchable(name, "someone/some-model@main")


@each_with_a_layout
def test_a_file_of_ones_own_is_a_checkpoint_by_its_hash(name):
    weights = plugins.load("checkpoints", name).LAYOUT.weights[0]
    (file,) = fetchable(name, f"{weights}@{'0' * 64}").files
    assert (file.name, file.sha256) == (weights, "0" * 64)


@each_pretrained
def test_a_folder_says_whose_files_it_holds(name, tmp_path):
    some = next(iter(plugins.load("checkpoints", name).CHECKPOINTS), ON_THE_HUB)
    upstreams.write_identity(tmp_path, name, some, fetchable(name, some).licence)
    assert upstreams.name_in(tmp_path) == name


@each_control
def test_a_control_is_loaded_as_an_upstream_is_and_always_with_the_same_weights(
    name, whisper_folder, tmp_path
):
    upstreams.write_control(tmp_path / "control", name, whisper_folder)
    once, again = (upstreams.load(tmp_path / "control") for _ in range(2))
    assert upstreams.name_in(tmp_path / "control") == name
    assert once.frame_samples == upstreams.load(whisper_folder).frame_samples
    weights = zip(once.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in weights)
    assert not any(parameter.requires_grad for parameter in once.parameters())


@each_control
def test_a_control_cannot_be_fetched_and_the_message_says_where_it_belongs(name):
    message = rf"upstream\.name: '{name}' has no weights .* belong in transfer\.controls"
    with pytest.raises(ValueError, match=message):
        fetchable(name, "base")


@each_pretrained
def test_what_is_no_control_is_refused_with_those_that_are(name, whisper_folder, tmp_path):
    choices = "'log_mel', 'mfcc', 'random'"
    with pytest.raises(ValueError, match=rf"transfer\.controls: '{name}' .*{choices}"):
        upstreams.write_control(tmp_path, name, whisper_folder)
