"""The dancer's identity: body proportions and style, both derived from one seed.

Lengths are in torso lengths (neck to mid-hip), which is the unit of every corpus body.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dancer:
    """A body and a style."""

    seed: int

    half_shoulders: float
    """Half the distance between the shoulder joints."""
    half_hips: float
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    half_head: float
    """Half the distance between the ears."""
    head_height: float
    """From the neck up to the middle between the ears."""

    amplitude: float
    """Amplitude of the arms relative to the choreography."""
    stride: float
    """Step length relative to the choreography."""
    bounce: float
    """Knee flexion on the beat relative to the choreography."""
    lag_s: float
    """Delay after the beat, in seconds."""
    left_handed: bool
    """Whether verses are danced mirrored."""
    sway_phase: float
    """Initial phase of the slow sway, in radians."""

    @property
    def name(self) -> str:
        """A file name for this dancer."""
        return f"d{self.seed:04d}"

    @property
    def leg(self) -> float:
        """Length from hip to ankle of the stretched leg."""
        return self.thigh + self.shin

    @property
    def arm(self) -> float:
        """Length from shoulder to wrist of the stretched arm."""
        return self.upper_arm + self.forearm

    @classmethod
    def from_seed(cls, seed: int) -> "Dancer":
        """Sample a dancer within the ranges of human bodies; deterministic for a seed."""
        rng = np.random.default_rng([1917, seed])
        leg = rng.uniform(1.72, 1.95)
        thigh_share = rng.uniform(0.495, 0.525)
        arm = leg * rng.uniform(0.60, 0.655)
        upper_share = rng.uniform(0.515, 0.545)
        return cls(
            seed=seed,
            half_shoulders=rng.uniform(0.315, 0.395),
            half_hips=rng.uniform(0.175, 0.225),
            upper_arm=arm * upper_share,
            forearm=arm * (1 - upper_share),
            thigh=leg * thigh_share,
            shin=leg * (1 - thigh_share),
            half_head=rng.uniform(0.140, 0.165),
            head_height=rng.uniform(0.36, 0.41),
            amplitude=rng.uniform(0.94, 1.05),
            stride=rng.uniform(0.88, 1.08),
            bounce=rng.uniform(0.75, 1.2),
            lag_s=rng.uniform(0.0, 0.03),
            left_handed=bool(rng.random() < 0.1),
            sway_phase=rng.uniform(0.0, 2 * np.pi),
        )
