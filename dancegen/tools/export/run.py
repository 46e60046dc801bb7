"""Dances -> files of other formats."""

from collections.abc import Iterator

from dancegen import outputs, schema, storage, tables
from dancegen.errors import BadMediaError, ConfigError
from dancegen.exports import formats
from dancegen.exports.dance import load
from dancegen.exports.settings import ENDINGS
from dancegen.tools.export.settings import ExportConfig

DANCE = ENDINGS["npz"]
REPLACE = "Give --overwrite to replace it, or name another folder."
NO_DANCES = "Render the songs with exports=[npz] first."


def run(config: ExportConfig) -> Iterator[str]:
    """Write the files; yields a line per dance.

    Raises ConfigError when there are no dances, or a file would replace a dance or a file of another program, and
    BadMediaError for a file that is no dance.
    """
    dances = _dances(config.dances)
    for dance in dances:
        places = formats.places(config.formats, config.output, storage.stem(dance))
        outputs.check_apart(places.values(), dances)
        for place in () if config.overwrite else places.values():
            outputs.check_ours(place, REPLACE)
        with storage.reading(dance) as path:
            made = load(path, dance)
        for name, place in places.items():
            formats.write(made, name, place, config.pose_video_size)
        yield f"{dance}: {', '.join(storage.name(place) for place in places.values())}"


def _dances(uri: str) -> list[str]:
    """The dance files of a table of renders, or the file itself."""
    if storage.suffix(uri) == DANCE:
        return [uri]
    if not storage.is_folder(uri):
        raise BadMediaError(uri, "is neither a dance (.npz) nor a table of renders.", "Name one of these.")
    exports = tables.read(uri, schema.RENDERS, ["exports"])["exports"].to_pylist()
    found = sorted(file for files in exports for file in files or () if storage.suffix(file) == DANCE)
    if not found:
        raise ConfigError(uri, "lists no dance files.", NO_DANCES)
    return found
