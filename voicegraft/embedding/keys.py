"""Cache keys: hashes of everything that stored states depend on."""

import hashlib
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

import torch

from voicegraft.embedding.code import code_behind
from voicegraft.embedding.extraction import Keys, encode
from voicegraft.embedding.takes import DegradedTake, Take
from voicegraft.model.precision import Precision
from voicegraft.model.upstream import Upstream
from voicegraft.speech.manifest import Corpus, Utterance

CAPS = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
"""Environment variables that hide instructions of a processor from torch and its libraries."""


def keys_for(
    upstream: Upstream,
    layers: Sequence[int],
    margin_seconds: float,
    precision: Precision,
    corpus: Corpus,
) -> Keys:
    """Return the function that gives cache keys to takes of `corpus`.

    A key covers the samples, the speed and the layer; the upstream's config and its tensors as
    loaded, with filters; the margin and the precision; and the code with the versions of its
    packages, so that a corrected encoder never gets old states. Ids, texts, splits and paths are
    not in it. For a degraded take the samples are the degraded ones, which include all effects of
    the degradation.
    """
    rule = {
        "config": upstream.config,
        "margin_seconds": margin_seconds,
        "arithmetic": arithmetic(precision, upstream.device),
        "code": code_of(upstream, corpus),
    }
    scope = hashlib.sha256(json.dumps(rule, sort_keys=True).encode())
    _add_tensors(scope, upstream)

    @lru_cache(1)  # the takes of a clip come one after another
    def recorded(utterance: Utterance) -> bytes:
        return hashlib.sha256(corpus.samples(utterance)).digest()

    def keys(take: Take) -> dict[int, bytes]:
        own = scope.copy()
        if isinstance(take, DegradedTake):
            own.update(hashlib.sha256(take.wave(corpus).numpy()).digest())
        else:
            own.update(recorded(take.utterance))
        return {layer: _extended(own, f"{take.speed:g} {layer}") for layer in layers}

    return keys


def code_of(upstream: Upstream, corpus: Corpus) -> list:
    """Return the definitions that compute states from samples, and the versions of packages."""
    parts = {type(module) for module in upstream.modules()}
    code = code_behind([encode, Take, type(corpus), *parts])
    return [sorted(code.definitions), {name: _version(name) for name in code.packages}]


def arithmetic(precision: Precision, device: torch.device) -> list:
    """Return the properties of the machine that states depend on.

    In float32, processors with and without AVX-512 differed by 4e-5 of the states' norm, and other
    batches on one processor by 3e-5. Half precision, in which states are stored, rounds by more, so
    machines share float32 states. In bfloat16, processors differed by 1e-2, and some return noise:
    each kind has its own keys.
    """
    if precision == "float32":
        return [precision]
    if device.type != "cpu":
        return [precision, torch.cuda.get_device_name(device)]
    has = getattr(torch.cpu, "get_capabilities", dict)()
    products = [name for name in sorted(has) if "avx" in name or "amx" in name if has[name]]
    return [precision, products, [os.environ.get(name) for name in CAPS]]


def _add_tensors(scope: "hashlib._Hash", upstream: Upstream) -> None:
    for name, tensor in [*upstream.named_parameters(), *upstream.named_buffers()]:
        scope.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        scope.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().data)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # its distribution has another name; the lookup is slow
        return " ".join(map(version, sorted(set(packages_distributions().get(package, ())))))


def _extended(digest: "hashlib._Hash", text: str) -> bytes:
    longer = digest.copy()
    longer.update(text.encode())
    return longer.digest()
