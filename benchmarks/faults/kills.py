"""Each stage killed at any moment, with its process group, and run again."""

import random
import signal
import time
from collections.abc import Iterator

from benchmarks.faults import runs
from benchmarks.faults.outcome import BY_HAND, HANG, ORPHAN, TRACEBACK, UNCLEAR, Fault, Outcome
from benchmarks.faults.project import Stage
from benchmarks.faults.site import Site

TRUE_EVERY = 10
STOPS = {"SIGTERM": 143, "SIGINT": 130}


def faults(site: Site, count: int, seed: int) -> Iterator[Fault]:
    """Yield `count` kills of each stage."""
    for name, stage in site.stages.items():
        for number in range(count):
            yield Fault(
                "kills",
                f"{name} {number}",
                lambda stage=stage, number=number: killed(site, stage, number, seed),
            )


def killed(site: Site, stage: Stage, number: int, seed: int) -> Outcome:
    """Kill the stage at a moment of its duration, run it again, compare.

    Every second time it is run again without its outputs being removed, as by hand.
    """
    outcome, true = Outcome(), number % TRUE_EVERY == TRUE_EVERY - 1
    rng = random.Random(f"{seed} {stage.name} {number}")
    site.fresh(stage)
    run = runs.start(stage, site.folder, true)
    time.sleep(rng.random() * site.seconds[stage.name][true])
    run.signal(signal.SIGKILL)
    ended = run.end()
    outcome.add(HANG, ended.status is None)
    outcome.add(ORPHAN, ended.orphans)
    outcome.add(TRACEBACK, "Traceback" in ended.printed and ended.printed)
    site.halves(stage, outcome)
    return site.again(stage, outcome, as_dvc=number % 2 == 0)


def stops(site: Site, count: int, seed: int) -> Iterator[Fault]:
    """Yield `count` stops of each command of each stage, by SIGTERM and by Ctrl-C."""
    for name, stage in site.stages.items():
        commands = [c for c in stage.commands if " -m " not in c]
        for place, command in enumerate(commands):
            one = Stage(name, (command,), stage.deps, stage.outs)
            for number in range(count):
                sent = list(STOPS)[number % 2]
                yield Fault(
                    "stops",
                    f"{name} {place} {sent} {number}",
                    lambda stage=stage, one=one, sent=sent, number=number: stopped(
                        site, stage, one, sent, number, seed
                    ),
                )


def stopped(site: Site, stage: Stage, command: Stage, sent: str, number: int, seed: int) -> Outcome:
    """Stop a command of a stage: it says so in a line, leaves no process and no half file."""
    outcome, true = Outcome(), number % TRUE_EVERY >= TRUE_EVERY - 2
    rng = random.Random(f"{seed} {command.commands} {number}")
    if command.commands[0] == stage.commands[0] or len(stage.commands) == 1:
        site.fresh(stage)
    else:
        _before(site, stage, command)
    run = runs.start(command, site.folder, true)
    run.wait_until_heeding()
    time.sleep(rng.random() * site.seconds[stage.name][true] / len(stage.commands))
    run.signal(getattr(signal, sent), group=sent == "SIGINT")
    ended = run.end()
    outcome.look(ended, (0, STOPS[sent]))
    if ended.status == STOPS[sent]:
        outcome.add(UNCLEAR, f"stopped by {sent}" not in ended.last_line and ended.last_line)
    site.halves(stage, outcome)
    left = [name for name in site.strays() if name.endswith(".part")]
    outcome.add(BY_HAND, ", ".join(left))
    return site.again(stage, outcome)


def _before(site: Site, stage: Stage, command: Stage) -> None:
    """Leave what the commands before this one have written, and nothing of the others."""
    site.restore()
    earlier = stage.commands[: stage.commands.index(command.commands[0])]
    written = [word for line in earlier for word in line.split()]
    later = [out for out in stage.outs if not any(f"{out}/".startswith(f"{w}/") for w in written)]
    site.without_outputs(Stage(stage.name, (), (), tuple(later)))
