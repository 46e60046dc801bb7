"""Runtime checks of array shapes and types, during tests, for calls into the packages listed here.

The import hook is installed before these packages are imported. Ray workers and other processes that tests start run
without it. Settings are validated by pydantic, and code that runs on Ray is not checked.
"""

from pathlib import Path

from jaxtyping import install_import_hook

ROOT = Path(__file__).parent
CHECKED = (
    *("checkpoints", "corpus", "drawing", "estimators", "gan", "media", "metrics", "music", "pages", "perceptual"),
    *("pose", "renderer", "steps", "tokens", "tools", "training"),
)
UNCHECKED = ("__init__", "command", "pipeline", "progress", "proposals", "settings", "trial", "worker")

files = [path for name in CHECKED for path in sorted((ROOT / "dancegen" / name).rglob("*.py"))]
checked = [path.relative_to(ROOT).with_suffix("") for path in files if not path.stem.endswith(UNCHECKED)]
install_import_hook([".".join(path.parts) for path in checked], "shapes.check")
