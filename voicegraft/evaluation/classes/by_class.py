"""classes.csv: precision, recall and F1 of each class by itself."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from voicegraft.evaluation.blocks import choose_blocks
from voicegraft.evaluation.classes.f1 import CLIPS, PREDICTED, f1, precision, recall
from voicegraft.evaluation.classes.intervals import rated, resampled, rounded
from voicegraft.evaluation.classes.scores import ClassScore
from voicegraft.evaluation.classes.summary import classes_of, counts_of
from voicegraft.evaluation.slices import by_split
from voicegraft.evaluation.summary import Evaluate


def class_metrics(scores: Sequence[ClassScore], params: Evaluate) -> Iterator[dict[str, Any]]:
    """Yield a line for each class of each split.

    `clips` are those of the class (scikit-learn's support), `predicted` those taken for it;
    `trained` is 0 where the model does not have the class. The interval of recall rests on the
    resamples that have a clip of the class.
    """
    for split, of_split in by_split(scores).items():
        blocks, counts = choose_blocks(of_split), counts_of(of_split)
        drawn, whole = resampled(counts, blocks, params), counts.sum(0)
        trained = {s.label for s in of_split if s.trained}
        for i, name in enumerate(classes_of(of_split)):
            own = [s.label == name for s in of_split]
            found = np.where(drawn[..., CLIPS, i] > 0, recall(drawn)[..., i], np.nan)
            yield {
                "split": split,
                "class": name,
                "precision": rounded(precision(whole)[i]),
                **rated("recall", float(recall(whole)[i]), found, blocks.of(own), params),
                "f1": rounded(f1(whole)[i]),
                "clips": sum(own),
                "predicted": int(whole[PREDICTED, i]),
                "trained": int(name in trained),
            }
