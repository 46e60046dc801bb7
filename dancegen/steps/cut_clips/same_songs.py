"""poses -> which videos are danced to one song, by their sound: what was found is kept beside the clips"""

import hashlib

from dancegen import schema, storage, tables
from dancegen.music.fingerprint import PITCHES, SAME_SONG, candidates, grouped, same_among

METHOD = f"alike {SAME_SONG}"  # key of the part: what another method found is compared again

Pair = tuple[str, str]


def song_groups(heard: dict[str, bytes], table: str) -> dict[str, int]:
    """The number of each video's song, from the bytes of its fingerprint: videos of one song have the same.

    What `table` says of fingerprints that it knows stands; only others are compared, with all that are there.
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
    """Of each fingerprint that was compared before, the others of its song."""
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
