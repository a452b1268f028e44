"""Clips encoded by several processes, into one cache: in parts by hand, and by Ray."""

import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import stage_runs

from voicegraft.embedding import node, on_ray, shards
from voicegraft.embedding.extractor import Extractor, opened
from voicegraft.embedding.knobs import ExtractEmbeddings
from voicegraft.embedding.pool import Pool, Task
from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.params import load_params

STAGE, PATHS = "extract_embeddings", "upstream corpus cache embeddings"
PARTS = 3


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """An upstream of a few numbers, as a stage finds it."""
    folder, config = tmp_path_factory.mktemp("tiny"), upstreams.plugin("random").TINY
    upstreams._write_identity(folder, {"name": "random", "config": config})
    return folder


def project(folder: Path, upstream: Path, **knobs) -> Path:
    params = stage_runs.params_of()
    params[STAGE] |= {"batch_seconds": 3.0, "precision": "float32"} | knobs
    folder.mkdir()
    stage_runs.fill(folder, upstream, params)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory, tiny) -> dict[str, bytes]:
    """The files of a store that one process has made."""
    folder = project(tmp_path_factory.mktemp("alone") / "project", tiny)
    done = stage_runs.run(STAGE, PATHS, folder)
    assert done.returncode == 0, done.stderr
    return store_of(folder)


