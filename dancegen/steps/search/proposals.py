"""Proposals of a search: Optuna's, limited in number, the same again after the search was killed."""

from typing import Any

from ray.tune.search import ConcurrencyLimiter, SearchGenerator
from ray.tune.search.optuna import OptunaSearch

from dancegen.engine.cluster.internals import state_with_samples
from dancegen.steps.search.settings import SearchConfig


class Proposals(SearchGenerator):
    """Limits the proposals in total and the concurrent trainings. Both limits may change when the search resumes."""

    def __init__(self, config: SearchConfig) -> None:
        self.samples, self.max_concurrent_trials = config.num_samples, config.max_concurrent_trials
        self.optuna = EqualEpochs(config.train.epochs, config.seed)
        super().__init__(ConcurrencyLimiter(self.optuna, config.max_concurrent_trials))

    def set_state(self, state: dict[str, Any]) -> None:
        """Resume from a stored state, with the current limits. Each training that failed gets a replacement."""
        samples = self.samples + self.optuna.failed
        super().set_state(state_with_samples(state, samples))
        self.searcher.set_max_concurrency(self.max_concurrent_trials)


class EqualEpochs(OptunaSearch):
    """Optuna search that reports trainings that were stopped early as pruned.

    Ray would report their last objective as if it were a final one. Optuna ranks a "pruned" trial by the epoch that it
    reached, and compares it with others at that epoch only.
    """

    def __init__(self, epochs: int, seed: int) -> None:
        super().__init__(seed=seed)
        self.epochs, self.failed = epochs, 0
        self.reported: set[tuple[str, int]] = set()

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report the objective after an epoch; an epoch that is repeated after a loss of workers is reported once."""
        epoch = result.get("epoch")
        if epoch is not None and (trial_id, epoch) not in self.reported:
            self.reported.add((trial_id, epoch))
            super().on_trial_result(trial_id, {**result, "training_iteration": epoch})

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """The training is done, was stopped, diverged, or failed."""
        self.failed += error
        self.on_trial_result(trial_id, result or {})
        done = not error and (result or {}).get("epoch", 0) >= self.epochs
        super().on_trial_complete(trial_id, result if done else None, error)
