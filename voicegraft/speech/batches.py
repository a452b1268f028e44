"""Which clips go through a model together: neighbours in length, within a budget."""

from collections.abc import Sequence


def batches_by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return indices in batches, shortest clips first; no batch exceeds `budget` once padded.

    A batch costs its longest clip times its size, in the units of `lengths`. A clip longer than
    the budget gets a batch of its own. Ties keep their order, so the batches are always the same.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if batches and lengths[index] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
