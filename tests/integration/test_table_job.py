import os
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dancegen import schema, tables
from dancegen.engine.table_jobs import pool, schedule
from dancegen.engine.table_jobs.cost import Budget, CancelledError
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.table_job import TableJob, run_table_job
from dancegen.errors import ConfigError, StorageUnreachableError, TableError, TooManyBadRowsError
from dancegen.tables import names

pytestmark = pytest.mark.ray


class Stage:
    """Good rows, bad rows and killers, by their names. Each call leaves a file in the folder `calls`."""

    def __init__(self, folder, broken=False):
        if broken:
            raise ConfigError("look", "is not known.", "Choose another.")
        self.folder = Path(folder)

    def __call__(self, table):
        (row,) = table.to_pylist()
        name = row["uri"].strip("/")
        earlier = len(list(self.folder.glob(f"{name} *")))
        (self.folder / f"{name} {earlier}").write_text(str(os.getppid()))
        if name.startswith(("slow", "brief")):
            time.sleep(1.0 if name.startswith("slow") else 0.1)
        if name.startswith("poison"):
            os.kill(os.getpid(), signal.SIGKILL)
        if (name.startswith("actor") and earlier == 0) or name.startswith("murder"):
            os.kill(os.getppid(), signal.SIGKILL)
        if (name.startswith("flaky") and earlier < 2) or name.startswith("unreachable"):
            raise StorageUnreachableError(row["uri"], "cannot be reached (503).", "Check the network.")
        if name.startswith("bug"):
            raise KeyError("joints")
        error = f"{row['uri']}: is broken. Mend it." if name.startswith(("broken", "silent")) else None
        known = {"clips": None if error else 7, "left_out": [] if name.startswith("silent") else None, "error": error}
        cut = {"uri": row["uri"], "version": row["version"], "split": row["split"], **known}
        return schema.table(schema.CUTS, [cut])


TOLERANT = Parallel(max_error_fraction=1, actors=1)


