import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pytest
import torch
from ray import cloudpickle

from dancegen import storage
from dancegen.engine.table_jobs import row_process
from dancegen.engine.table_jobs.row_process import BadRowError, RowLimits, RowProcess, StageError
from dancegen.engine.table_jobs.stage_at import LazyStage
from dancegen.errors import ClusterError, ConfigError

ROW = pa.table({"uri": ["x"]})
GENEROUS = RowLimits(seconds=60, memory_gb=4)


class Stage:
    """Does to its process what the row says."""

    def __init__(self, made="well", starts=None):
        if starts is not None:
            starts = len(list(starts.iterdir())), (starts / str(os.getpid())).touch()
        if made == "wrongly":
            raise ConfigError("look", "is not known.", "Choose another.")
        if made == "not":
            raise ValueError("a bug")
        if made == "killed" or (made == "killed once" and starts[0] < 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if made == "each time otherwise":
            raise ValueError(f"the fault number {starts[0]}")
        self.pid = os.getpid()

    def __call__(self, row):
        match row["uri"][0].as_py():
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(60)
            case "grow":
                hog = [b"1" * 10_000_000 for _ in range(60)]
                time.sleep(60 + len(hog))
            case "litter":
                with tempfile.NamedTemporaryFile(delete=False) as file:
                    return pa.table({"path": [file.name]})
            case "write":
                with storage.writing(row["to"][0].as_py()) as path:
                    path.write_text("half")
                    time.sleep(60)
            case "half of the GPU":
                import torch

                torch.empty(torch.cuda.get_device_properties(0).total_memory // 2, dtype=torch.uint8, device="cuda")
            case "bug":
                raise KeyError("joints")
            case "chatter":
                print("noise on stdout", flush=True)
        return pa.table({"pid": [self.pid]})


@pytest.fixture
def process(monkeypatch):
    """A function that makes a RowProcess, which ends with the test and starts again at once."""
    monkeypatch.setattr(row_process, "START_PAUSES_S", (0.01,))
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    made = []

    def make(limits=GENEROUS, *arguments):
        made.append(RowProcess(cloudpickle.dumps((Stage, arguments)), limits))
        return made[-1]

    yield make
    for each in made:
        each.close()


def run(process, what):
    return process.run(pa.table({"uri": [what]}), f"/songs/{what}.mp3")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_processes_that_share_a_gpu_cannot_allocate_more_than_their_share(process):
    run(process(RowLimits(seconds=60, memory_gb=8, gpus=0.75)), "half of the GPU")
    with pytest.raises(BadRowError, match="out of memory"):
        run(process(RowLimits(seconds=60, memory_gb=8, gpus=0.25)), "half of the GPU")


def test_rows_are_done_by_one_other_process(process):
    rows = process()
    pid = run(rows, "a")["pid"][0].as_py()
    assert pid != os.getpid()
    assert run(rows, "chatter")["pid"][0].as_py() == pid


@pytest.mark.parametrize(
    ("what", "limits", "told"),
    [
        ("crash", GENEROUS, "ended its process with SIGSEGV"),
        ("grow", RowLimits(seconds=60, memory_gb=0.5), "needed more than 0.5 GB of memory"),
        ("bug", GENEROUS, r"hit a bug in dancegen: KeyError: 'joints' \(test_row_process.py, line \d+\)"),
    ],
)
def test_a_row_that_ruins_its_process_is_told_and_the_next_row_is_done(process, what, limits, told):
    rows = process(limits)
    with pytest.raises(BadRowError, match=f"^/songs/{what}.mp3: {told}"):
        run(rows, what)
    assert run(rows, "a").num_rows == 1


def test_a_row_that_hangs_is_stopped_after_its_time(process):
    with pytest.raises(BadRowError, match=r"^/songs/hang.mp3: took longer than 0.5 s\. Raise max_seconds_per_row"):
        run(process(RowLimits(seconds=0.5, memory_gb=4)), "hang")


def test_wrong_settings_of_a_stage_come_back_as_they_are(process):
    with pytest.raises(ConfigError, match="look: is not known"):
        run(process(GENEROUS, "wrongly"), "a")


def test_a_stage_that_cannot_be_made_is_a_bug_and_no_bad_row(process, tmp_path):
    with pytest.raises(StageError, match=r"(?s)ValueError: a bug \(test_row_process.py.*Traceback.*ValueError: a bug"):
        run(process(GENEROUS, "not", tmp_path), "a")


def test_a_process_that_is_killed_while_it_starts_is_started_again(process, tmp_path):
    assert run(process(GENEROUS, "killed once", tmp_path), "a").num_rows == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_processes_that_are_all_killed_while_they_start_end_the_job_in_one_sentence(process):
    told = r"the stage: ended with SIGKILL .* process started, the last of 2 attempts with [\d.]+ GB of memory free"
    with pytest.raises(ClusterError, match=told):
        run(process(GENEROUS, "killed"), "a")


def test_processes_that_die_in_different_ways_while_they_start_cost_the_row_and_not_the_job(process, tmp_path):
    with pytest.raises(BadRowError, match=r"^/songs/a.mp3: ended with ValueError: the fault number 1"):
        run(process(GENEROUS, "each time otherwise", tmp_path), "a")


def test_without_memory_to_spare_no_death_at_the_start_ends_the_job(process, monkeypatch):
    monkeypatch.setattr(row_process, "MACHINE_SHARE", -1e9)  # then no machine has any to spare
    with pytest.raises(BadRowError, match=r"^/songs/a.mp3: ended with SIGKILL .* Run fewer actors per machine"):
        run(process(RowLimits(60, 4), "killed"), "a")


def test_no_process_is_left_when_it_is_closed(process):
    rows = process()
    pid = run(rows, "a")["pid"][0].as_py()
    rows.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_row_that_is_stopped_leaves_no_unfinished_file(process, tmp_path):
    with pytest.raises(BadRowError, match="took longer"):
        process(RowLimits(seconds=1.5, memory_gb=4)).run(writing(tmp_path), "x")
    assert not list(tmp_path.iterdir())


def test_a_row_whose_parent_was_killed_leaves_no_unfinished_file(process, tmp_path):
    code = (
        "import pickle, sys\n"
        "from dancegen.engine.table_jobs.row_process import RowLimits, RowProcess\n"
        "stage, row = pickle.load(sys.stdin.buffer)\n"
        "RowProcess(stage, RowLimits(60, 4)).run(row, 'x')\n"
    )
    process()  # stages are pickled by value
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        pickle.dump((cloudpickle.dumps((Stage, ())), writing(tmp_path)), parent.stdin)
        parent.stdin.close()
        while not list(tmp_path.iterdir()):
            assert parent.poll() is None
            time.sleep(0.05)
        parent.kill()
    while list(tmp_path.iterdir()):  # the test's own time limit ends this
        time.sleep(0.1)


def writing(folder):
    return pa.table({"uri": ["write"], "to": [str(folder / "video.mp4")]})


def test_what_a_process_left_in_the_temporary_folder_goes_with_it(process):
    rows = process()
    path = run(rows, "litter")["path"][0].as_py()
    assert os.path.exists(path)
    rows.close()
    assert not os.path.exists(path)


def test_a_process_whose_parent_was_killed_ends_and_leaves_nothing_behind(tmp_path):
    parent = f"""
import os, pickle, signal, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import pyarrow as pa
from dancegen.engine.table_jobs.row_process import RowLimits, RowProcess
from test_row_process import Stage
rows = RowProcess(pickle.dumps((Stage, ())), RowLimits(60, 4))
print(rows.run(pa.table({{"uri": ["litter"]}}), "x")["path"][0].as_py(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    told = subprocess.run(
        [sys.executable, "-c", parent], env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert told.stdout.startswith(str(tmp_path)), told.stderr
    for _ in range(600):
        if not list(tmp_path.iterdir()):
            return
        time.sleep(0.1)
    raise AssertionError(list(tmp_path.rglob("*")))


def test_a_stage_may_be_named_by_its_place_and_is_imported_in_the_child_alone():
    stage = (LazyStage("operator:methodcaller"), ("rename_columns", ["found"]))
    process = RowProcess(pickle.dumps(stage), GENEROUS)
    try:
        assert process.run(ROW, "x").column_names == ["found"]
    finally:
        process.close()
