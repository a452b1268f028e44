"""The attention decoder beside a head, and the contract of voicegraft/model/text_decoders."""

import inspect
import json

import ctranslate2
import numpy as np
import pytest
import torch
from invented import model
from test_training import FABRIC, NO_MASKS, fit, stored
from test_training import run as run_trainer
from test_unfreezing import recipe_of

from benchmarks.in_transformers import with_decoder
from voicegraft.model import unfreezing
from voicegraft.model import upstream as upstreams
from voicegraft.model.attention import Attention, AttentionDecoder, pretrained
from voicegraft.model.batches import pad
from voicegraft.model.formats import WeightsError
from voicegraft.model.saved import load_model, save_model
from voicegraft.model.text_decoders import whisper
from voicegraft.model.tokens import Tokens, spellable
from voicegraft.pipeline import plugins
from voicegraft.speech.torchaudio_on_cpu import torchaudio  # noqa: F401 - before transformers
from voicegraft.training.loop import Trainer
from voicegraft.training.recipe import add, parts_of
from voicegraft.training.records import size_of
from voicegraft.training.schedule import attention_part, head_part

from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # isort: skip
from transformers import WhisperConfig, WhisperForConditionalGeneration  # isort: skip

TEXTS = ["řeka a břeh", "a řeka", "babra", "řeka řeka břeh a babra"]
LABELS = ["", *sorted(set("".join(TEXTS)))]
SIZE = 32


def tokenizer(texts: list[str], merges: int = 20) -> Tokenizer:
    """Return byte-level byte-pair encoding learnt from texts by the library `tokenizers`."""
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=256 + merges, initial_alphabet=alphabet)
    found.train_from_iterator(texts, trainer)
    return found


def decoder(seed: int = 1, texts: list[str] = TEXTS, **changes) -> AttentionDecoder:
    torch.manual_seed(seed)
    tokens = spellable(tokenizer(texts).get_vocab(), [" ", *"".join(texts)])
    sizes = dict(size=SIZE, heads=2, blocks=2, positions=40, prompt=["<s>", "<t>"]) | changes
    return AttentionDecoder(Attention(**sizes, tokens=" ".join(tokens))).eval()


def clips(*frames: int) -> list[torch.Tensor]:
    torch.manual_seed(2)
    return [torch.randn(count, SIZE) for count in frames]


@pytest.mark.parametrize("merges", [0, 5, 40])
def test_texts_become_the_tokens_that_the_library_makes_of_them(merges):
    library = tokenizer(TEXTS, merges)
    ours = Tokens(spellable(library.get_vocab(), LABELS))
    for text in [*TEXTS, "abba hřeb"]:
        assert [ours.pieces[n] for n in ours.encode(text)] == library.encode(text).tokens
        assert ours.decode(ours.encode(text)) == text


