"""Moves of recordings -> a dance to a song: chosen by energy, tempo and fit, retimed to its beats, and joined.

The retrieval baseline: no motion is generated. A section that comes again has the same moves. At a join, the difference
of pose and velocity between the last move and the next decays within a beat (Bollo, "Inertialization", GDC 2018).

Axes used in shapes:
    T frames    J joints, as in skeleton.COCO18    M moves
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32, Float64

from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.energy import LEVELS, level_of
from dancegen.corpus.choreography.moves import BARS
from dancegen.corpus.recorded.library import BEATS, RecordedMove, bone_lengths
from dancegen.corpus.structure import SongStructure
from dancegen.skeleton import COCO18

JOIN_BEATS = 1.0
LOOK_S = 0.1  # velocities are differences over this time
VELOCITY_S = 0.25  # seconds at which a torso per second costs as much as a torso
TEMPO_COST = 3.0  # of a tempo that differs by the factor e, in torsos
ENERGY_COST = 1.2  # of a move at the other end of the library's energies
CHANCE = 0.25  # torsos: scale of the random part, by which dancers differ
OVERLAP_COST = 2.0  # of a move that shares beats with one of the dance

Offset = Callable[[Float64[np.ndarray, " T"]], Float64[np.ndarray, "T _ _"]]


def joined_dance(
    library: list[RecordedMove], structure: SongStructure, dancer: Dancer, fps: float, seed: int
) -> Float32[np.ndarray, "T J 2"]:
    """The dance of a whole song in torso lengths, as `choreography.routine.choreograph`; from at least one move."""
    seconds = np.arange(math.ceil(structure.seconds * fps)) / fps
    beats = (seconds - dancer.lag_s - structure.start_s) / structure.beat_s
    chosen = choose(library, structure, dancer, seed)
    longest = np.max([bone_lengths(move.recording.pose) for _, move in chosen], axis=0)
    dance = np.zeros((len(beats), len(COCO18), 2))
    last: tuple[float, RecordedMove] | None = None
    offset: Offset = _no_offset
    for position, (first_beat, move) in enumerate(chosen):
        end = chosen[position + 1][0] if position + 1 < len(chosen) else np.inf
        here = (beats >= first_beat if position else np.ones(len(beats), dtype=bool)) & (beats < end)
        if last is not None:
            offset = _offset(last, (first_beat, move), offset, structure.beat_s)
        dance[here] = danced(move, beats[here] - first_beat) + offset(beats[here])
        last = (first_beat, move)
    dance = limited(dance, longest)
    if dancer.left_handed:
        dance = dance[:, COCO18.mirror] * (-1.0, 1.0)
    return dance.astype(np.float32)


def choose(
    library: list[RecordedMove], structure: SongStructure, dancer: Dancer, seed: int
) -> list[tuple[float, RecordedMove]]:
    """A move for every two bars, with the beat of the song at which it starts."""
    rng = np.random.default_rng([31, seed, structure.seed, dancer.seed])
    starts, ends = (np.stack([danced_state(move, at) for move in library]) for at in (0.0, BEATS))
    tempo = np.abs(np.log([move.beat_s / structure.beat_s for move in library]))
    speeds = np.array([move.speed for move in library])
    energy = speeds.argsort().argsort() / max(len(library) - 1, 1)
    memory: dict[tuple[str, int], int] = {}
    result: list[tuple[float, RecordedMove]] = []
    for section in structure.sections:
        for bar in range(section.first_bar, section.end_bar, BARS):
            key = (section.kind, structure.phrase_bar(bar) // BARS)
            if key not in memory:
                wanted = LEVELS.index(level_of(structure, bar)) / (len(LEVELS) - 1)
                cost = (
                    TEMPO_COST * tempo
                    + ENERGY_COST * np.abs(energy - wanted)
                    + rng.gumbel(scale=CHANCE, size=len(tempo))
                )
                if result:
                    gap = ends[_index(library, result[-1][1])] - starts
                    cost = cost + np.linalg.norm(gap, axis=-1).mean(axis=-1)
                cost = cost + [_repetition(move, [each for _, each in result]) for move in library]
                memory[key] = int(cost.argmin())
            result.append((float(bar * structure.beats_per_bar), library[memory[key]]))
    return result


def danced(move: RecordedMove, beats: Float64[np.ndarray, " T"]) -> Float64[np.ndarray, "T J 2"]:
    """A move at beats after its start; before and after it, the recording at the move's tempo."""
    knots = np.arange(BEATS + 1.0)
    inside = np.interp(beats, knots, move.beats_s)
    outside = np.minimum(beats, 0.0) + np.maximum(beats - BEATS, 0.0)
    return move.recording.at(inside + outside * move.beat_s)


def danced_state(move: RecordedMove, beat: float) -> Float64[np.ndarray, "J 4"]:
    """Joints at a beat of the move, and their velocities in units of VELOCITY_S."""
    ahead = LOOK_S / move.beat_s
    before, here, after = danced(move, np.array([beat - ahead, beat, beat + ahead]))
    return np.concatenate([here, VELOCITY_S * (after - before) / (2 * LOOK_S)], axis=-1)


def limited(pose: Float[np.ndarray, "T J 2"], longest: Float64[np.ndarray, " bones"]) -> Float64[np.ndarray, "T J 2"]:
    """The poses with no bone longer than in space; bones are set from the neck outwards."""
    result = np.array(pose, dtype=np.float64)
    for (start, end), length in zip(COCO18.bone_indices, longest, strict=True):
        way = pose[:, end] - pose[:, start]
        size = np.linalg.norm(way, axis=-1, keepdims=True)
        result[:, end] = result[:, start] + way * np.minimum(1.0, length / np.maximum(size, 1e-9))
    return result


def _no_offset(beats: Float64[np.ndarray, " T"]) -> Float64[np.ndarray, "T 1 1"]:
    return np.zeros((len(beats), 1, 1))


def _offset(
    last: tuple[float, RecordedMove], following: tuple[float, RecordedMove], before: Offset, beat_s: float
) -> Offset:
    """What is added to a move so that it continues the last one, as a function of the song's beat."""
    start, step = following[0], LOOK_S / beat_s
    times = start + np.array([-step, 0.0])
    old = danced(last[1], times - last[0]) + before(times)
    new = danced(following[1], times - start)
    gap, change = old[1] - new[1], ((old[1] - old[0]) - (new[1] - new[0])) / step

    def decaying(beats: Float64[np.ndarray, " T"]) -> Float64[np.ndarray, "T J 2"]:
        share = np.clip((beats - start) / JOIN_BEATS, 0.0, 1.0)[:, None, None]
        return gap * (1 + 2 * share) * (1 - share) ** 2 + JOIN_BEATS * change * share * (1 - share) ** 2

    return decaying


def _repetition(move: RecordedMove, danced_before: list[RecordedMove]) -> float:
    """Cost of a move that overlaps with one of the dance; none for the direct continuation of the last one."""
    for other in danced_before:
        if other.recording is move.recording and abs(other.first_beat - move.first_beat) < BEATS:
            return OVERLAP_COST
    return 0.0


def _index(library: list[RecordedMove], move: RecordedMove) -> int:
    return next(position for position, each in enumerate(library) if each is move)
