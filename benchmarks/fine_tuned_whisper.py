"""Whisper fine-tuned the usual way, beside ours: transformers' own decoder, loss and search.

    python -m benchmarks.fine_tuned_whisper WORK [--margin 30] [--epochs 4] [--lr 1e-4]

Reads   UPSTREAM, CORPUS, PREDICTIONS of ours, as the stages leave them; params.yaml
Writes  WORK: the encoder's outputs by margin, computed once, and the texts that were written
Prints  a table in Markdown: error rates with intervals of each way on test and unseen; behind it
        seconds and memory

The recipe is that of https://huggingface.co/blog/fine-tune-whisper: the tokens of the language,
batches of 16, AdamW with linear warm-up and decay, half precision, greedy search, best WER on dev.
What differs: the encoder is frozen, so that an afternoon is enough, and `margin` may cut the
silence behind a clip, of which the usual window has all up to 30 s; it is then the fewest seconds
of silence, and clips are filled up to a multiple of 2 s, so that those of a batch are equally long.
"""

import random
import resource
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from benchmarks.changes import written
from benchmarks.in_transformers import with_decoder
from benchmarks.results_table import HEADER, ROWS, row
from voicegraft.evaluation.predictions import SCORED, read_emissions, write_emissions
from voicegraft.evaluation.report import write_predictions
from voicegraft.evaluation.scores import score
from voicegraft.evaluation.summary import Evaluate, metrics
from voicegraft.model import upstream as upstreams
from voicegraft.model.precision import products_in
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.params import load_params
from voicegraft.preparing.corpus import CorpusSection
from voicegraft.preparing.text import TextSection, normalise
from voicegraft.speech.manifest import Corpus, Utterance

from transformers import GenerationMixin, get_linear_schedule_with_warmup  # isort: skip
from transformers.modeling_outputs import BaseModelOutput  # isort: skip

OURS = ("head", "top3", "head_lm", "top3_lm")
BATCH, STEP_SECONDS, WARM_UP, IGNORED, MOST = 16, 2, 0.1, -100, 225
PROMPT = ("<|startoftranscript|>", "<|{language}|>", "<|transcribe|>", "<|notimestamps|>")
END = "<|endoftext|>"


def frames(utterance: Utterance, margin: float) -> int:
    """Return the frames of a clip with its silence, fifty a second."""
    steps = -(-(utterance.seconds + margin) // STEP_SECONDS)
    return int(min(30, STEP_SECONDS * steps) * 50)


def batches(clips: Sequence[Utterance], margin: float, rng: random.Random) -> list[list[Utterance]]:
    """Return batches of equally long windows, in random order."""
    by_length = defaultdict(list)
    for clip in rng.sample(clips, len(clips)):
        by_length[frames(clip, margin)].append(clip)
    found = [own[k : k + BATCH] for own in by_length.values() for k in range(0, len(own), BATCH)]
    return rng.sample(found, len(found))


@torch.inference_mode()
def encoded(
    folder: Path, corpus: Corpus, clips: Sequence[Utterance], margin: float
) -> list[Tensor]:
    """Return the encoder's output for the window of each clip, float16 (frames, size)."""
    encoder, found = upstreams.load(folder), []
    for clip in tqdm(clips, "encode", unit="clip"):
        wave = torch.from_numpy(corpus.wave(clip))
        wave = torch.nn.functional.pad(wave, (0, frames(clip, margin) * 320 - len(wave)))
        with products_in("bfloat16", encoder.device):
            (own,) = encoder.encode([wave], [len(encoder.blocks)])[len(encoder.blocks)].clips()
        found.append(own.half())
    return found


class Peer:
    """transformers' Whisper of a folder, on outputs of its encoder by clip."""

    def __init__(self, folder: Path, language: str, outputs: dict[str, Tensor], margin: float):
        self.model, self.outputs, self.margin = with_decoder(folder), outputs, margin
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        ids = self.tokenizer.token_to_id
        self.prompt = [ids(token.format(language=language)) for token in PROMPT]
        self.end, self.seconds = ids(END), 0.0
        self.model.config.decoder_start_token_id = self.prompt[0]
        self.model.config.pad_token_id = self.end

    def encoded(self, batch: Sequence[Utterance]) -> BaseModelOutput:
        """Return the outputs of a batch, (batch, frames, size)."""
        states = torch.stack([self.outputs[clip.id] for clip in batch]).float()
        return BaseModelOutput(last_hidden_state=states)

    def loss(self, batch: Sequence[Utterance]) -> Tensor:
        """Return transformers' own loss, of the prompt but its first token, text and end."""
        texts = [self.tokenizer.encode(c.text, add_special_tokens=False).ids for c in batch]
        rows = [torch.tensor([*self.prompt[1:], *text, self.end]) for text in texts]
        labels = pad_sequence(rows, True, IGNORED)
        encoded = self.encoded(batch)
        with torch.autocast("cpu", torch.bfloat16):
            return self.model(encoder_outputs=encoded, labels=labels).loss

    def train(self, clips: Sequence[Utterance], epochs: int, lr: float) -> Iterator[float]:
        """Train; yield the mean loss after each epoch."""
        rng, steps = random.Random(1), len(batches(clips, self.margin, random.Random(1)))
        adamw = torch.optim.AdamW(self.model.model.decoder.parameters(), lr)
        total = epochs * steps
        schedule = get_linear_schedule_with_warmup(adamw, int(WARM_UP * total), total)
        for epoch in range(epochs):
            self.model.train()
            began, losses = time.monotonic(), []
            for batch in tqdm(batches(clips, self.margin, rng), f"epoch {epoch + 1}", unit="step"):
                loss = self.loss(batch)
                adamw.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.model.decoder.parameters(), 1.0)
                adamw.step(), schedule.step()
                losses.append(loss.item())
            self.seconds += time.monotonic() - began
            yield sum(losses) / len(losses)

    @torch.inference_mode()
    def write(self, clips: Sequence[Utterance], spelling: TextSection) -> list[str]:
        """Return a text for each clip, by greedy search, normalised as the corpus is."""
        self.model.eval()
        found = {}
        for batch in tqdm(batches(clips, self.margin, random.Random(1)), "write", unit="batch"):
            given = torch.tensor([self.prompt] * len(batch))
            # Whisper's own generate() asks for audio, and finds pauses and languages in it.
            rows = GenerationMixin.generate(
                self.model,
                decoder_input_ids=given,
                encoder_outputs=self.encoded(batch),
                max_new_tokens=MOST,
                do_sample=False,
                eos_token_id=self.end,
                pad_token_id=self.end,
            )
            texts = self.tokenizer.decode_batch(rows[:, len(self.prompt) :].tolist())
            found |= {clip.id: normalise(t, spelling) for clip, t in zip(batch, texts, strict=True)}
        return [found[clip.id] for clip in clips]


