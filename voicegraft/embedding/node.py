"""What a node of a cluster does: encode takes into the cache, as it is told by their ids."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voicegraft.embedding.extraction import keep
from voicegraft.embedding.extractor import Extractor, opened
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.takes import Take
from voicegraft.model.precision import Precision


@dataclass(frozen=True)
class Job:
    """What an encoder is told: paths, knobs, and what it must agree on.

    Attributes:
        first: the cache keys of the first take, which cover weights, code, packages and precision.
    """

    upstream: Path
    corpus: Path
    cache: Path
    params: ExtractEmbeddings
    precision: Precision
    first: frozenset[bytes]


def job_of(extractor: Extractor, upstream: Path, corpus: Path, cache: Path) -> Job:
    """Return what encoders are told, with the folders by their whole paths."""
    params = extractor.params
    if params.shared_cache and "://" not in params.shared_cache:
        folder = str(Path(params.shared_cache).absolute())
        params = params.model_copy(update={"shared_cache": folder})
    first = frozenset(extractor.keys(extractor.takes[0]).values())
    paths = (path.absolute() for path in (upstream, corpus, cache))
    return Job(*paths, params, extractor.precision, first)


@dataclass
class Done:
    """What became of a task: seconds of audio, takes that were encoded, and why others failed."""

    seconds: float
    encoded: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class Encoder:
    """A process on a node: an upstream before the corpus, and a shard of the cache."""

    def __init__(self, job: Job):
        self.job = job

    def start(self) -> str:
        """Load all that is needed; return the name of the node.

        Raises:
            ValueError: as `load`.
        """
        import ray

        self.load()
        return f"{socket.gethostname()} ({ray.get_runtime_context().get_node_id()[:6]})"

    def load(self) -> None:
        """Load the upstream and the corpus, and open the cache.

        Raises:
            ValueError: if the node lacks files, or would encode otherwise than the driver.
        """
        job, node = self.job, socket.gethostname()
        for path in (job.upstream, job.corpus):
            if not path.is_dir():
                raise ValueError(f"node {node} has no {path}: all nodes need it at this path")
        self.extractor = Extractor(job.upstream, job.corpus, job.params, job.precision)
        if frozenset(self.extractor.keys(self.extractor.takes[0]).values()) != job.first:
            raise ValueError(
                f"node {node} would encode otherwise than this machine: it has another version of "
                f"voicegraft, torch, {job.upstream} or {job.corpus}; or, in bfloat16, another "
                "processor: see extract_embeddings.precision"
            )
        self.takes = {take.id: take for take in self.extractor.takes}
        self.cache = opened(job.cache, job.params)

    def encode(self, ids: Sequence[str]) -> Done:
        """Encode those takes that the cache lacks, and share them.

        Raises:
            OSError: if the cache keeps nothing more.
        """
        chosen = [self.takes[name] for name in ids]
        done = Done(sum(take.seconds for take in chosen))
        try:
            self._keep(chosen, done)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - of one clip, whatever it is
            for batch in self.extractor.batches(chosen):
                self._keep_unless_bad(batch, done)
        if self.cache.shared is not None:
            self.cache.close_shard()
        return done

    def _keep(self, chosen: Sequence[Take], done: Done) -> None:
        extractor = self.extractor
        for some, fresh in keep(chosen, extractor.keys, self.cache, extractor.encode):
            done.encoded += len(some) if fresh else 0

    def _keep_unless_bad(self, batch: Sequence[Take], done: Done) -> None:
        """Encode a batch; or none of it, and find which takes cannot be encoded even alone."""
        try:
            self._keep(batch, done)
        except Exception:  # noqa: BLE001 - as above
            failed = dict(self._failing(batch))
            if not failed:  # it is not of a clip
                raise
            done.failed |= failed

    def _failing(self, chosen: Sequence[Take]) -> Iterator[tuple[str, str]]:
        for take in chosen:
            try:
                for _ in self.extractor.encode([take]):
                    pass
            except Exception as error:  # noqa: BLE001 - as above
                yield take.id, f"{error}"
