"""Confidence interval of a success rate (Wilson, "Probable Inference, the Law of Succession", 1927)"""


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper end, in [0, 1], also for rates of 0 and 1; (0, 1) without trials.

    Raises ValueError for more successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if not trials:
        return 0.0, 1.0
    from scipy import stats  # late: the import takes half a second

    found = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)