@pytest.fixture
def job(tmp_path, ray_session):
    """What the runner makes in these tests."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    (tmp_path / "calls").mkdir()
    return TableJob("videos", str(tmp_path / "cuts"), schema.CUTS, Stage, (str(tmp_path / "calls"),), {"frames": 50})


def rows(*names, version="1"):
    return [{"uri": f"/{name}", "version": version, "split": "train"} for name in names]


def errors(job):
    """Uri -> error of all rows of the table."""
    found = tables.read(job.table, job.schema).to_pylist()
    return {row["uri"]: row["error"] for row in found}


def calls(tmp_path):
    return sorted(path.name for path in (tmp_path / "calls").iterdir())


def test_good_and_broken_rows_make_one_table_that_reads_back(job):
    summary = run_table_job(job, rows("a", "broken1", "b", "broken2"), TOLERANT)
    assert (summary.rows, summary.bad) == (4, 2)
    assert errors(job) == {
        **{"/a": None, "/b": None},
        **{f"/broken{n}": f"/broken{n}: is broken. Mend it." for n in (1, 2)},
    }
    assert all(pq.read_schema(part).types == schema.CUTS.types for part in tables.parts(job.table))
    told = str(summary).split("\n")
    assert told[-2] == f"2 of 4 videos set aside; reasons in {job.table}, column error"
    assert told[-1] == "  2 x is broken. Mend it. Example: /broken1"


def test_a_second_run_does_only_what_failed_or_changed(tmp_path, job):
    run_table_job(job, rows("a", "b", "broken"), TOLERANT)
    summary = run_table_job(job, rows("a", "b", "broken"), TOLERANT)
    assert summary.done_before == 2
    assert calls(tmp_path) == ["a 0", "b 0", "broken 0", "broken 1"]
    run_table_job(job, rows("a", version="2") + rows("b", "c"), TOLERANT)
    assert calls(tmp_path) == ["a 0", "a 1", "b 0", "broken 0", "broken 1", "c 0"]
    assert len(errors(job)) == 4, "no row is doubled"


def test_other_settings_need_another_table_or_overwrite_it(tmp_path, job):
    run_table_job(job, rows("a", "b"), TOLERANT)
    other = TableJob(job.label, job.table, job.schema, Stage, job.stage_args, {"frames": 40})
    with pytest.raises(TableError, match="frames was 50 and is 40"):
        run_table_job(other, rows("a"), TOLERANT)
    run_table_job(job, rows("a"), Parallel(overwrite=True, actors=1))
    assert errors(job) == {"/a": None}
    assert calls(tmp_path) == ["a 0", "a 1", "b 0"]


def test_a_row_waits_for_storage_that_does_not_answer(tmp_path, job):
    summary = run_table_job(job, rows("a", "flaky"), TOLERANT)
    assert summary.bad == 0
    assert calls(tmp_path) == ["a 0", "flaky 0", "flaky 1", "flaky 2"]


def test_storage_that_never_answers_costs_the_row_and_not_the_job(tmp_path, job):
    run_table_job(job, rows("a", "unreachable"), TOLERANT.model_copy(update={"storage_attempts": 2}))
    assert errors(job) == {"/a": None, "/unreachable": "/unreachable: cannot be reached (503). Check the network."}
    assert calls(tmp_path) == ["a 0", "unreachable 0", "unreachable 1"]


def test_a_row_that_fails_again_and_again_is_put_in_quarantine_until_it_changes_or_is_asked_for(tmp_path, job):
    twice = TOLERANT.model_copy(update={"max_attempts": 2})
    for _ in range(4):
        summary = run_table_job(job, rows("a", "broken"), twice)
    assert (summary.done_before, len(summary.quarantined), summary.bad) == (1, 1, 1)
    assert "1 in quarantine" in str(summary)
    assert calls(tmp_path) == ["a 0", "broken 0", "broken 1"]
    assert errors(job)["/broken"] == "/broken: is broken. Mend it.", "its reason stays"
    run_table_job(job, rows("a", "broken", version="2"), twice)
    assert calls(tmp_path) == ["a 0", "a 1", "broken 0", "broken 1", "broken 2"]
    run_table_job(job, rows("a", "broken", version="2"), twice.model_copy(update={"retry_quarantined": True}))
    assert "broken 3" in calls(tmp_path)


def test_a_row_whose_outcome_is_gone_is_done_again(tmp_path, job):
    run_table_job(job, rows("a", "b"), TOLERANT)
    first, second = rows("a", "b")
    run_table_job(job, [{**first, "gone": True}, second], TOLERANT)
    assert calls(tmp_path) == ["a 0", "a 1", "b 0"]


def test_the_summary_tells_throughput_and_cost(job):
    parallel = TOLERANT.model_copy(update={"cpus_per_actor": 2.0, "price_per_cpu_hour": 1e6})
    counted = replace(job, unit="clips")
    summary = run_table_job(counted, rows("a", "b", "broken"), parallel)
    assert summary.units == 14
    assert "14 clips, " in str(summary)
    assert re.search(r"[\d.e-]+ CPU hours, cost [\d,.]+", str(summary))


def test_a_sample_is_run_and_the_next_run_does_the_others(job, capfd):
    summary = run_table_job(job, rows(*"abcdefgh"), TOLERANT, Budget(sample=3))
    assert (summary.done_now, summary.left) == (3, 5)
    assert re.search(r"from a sample of 3: 5 videos are left: .* h with 1 actors", capfd.readouterr().err)
    assert run_table_job(job, rows(*"abcdefgh"), TOLERANT).done_now == 5


def test_a_job_ends_before_it_costs_too_much_and_keeps_what_is_done(tmp_path, job, capfd):
    songs = rows(*(f"slow{number}" for number in range(6)))
    with pytest.raises(ConfigError, match="needs to know what an actor costs"):
        run_table_job(job, songs, TOLERANT, Budget(max_cost=1))
    dear = TOLERANT.model_copy(update={"price_per_cpu_hour": 3600.0})  # 1 a second
    summary = run_table_job(job, songs, dear, Budget(max_cost=3.5))
    assert 0 < summary.done_now < 5
    assert len(calls(tmp_path)) == summary.done_now == len(errors(job)), "no row was cut off"
    assert "stopped at max_cost=3.5: " in capfd.readouterr().err
    spent = Budget(max_cost=3.5, spent=3.5)
    assert run_table_job(job, songs, dear, spent).done_now == 0, "earlier jobs of the run count"
    beside = Budget(max_cost=3.5, beside=lambda: 3.5)
    assert run_table_job(job, songs, dear, beside).done_now == 0, "and so do those that run at the same time"
    assert run_table_job(job, songs, dear).left == 0


def test_a_job_that_is_no_longer_needed_ends_at_once_and_keeps_what_is_done(job):
    states = []

    def cancelled():
        return states[0].done_now > 0

    with pytest.raises(CancelledError):
        run_table_job(job, rows("a", "slow1", "slow2"), TOLERANT, Budget(cancelled=cancelled), states.append)
    assert len(errors(job)) == states[0].done_now < 3
    assert run_table_job(job, rows("a", "slow1", "slow2"), TOLERANT).left == 0


def test_a_job_that_waits_for_a_machine_can_be_cancelled(tmp_path, job):
    import ray

    def hold():
        time.sleep(60)

    holder = ray.remote(hold).options(num_cpus=ray.cluster_resources()["CPU"]).remote()
    while ray.available_resources().get("CPU", 0) >= 1:
        time.sleep(0.1)
    try:
        with pytest.raises(CancelledError):
            run_table_job(job, rows("a"), TOLERANT, Budget(cancelled=lambda: True))
    finally:
        ray.cancel(holder, force=True)
    assert not calls(tmp_path)


def test_bad_rows_of_a_tolerant_step_are_left_to_the_next_one(job):
    assert run_table_job(replace(job, tolerant=True), rows("broken"), Parallel(max_error_fraction=0)).bad == 1


def test_the_pool_grows_from_one_process_to_as_many_as_are_asked_for(tmp_path, job):
    run_table_job(job, rows(*(f"slow{number}" for number in range(12))), Parallel(actors=3, min_actors=1))
    workers = {path.read_text() for path in (tmp_path / "calls").glob("slow*")}
    assert 1 < len(workers) <= 3


def test_the_pool_grows_while_short_rows_end_all_the_time(tmp_path, job):
    run_table_job(job, rows(*(f"brief{number}" for number in range(60))), Parallel(actors=3, min_actors=1))
    assert len({path.read_text() for path in (tmp_path / "calls").glob("brief*")}) > 1


def test_an_actor_that_is_killed_loses_no_row(tmp_path, job):
    summary = run_table_job(job, rows("a", "actor1", "b", "actor2", "c"), Parallel())
    assert (summary.rows, summary.bad) == (5, 0)
    assert set(errors(job).values()) == {None}
    assert {"actor1 1", "actor2 1"} <= set(calls(tmp_path)), "they were done again"


def test_a_row_that_was_finished_before_its_actor_was_killed_is_not_done_again(tmp_path, job, monkeypatch):
    monkeypatch.setattr(pool, "BATCH_S", 60.0)
    monkeypatch.setattr(
        schedule.Schedule, "_batch_size", lambda _: 4
    )  # the first four are in the batch that is done again
    gone, *others = rows("gone", "a", "broken", "actor", "b", "c", "d", "e")
    run_table_job(job, [gone], TOLERANT)
    summary = run_table_job(replace(job, unit="clips"), [{**gone, "gone": True}, *others], TOLERANT)
    assert (summary.rows, summary.bad, summary.units) == (8, 1, 49)
    assert calls(tmp_path) == [
        *("a 0", "actor 0", "actor 1", "b 0", "broken 0", "broken 1", "c 0", "d 0", "e 0"),
        *("gone 0", "gone 1", "gone 2"),  # whose outcome was not there when the job began
    ]


def test_a_row_that_ends_each_of_its_actors_is_set_aside_and_its_neighbours_are_not(tmp_path, job, monkeypatch):
    monkeypatch.setattr(schedule.Schedule, "_batch_size", lambda _: 2)
    run_table_job(job, rows("a", "murder", "b", "c"), TOLERANT)
    found = errors(job)
    assert found.pop("/murder").startswith("/murder: ended the process of its actor 3 times")
    assert found == {"/a": None, "/b": None, "/c": None}
    assert calls(tmp_path) == ["a 0", "b 0", "c 0", "murder 0", "murder 1", "murder 2"]


def test_finished_rows_are_compacted_also_those_of_a_table_of_an_earlier_release(tmp_path, job, monkeypatch):
    tables.begin(job.table, job.schema, job.settings)
    for row in rows("a", "left the library"):
        tables.write_part(job.table, schema.table(job.schema, [row]), row["uri"])
    run_table_job(job, rows("a"), TOLERANT)
    assert calls(tmp_path) == [], "nothing is left to do"
    run_table_job(job, rows("a", "b", "broken"), TOLERANT)
    assert calls(tmp_path) == ["b 0", "broken 0"]
    assert [Path(part).name for part in tables.parts(job.table)] == ["shard-00000-of-00001.parquet"]
    assert set(errors(job)) == {"/a", "/b", "/broken", "/left the library"}
    monkeypatch.setattr(names, "ROWS_A_SHARD", 1)
    run_table_job(job, rows("a", "b", "broken", "c", "d", "e"), TOLERANT)
    assert calls(tmp_path) == ["b 0", "broken 0", "broken 1", "c 0", "d 0", "e 0"]
    assert {Path(part).name[-17:] for part in tables.parts(job.table)} == {"-of-00008.parquet"}
    assert len(errors(job)) == 7


def test_a_row_that_kills_its_process_each_time_is_set_aside_alone(job):
    run_table_job(job, rows("a", "poison", "b", "c"), TOLERANT)
    found = errors(job)
    assert found.pop("/poison").startswith("/poison: ended its process with SIGKILL")
    assert found == {"/a": None, "/b": None, "/c": None}
    kept = tables.read(job.table, job.schema).to_pylist()
    assert {(row["version"], row["split"]) for row in kept} == {("1", "train")}


def test_too_many_bad_rows_fail_the_step_after_all_are_done(job):
    with pytest.raises(TooManyBadRowsError, match="2 of 3 videos ended with an error; the first: /broken"):
        run_table_job(job, rows("broken1", "broken2", "a"), Parallel(max_error_fraction=0.5, actors=1))
    assert len(errors(job)) == 3


def test_rows_set_aside_for_their_content_are_no_failures_unless_nothing_is_left(job):
    judging, strict = replace(job, judged="left_out"), Parallel(max_error_fraction=0, actors=1, max_attempts=2)
    for _ in range(3):  # in quarantine too
        assert run_table_job(judging, rows("silent1", "silent2", "a"), strict).bad == 2
    with pytest.raises(TooManyBadRowsError, match="2 of 2 videos ended with an error"):
        run_table_job(judging, rows("silent1", "silent2"), strict)


def test_a_bug_says_that_it_is_one_and_the_first_is_shown_with_its_traceback(job, capfd):
    with pytest.raises(
        TooManyBadRowsError, match=r"2 are done and stay usable.* set max_error_fraction=0.5 \(now 0.05\)"
    ):
        run_table_job(job, rows("a", "bug1", "bug2", "b"), Parallel(actors=1))
    assert re.match(r"/bug1: hit a bug in dancegen: KeyError: 'joints' \(test_table_job.py", errors(job)["/bug1"])
    told = capfd.readouterr().err
    assert told.count("Traceback (most recent call last)") == 1
    assert 'raise KeyError("joints")' in told


def test_an_input_without_rows_is_told(job):
    with pytest.raises(ConfigError, match="videos: there are none to process"):
        run_table_job(job, [], TOLERANT)


def test_wrong_settings_of_the_stage_end_the_job_with_their_own_message(job):
    broken = TableJob(job.label, job.table, job.schema, Stage, (job.stage_args[0], True), job.settings)
    with pytest.raises(ConfigError, match=r"look: is not known\. Choose another\."):
        run_table_job(broken, rows("a", "b"), TOLERANT)