def keep_best(
    peer: Peer,
    losses: Iterable[float],
    dev: Sequence[Utterance],
    spelling: TextSection,
    params: Evaluate,
) -> None:
    """Train through all epochs, and leave the peer at the one with the best WER on dev, if any."""
    best, kept = float("inf"), None
    for epoch, loss in enumerate(losses, 1):
        print(f"epoch {epoch}: loss {loss:.3f}", flush=True)
        if not dev:
            continue
        own = metrics(score(dev, peer.write(dev, spelling), None), params)["dev"]
        print(f"dev CER {own['cer']:.4f}, WER {own['wer']:.4f}", flush=True)
        if own["wer"] < best:
            best, decoder = own["wer"], peer.model.model.decoder
            kept = {k: v.clone() for k, v in decoder.state_dict().items()}
    if kept:
        peer.model.model.decoder.load_state_dict(kept)


def outputs_of(work: Path, folder: Path, corpus: Corpus, margin: float) -> dict[str, Tensor]:
    """Return the encoder's outputs by clip, computed now if WORK has none."""
    clips, file = corpus.utterances, work / f"margin {margin:g}.safetensors"
    if not file.is_file():
        began = time.monotonic()
        write_emissions(file, clips, encoded(folder, corpus, clips, margin))
        print(f"encoded in {time.monotonic() - began:.0f} s", flush=True)
    found = read_emissions(file, clips)
    return {clip.id: own for clip, own in zip(clips, found, strict=True)}


def main(
    work: Path,
    upstream: Path = Path("models/upstream"),
    corpus: Path = Path("data/corpus"),
    predictions: Path = Path("data/predictions"),
    margin: float = 30.0,
    epochs: int = 4,
    lr: float = 1e-4,
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    params = load_params(Evaluate, "evaluate")
    spelling = load_params(TextSection, "prepare_data.text")
    speech, language = Corpus(corpus), load_params(CorpusSection, "corpus").language
    train, dev, scored = speech.of("train"), speech.of("dev"), speech.of(*SCORED)
    peer = Peer(upstream, language, outputs_of(work, upstream, speech, margin), margin)
    keep_best(peer, peer.train(train, epochs, lr), dev if epochs > 1 else [], spelling, params)
    began = time.monotonic()
    texts = peer.write(scored, spelling)
    took, memory = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_predictions(work / f"{margin:g} s, {epochs} epochs, {lr:g}.tsv", scored, texts)
    name = f"Whisper's decoder, {epochs} epochs at {lr:g}, silence of {margin:g} s"
    found = {ROWS[own]: written(predictions / f"{own}.tsv", scored) for own in OURS} | {name: texts}
    print(HEADER + "".join(row(own, scored, texts, params) for own, texts in found.items()))
    audio = sum(clip.seconds for clip in scored)
    pace = f"wrote at {audio / took:.0f} × real time, {memory / 2**20:.1f} GB at most"
    print(f"trained in {peer.seconds:.0f} s, {pace}")


if __name__ == "__main__":
    run_stage(main)
