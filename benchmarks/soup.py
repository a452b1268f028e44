"""The mean of the weights of several models that were fine-tuned from one head: a model soup.

    python -m benchmarks.soup models/soup data/corpus models/top3 models/again

Reads   MODELS, which `finetune` has written of one head; CORPUS
Writes  SOUP, a model; to standard output the CER of dev of each model and of their mean

Wortsman et al. 2022, https://arxiv.org/abs/2203.05482. The mean costs no more to run than one of
them. For emissions of SOUP run `stages/evaluate.py`; for what it changes, `benchmarks.averages`.
"""

from pathlib import Path

from benchmarks.every_epoch import error, mean_of, with_weights
from voicegraft.model.saved import WEIGHTS, load_model, save_model
from voicegraft.pipeline.command import run_stage
from voicegraft.speech.manifest import Corpus


def main(soup: Path, corpus: Path, models: list[Path]) -> None:
    speech = Corpus(corpus)
    for model in models:
        print(f"{model}: CER {100 * error(load_model(model, 'cpu'), speech):.2f}", flush=True)
    mean = mean_of([model / WEIGHTS for model in models])
    grafted = with_weights(load_model(models[0], "cpu"), mean)
    print(f"their mean: CER {100 * error(grafted, speech):.2f}")
    save_model(grafted, soup)


if __name__ == "__main__":
    run_stage(main)
