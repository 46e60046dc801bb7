"""poses -> groups of videos with the same song, by audio fingerprint. Matches are stored beside the clips."""

import hashlib

from dancegen import schema, storage, tables
from dancegen.music.fingerprint import PITCHES, SAME_SONG, candidates, grouped, same_among

METHOD = f"alike {SAME_SONG}"  # key of the part: matches of another method are not reused

Pair = tuple[str, str]


def song_groups(heard: dict[str, bytes], table: str) -> dict[str, int]:
    """The group number of each video, from the bytes of its fingerprint: videos of one song have the same number.

    Matches stored in `table` are reused; only new fingerprints are compared, with all others.
    """
    content = {uri: hashlib.sha256(mark).hexdigest()[:32] for uri, mark in heard.items()}
    marks = {content[uri]: schema.from_bytes(mark, "float16", -1, PITCHES) for uri, mark in heard.items()}
    names, kept = sorted(marks), _kept(table)
    same = [(name, other) for name in names for other in kept.get(name, []) if other in marks]
    new = [at for at, name in enumerate(names) if name not in kept]
    if new:
        pairs = candidates([marks[name] for name in names], new)
        same += same_among([(names[one], names[other]) for one, other in pairs], marks)
        _keep(table, names, same)
    groups = grouped(names, same)
    return {uri: groups[name] for uri, name in content.items()}


def _kept(table: str) -> dict[str, list[str]]:
    """For each fingerprint compared in an earlier run, the other fingerprints of its song."""
    part = storage.join(table, tables.part_name(METHOD))
    if not storage.exists(part):
        return {}
    return {row["fingerprint"]: row["same"] for row in tables.read(part, schema.MATCHES).to_pylist()}


def _keep(table: str, names: list[str], same: list[Pair]) -> None:
    others: dict[str, set[str]] = {name: set() for name in names}
    for one, other in same:
        others[one].add(other)
    rows = [{"fingerprint": name, "same": sorted(each)} for name, each in others.items()]
    tables.begin(table, schema.MATCHES, {})
    tables.write_part(table, schema.table(schema.MATCHES, rows), METHOD)
