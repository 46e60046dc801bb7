"""A process imports what it uses: each of these modules would cost it, and whoever waits for it, up to seconds."""

import subprocess
import sys

import pytest

SCIPY = ("scipy.interpolate", "scipy.ndimage", "scipy.optimize", "scipy.signal", "scipy.stats")
NOT_IMPORTED_BY = {
    "dancegen.cli": ("numpy", "pydantic", "ray", "torch"),
    "dancegen.pipelines.row_process": ("pandas", "ray", "torch"),
    "dancegen.pipelines.render": ("librosa", "ray", "scipy", "torch"),
    "dancegen.pipelines.table_job": ("ray", "scipy", "torch"),
    "dancegen.pipelines.train_worker": ("librosa", "mlflow", "numba", "sklearn", *SCIPY),
    "dancegen.pipelines.search_trial": ("librosa", "mlflow", "numba", "optuna", "plotly", "sklearn", *SCIPY),
    "dancegen.stages.render": ("librosa", "numba", "pandas", "ray", *SCIPY),
    "dancegen.stages.cut_clips": ("librosa", "numba", "ray", "torch", *SCIPY),
}


@pytest.mark.parametrize(("module", "heavy"), NOT_IMPORTED_BY.items())
def test_a_process_imports_nothing_heavy_that_it_does_not_use(module, heavy):
    code = f"import sys, {module}; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
