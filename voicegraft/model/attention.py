"""An attention decoder beside the head: it writes texts token by token, listening to all states.

The network is that of Whisper's text decoder (Radford et al. 2022, https://arxiv.org/abs/2212.04356),
trained alone or together with CTC (Watanabe et al. 2017, https://doi.org/10.1109/JSTSP.2017.2763455).
It listens to what the head listens to, and writes tokens that the labels can spell.

A plug-in in voicegraft/model/text_decoders has the name of the upstream whose decoder it reads, and
one function:

    def load(folder: Path, labels: Sequence[str], encoded: Padded) -> AttentionDecoder

`folder` is the upstream's, as fetch_model writes it; `encoded`, (clips, frames, size), are states
of its last layer, by which a decoder of several languages may tell which one is spoken.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from voicegraft.model import unfreezing
from voicegraft.model.attention_block import Block, KeysValues, Memory
from voicegraft.model.batches import Padded, batches_by_length, pad
from voicegraft.model.tokens import Tokens
from voicegraft.pipeline import plugins

IGNORED = -1
"""In place of a token where a shorter text has ended."""
PACE = 3
"""Frames to a token, at least: the fastest clips of the Czech game have six, most have eleven."""
AT_ONCE = 5_000
"""Frames of clips whose texts are written at once, with their padding."""
SMOOTHING = 0.1
"""Share of each target spread over all tokens (Szegedy et al. 2016)."""


class Attention(BaseModel):
    """What is needed to build an attention decoder: sizes, and its tokens by rank."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    heads: int
    blocks: int
    positions: int
    """The most tokens of a text, with its prompt and its end."""
    prompt: list[str]
    """What stands before each text, such as <|startoftranscript|>."""
    tokens: str
    """By rank, with a space between each: no token has one, see voicegraft.model.tokens."""
    added: unfreezing.Added | None = None
    """Modules that training added to it, if any."""


def pretrained(
    upstream: str, folder: Path, labels: Sequence[str], encoded: Padded
) -> "AttentionDecoder":
    """Return the text decoder of the upstream of that name, as the contract says.

    Raises:
        ValueError: if it has none, naming the upstreams that have one.
    """
    if upstream not in (names := plugins.names("model.text_decoders")):
        raise ValueError(
            f"params.yaml: attention_weight must be 0 if upstream.name is {upstream}, which has no "
            f"text decoder; upstreams with one: {names}"
        )
    return plugins.load("model.text_decoders", upstream).load(folder, labels, encoded)


