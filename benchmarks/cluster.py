"""Extraction by Ray on a cluster of three nodes on this machine, against one process.

    python -m benchmarks.cluster models/upstream data/corpus

Reads   UPSTREAM and CORPUS, as the stages leave them; CORPUS is repeated up to HOURS
Writes  benchmarks/results.json, its part `cluster`
Knobs   extract_embeddings

Nodes are killed at KILLS random moments (SIGKILL to their raylet, of which all on the node die),
and new ones join; then so is the process that gives out the tasks. These have a tiny upstream,
tones, and a shared cache behind the API of S3 that refuses every tenth call. At the end, the store
must have the bytes of one process, and no clip may be in the cache twice; and a run that has only
the shared cache must encode none. Processor time is that of all processes of a run, with Ray's own
on every node. It needs the extras `ray`, `s3` and `test`.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from dvc.utils.serialize import modify_yaml

from benchmarks.growth import repeat
from benchmarks.moody_store import BUCKET, REFUSED_EVERY, object_store
from benchmarks.nodes import NODES, ROOT, Nodes, Watch, cluster
from benchmarks.results import RESULTS, keep, read
from voicegraft.embedding import shards
from voicegraft.model import upstream as upstreams
from voicegraft.pipeline.command import run_stage
from voicegraft.pipeline.files import hashes
from voicegraft.speech.manifest import Corpus


def project(folder: Path, upstream: Path, corpus: Path, **knobs: object) -> Path:
    """Return a folder in which the stage can run."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    with modify_yaml(folder / "params.yaml") as params:
        params["extract_embeddings"] |= {"cache_gigabytes": 100} | knobs
    for name, path in {"upstream": upstream, "corpus": corpus}.items():
        (folder / name).symlink_to(path.absolute())
    return folder


def start(folder: Path, nodes: Nodes | None = None) -> subprocess.Popen:
    """Start the stage, as a process that has the cluster if there is one."""
    address = {"RAY_ADDRESS": nodes.cluster.address} if nodes else {}
    command = [sys.executable, str(ROOT / "stages/extract_embeddings.py")]
    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            [*command, "upstream", "corpus", "cache", "embeddings"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | address,
            stdout=log,
            stderr=log,
        )


def end(process: subprocess.Popen, folder: Path) -> None:
    if process.wait():
        raise RuntimeError(f"the stage failed: {(folder / 'log').read_text()[-2000:]}")


def same(one: Path, other: Path) -> bool:
    """Return whether two projects have the same store."""
    found = hashes(one / "embeddings")
    return bool(found) and found == hashes(other / "embeddings")


def kept(folder: Path) -> list[bytes]:
    """Return the key of each entry of the cache, twice if it is there twice."""
    found = [shards.batches(path, 0) for path in (folder / "cache").glob("*.states")]
    return [key for shard in found for entries, _ in shard for key in entries]


def measured(folder: Path, ray: bool) -> dict[str, float]:
    """Run the stage; return its seconds, and those of all processors."""
    watch = Watch()
    watch.start()
    began = time.perf_counter()
    if ray:
        with cluster() as nodes:
            end(start(folder, nodes), folder)
    else:
        end(start(folder), folder)
    return {"seconds": time.perf_counter() - began, "processor_seconds": watch.seconds()}


def overhead(upstream: Path, corpus: Path, hours: float, work: Path) -> dict:
    """Return what a corpus costs by one process and by a cluster."""
    repeat(Corpus(corpus), hours, work / "corpus")
    knobs = {"layers": [6], "speeds": [], "augment": []}
    found, folders = {"hours": hours}, {}
    for engine in ("local", "ray"):
        folders[engine] = project(work / engine, upstream, work / "corpus", engine=engine, **knobs)
        found[engine] = measured(folders[engine], engine == "ray")
    return found | {"same_bytes": same(*folders.values())}


def tones(work: Path, clips: int) -> tuple[Path, Path]:
    """Write a tiny upstream and a corpus of tones."""
    sys.path.insert(0, str(ROOT / "tests"))
    from invented import write_corpus

    upstream, corpus = work / "upstream", work / "corpus"
    upstream.mkdir(parents=True)
    identity = {"name": "random", "config": upstreams.plugin("random").TINY}
    (upstream / upstreams.IDENTITY_FILE).write_text(json.dumps(identity))
    write_corpus(corpus, clips)
    return upstream, corpus


