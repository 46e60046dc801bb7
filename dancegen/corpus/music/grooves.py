"""Drum patterns of popular genres, on the steps of a bar.

A pattern is a string with one character per step of one or two bars: a digit is the loudness of a hit, a dot is a rest.
The notated beat is the one whose second and fourth (or second) have the backbeat. A half-time groove is therefore
notated at the tempo of its backbeat: dubstep of "140 bpm" is a groove of 70.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Groove:
    """The drums of a genre."""

    bpm: tuple[float, float]
    """Usual tempo, in beats per minute."""
    parts: dict[str, str]
    """Pattern by drum, a key of sounds.DRUMS."""
    beats: int = 4
    """Beats of a bar."""
    steps: int = 4
    """Steps of a beat: 4 or 2 for binary, 3 for compound time and swing."""
    hats: bool = True
    """Whether hats of another density may replace those of the pattern."""


GROOVES = {
    "house": Groove(
        (105, 140), {"kick": "9...9...9...9...", "clap": "....8.......8...", "open_hat": "..6...6...6...6."}
    ),
    "trance": Groove(
        (125, 155), {"kick": "9...9...9...9...", "open_hat": "..7...7...7...7.", "hat": "4343434343434343"}
    ),
    "techno": Groove((120, 150), {"kick": "9...9...9...9...", "hat": "..6...6...6...6.", "clap": "............5..."}),
    "hardstyle": Groove(
        (140, 200), {"kick": "9...9...9...9...", "low_tom": "..6...6...6...6.", "clap": "....6.......6..."}
    ),
    "disco": Groove(
        (100, 135), {"kick": "9...9...9...9...", "snare": "....8.......8...", "open_hat": "..7...7...7...7."}
    ),
    "motown": Groove((100, 180), {"kick": "9.....7.9.....7.", "snare": "8...8...8...8...", "hat": "5.4.5.4.5.4.5.4."}),
    "rock": Groove((70, 190), {"kick": "9.......9.......", "snare": "....9.......9...", "hat": "6.4.6.4.6.4.6.4."}),
    "rock_pushed": Groove(
        (70, 170), {"kick": "9.....7.9.7.....", "snare": "....9.......9...", "hat": "6.4.6.4.6.4.6.4."}
    ),
    "rock_two_kicks": Groove(
        (70, 150), {"kick": "9.7.......9.....", "snare": "....9.......9...", "hat": "6.4.6.4.6.4.6.5."}
    ),
    "ballad": Groove((50, 90), {"kick": "9......6.......6", "snare": "....8.......8...", "hat": "5.4.5.4.5.4.5.4."}),
    "punk": Groove((150, 200), {"kick": "9...9...9...9...", "snare": "..8...8...8...8.", "hat": "6...6...6...6..."}),
    "funk": Groove((85, 125), {"kick": "9.9....7..7..7..", "snare": "....9..4.4..9..4", "hat": "6464646464646464"}),
    "break": Groove((85, 180), {"kick": "9.9.......99....", "snare": "....9..4.4..9..4", "hat": "6.4.6.4.6.4.6.4."}),
    "amen": Groove(
        (100, 180),
        {
            "kick": "9.9.......77....9.9.......7.....",
            "snare": "....8..5.5..8..5....8..5.5....8.",
            "hat": "6.5.6.5.6.5.6.5.6.5.6.5.6.5.6.5.",
        },
    ),
    "two_step": Groove(
        (155, 185), {"kick": "9.........9.....", "snare": "....9.......9...", "hat": "6.5.6.5.6.5.6.5."}
    ),
    "garage": Groove((120, 140), {"kick": "9.........7..7..", "clap": "....8.......8...", "hat": "..6...6...6..46."}),
    "half_time": Groove((60, 92), {"kick": "9..7......7.....", "snare": "....9.......9...", "hat": "5.5.5.5.5.5.5.5."}),
    "trap": Groove(
        (60, 85),
        {
            "kick": "9..............7......7.....7...",
            "clap": "........9...............9.......",
            "hat": "6.5.6.5.6.5.65656.5.6.5.6.5.6555",
        },
        steps=8,
        hats=False,
    ),
    "hip_hop": Groove((75, 105), {"kick": "9......7..9.....", "snare": "....9.......9...", "hat": "6.5.6.5.6.5.6.5."}),
    "dembow": Groove((80, 110), {"kick": "9...9...9...9...", "snare": "...7..7....7..7.", "hat": "4.4.4.4.4.4.4.4."}),
    "clave": Groove((80, 130), {"rim": "8..8..8...8.8...", "kick": "7..67..67..67..6", "hat": "5354535453545354"}),
    "bossa": Groove((100, 160), {"rim": "7..7..7...7..7..", "kick": "8..68..68..68..6", "hat": "5.4.5.4.5.4.5.4."}),
    "samba": Groove((80, 130), {"low_tom": "4...9...4...9...", "kick": "6..66..66..66..6", "hat": "6445644564456445"}),
    "reggae": Groove((60, 95), {"kick": "........9.......", "rim": "........8.......", "hat": "5.6.5.6.5.6.5.6."}),
    "steppers": Groove((65, 140), {"kick": "9...9...9...9...", "rim": "........8.......", "hat": "..6...6...6...6."}),
    "country": Groove((80, 140), {"kick": "8.......8.......", "snare": "3474347434743474"}, hats=False),
    "polka": Groove((90, 150), {"kick": "9...9...9...9...", "snare": "..7...7...7...7."}),
    "shuffle": Groove(
        (70, 160), {"kick": "9.....9.....", "snare": "...8.....8..", "hat": "6.46.46.46.4"}, steps=3, hats=False
    ),
    "swing": Groove(
        (90, 200), {"hat": "6..6.46..6.4", "snare": "...4.....4..", "kick": "4..3..4..3.."}, steps=3, hats=False
    ),
    "slow_blues": Groove(
        (50, 80), {"kick": "9.....9.....", "snare": "...8.....8..", "hat": "654654654654"}, steps=3, hats=False
    ),
    "waltz": Groove((80, 190), {"kick": "9.....", "snare": "..6.6.", "hat": "5.5.5."}, beats=3, steps=2),
    "slow_waltz": Groove((60, 110), {"kick": "9.......4...", "snare": "....7.......", "hat": "6.4.6.4.6.4."}, beats=3),
    "jazz_waltz": Groove(
        (90, 190), {"kick": "7........", "hat": "6..6.46..", "rim": "......4.."}, beats=3, steps=3, hats=False
    ),
    "six_eight": Groove(
        (50, 100), {"kick": "9.....", "snare": "...9..", "hat": "645645"}, beats=2, steps=3, hats=False
    ),
    "six_eight_pushed": Groove(
        (50, 110),
        {"kick": "9....7.7....", "snare": "...8.....8..", "hat": "6.46.46.46.4"},
        beats=2,
        steps=3,
        hats=False,
    ),
    "jig": Groove((80, 130), {"kick": "8..6..", "hat": "635635"}, beats=2, steps=3, hats=False),
}

CLICKS = {
    "clicks": Groove((48, 205), {"rim": "8...8...8...8..."}, hats=False),
    "clicks_of_four": Groove((48, 205), {"rim": "9...6...6...6..."}, hats=False),
    "clicks_of_three": Groove((48, 205), {"rim": "9.6.6."}, beats=3, steps=2, hats=False),
}
"""A metronome, without and with an accent on the downbeat."""
