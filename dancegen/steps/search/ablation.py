"""trainings of an ablation -> the scores of each, and the table of all"""

from dancegen import storage
from dancegen.logs import notify
from dancegen.metrics.scores import Score
from dancegen.steps.evaluate import pipeline as evaluate
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.search import ablation_table
from dancegen.steps.search.ranking import COMPARED, ROW, SEED, Trial
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.search.trial import folder_of
from dancegen.steps.train_dance.worker import MODEL

TABLE, PAGE = "scores.md", "scores.html"


def measure(config: SearchConfig, trials: list[Trial]) -> dict[str, str]:
    """The files of the score table, by name. Models that were evaluated before are skipped."""
    scores: dict[str, dict[int, list[Score]]] = {row: {} for row in config.ablation}
    for trial in trials:
        row, seed = trial.values[ROW], trial.values[SEED]
        if trial.state not in COMPARED:
            notify(f"{row}, seed {seed}: {trial.state}; not in the table: {trial.error}")
            continue
        notify(f"evaluating {row}, seed {seed}")
        scores[row][seed] = evaluate.run(_evaluation(config, trial))
    table = ablation_table.tabulate(scores)
    return {TABLE: ablation_table.markdown(config, table), PAGE: ablation_table.page(config, table)}


def _evaluation(config: SearchConfig, trial: Trial) -> EvaluateConfig:
    folder = folder_of(config, trial.id)
    return EvaluateConfig(
        clips=config.train.clips,
        checkpoint=storage.join(folder, MODEL),
        perceptual=config.train.perceptual,
        heldout=config.heldout,
        cross_modal=config.cross_modal,
        output=storage.join(folder, "evaluation"),
        seed=trial.values[SEED],
        tracking_uri=config.train.tracking_uri,
        experiment=config.train.experiment,
        max_error_fraction=0,
    )
