# Each target sets up .venv by itself: nothing is needed beforehand but Python 3.11, git and make.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Threads that wait by spinning cost fivefold where something else wants the cores.
export OMP_WAIT_POLICY ?= PASSIVE

# A run that was killed may leave locks at which DVC stops.
FREE := python -m voicegraft.pipeline.locks

.PHONY: repro words test check processors faults study zero-shot bench tables report help clean

repro: $(INSTALLED)  ## audio to a tested model
	$(FREE)
	dvc repro

words: $(INSTALLED)  ## the same for classes: Mandarin tones, or your own words
	$(FREE)
	cd words && dvc repro

# Files of tests go to one worker each, for the projects that they share are made once; those that take
# longest go first, or one worker would end on them while the others wait.
LONGEST := repro words stages self_train_stage

test: $(INSTALLED)  ## lint, unit tests, and one true `dvc repro` on a slice
	ruff check
	ruff format --check
	OMP_NUM_THREADS=1 pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(LONGEST:%=tests/test_%.py) tests

QUICK := pipeline params names task docs docs_commands workflows text splits manifest errors slices blocks
QUICK += interval holm f1 paired paired_f1 ctc padding ragged packed layers pooling masking recipe objective
QUICK += code store files escaping provenance changed_references

check: $(INSTALLED)  ## lint, and the tests that train nothing
	ruff check
	ruff format --check
	OMP_NUM_THREADS=1 pytest --numprocesses auto --dist loadfile $(QUICK:%=tests/test_%.py)

NUMERIC := precision mixed known_faults onednn upstreams wav2vec2 wav2vec2_weights huggingface whisper
NUMERIC += whisper_checkpoints resemblyzer grafted training recalled extraction classifiers heads ctc
NUMERIC += pooling unfreezing lora adapters
ONEDNN ?= AVX2 AVX512_CORE AVX512_CORE_BF16 DEFAULT
ATEN ?= default avx2 avx512

processors: $(INSTALLED)  ## the numeric tests, as on processors of each kind that this one can be
	for isa in $(ONEDNN); do ONEDNN_MAX_CPU_ISA=$$isa pytest $(NUMERIC:%=tests/test_%.py) || exit 1; done
	for isa in $(ATEN); do ATEN_CPU_CAPABILITY=$$isa pytest $(NUMERIC:%=tests/test_%.py) || exit 1; done

FAULTS ?= --count 50

faults: $(INSTALLED)  ## a thousand faults on a slice of the corpus, each to end well: docs/faults.md
	$(FREE)
	dvc repro --quiet prepare_data fetch_model
	python -m benchmarks.faults .voicegraft/downloads .voicegraft/faults $(FAULTS)
	$(MAKE) tables

study: $(INSTALLED)  ## a question to a trained pipeline, with what it lacks: make study NAME=robustness@top3
	$(FREE)
	dvc repro studies/dvc.yaml:$(NAME)

zero-shot: $(VENV)/peers  ## Whisper's own decoder on the same clips, as the baseline
	$(FREE)
	dvc repro studies/dvc.yaml:zero_shot@faster_whisper

BENCH ?= encoding training decoding reruns windows growth

bench: $(VENV)/peers  ## speed, each part of $(BENCH) into benchmarks/results.json and docs/
	$(FREE)
	dvc repro --quiet decode@head
	for part in $(BENCH); do python -m benchmarks.$$part models/upstream data/corpus || exit 1; done
	$(MAKE) tables

tables: $(INSTALLED)  ## the tables of README.md and docs/, from evaluation/ and benchmarks/results.json
	python -m benchmarks.report . README.md docs/*.md

report: $(INSTALLED)  ## all that `make repro` found, as one page to look at: report.html
	voicegraft report

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), f"Python 3.11 or newer, not {sys.version}"'
	test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV) || sh .ci/venv_without_ensurepip $(PYTHON) $(VENV)
	pip install --constraint constraints.txt --editable '.[test,beam,export]'
	touch $@

$(VENV)/peers: $(INSTALLED)
	pip install --constraint constraints.txt --editable '.[peers]'
	touch $@

help:  ## these lines
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

clean:  ## remove the environment and what training left for resuming; data and models stay
	rm -rf $(VENV) .voicegraft/runs
