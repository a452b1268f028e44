import os
import shutil
import signal

import pytest
import torch
from fetched import fetch_upstream
from invented import model, store_corpus, write_corpus

from voicegraft.embedding.store import Store

# What a shell without job control runs behind it ignores Ctrl-C, and so would all that tests stop.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

INSTRUCTIONS = ("avx2", "avx512_f", "avx512_bf16", "amx_bf16")
LIMITS = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")


def pytest_report_header():
    """Say on which processor the numbers are computed, and to what it is limited."""
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    known = [name for name in INSTRUCTIONS if has.get(name)]
    return " ".join(["processor:", has.get("cpu_name", "unknown,"), "with", *known, *limits])


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that at the end no worker waits for another."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory):
    """What fetch_model leaves for Whisper base."""
    folder = fetch_upstream("whisper", "base", tmp_path_factory.mktemp("whisper"))
    yield folder
    shutil.rmtree(folder)  # pytest would keep three of 150 MB


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A prepared corpus of the invented language of tones."""
    return write_corpus(tmp_path_factory.mktemp("tones") / "corpus")


@pytest.fixture(scope="session")
def store(tmp_path_factory, corpus):
    """The states of that corpus, by the upstream of `invented.model()`."""
    folder = tmp_path_factory.mktemp("store")
    store_corpus(folder, corpus, model())
    return Store(folder)