def store_of(folder: Path) -> dict[str, bytes]:
    files = [path for path in (folder / "embeddings").rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def kept(folder: Path) -> list[bytes]:
    """Return the key of each entry of the cache, twice if it is there twice."""
    found = [shards.batches(path, 0) for path in sorted((folder / "cache").glob("*.states"))]
    return [key for shard in found for entries, _ in shard for key in entries]


def test_parts_by_hand_are_encoded_once_and_make_the_store_of_one_process(tmp_path, tiny, alone):
    folder = project(tmp_path / "parts", tiny)
    for number in range(PARTS, 0, -1):
        done = stage_runs.run(STAGE, f"{PATHS} --shard {number}/{PARTS}", folder)
        assert done.returncode == 0, done.stderr
        assert not (folder / "embeddings").exists()
    encoded = kept(folder)
    assert len(encoded) == len(set(encoded))
    done = stage_runs.run(STAGE, PATHS, folder)
    assert done.returncode == 0, done.stderr
    assert kept(folder) == encoded and store_of(folder) == alone


def test_a_part_that_was_killed_encodes_only_its_rest(tmp_path, tiny, alone):
    folder = project(tmp_path / "killed", tiny)
    stage_runs.run(STAGE, f"{PATHS} --shard 1/2", folder)
    (shard,) = (folder / "cache").glob("*.states")
    with open(shard, "r+b") as file:
        file.truncate(shard.stat().st_size // 2)  # in the midst of a batch
    before = kept(folder)
    for part in ("1/2", "2/2"):
        stage_runs.run(STAGE, f"{PATHS} --shard {part}", folder)
    stage_runs.run(STAGE, PATHS, folder)
    encoded = kept(folder)
    assert before and len(encoded) == len(set(encoded)) and store_of(folder) == alone


@pytest.mark.parametrize("shard", ["3", "0/3", "4/3", "one/3", "-1/3"])
def test_a_part_that_there_is_not_is_refused(tmp_path, tiny, shard):
    done = stage_runs.run(STAGE, f"{PATHS} --shard={shard}", project(tmp_path / "odd", tiny))
    assert done.returncode and f"--shard {shard}: it must be such as 2/8" in done.stderr


@pytest.mark.parametrize("how", [{"engine": "ray"}, {}])
def test_a_cache_without_room_for_all_is_refused_before_clips_are_encoded(tmp_path, tiny, how):
    folder = project(tmp_path / "small", tiny, cache_gigabytes=1e-6, **how)
    done = stage_runs.run(STAGE, PATHS if how else f"{PATHS} --shard 1/2", folder)
    assert done.returncode and "cache_gigabytes is 1e-06" in done.stderr
    assert not kept(folder)


def test_nodes_of_ray_make_the_store_of_one_process(tmp_path, tiny, alone, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    folder = project(tmp_path / "ray", tiny, engine="ray")
    done = stage_runs.run(STAGE, PATHS, folder)
    assert done.returncode == 0, done.stderr
    encoded = kept(folder)
    assert len(encoded) == len(set(encoded)) and store_of(folder) == alone
    assert "nodes=1" in done.stderr


def test_without_ray_the_knob_says_what_to_install(tmp_path, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    folder = project(tmp_path / "without", tiny, engine="ray")
    done = stage_runs.run(STAGE, PATHS, folder)
    assert done.returncode and "pip install 'voicegraft[ray]'" in done.stderr


@pytest.fixture
def encoder(tmp_path, tiny, monkeypatch) -> node.Encoder:
    """What a node runs, in this process."""
    folder = project(tmp_path / "node", tiny)
    monkeypatch.chdir(folder)
    extractor = Extractor(Path("upstream"), Path("corpus"), load_params(ExtractEmbeddings, STAGE))
    made = node.Encoder(node.job_of(extractor, *map(Path, ("upstream", "corpus", "cache"))))
    made.load()
    return made


def test_a_bad_clip_names_itself_and_stops_no_other_batch(encoder, monkeypatch):
    extractor = encoder.extractor
    batches, bad = extractor.batches(extractor.takes), extractor.takes[7].id
    encode = Extractor.encode

    def fails(self, chosen):
        for batch in encode(self, chosen):
            if bad in {take.id for take in batch}:
                raise RuntimeError("it hums")
            yield batch

    monkeypatch.setattr(Extractor, "encode", fails)
    done = encoder.encode([take.id for take in extractor.takes])
    assert done.failed == {bad: "it hums"}
    (with_it,) = [batch for batch in batches if bad in {take.id for take in batch}]
    assert done.encoded == len(extractor.takes) - len(with_it)


def test_an_error_of_no_clip_is_not_laid_upon_one(encoder, monkeypatch):
    def fails(self, chosen):  # noqa: ARG001
        if len(chosen) > 1:
            raise RuntimeError("too many at once")
        yield {}

    monkeypatch.setattr(Extractor, "encode", fails)
    with pytest.raises(RuntimeError, match="too many at once"):
        encoder.encode([take.id for take in encoder.extractor.takes])


def test_a_node_shares_each_task_once_it_is_done(encoder, tmp_path):
    encoder.cache = opened(
        encoder.job.cache,
        encoder.job.params.model_copy(update={"shared_cache": str(tmp_path / "shared")}),
    )
    for number, batch in enumerate(encoder.extractor.batches(encoder.extractor.takes)[:3]):
        assert len(list(tmp_path.glob("shared/*.keys"))) == number
        encoder.encode([take.id for take in batch])
    assert len(list(tmp_path.glob("shared/*.keys"))) == 3


def test_a_node_that_would_encode_otherwise_is_refused(encoder):
    job = encoder.job
    other = node.Job(**vars(job) | {"params": job.params.model_copy(update={"margin_seconds": 1})})
    with pytest.raises(ValueError, match="would encode otherwise than this machine"):
        node.Encoder(other).load()
    away = node.Job(**vars(job) | {"corpus": Path("/nowhere")})
    with pytest.raises(ValueError, match="has no /nowhere"):
        node.Encoder(away).load()


def test_states_that_this_machine_cannot_see_are_an_error(encoder, monkeypatch):
    monkeypatch.setattr(on_ray, "VISIBLE_SECONDS", 0)
    monkeypatch.setattr(on_ray, "LOOK_SECONDS", 0)
    extractor = encoder.extractor
    with pytest.raises(ValueError, match="cannot see in .*shared_cache must be set"):
        on_ray._await(extractor, opened(encoder.job.cache, extractor.params), extractor.takes)


def test_tasks_have_whole_batches_and_every_take_once(encoder):
    extractor = encoder.extractor
    found = on_ray.tasks(extractor, extractor.takes)
    assert sorted(name for task in found for name in task.ids) == sorted(encoder.takes)
    batches = [{take.id for take in batch} for batch in extractor.batches(extractor.takes)]
    assert all(batch <= set(task.ids) for batch in batches for task in found
               if batch & set(task.ids))  # fmt: skip
    longest = [max(encoder.takes[name].samples for name in task.ids) for task in found]
    assert longest == sorted(longest, reverse=True)


class FakeRay:
    """Answers of Ray, of one encoder after the other: each call ends well or kills it."""

    exceptions = SimpleNamespace(
        RayActorError=type("RayActorError", (Exception,), {}),
        RayTaskError=type("RayTaskError", (Exception,), {}),
    )

    def __init__(self, encodes: str = "", starts: str = ""):
        self.fates = {"encode": iter(encodes), "start": iter(starts)}
        self.begun: list[list[str]] = []

    def cluster_resources(self) -> dict:
        return {}

    def remote(self, **_needs) -> Callable:
        return lambda _kind: SimpleNamespace(remote=lambda _job: FakeActor(self))

    def wait(self, refs: list, **_) -> tuple:
        return refs[-1:], refs[:-1]

    def get(self, answer: Callable) -> object:
        return answer()


class FakeActor:
    def __init__(self, ray: FakeRay):
        self.start = SimpleNamespace(remote=lambda: partial(self.answer, ray, "start", "a node"))
        self.encode = SimpleNamespace(remote=lambda ids: partial(self.encoded, ray, ids))

    def encoded(self, ray: FakeRay, ids: list[str]) -> object:
        ray.begun.append(ids)
        return self.answer(ray, "encode", node.Done(1.0, len(ids)))

    def answer(self, ray: FakeRay, call: str, well: object) -> object:
        if next(ray.fates[call], " ") == "†":
            raise ray.exceptions.RayActorError("it died")
        return well


def pool_of(ray: FakeRay, names: str) -> Pool:
    return Pool(ray, None, deque(Task([name]) for name in names))


def test_a_task_whose_encoder_dies_is_begun_again_by_another(capsys):
    ray = FakeRay(encodes=" † †† ")
    assert sorted(task.ids[0] for task, _ in pool_of(ray, "abc").run()) == ["a", "b", "c"]
    assert len(ray.begun) == 6
    assert capsys.readouterr().err.count("an encoder is lost; another begins") == 3


def test_a_task_over_which_encoders_die_again_and_again_stops_all_and_is_named():
    with pytest.raises(RuntimeError, match="5 encoders died over a … a, the last on a node"):
        list(pool_of(FakeRay(encodes="†" * 9), "a").run())


def test_encoders_that_die_as_they_start_stop_all_but_some_may():
    assert len(list(pool_of(FakeRay(encodes="† ", starts="††† ††† "), "ab").run())) == 2
    with pytest.raises(RuntimeError, match="encoders die as they start: it died"):
        list(pool_of(FakeRay(starts="†" * 9), "ab").run())
