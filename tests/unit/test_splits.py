import numpy as np
import pytest

from dancegen.errors import ConfigError
from dancegen.steps.cut_clips.splits import LEFT_OUT, TEST, TRAIN, VALIDATION, leaks, split


def rows(*videos, category="kpop"):
    """From words like "song dancer": a video each."""
    return [
        {"uri": f"{number} {video}", "song": video.split()[0], "dancer": [*video.split(), "unknown"][1]}
        | {"category": category}
        for number, video in enumerate(videos)
    ]


def songs(count, category="kpop"):
    return rows(*(f"{category}{number}" for number in range(count)), category=category)


def sides_of(given, test_share=0.1, validation_share=0.1, apart="song", groups=None):
    return split(given, test_share, validation_share, apart, groups or {})


def counts(sides, category):
    """How many of a category's videos are for training, validation and testing."""
    found = [side for uri, side in sides.items() if category in uri]
    return tuple(found.count(side) for side in (TRAIN, VALIDATION, TEST))


def test_each_category_gives_its_shares_of_songs_rounded_up_for_testing_and_for_validation():
    sides = sides_of(songs(11) + songs(3, "ballet"), 0.1, 0.2)
    assert counts(sides, "kpop") == (6, 3, 2)
    assert counts(sides, "ballet") == (1, 1, 1)


def test_categories_of_two_songs_serve_validation_and_testing_in_turn():
    sides = sides_of(songs(2, "ballet") + songs(2, "kpop") + songs(2, "popping"))
    assert [counts(sides, name) for name in ("ballet", "kpop", "popping")] == [(1, 1, 0), (1, 0, 1), (1, 1, 0)]
    assert counts(sides_of(songs(2), validation_share=0), "kpop") == (1, 0, 1)


def test_which_songs_are_tested_does_not_depend_on_the_share_for_validation():
    given = rows(*(f"s{number} d{number % 7}" for number in range(40)))
    for apart in ("song", "song_and_dancer"):
        tested = [
            {uri for uri, side in sides_of(given, 0.1, share, apart).items() if side == TEST} for share in (0, 0.1, 0.3)
        ]
        assert tested[0] == tested[1] == tested[2]


def test_a_category_of_one_song_is_trained_on():
    assert set(sides_of(songs(1), 0.5).values()) == {TRAIN}


def test_some_songs_are_left_for_training_whatever_the_share():
    assert counts(sides_of(songs(3), 1.0, 0.1), "kpop") == (1, 1, 1)
    assert counts(sides_of(songs(30), 1.0, 0.1), "kpop") == (1, 3, 26)
    assert counts(sides_of(songs(30), 1.0, 1.0), "kpop") == (1, 15, 14)
    assert counts(sides_of(songs(3), 0.0, 0.0), "kpop") == (3, 0, 0)


def test_a_song_in_two_categories_has_one_side_and_the_order_of_rows_does_not_matter():
    given = [{**row, "uri": f"b {row['uri']}", "category": "b"} for row in songs(4)] + songs(4)
    sides = sides_of(given, 0.3)
    assert all(sides[row["uri"]] == sides[f"b {row['uri']}"] for row in songs(4))
    assert sides_of(given[::-1], 0.3) == sides


def test_songs_that_sound_the_same_lie_on_one_side_whatever_their_names():
    given = songs(20)
    groups = {row["uri"]: number // 2 for number, row in enumerate(given)}
    sides = sides_of(given, 0.3, groups=groups)
    for one, other in zip(given[::2], given[1::2], strict=True):
        assert sides[one["uri"]] == sides[other["uri"]]
    assert leaks(given, sides, "song", groups) == []


def test_a_new_song_moves_few_others():
    before, after = sides_of(songs(30), 0.2), sides_of(songs(31), 0.2)
    assert sum(before[uri] != after[uri] for uri in before) <= 2


def test_no_known_dancer_is_on_two_sides_and_few_videos_are_left_out_for_it():
    given = rows(*(f"s{number} d{number % 4}" for number in range(16)), "s16 guest", "s17 guest", "s18", "s19")
    sides = sides_of(given, 0.1, 0.0, "song_and_dancer")
    assert leaks(given, sides, "song_and_dancer", {}) == []
    assert LEFT_OUT not in sides.values(), "those are tested whose dancers dance nothing else"
    assert list(sides.values()).count(TEST) == 2


def test_the_dancers_of_validation_are_neither_tested_nor_trained_on():
    given = rows(*(f"s{number} d{number % 8}" for number in range(40)), *(f"s{40 + number}" for number in range(40)))
    sides = sides_of(given, 0.1, 0.2, "song_and_dancer")
    assert leaks(given, sides, "song_and_dancer", {}) == []
    assert counts(sides, "s")[1:] == (16, 8)
    assert LEFT_OUT not in sides.values(), "those of unknown dancers cost nothing"
    known = [row for row in given if row["dancer"] != "unknown"]
    sides = sides_of(known, 0.1, 0.1, "song_and_dancer")
    assert leaks(known, sides, "song_and_dancer", {}) == []
    assert counts(sides, "s") == (30, 4, 4)
    assert list(sides.values()).count(LEFT_OUT) == 2


def test_where_few_people_dance_everything_the_error_says_what_to_do():
    given = rows(*(f"s{number} d{number % 2}" for number in range(12)), *(f"s{n} d{(n + 1) % 2}" for n in range(12)))
    with pytest.raises(ConfigError, match=r"would leave out 20 of 20 videos.*Set apart=song"):
        sides_of(given, 0.1, 0.0, "song_and_dancer")


@pytest.mark.parametrize("seed", range(20))
def test_no_split_of_any_corpus_leaks(seed):
    random = np.random.default_rng(seed)
    videos = [f"s{random.integers(40)} d{random.integers(30)}" for _ in range(60)]
    given = rows(*videos)
    groups = {row["uri"]: int(random.integers(40)) for row in given if random.random() < 0.3}
    for apart in ("song", "song_and_dancer"):
        try:
            sides = sides_of(given, 0.1, 0.1, apart, groups)
        except ConfigError:
            continue
        assert leaks(given, sides, apart, groups) == []


def test_what_leaks_is_told():
    given = rows("a mia", "b mia", "a tom")
    sides = dict(zip((row["uri"] for row in given), (TRAIN, TEST, TEST), strict=True))
    assert leaks(given, sides, "song", {}) == ["song a is in train and in test"]
    told = leaks(given, sides, "song_and_dancer", {given[0]["uri"]: 5, given[1]["uri"]: 5})
    assert [leak.split()[0] for leak in told] == ["song", "sound", "dancer"]
