"""What a job writes is apart from what it reads, and replaces no file of others. Checked before any work.

Places are compared by what they are: links, `..` and the case of letters on disks that do not tell A from a make no
difference. A place on S3 lies in another when its key begins with the other's and a slash.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from dancegen import config as settings
from dancegen import storage
from dancegen.config import Config, Output
from dancegen.errors import ConfigError, StorageDeniedError, StorageError
from dancegen.media import marks

ELSEWHERE = "Name another place for the output."


def check(config: Config, read: Iterable[str] = (), remedy: str = "Move it away, or name another output.") -> None:
    """Raise ConfigError when the job would write over what it reads, into a folder that it lists, or over other files.

    `read` are URIs that the job reads besides its inputs; `remedy` says what to do about a file that is in the way.
    """
    disk = _Disk()
    sources = [*((f"{name}={uri}", uri) for name, uri in settings.inputs(config)), *((uri, uri) for uri in read)]
    for name, uri, mark in settings.outputs(config):
        thing = f"{name}={uri}"
        if mark.inside is not None:
            _check_not_in(disk, thing, uri, sources)
        places = list(_places(config, uri, mark))
        for place in places:
            _check_apart(disk, thing, place, sources)
        if mark.file:
            _check_file(thing, uri, mark.endings)
        if not getattr(config, "overwrite", False):
            for place in places:
                check_ours(place, remedy)


def check_writable(config: Config) -> None:
    """Raise StorageError for an output that cannot be written: no such bucket, or a folder that takes no files."""
    for name, uri, mark in settings.outputs(config):
        if storage.is_remote(uri):
            _check_bucket(f"{name}={uri}", uri)
        else:
            _check_folder(f"{name}={uri}", Path(uri).parent if mark.file else Path(uri))


def check_apart(places: Iterable[str], read: Iterable[str]) -> None:
    """Raise ConfigError when one of the files to write is one of the files to read."""
    disk = _Disk()
    read = list(read)
    same = {disk.key(uri): uri for uri in read}
    for place in places:
        if (source := same.get(disk.key(place))) is not None:
            raise ConfigError(place, f"is to be written, and is read: it is {source}.", ELSEWHERE)


def check_ours(uri: str, remedy: str) -> None:
    """Raise ConfigError when there is a local file that was not written by dancegen."""
    if not storage.is_remote(uri) and os.path.exists(uri) and not marks.is_ours(Path(uri)):
        raise ConfigError(uri, "exists, and was not written by dancegen.", remedy)


def _check_file(thing: str, uri: str, endings: tuple[str, ...]) -> None:
    if endings and storage.suffix(uri) not in endings:
        raise ConfigError(thing, f"cannot be written: its name has to end in {' or '.join(endings)}.", "Rename it.")
    if not storage.is_remote(uri) and os.path.isdir(uri):
        raise ConfigError(thing, "is a folder, and a file is written.", "Add the name of a file.")


def _check_folder(thing: str, place: Path) -> None:
    """The folder, or that in which it will be made, takes a file."""
    folder = next(above for above in (place, *place.parents) if os.path.lexists(above))
    try:
        tempfile.TemporaryFile(dir=folder).close()  # has no name there
    except OSError as error:
        raise StorageError(thing, f"cannot be written: {folder}: {error.strerror}.", ELSEWHERE) from error


def _check_bucket(thing: str, uri: str) -> None:
    bucket = "s3://" + uri.removeprefix("s3://").partition("/")[0]
    try:
        there = storage.exists(bucket)
    except StorageDeniedError:
        return  # who may not list a bucket may still write to it
    if not there:
        raise StorageError(thing, f"cannot be written: there is no bucket {bucket}.", ELSEWHERE)


def _places(config: Config, uri: str, mark: Output) -> Iterator[str]:
    """The files and folders that are the job's own."""
    yield from (uri.rstrip("/") + ending for ending in mark.beside)
    if mark.inside is None:
        yield uri
    else:
        yield from (storage.join(uri, name.format_map(dict(config))) for name in mark.inside)


def _check_not_in(disk: "_Disk", thing: str, place: str, sources: list[tuple[str, str]]) -> None:
    for name, source in sources:
        if disk.lies_in(place, source):
            how = "is" if disk.lies_in(source, place) else "lies in"
            raise ConfigError(thing, f"{how} what the job reads: {name}.", ELSEWHERE)


def _check_apart(disk: "_Disk", thing: str, place: str, sources: list[tuple[str, str]]) -> None:
    _check_not_in(disk, thing, place, sources)
    for name, source in sources:
        if disk.lies_in(source, place):
            raise ConfigError(thing, f"would be written over what the job reads: {name} lies in {place}.", ELSEWHERE)


class _Disk:
    """Which places are one, and which lie in another. Remembers what it has looked up."""

    def __init__(self) -> None:
        self._keys: dict[str, object] = {}
        self._chains: dict[str, frozenset[object]] = {}

    def key(self, uri: str) -> object:
        """The same for all names of a place: its number on its disk, or the URI where there is no such file."""
        if uri not in self._keys:
            self._keys[uri] = uri.rstrip("/") if storage.is_remote(uri) else _number(storage.local_path(uri))
        return self._keys[uri]

    def lies_in(self, inner: str, outer: str) -> bool:
        """Whether a place is another one, or is somewhere below it."""
        if storage.is_remote(inner) or storage.is_remote(outer):
            return f"{inner.rstrip('/')}/".startswith(f"{outer.rstrip('/')}/")
        return self.key(outer) in self._chain(storage.local_path(inner))

    def _chain(self, path: str) -> frozenset[object]:
        """Keys of a place and of all folders above it, by its own name and by that of what it links to."""
        if path not in self._chains:
            above, real = os.path.dirname(path), os.path.realpath(path)
            chain = {self.key(path)}
            chain |= self._chain(above) if above != path else set()
            chain |= self._chain(real) if real != path else set()
            self._chains[path] = frozenset(chain)
        return self._chains[path]


def _number(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino
