"""Four levels of energy, tied to the sections of a song: how large the steps, leaps, bounces and arms of a move are."""

from dataclasses import asdict, dataclass

from dancegen.corpus.choreography.moves import Moment, Move, Pose
from dancegen.corpus.structure import SectionKind, SongStructure

LEVELS = ("calm", "steady", "full", "wild")
LEVEL_OF: dict[SectionKind, int] = {"intro": 0, "break": 0, "outro": 1, "verse": 1, "chorus": 2}
"""The last chorus is one level above the others: the song's biggest movement."""
PERIODIC = ("bounce", "rock", "sway", "whip")
DEEPEST = 0.3
"""Lowering of the pelvis, in leg lengths, from which a move's depth is its own: kneeling, or close to the floor."""
HIGHEST = 174.0
"""Degrees that no arm is raised above."""
HIGHEST_LEAP = 0.22
"""Leg lengths."""
TRUNK = ("hips", "twist", "lean", "slide", "bow", "push", "look", "nod", "cock")


@dataclass(frozen=True)
class Energy:
    """Sizes relative to those of the notation."""

    stride: float
    lift: float
    """Of steps, leaps and kicks."""
    groove: float
    """Of bounce, rock, sway and the whip of the arms."""
    weight: float
    """Of shifts of the pelvis and its lowering."""
    arms: float
    """Of arms and trunk."""


ENERGIES = {
    "calm": Energy(stride=0.9, lift=1.1, groove=0.65, weight=0.9, arms=0.85),
    "steady": Energy(stride=1.16, lift=1.5, groove=1.0, weight=1.16, arms=1.08),
    "full": Energy(stride=1.26, lift=1.7, groove=1.15, weight=1.26, arms=1.2),
    "wild": Energy(stride=1.32, lift=1.85, groove=1.25, weight=1.32, arms=1.28),
}
USUAL_BPM, SIZES = 104.0, (0.94, 1.16)
"""Tempo at which moves have the sizes above, and the limits of their change with it: slow songs have time for more."""


def level_of(structure: SongStructure, bar: int) -> str:
    """Level of energy of the section that a bar is in."""
    section = structure.section_at(bar)
    choruses = [each for each in structure.sections if each.kind == "chorus"]
    last = len(choruses) > 1 and section == choruses[-1]
    return LEVELS[LEVEL_OF[section.kind] + last]


def energized(move: Move, neutral: Pose, level: str, bpm: float = USUAL_BPM) -> Move:
    """The move at a level of energy. Its first keyframe gets the neutral groove of the style, scaled as well."""
    size = min(max(USUAL_BPM / bpm, SIZES[0]), SIZES[1])
    energy = Energy(**{name: size * value for name, value in asdict(ENERGIES[level]).items()})
    groove = {name: neutral[name] for name in PERIODIC}
    moments = [
        Moment(
            moment.count,
            {
                name: _scaled(name, value, neutral, energy)
                for name, value in ({**groove, **moment.pose} if not place else moment.pose).items()
            },
            moment.ease,
        )
        for place, moment in enumerate(move.moments)
    ]
    return Move(move.name, tuple(moments))


def _scaled(name: str, value: float, neutral: Pose, energy: Energy) -> float:
    part = name.partition("_")[2] or name
    if part in PERIODIC:
        return value * energy.groove
    if part in ("x", "z"):
        return value * energy.stride
    if part == "leap":
        return min(value * energy.lift, HIGHEST_LEAP)
    if part == "lift":
        return value * energy.lift
    if name in ("shift", "fore") or (name == "drop" and value < DEEPEST):
        return neutral[name] + energy.weight * (value - neutral[name])
    if part == "kick":
        return value * min(energy.lift, 1.05)
    if part in ("raise", "plane"):
        return min(neutral[name] + energy.arms * (value - neutral[name]), HIGHEST)
    return value * energy.arms if name in TRUNK else value
