"""While the tests run, calls into the packages named here have their shapes and types checked

The hook comes before any of them is imported. Ray's workers and other processes that tests start run without it.
"""

from jaxtyping import install_import_hook

CHECKED = ("importers", "study", "corpus", "estimators", "media", "metrics", "models", "motion", "stages", "training")

install_import_hook([f"dancegen.{name}" for name in CHECKED], "shapes.check")