def bytes_kept(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "cache").glob("*.states"))


def until_more(folder: Path, process: subprocess.Popen, rng: random.Random, most: float) -> bool:
    """Wait until something new is in the cache, and a random time; return whether it still runs."""
    before = bytes_kept(folder)
    while process.poll() is None and bytes_kept(folder) == before:
        time.sleep(0.01)
    time.sleep(rng.random() * most)
    return process.poll() is None


def killed(who: str, kills: int, clips: int, seed: int, work: Path, pause: float) -> dict:
    """Kill nodes, or what gives out the tasks, again and again; return what became of it."""
    upstream, corpus = tones(work, clips)
    address = f"s3://{BUCKET}/{who}"
    knobs = {"batch_seconds": 5.0, "precision": "float32", "layers": [2]}
    alone = project(work / "alone", upstream, corpus, **knobs)
    end(start(alone), alone)
    knobs["shared_cache"] = address
    folder = project(work / "cluster", upstream, corpus, engine="ray", **knobs)
    rng, done = random.Random(f"{seed} {who}"), 0
    with cluster() as nodes:
        process = start(folder, nodes)
        while done < kills and until_more(folder, process, rng, pause):
            done += 1
            if who == "node":
                nodes.kill(rng.randrange(NODES))
            else:
                process.kill()
                process.wait()
                process = start(folder, nodes)
        end(process, folder)
    found = kept(folder)
    second = project(work / "second", upstream, corpus, **knobs)
    end(start(second), second)
    return {
        "kills": done,
        "takes": len(set(found)),
        "encoded_twice": len(found) - len(set(found)),
        "same_bytes": same(alone, folder) and same(alone, second),
        "second_encoded_none": only_fetched(second),
    }


def cold(upstream: Path, corpus: Path, hours: float, work: Path) -> dict:
    """Return the seconds of two checkouts with one shared cache, of which the second is cold."""
    repeat(Corpus(corpus), hours, work / "corpus")
    knobs = {"layers": [6], "speeds": [], "augment": [], "shared_cache": f"s3://{BUCKET}/cold"}
    folders = [project(work / name, upstream, work / "corpus", **knobs) for name in ("one", "two")]
    one, two = (measured(folder, False)["seconds"] for folder in folders)
    return {
        "hours": hours,
        "first_seconds": one,
        "second_seconds": two,
        "second_encoded_none": only_fetched(folders[1]),
        "same_bytes": same(*folders),
    }


def only_fetched(folder: Path) -> bool:
    """Return whether all shards of the cache came from the shared one, which names them so."""
    return all(len(path.stem) == 64 for path in (folder / "cache").glob("*.states"))


def main(
    upstream: Path,
    corpus: Path,
    hours: float = 10,
    cold_hours: float = 3,
    kills: int = 20,
    clips: int = 3000,
    seed: int = 1,
    pause: float = 2.0,
    part: list[str] | None = None,
    save: bool = True,
    work: Path = Path(".voicegraft/bench/cluster"),
) -> None:
    found, work = read(RESULTS).get("cluster", {}).get("measured", {}), work.absolute()
    with object_store() as store:
        parts = {
            "node": lambda folder: killed("node", kills, clips, seed, folder, pause),
            "driver": lambda folder: killed("driver", kills, clips, seed, folder, pause),
            "cold": lambda folder: cold(upstream, corpus, cold_hours, folder),
            "overhead": lambda folder: overhead(upstream, corpus, hours, folder),
        }
        for name in part or parts:
            shutil.rmtree(work, ignore_errors=True)
            before = store.calls
            found[name] = parts[name](work)
            found[name] |= {"refused_calls": (store.calls - before) // REFUSED_EVERY}
            print(json.dumps({name: found[name]}, indent=2), flush=True)
            if save:
                keep("cluster", found)
    shutil.rmtree(work)


if __name__ == "__main__":
    run_stage(main)
