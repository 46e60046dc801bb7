"""Checks before a job starts: its outputs do not overlap its inputs and replace no files of other programs.

Local paths are compared by device and inode, so symbolic links, `..` and the case of letters on case-insensitive file
systems make no difference. An S3 URI lies in another one when its key starts with the other's key and a slash.
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

ELSEWHERE = "Choose another output location."


def check(config: Config, read: Iterable[str] = (), remedy: str = "Move it, or choose another output.") -> None:
    """Raise ConfigError when the job would overwrite its inputs or other files, or write into a folder that it lists.

    `read` are URIs that the job reads besides its inputs; `remedy` is the advice for an existing file.
    """
    disk = _Disk()
    sources = [*((f"{name}={uri}", uri) for name, uri in settings.inputs(config)), *((uri, uri) for uri in read)]
    for name, uri, mark in settings.outputs(config):
        subject = f"{name}={uri}"
        if mark.inside is not None:
            _check_not_in(disk, subject, uri, sources)
        places = list(_places(config, uri, mark))
        for place in places:
            _check_apart(disk, subject, place, sources)
        if mark.file:
            _check_file(subject, uri, mark.endings)
        if not getattr(config, "overwrite", False):
            for place in places:
                check_ours(place, remedy)


def check_writable(config: Config) -> None:
    """Raise StorageError for an output that cannot be written: a missing bucket, or a folder that is not writable."""
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
            raise ConfigError(place, f"is both an output and an input: it is {source}.", ELSEWHERE)


def location(uri: str) -> str:
    """A key that is equal for all names of a location, as `check_apart` compares them."""
    return str(_Disk().key(uri))


def check_ours(uri: str, remedy: str) -> None:
    """Raise ConfigError when a local file exists that was not written by dancegen."""
    if not storage.is_remote(uri) and os.path.exists(uri) and not marks.is_ours(Path(uri)):
        raise ConfigError(uri, "exists, and was not written by dancegen.", remedy)


def _check_file(subject: str, uri: str, endings: tuple[str, ...]) -> None:
    if endings and storage.suffix(uri) not in endings:
        raise ConfigError(subject, f"cannot be written: its name must end in {' or '.join(endings)}.", "Rename it.")
    if not storage.is_remote(uri) and os.path.isdir(uri):
        raise ConfigError(subject, "is a folder; a file is required.", "Add a file name.")


def _check_folder(subject: str, place: Path) -> None:
    """Raise StorageError unless a file can be written to the folder, or to its nearest existing parent."""
    folder = next(above for above in (place, *place.parents) if os.path.lexists(above))
    try:
        tempfile.TemporaryFile(dir=folder).close()  # unnamed
    except OSError as error:
        raise StorageError(subject, f"cannot be written: {folder}: {error.strerror}.", ELSEWHERE) from error


def _check_bucket(subject: str, uri: str) -> None:
    bucket = "s3://" + uri.removeprefix("s3://").partition("/")[0]
    try:
        there = storage.exists(bucket)
    except StorageDeniedError:
        return  # credentials that may not list a bucket may still write to it
    if not there:
        raise StorageError(subject, f"cannot be written: bucket {bucket} does not exist.", ELSEWHERE)


def _places(config: Config, uri: str, mark: Output) -> Iterator[str]:
    """URIs of the files and folders that the job writes."""
    yield from (uri.rstrip("/") + ending for ending in mark.beside)
    if mark.inside is None:
        yield uri
    else:
        yield from (storage.join(uri, name.format_map(dict(config))) for name in mark.inside)


def _check_not_in(disk: "_Disk", subject: str, place: str, sources: list[tuple[str, str]]) -> None:
    for name, source in sources:
        if disk.lies_in(place, source):
            how = "is" if disk.lies_in(source, place) else "lies in"
            raise ConfigError(subject, f"{how} an input of the job: {name}.", ELSEWHERE)


def _check_apart(disk: "_Disk", subject: str, place: str, sources: list[tuple[str, str]]) -> None:
    _check_not_in(disk, subject, place, sources)
    for name, source in sources:
        if disk.lies_in(source, place):
            raise ConfigError(subject, f"would overwrite an input of the job: {name} lies in {place}.", ELSEWHERE)


class _Disk:
    """Compares locations: identity, and containment in a folder. Caches lookups."""

    def __init__(self) -> None:
        self._keys: dict[str, object] = {}
        self._chains: dict[str, frozenset[object]] = {}

    def key(self, uri: str) -> object:
        """A key that is equal for all names of a location: device and inode, or the URI for S3 and missing files."""
        if uri not in self._keys:
            self._keys[uri] = uri.rstrip("/") if storage.is_remote(uri) else _number(storage.local_path(uri))
        return self._keys[uri]

    def lies_in(self, inner: str, outer: str) -> bool:
        """Whether a location is another one, or lies below it."""
        if storage.is_remote(inner) or storage.is_remote(outer):
            return f"{inner.rstrip('/')}/".startswith(f"{outer.rstrip('/')}/")
        return self.key(outer) in self._chain(storage.local_path(inner))

    def _chain(self, path: str) -> frozenset[object]:
        """Keys of a path and of all its parent folders, both as named and with symbolic links resolved."""
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
