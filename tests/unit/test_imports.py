"""A process imports what it uses: each of these modules would cost it, and whoever waits for it, up to seconds."""

import subprocess
import sys

import pytest

SCIPY = ("scipy.interpolate", "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.stats")
NOT_IMPORTED_BY = {
    "dancegen.cli": ("numpy", "pydantic", "ray", "torch"),
    "dancegen.engine.table_jobs.row_process": ("pandas", "ray", "torch"),
    # It imports dancegen.engine.table_jobs.table_job.
    "dancegen.steps.render.pipeline": ("librosa", "ray", "scipy", "torch"),
    # It imports dancegen.steps.train_dance.worker.
    "dancegen.steps.search.trial": ("librosa", "mlflow", "numba", "optuna", "plotly", "sklearn", *SCIPY),
    "dancegen.steps.render.stage": ("librosa", "numba", "pandas", "ray", *SCIPY),
    "dancegen.steps.cut_clips.stage": ("librosa", "numba", "ray", "torch", *SCIPY),
    "dancegen.steps.cut_frames.cut": ("librosa", "mediapipe", "numba", "ray", "torch"),
}


@pytest.mark.parametrize(("module", "heavy"), NOT_IMPORTED_BY.items())
def test_a_process_imports_nothing_heavy_that_it_does_not_use(module, heavy):
    code = f"import sys, {module}; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
