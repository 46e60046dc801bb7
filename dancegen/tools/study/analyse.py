"""Answers -> preferences by question and group: a table and a chart as in the paper's Figure 7

The Wilson interval assumes independent answers. The answers of one participant are correlated, so a second interval is
reported: the bootstrap over participants, with all their answers.
"""

import csv
import io
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dancegen import storage
from dancegen.errors import ConfigError
from dancegen.metrics.wilson import wilson
from dancegen.pages.template import template
from dancegen.tools.study import plan
from dancegen.tools.study.plan import BACKGROUNDS, QUESTIONS, Study
from dancegen.tools.study.settings import AnalyseStudyConfig
from dancegen.tools.study.store import Answer, Store

PAGE, TABLE, MARKDOWN = "index.html", "preferences.csv", "preferences.md"
ALL = "All"
GROUPS = (*BACKGROUNDS, ALL)


@dataclass(frozen=True)
class Preference:
    """Preference of one group for the second set, for one question."""

    question: str
    group: str
    people: int
    answers: int
    rate: float
    """Fraction of the answers that prefer the second set."""
    low: float
    high: float
    """95 % Wilson interval."""
    people_low: float
    people_high: float
    """95 % bootstrap interval over participants."""


@dataclass(frozen=True)
class Counted:
    """Numbers of participants, and the answers that count."""

    people: int
    """Participants with at least one answer."""
    finished: int
    """Participants who answered all pairs."""
    caught: int
    """Participants excluded for wrong answers to catch trials."""
    answers: list[Answer]
    """Answers of the remaining participants, without catch trials."""


def run(config: AnalyseStudyConfig) -> list[Preference]:
    """Write the page and the tables. Returns the preferences. Raises ConfigError when no answers count."""
    study = plan.read(config.study)
    counted = count(study, config, _answers(study, config))
    if not counted.answers:
        problem = f"contains no valid answers ({counted.people} participants, {counted.caught} excluded)."
        raise ConfigError(config.study, problem, "Collect answers: dancegen study serve.")
    found = preferences(counted.answers, config)
    files = {PAGE: _page(study, config, counted, found), TABLE: _table(found), MARKDOWN: _markdown(study, found)}
    for name, text in files.items():
        storage.write_text(storage.join(config.output, name), text)
    return found


def count(study: Study, config: AnalyseStudyConfig, answers: list[Answer]) -> Counted:
    """Exclude participants whose share of wrong answers to catch trials exceeds `max_caught`."""
    catches = {pair.id for pair in study.pairs if pair.catch}
    asked = {pair.id for pair in study.pairs} - catches
    by_person: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_person[answer.token].append(answer)
    caught = {token for token, given in by_person.items() if _wrong_share(given, catches) > config.max_caught}
    whole = len(study.pairs) * len(QUESTIONS)
    return Counted(
        people=len(by_person),
        finished=sum(len(given) == whole for given in by_person.values()),
        caught=len(caught),
        answers=[answer for answer in answers if answer.token not in caught and answer.pair in asked],
    )


def preferences(answers: list[Answer], config: AnalyseStudyConfig) -> list[Preference]:
    """The preference for each question and group with answers."""
    found = []
    for question in QUESTIONS:
        for group in GROUPS:
            mine = [one for one in answers if one.question == question and group in (ALL, one.background)]
            if mine:
                found.append(_preference(question, group, mine, config))
    return found


def _preference(question: str, group: str, answers: list[Answer], config: AnalyseStudyConfig) -> Preference:
    of_person: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        of_person[answer.token].append(answer.chosen == "b")
    sums = np.array([(sum(given), len(given)) for given in of_person.values()], dtype=np.float64)
    random = np.random.default_rng(config.seed)
    drawn = sums[random.integers(len(sums), size=(config.resamples, len(sums)))].sum(axis=1)
    people_low, people_high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975]).tolist()
    chosen, given = int(sums[:, 0].sum()), len(answers)
    return Preference(
        question, group, len(sums), given, chosen / given, *wilson(chosen, given), people_low, people_high
    )


def _wrong_share(answers: list[Answer], catches: set[str]) -> float:
    """Fraction of wrong answers to catch trials, where the first set is correct."""
    wrong = [answer.chosen != "a" for answer in answers if answer.pair in catches]
    return sum(wrong) / len(wrong) if wrong else 0.0


def _answers(study: Study, config: AnalyseStudyConfig) -> list[Answer]:
    places = config.databases or (storage.join(config.study, plan.DATABASE),)
    for place in places:
        if not storage.exists(place):
            raise ConfigError(place, "does not exist.", "Collect answers: dancegen study serve.")
    return [answer for place in places for answer in Store(Path(place), study.id).answers()]


def _table(found: list[Preference]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(asdict(found[0])))
    writer.writeheader()
    writer.writerows(asdict(one) for one in found)
    return text.getvalue()


def _markdown(study: Study, found: list[Preference]) -> str:
    lines = [f"Fraction of answers that prefer **{study.names[1]}** to **{study.names[0]}**.", ""]
    lines += [
        "| question | group | participants | answers | preferred | 95 % (Wilson) | 95 % over participants |",
        "|---" * 7 + "|",
    ]
    for one in found:
        intervals = (f"{one.low:.1%} to {one.high:.1%}", f"{one.people_low:.1%} to {one.people_high:.1%}")
        cells = (QUESTIONS[one.question], one.group, one.people, one.answers, f"{one.rate:.1%}", *intervals)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _page(study: Study, config: AnalyseStudyConfig, counted: Counted, found: list[Preference]) -> str:
    groups: Any = {question: [one for one in found if one.question == question] for question in QUESTIONS}
    page = template("analyse.html", package="dancegen.tools.study")
    return page.render(study=study, config=config, counted=counted, questions=QUESTIONS, groups=groups)
