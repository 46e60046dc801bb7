"""features of dances -> how far they are from each other

Axes used in shapes:
    N dances    D features
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import pdist


def mean_distance(features: Float[np.ndarray, "N D"]) -> float:
    """Mean Euclidean distance over all pairs of at least two."""
    if len(features) < 2:
        raise ValueError(f"distances need two at least, and there are {len(features)}")
    return float(pdist(np.asarray(features, dtype=np.float64)).mean())
