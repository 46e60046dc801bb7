from pathlib import Path

import pytest
from mlflow_server import mlflow_servers

from dancegen import tracking
from dancegen.engine.training.reporter import Reporter
from dancegen.steps.train_dance.settings import TrainDanceConfig


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory, with_database):
    """A real MLflow server; its address."""
    with mlflow_servers(with_database(tmp_path_factory.mktemp("server"))) as (server,):
        yield server.address


def make_run(uri, **changes):
    said = []
    settings = {"uri": uri, "experiment": "tests", "key": "k", "name": "first", "warn": said.append, **changes}
    return tracking.Run(**settings), said


def test_numbers_parameters_and_tags_are_found_again_in_the_database(tmp_path):
    uri = tracking.default_uri(str(tmp_path))
    run, said = make_run(uri, parameters={"model": {"losses": {"l1": 20.0}}, "epochs": 2}, tags={"data": "abc"})
    run.log({"train/l1": 0.5}, step=1)
    run.log({"train/l1": 0.25}, step=2)
    run.close()

    stored = tracking.connect(uri).get_run(run.id)
    assert stored.data.params == {"model.losses.l1": "20.0", "epochs": "2"}
    assert stored.data.tags["data"] == "abc"
    assert stored.info.status == "FINISHED"
    history = tracking.connect(uri).get_metric_history(run.id, "train/l1")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.25)]
    assert said == []


def test_what_a_lost_cluster_leaves_of_a_training_is_known(tmp_path, with_database):
    config = TrainDanceConfig(clips="clips", output=str(with_database(tmp_path / "run")), epochs=40)
    reporter = Reporter(config, items_an_epoch=8, tags={}, numbers={})
    assert reporter.so_far() == f"no epoch completed since the start, checkpoints in {config.run_folder}"
    for epoch in (3, 4):
        reporter.take({"kind": "epoch", "metrics": {"epoch": epoch, "train/l1": 0.5}})
    assert reporter.so_far() == f"4 of 40 epochs are done, checkpoints in {config.run_folder}"
    reporter.close("FAILED")


def test_work_that_goes_on_adds_to_the_run_it_began(tmp_path, with_database):
    uri = tracking.default_uri(str(with_database(tmp_path)))
    before, _ = make_run(uri, parameters={"epochs": 2})
    before.log({"l1": 1.0}, step=1)
    after, said = make_run(uri, parameters={"epochs": 4})
    after.log({"l1": 0.5}, step=2)
    after.close()
    assert after.id == before.id
    assert len(tracking.connect(uri).get_metric_history(after.id, "l1")) == 2
    assert said == []


def test_a_run_that_was_killed_before_its_parameters_were_logged_gets_them_later(tmp_path, with_database):
    uri = tracking.default_uri(str(with_database(tmp_path)))
    killed, _ = make_run(uri, parameters={"epochs": 2})
    killed.log({"train/l1": 0.5}, step=1)
    again, _ = make_run(uri, parameters={"epochs": 3, "batch_size": 4})
    again.log({"train/l1": 0.25}, step=2)
    again.close()
    assert again.id == killed.id
    assert tracking.connect(uri).get_run(again.id).data.params == {"epochs": "2", "batch_size": "4"}


def test_a_step_that_is_logged_again_with_its_time_is_kept_once(tmp_path, with_database):
    uri = tracking.default_uri(str(with_database(tmp_path)))
    for _ in range(2):
        run, said = make_run(uri)
        run.log({"train/l1": 0.5}, step=1, at_s=1_000.0)
        run.close()
    history = tracking.connect(uri).get_metric_history(run.id, "train/l1")
    assert [(point.step, point.timestamp) for point in history] == [(1, 1_000_000)]
    assert not said


def test_other_work_in_the_same_experiment_is_another_run(tmp_path, with_database):
    uri = tracking.default_uri(str(with_database(tmp_path)))
    one, _ = make_run(uri)
    two, _ = make_run(uri, key="another")
    one.open()
    two.open()
    assert one.id != two.id


def test_a_server_that_is_away_costs_one_warning():
    run, said = make_run("http://127.0.0.1:9")
    for step in range(3):
        run.log({"l1": 1.0}, step)
    assert len(said) == 1
    assert "http://127.0.0.1:9" in said[0]
    run.close()
    assert len(said) == 2
    assert "3 values" in said[1]


def test_numbers_kept_while_the_server_was_away_arrive_later(tmp_path):
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the database's folder must be")
    run, said = make_run(f"sqlite:///{blocked}/mlflow.db")
    run.log({"l1": 1.0}, step=1)
    assert len(said) == 1
    blocked.unlink()
    run._not_before = 0.0
    run.log({"l1": 0.5}, step=2)
    assert [point.value for point in tracking.connect(run.uri).get_metric_history(run.id, "l1")] == [1.0, 0.5]


def test_a_remote_output_has_its_database_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tracking.default_uri("s3://bucket/run") == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.slow
def test_files_are_found_again_in_the_database_s_folder_and_on_a_server(tmp_path, with_database, mlflow_server):
    (tmp_path / "page.html").write_text("<p>a plot</p>")
    for uri in (tracking.default_uri(str(with_database(tmp_path / "a folder"))), mlflow_server):
        run, said = make_run(uri)
        run.artifact("pictures/epoch-0001.png", b"a picture")
        run.artifact("page.html", tmp_path / "page.html")
        run.artifact("page.html", b"a newer plot")
        run.close()
        client = tracking.connect(uri)
        assert [file.path for file in client.list_artifacts(run.id, "pictures")] == ["pictures/epoch-0001.png"]
        copied = client.download_artifacts(run.id, "page.html", str(tmp_path))
        assert Path(copied).read_bytes() == b"a newer plot"
        assert client.get_run(run.id).info.status == "FINISHED"
        assert said == []


def test_a_store_that_takes_no_files_keeps_back_no_numbers(tmp_path, with_database):
    run, said = make_run(tracking.default_uri(str(with_database(tmp_path))))
    run.log({"l1": 1.0}, step=1)
    (tmp_path / "mlflow_artifacts").write_text("a file where the artifacts' folder must be")
    run.artifact("picture.png", b"a picture")
    run.log({"l1": 0.5}, step=2)
    client = tracking.connect(run.uri)
    assert [point.value for point in client.get_metric_history(run.id, "l1")] == [1.0, 0.5]
    assert len(said) == 1
    run.close()
    assert client.get_run(run.id).info.status == "FINISHED"
    assert "1 files" in said[-1]


def test_a_file_kept_while_the_server_was_away_arrives_later_but_not_all_of_them_are_kept(
    tmp_path, monkeypatch, with_database
):
    monkeypatch.setattr(tracking, "WAITING_BYTES", 10)
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the database's folder must be")
    run, _ = make_run(f"sqlite:///{blocked}/mlflow.db")
    run.artifact("old", b"12345678")
    run.artifact("new", b"123")
    blocked.unlink()
    with_database(blocked)
    run.close()
    assert [file.path for file in tracking.connect(run.uri).list_artifacts(run.id)] == ["new"]
