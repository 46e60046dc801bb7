"""What a job costs, and what the rest of it will cost."""

from pathlib import Path

import numpy as np
import pytest

from dancegen.engine.prices import actor_price, read
from dancegen.engine.table_jobs.cost import Spending
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.errors import ConfigError


def test_rows_and_waste_add_up_to_what_actors_held():
    spending = Spending()
    spending.actor_started("a", 0.0)
    spending.actor_started("b", 10.0)
    spending.row_ended(40.0, failed=False)
    spending.row_ended(20.0, failed=True)
    spending.lost_s += 15.0
    spending.actor_ended("b", 60.0)
    spending.actor_ended("never started", 60.0)
    assert spending.held_s(100.0) == 100 + 50
    assert (spending.rows_s, spending.failed_s, spending.most) == (60.0, 20.0, 2)
    assert spending.committed_s(100.0) == 150 + 30, "the other one may need another row's time"


def test_an_interval_covers_the_rest_nine_times_in_ten():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        spending, seconds = Spending(), random.gamma(4, 10, 120)
        for each in seconds[:20]:
            spending.row_ended(each, failed=False)
        found = spending.rest_s(100)
        assert found is not None
        covered += found[0] <= seconds[20:].sum() <= found[1]
    assert 0.86 < covered / 400 < 0.94


def test_nothing_is_forecast_from_one_row():
    spending = Spending()
    spending.row_ended(3.0, failed=False)
    assert spending.rest_s(10) is None


def test_an_actor_costs_its_share_of_a_machine_with_what_no_other_can_use():
    dated = read(str(Path(__file__).parents[2] / "dancegen/engine/prices.yaml"))
    assert dated.date.year >= 2026
    whole = dated.machines["g6.xlarge"].per_hour
    one = actor_price(Parallel(machine="g6.xlarge", gpus_per_actor=0.25))
    assert one.per_hour == pytest.approx(whole / 4)
    assert one.of(7200) == pytest.approx(whole / 2)
    assert actor_price(Parallel(machine="g6.xlarge", cpus_per_actor=3, gpus_per_actor=0.25)).per_hour == whole
    assert one.text(1234.5, 2000) == "1,234.50 to 2,000.00 USD"
    by_parts = Parallel(cpus_per_actor=2, gpus_per_actor=0.5, price_per_cpu_hour=0.1, price_per_gpu_hour=1)
    assert actor_price(by_parts).per_hour == pytest.approx(0.7)


def test_wrong_machines_and_lists_are_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"machine=mainframe: is not in the price list .*g6\.xlarge"):
        actor_price(Parallel(machine="mainframe"))
    with pytest.raises(ConfigError, match=r"has 4 CPUs and 1 GPUs, and an actor needs 1 CPUs and 2 GPUs"):
        actor_price(Parallel(machine="g6.xlarge", gpus_per_actor=2))
    with pytest.raises(ValueError, match="two ways"):
        Parallel(machine="g6.xlarge", price_per_cpu_hour=1)
    own = tmp_path / "prices.yaml"
    own.write_text("machines: {mine: {cpus: 2, per_hour: -1}}")
    with pytest.raises(ConfigError, match=r"prices\.yaml: is not a price list"):
        actor_price(Parallel(machine="mine", prices=str(own)))
    own.write_text("{date: 2026-01-01, currency: EUR, source: us, machines: {mine: {cpus: 2, per_hour: 3}}}")
    assert actor_price(Parallel(machine="mine", prices=str(own))).text(1) == "1.00 EUR"