def test_a_character_without_a_label_is_left_out_of_the_tokens():
    ours = Tokens(spellable(tokenizer(TEXTS).get_vocab(), LABELS))
    assert ours.decode(ours.encode("abba 7 hyřeb")) == "abba hřeb"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A tiny Whisper of transformers with random weights, and the folder that it was saved to."""
    folder, library = tmp_path_factory.mktemp("tiny"), tokenizer(TEXTS)
    vocabulary = library.get_vocab()
    special = [whisper.END, whisper.START, "<|cs|>", "<|yo|>", whisper.TASK, whisper.BARE]
    ids = {token: len(vocabulary) + place for place, token in enumerate(special)}
    added = [{"id": number, "content": token} for token, number in ids.items()]
    tokens = {"model": {"vocab": vocabulary}, "added_tokens": added}
    (folder / "tokenizer.json").write_text(json.dumps(tokens))
    torch.manual_seed(3)
    sizes = dict(d_model=SIZE, encoder_layers=1, decoder_layers=2, max_target_positions=40)
    sizes |= dict(encoder_attention_heads=2, decoder_attention_heads=4, pad_token_id=0)
    sizes |= dict(encoder_ffn_dim=4 * SIZE, decoder_ffn_dim=4 * SIZE, max_source_positions=50)
    config = WhisperConfig(vocab_size=len(vocabulary) + len(ids), **sizes)
    network = WhisperForConditionalGeneration(config).eval()
    for parameter in network.parameters():  # at first, biases are 0 and norms 1
        torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    return network, folder, vocabulary | ids


@torch.no_grad()
def test_transformers_gives_texts_the_same_likelihood_by_the_same_weights(theirs):
    network, folder, ids = theirs
    encoded = clips(50)[0]
    ours = whisper.load(folder, LABELS, pad([encoded]))
    language = ours.config.prompt[1]
    assert ours.config.prompt == [whisper.START, language, whisper.TASK, whisper.BARE]
    kept = [ids[whisper.END], *(ids[token] for token in ours.tokens.pieces)]
    for text in TEXTS:
        own = [ids[token] for token in tokenizer(TEXTS).encode(text).tokens]
        given = [*(ids[token] for token in ours.config.prompt), *own]
        logits = network(encoder_outputs=(encoded[None],), decoder_input_ids=torch.tensor([given]))
        scores = logits.logits[0, -len(own) - 1 :, kept].log_softmax(-1)
        wanted = [kept.index(number) for number in (*own, ids[whisper.END])]
        expected = scores[range(len(wanted)), wanted].sum()
        (got,) = ours.log_likelihoods(encoded, [text])
        assert got == pytest.approx(expected.item(), rel=1e-4)


@torch.no_grad()
def test_transformers_hears_the_same_language(theirs):
    network, folder, ids = theirs
    for encoded in clips(50, 50, 50, 50):
        start = torch.tensor([[ids[whisper.START]]])
        logits = network(encoder_outputs=(encoded[None],), decoder_input_ids=start).logits[0, -1]
        expected = max(["<|cs|>", "<|yo|>"], key=lambda token: logits[ids[token]])
        assert whisper.load(folder, LABELS, pad([encoded])).config.prompt[1] == expected


def test_ctranslate2_hears_the_same_language_by_true_weights(whisper_folder):
    encoder = upstreams.load(whisper_folder)
    wave = torch.from_numpy(np.random.default_rng(1).normal(0, 0.1, 480_000).astype(np.float32))
    states = encoder.encode([wave], [6])[6].values
    library = ctranslate2.models.Whisper(str(whisper_folder), compute_type="float32")
    features = np.ascontiguousarray(encoder.features(wave).T[None].numpy())
    languages, *_ = library.detect_language(ctranslate2.StorageView.from_array(features))
    (expected, _), *_ = languages
    ours = whisper.load(whisper_folder, LABELS, pad([states]))
    assert ours.config.prompt[1] == expected


def test_greedy_texts_are_those_of_the_likeliest_token_each_time_without_a_cache():
    ours, encoded = decoder(seed=2), clips(50, 80, 30)
    for parameter in ours.parameters():  # strong enough for a place to change the token
        torch.nn.init.normal_(parameter.data, std=0.5)
    texts = ours.greedy(pad(encoded))
    assert any(len(set(ours.rows(text))) > 2 for text in texts)
    assert ours.written(encoded) == texts
    for states, text in zip(encoded, texts, strict=True):
        rows, memory = list(ours.prompt), ours.listen(pad([states]))
        for _ in range(1 + len(states) // 3):
            scores = ours.log_probabilities(torch.tensor([rows]), memory)[0, -1]
            if (likeliest := int(scores.argmax())) == ours.END:
                break
            rows.append(likeliest)
        assert ours.text(rows[len(ours.prompt) :]) == text


def test_a_clip_has_the_same_likelihoods_and_loss_in_any_company():
    ours, encoded = decoder(), clips(50, 80)
    pairs = list(zip(encoded, TEXTS[:2], strict=True))
    alone = [ours.log_likelihoods(states, [text]) for states, text in pairs]
    among = [ours.log_likelihoods(states, TEXTS)[n] for n, states in enumerate(encoded)]
    assert torch.allclose(torch.cat(alone), torch.stack(among), atol=1e-4)
    joint = ours.loss(pad(encoded), TEXTS[:2])
    counts = [len(ours.rows(text)) + 1 for text in TEXTS[:2]]
    each = [ours.loss(pad([s]), [t]) * n for (s, t), n in zip(pairs, counts, strict=True)]
    assert joint.item() == pytest.approx(sum(each).item() / sum(counts), rel=1e-4)


def test_a_text_longer_than_there_are_positions_is_cut_to_them():
    ours, text = decoder(positions=8), " ".join(TEXTS)
    assert len(ours.rows(text)) == ours.longest == 5
    assert ours.log_likelihoods(clips(30)[0], [text]).isfinite().all()


def test_a_saved_model_writes_the_same_texts_with_nothing_but_its_folder(tmp_path):
    grafted = model().eval()
    before = grafted.description.model_dump_json(exclude_none=True)
    grafted.attend(decoder())
    save_model(grafted, tmp_path)
    loaded = load_model(tmp_path, "cpu")
    assert "attention" not in before and loaded.description == grafted.description
    encoded = pad(clips(40, 60))
    assert loaded.attention.greedy(encoded) == grafted.attention.greedy(encoded)


@pytest.mark.parametrize("name", plugins.names("model.text_decoders"))
def test_a_text_decoder_is_that_of_an_upstream_and_loads_as_the_contract_says(name):
    assert name in upstreams.names()
    assert list(inspect.signature(plugins.load("model.text_decoders", name).load).parameters) == [
        *("folder", "labels", "encoded"),
    ]


@pytest.mark.parametrize("upstream", ["wav2vec2", "huggingface", "resemblyzer"])
def test_an_upstream_without_a_text_decoder_is_refused_by_the_knob_and_those_with_one(upstream):
    known = str(plugins.names("model.text_decoders")).replace("[", "\\[")
    with pytest.raises(ValueError, match=f"attention_weight must be 0 .* {upstream}, .*{known}"):
        pretrained(upstream, None, LABELS, pad(clips(5)))


def test_a_tokenizer_of_another_kind_is_refused_by_its_file(theirs, tmp_path):
    _, folder, _ = theirs
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    (tmp_path / "tokenizer.json").write_text('{"model": {"vocab": {}}, "added_tokens": []}')
    with pytest.raises(WeightsError, match="tokenizer.json is not the tokenizer of a Whisper"):
        whisper.load(tmp_path, LABELS, pad(clips(5)))


def test_a_joint_training_lowers_the_errors_of_head_and_decoder(corpus, store, tmp_path):
    grafted, knobs = model(), fit(epochs=12, masking=NO_MASKS)
    grafted.attend(decoder(texts=["abřabř", "řba"]))
    parts = [head_part(grafted, 0.02), attention_part(grafted, 0.003)]
    inputs = stored(store, 2, knobs)
    trainer = Trainer(FABRIC, grafted, inputs, parts, knobs, attention_weight=0.5)
    curve = run_trainer(trainer, corpus, tmp_path)
    for name in ("dev/cer", "dev/attention_cer"):
        assert min(record[name] for record in curve) < 0.9 * curve[0][name]
    error = [record["dev/cer"] + record["dev/attention_cer"] for record in curve]
    assert trainer.progress.best_error == pytest.approx(min(error) / 2)
    dev = corpus.of("dev")
    texts = grafted.attention.greedy(pad([inputs(clip) for clip in dev]))
    written = grafted.objective.rates(dev, texts)["cer"]
    best = error.index(min(error))
    assert written == pytest.approx(curve[best]["dev/attention_cer"], abs=1e-6)


@pytest.mark.parametrize("way", unfreezing.names())
def test_a_text_decoder_learns_in_every_way_and_is_loaded_as_it_was_saved(way, tmp_path):
    recipe = recipe_of(way, unfrozen_blocks=0, attention_weight=1.0)
    grafted, states = model(), torch.randn(9, SIZE)
    grafted.attend(decoder())
    before = grafted.attention.log_likelihoods(states, TEXTS)
    add(grafted, recipe)
    assert torch.equal(grafted.attention.log_likelihoods(states, TEXTS), before)
    assert grafted.description.added is None
    (part,) = parts_of(recipe, grafted)
    learning = sum(parameter.numel() for parameter in part.parameters)
    assert learning
    assert (learning == size_of(grafted.attention)) == (way == "blocks")
    for parameter in part.parameters:
        parameter.data += torch.randn_like(parameter) / 9
    after = grafted.attention.log_likelihoods(states, TEXTS)
    assert not torch.allclose(after, before)
    save_model(grafted, tmp_path)
    loaded = load_model(tmp_path, "cpu").attention.log_likelihoods(states, TEXTS)
    torch.testing.assert_close(loaded, after)


@torch.no_grad()
def test_the_peer_of_benchmarks_gives_texts_the_same_likelihood_by_true_weights(whisper_folder):
    torch.manual_seed(1)
    states = torch.randn(50, 512)
    ours = whisper.load(whisper_folder, LABELS, pad([states]))
    library = Tokenizer.from_file(str(whisper_folder / "tokenizer.json"))
    prompt = [library.token_to_id(token) for token in ours.config.prompt]
    own = [library.token_to_id(ours.tokens.pieces[n]) for n in ours.tokens.encode("abba hřeb")]
    end = library.token_to_id(whisper.END)
    kept = [end, *(library.token_to_id(token) for token in ours.tokens.pieces)]
    theirs = with_decoder(whisper_folder).eval()
    given = torch.tensor([[*prompt, *own]])
    found = theirs(encoder_outputs=(states[None],), decoder_input_ids=given)
    scores = found.logits[0, -len(own) - 1 :, kept].log_softmax(-1)
    expected = scores[range(len(own) + 1), [kept.index(n) for n in (*own, end)]].sum()
    assert ours.log_likelihoods(states, ["abba hřeb"])[0] == pytest.approx(
        expected.item(), rel=1e-4
    )
