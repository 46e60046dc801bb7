"""scores of the trainings of an ablation -> the paper's Table 1 with intervals, as Markdown and as a page

A cell is the mean over the seeds and its 95 % interval (Student's t); for one seed, the interval over songs.
"""

import math
from dataclasses import dataclass

import numpy as np

from dancegen.metrics.scores import Score, metrics
from dancegen.pages.template import template
from dancegen.steps.search.settings import SearchConfig

REAL, SHUFFLED = "real", "shuffled"  # lines of the table besides the rows
LEVEL = 0.975
SHOWN = 3  # digits
Table = dict[str, dict[str, "Cell"]]  # line, metric


@dataclass(frozen=True)
class Cell:
    """A value of the table, with its interval."""

    mean: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:.{SHOWN}g} [{self.low:.{SHOWN}g}, {self.high:.{SHOWN}g}]"


def tabulate(scores: dict[str, dict[int, list[Score]]]) -> Table:
    """The table, from row, seed and scores. Each row has a second line with shuffled music; real dances come last."""
    table: Table = {}
    for row, by_seed in scores.items():
        for line, whose in ((row, "made"), (f"{row}, {SHUFFLED}", "shuffled")):
            table[line] = _cells([[one for one in each if one.whose == whose] for each in by_seed.values()])
    everything = [each for by_seed in scores.values() for each in by_seed.values()]
    table[REAL] = _cells([[one for one in everything[0] if one.whose == "real"]]) if everything else {}
    return {line: cells for line, cells in table.items() if cells}


def markdown(config: SearchConfig, table: Table) -> str:
    """The table as Markdown for a README: one line per metric."""
    rows = _rows(table)
    lines = [["", *rows], ["---"] * (len(rows) + 1)]
    for name, better in _better(table).items():
        lines.append([f"{name} ({better})", *(_text(table, row, name) for row in rows)])
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{_caption(config)}\n\n{body}\n"


def page(config: SearchConfig, table: Table) -> str:
    """The table as a self-contained HTML page."""
    return template("ablation.html", "dancegen.steps.search").render(
        caption=_caption(config), rows=_rows(table), better=_better(table), table=table, shuffled=SHUFFLED
    )


def _rows(table: Table) -> list[str]:
    """The rows of the ablation, and the real dances."""
    return [line for line in table if not line.endswith(f", {SHUFFLED}")]


def _better(table: Table) -> dict[str, str]:
    """All metrics in the table, and the better direction of each."""
    names = list(dict.fromkeys(name for cells in table.values() for name in cells))
    known = metrics(_extractors(names))
    return {name: known[name].better for name in names}


def _text(table: Table, row: str, name: str) -> str:
    cell, control = table[row].get(name), table.get(f"{row}, {SHUFFLED}", {}).get(name)
    if cell is None:
        return ""
    return str(cell) if control is None else f"{cell}; {SHUFFLED} {control.mean:.{SHOWN}g}"


def _cells(by_seed: list[list[Score]]) -> dict[str, Cell]:
    names = dict.fromkeys(one.metric for scores in by_seed for one in scores)
    return {name: _cell([one for scores in by_seed for one in scores if one.metric == name]) for name in names}


def _cell(scores: list[Score]) -> Cell:
    if len(scores) == 1:
        return Cell(scores[0].value, scores[0].low, scores[0].high, 1)
    values = np.array([one.value for one in scores])
    from scipy import stats  # late: the import takes half a second, and only an ablation needs it

    half = float(stats.t.ppf(LEVEL, len(values) - 1)) * values.std(ddof=1) / math.sqrt(len(values))
    mean = float(values.mean())
    return Cell(mean, mean - half, mean + half, len(values))


def _extractors(names: list[str]) -> list[str]:
    return [name.removeprefix("fid_") for name in names if name in ("fid_perceptual", "fid_heldout")]


def _caption(config: SearchConfig) -> str:
    kept = "mean and 95 % interval over the seeds" if config.seeds > 1 else "95 % interval over songs"
    trainings = f"{len(config.ablation)} rows, {config.seeds} seeds each, {config.train.epochs} epochs"
    return (
        f"{trainings} on {config.train.clips}; {kept}. `perceptual` is the network of the loss: its scores are biased. "
        "`real`: one half of the real songs against the other, for metrics that compare two sets. "
        "`shuffled`: the same dances with the music of other songs."
    )
