"""benchmarks/results.json: a part for each benchmark, and the machine that it was measured on."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from voicegraft.pipeline.files import whole

RESULTS = Path(__file__).parent / "results.json"
LIBRARIES = ("torch", "transformers", "faster-whisper", "ctranslate2", "dvc")


def machine() -> dict[str, Any]:
    """Return what speed depends on besides the code."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "libraries": dict(_installed()),
    }


def read(path: Path) -> dict[str, Any]:
    """Return all parts; none before the first benchmark."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def keep(part: str, measured: dict[str, Any]) -> None:
    """Put the part in the place of its last measurement; the others stay."""
    parts = read(RESULTS) | {part: {"machine": machine(), "measured": _rounded(measured)}}
    text = json.dumps(parts, indent=2, sort_keys=True) + "\n"
    with whole(RESULTS) as partial:
        partial.write_text(text, encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Return `value` with four significant digits for every float in it."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _installed() -> Iterator[tuple[str, str]]:
    """Yield those of `LIBRARIES` that are there, with their versions: peers are an extra."""
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def _processor() -> str:
    """Return the processor's name, by family and model where the system hides it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
