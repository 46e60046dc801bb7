from dancegen import tracking


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


def test_work_that_goes_on_adds_to_the_run_it_began(tmp_path):
    uri = tracking.default_uri(str(tmp_path))
    before, _ = make_run(uri, parameters={"epochs": 2})
    before.log({"l1": 1.0}, step=1)
    after, said = make_run(uri, parameters={"epochs": 4})
    after.log({"l1": 0.5}, step=2)
    after.close()
    assert after.id == before.id
    assert len(tracking.connect(uri).get_metric_history(after.id, "l1")) == 2
    assert said == []


def test_other_work_in_the_same_experiment_is_another_run(tmp_path):
    uri = tracking.default_uri(str(tmp_path))
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
    assert "3 numbers" in said[1]


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
