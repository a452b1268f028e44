"""What to try: all combinations of the values that knobs are given."""

from collections.abc import Sequence

from dvc.exceptions import DvcException
from dvc.utils.hydra import get_hydra_sweeps
from hydra.errors import HydraException

PARAMS = "params.yaml"


class GridError(ValueError):
    """A knob that cannot be read."""


def combinations(knobs: Sequence[str]) -> list[list[str]]:
    """Return settings such as ["head.layer=4", "head.name=ctc_linear"], one list for each run.

    Args:
        knobs: as `dvc exp run --queue -S` takes them: "head.layer=4,6", "train_head.lr=range(1,3)".

    Raises:
        GridError: naming a knob that is not of that form.
    """
    for knob in knobs:
        try:
            get_hydra_sweeps({PARAMS: [knob]})
        except (DvcException, HydraException) as error:
            told = str(error).splitlines()[0]
            raise GridError(f"{knob!r} is not of the form knob=value,value: {told}") from None
    return [sweep[PARAMS] for sweep in get_hydra_sweeps({PARAMS: list(knobs)})]
