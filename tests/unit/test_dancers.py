from dataclasses import asdict

from dancegen.corpus.body.dancers import Dancer


def test_the_same_seed_gives_the_same_dancer():
    assert Dancer.from_seed(5) == Dancer.from_seed(5)


def test_dancers_differ_in_every_proportion_and_habit():
    first, second = asdict(Dancer.from_seed(1)), asdict(Dancer.from_seed(2))
    same = [name for name in first if first[name] == second[name]]
    assert same in ([], ["left_handed"])


def test_bodies_stay_within_human_proportions():
    for dancer in map(Dancer.from_seed, range(200)):
        assert 1.7 <= dancer.leg <= 2.0
        assert 0.55 < dancer.arm / dancer.leg < 0.72
        assert 0.9 < dancer.thigh / dancer.shin < 1.15
        assert 1.4 < dancer.half_shoulders / dancer.half_hips < 2.3
        assert 0.0 <= dancer.lag_s <= 0.03


def test_few_dancers_are_left_handed():
    share = sum(dancer.left_handed for dancer in map(Dancer.from_seed, range(500))) / 500
    assert 0.05 < share < 0.16