class AttentionDecoder(nn.Module):
    """The decoder of `config`, with random weights until loaded.

    Rows of the embedding are the end of a text, the tokens, and the prompt, which is never written.
    """

    END = 0

    def __init__(self, config: Attention):
        super().__init__()
        self.config, self.tokens = config, Tokens(config.tokens.split(" "))
        self.outputs = 1 + len(self.tokens.pieces)
        """The rows that can be written: the end and the tokens."""
        rows = self.outputs + len(config.prompt)
        self.embedding = nn.Parameter(torch.randn(rows, config.size) / 10)
        self.positions = nn.Parameter(torch.randn(config.positions, config.size) / 10)
        self.blocks = nn.ModuleList(Block(config.size, config.heads) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.size)
        if config.added:
            unfreezing.add(self.blocks, config.size, config.added)

    def add(self, added: unfreezing.Added) -> None:
        """Add modules to its blocks, with weights to be learnt; see `unfreezing.add`."""
        unfreezing.add(self.blocks, self.config.size, added)
        self.config = self.config.model_copy(update={"added": added})

    @property
    def prompt(self) -> list[int]:
        """The rows of the prompt."""
        return list(range(self.outputs, len(self.embedding)))

    @property
    def longest(self) -> int:
        """The most tokens of a text."""
        return self.config.positions - len(self.config.prompt) - 1

    def rows(self, text: str) -> list[int]:
        """Return the rows of the tokens of a text, cut to `longest`."""
        return [1 + number for number in self.tokens.encode(text)[: self.longest]]

    def text(self, rows: Sequence[int]) -> str:
        """Return the text of rows."""
        return self.tokens.decode(row - 1 for row in rows)

    def listen(self, states: Padded) -> Memory:
        """Return what is attended to in states (batch, frames, size)."""
        mask = states.mask
        encoded = [block.listen(states.values) for block in self.blocks]
        return Memory(encoded, None if mask is None else mask[:, None, None])

    def log_probabilities(self, rows: Tensor, memory: Memory) -> Tensor:
        """Return those of what follows each of rows (batch, places), (batch, places, outputs)."""
        return self.following(rows, memory, None)[0]

    def following(
        self, rows: Tensor, memory: Memory, past: list[KeysValues] | None
    ) -> tuple[Tensor, list[KeysValues]]:
        """Return `log_probabilities`, and by block the keys and values of all tokens so far.

        Args:
            rows: of all tokens, or, with a `past`, of the one that follows it.
            memory: of the states.
            past: what was returned for the tokens before.
        """
        first = 0 if past is None else past[0][0].shape[2]
        states = self.embedding[rows] + self.positions[first : first + rows.shape[1]]
        kept = []
        for place, block in enumerate(self.blocks):
            before = None if past is None else past[place]
            states, own = block(states, memory.encoded[place], memory.mask, before)
            kept.append(own)
        scores = F.linear(self.norm(states), self.embedding[: self.outputs])
        return F.log_softmax(scores.float(), -1), kept

    def teach(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return rows given and rows to follow them, both (batch, places), of texts.

        The latter are IGNORED within the prompt and behind the end.
        """
        prompt = self.prompt
        given = [torch.tensor([*prompt, *self.rows(text)]) for text in texts]
        silent = [IGNORED] * (len(prompt) - 1)
        wanted = [torch.tensor([*silent, *rows[len(prompt) :], self.END]) for rows in given]
        padded = nn.utils.rnn.pad_sequence
        return padded(given, True), padded(wanted, True, IGNORED)

    def loss(self, states: Padded, texts: Sequence[str]) -> Tensor:
        """Return the cross-entropy of a token, with label smoothing, a scalar."""
        given, wanted = (rows.to(states.values.device) for rows in self.teach(texts))
        scores = self.log_probabilities(given, self.listen(states))
        return F.cross_entropy(
            scores.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, label_smoothing=SMOOTHING
        )

    @torch.no_grad()
    def log_likelihoods(self, states: Tensor, texts: Sequence[str]) -> Tensor:
        """Return ln p of each of `texts`, (texts,), for a clip's states (frames, size)."""
        memory = self.listen(pad([states.to(self.embedding.device)])).repeated(len(texts))
        given, wanted = (rows.to(self.embedding.device) for rows in self.teach(texts))
        scores = self.log_probabilities(given, memory)
        found = scores.gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
        return (found * (wanted != IGNORED)).sum(1).cpu()

    def written(self, clips: Sequence[Tensor], quiet: bool = True) -> list[str]:
        """Return a text for each of clips of states (frames, size), in their order.

        A token of sixteen clips takes no longer than that of one: all weights are read for either.
        """
        found: dict[int, str] = {}
        with tqdm(total=len(clips), desc="attention", unit="clip", disable=quiet) as bar:
            for batch in batches_by_length([len(clip) for clip in clips], AT_ONCE):
                texts = self.greedy(pad([clips[place].float() for place in batch]))
                found |= dict(zip(batch, texts, strict=True))
                bar.update(len(batch))
        return [found[place] for place in range(len(clips))]

    @torch.no_grad()
    def greedy(self, states: Padded) -> list[str]:
        """Return a text for each clip of states (batch, frames, size), of the likeliest tokens.

        A text that repeats itself would have no end: it has at most a token for each `PACE` frames.
        """
        memory, clips = self.listen(states), len(states.lengths)
        most = [min(self.longest, 1 + frames // PACE) for frames in states.lengths.tolist()]
        rows = torch.tensor([self.prompt] * clips, device=self.embedding.device)
        written, past, ended = [], None, torch.zeros(clips, dtype=torch.bool)
        while not ended.all():
            scores, past = self.following(rows, memory, past)
            rows = scores[:, -1].argmax(-1)[:, None]
            ended |= rows[:, 0].cpu() == self.END
            written.append(rows[:, 0].cpu().masked_fill(ended, self.END))
            ended |= len(written) >= torch.tensor(most)
        texts = torch.stack(written, 1).tolist()
        return [self.text([row for row in text if row != self.END]) for text in texts]
