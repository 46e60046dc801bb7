"""Which videos are danced to one song is found once, kept, and found anew for new songs only."""

import numpy as np

from dancegen import schema, storage, tables
from dancegen.music.fingerprint import PITCHES
from dancegen.steps.cut_clips.same_songs import METHOD, song_groups


def recording(song, start=0, quarters=60):
    """An excerpt of noise that is the same for the same song, as the bytes of a fingerprint."""
    loud = np.random.default_rng(song).random((200, PITCHES))
    return schema.to_bytes(loud[start : start + quarters], "float16")


def part(table):
    return storage.join(table, tables.part_name(METHOD))


def test_videos_of_one_song_are_put_together_by_their_sound(tmp_path):
    heard = {"a": recording(1), "a late": recording(1, start=12), "b": recording(2), "a again": recording(1)}
    groups = song_groups(heard, f"{tmp_path}/matches")
    assert groups["a"] == groups["a late"] == groups["a again"] != groups["b"]


def test_what_was_compared_is_kept_and_only_new_songs_are_compared(tmp_path):
    table = f"{tmp_path}/matches"
    heard = {name: recording(number) for number, name in enumerate("abc")}
    assert len(set(song_groups(heard, table).values())) == 3

    rows = tables.read(table, schema.MATCHES).to_pylist()
    rows[0]["same"] = [rows[1]["fingerprint"]]  # what no comparison would find
    tables.write_part(table, schema.table(schema.MATCHES, rows), METHOD)
    written = storage.version(part(table))
    assert len(set(song_groups(heard, table).values())) == 2, "taken from the table"
    assert storage.version(part(table)) == written, "nothing is new"

    more = {**heard, "b late": recording(1, start=20)}
    groups = song_groups(more, table)
    assert groups["b late"] == groups["b"]
    assert len(set(groups.values())) == 2
    assert song_groups(more, table) == groups


def test_a_video_that_is_gone_takes_its_song_along(tmp_path):
    table = f"{tmp_path}/matches"
    song_groups({"a": recording(1), "a late": recording(1, start=12)}, table)
    assert song_groups({"a late": recording(1, start=12)}, table).keys() == {"a late"}
    assert song_groups({}, table) == {}
