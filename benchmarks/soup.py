"""The mean of the weights of several models that were fine-tuned from one head: a model soup.

    python -m benchmarks.soup models/soup data/corpus data/embeddings models/top3 models/again

Reads   MODELS, which `finetune` has written of one head; CORPUS and EMBEDDINGS
Writes  SOUP, a model; to standard output the CER of dev of each model and of their mean

Wortsman et al. 2022, https://arxiv.org/abs/2203.05482. The mean costs no more to run than one of
them. For emissions of SOUP run `stages/evaluate.py`; for what it changes, `benchmarks.averages`.
"""

from pathlib import Path

from benchmarks.every_epoch import error, mean_of, with_weights
from voicegraft.embedding.store import Store
from voicegraft.model.grafted import WEIGHTS, load_model, save_model
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import Corpus


def main(soup: Path, corpus: Path, embeddings: Path, models: list[Path]) -> None:
    data = Store(embeddings), Corpus(corpus)
    for model in models:
        print(f"{model}: CER {100 * error(load_model(model, 'cpu'), *data):.2f}", flush=True)
    mean = mean_of([model / WEIGHTS for model in models])
    grafted = with_weights(load_model(models[0], "cpu"), mean)
    print(f"their mean: CER {100 * error(grafted, *data):.2f}")
    save_model(grafted, soup)


if __name__ == "__main__":
    run_stage(main)
