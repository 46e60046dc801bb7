"""S3 is asked no more than is needed: requests cost time and money, on every worker again."""

from collections import Counter
from collections.abc import Callable

import pytest

from dancegen import schema, storage, tables
from dancegen.media.container import SOUND_SUFFIXES
from dancegen.media.inputs import list_media
from dancegen.storage.arrow import TAIL_BYTES
from dancegen.training.clips import Clips, Shard, summarize

PARTS = 12


@pytest.fixture
def count(watched_s3) -> Callable[[Callable[[], object]], dict[str, int]]:
    """A function that does something and gives the requests that it took, by kind."""

    def counted(act: Callable[[], object]) -> dict[str, int]:
        watched_s3.requests.clear()
        act()
        return dict(Counter(watched_s3.requests))

    return counted


def poses(uri: str) -> list[str]:
    tables.begin(uri, schema.POSES, {})
    keys = [f"{number}.mp4" for number in range(PARTS)]
    for key in keys:
        tables.write_part(uri, schema.table(schema.POSES, [{"uri": key, "joints": bytes(200)}]), key)
    return keys


def test_one_row_is_read_and_written_by_its_key(s3: str, count) -> None:
    keys = poses(f"{s3}/poses")
    assert count(lambda: tables.read_part(f"{s3}/poses", schema.POSES, keys[7])) == {"GET": 1}
    table = schema.table(schema.POSES, [{"uri": keys[7]}])
    assert count(lambda: tables.write_part(f"{s3}/poses", table, keys[7])) == {"PUT": 1}


def test_a_table_is_listed_once_and_each_small_part_fetched_once(s3: str, count) -> None:
    keys = poses(f"{s3}/poses")
    read: list[object] = []
    asked = count(lambda: read.extend(tables.read(f"{s3}/poses", schema.POSES)["uri"].to_pylist()))
    assert sorted(map(str, read)) == sorted(keys)
    assert asked == {"LIST": 1, "GET": PARTS}
    assert count(lambda: tables.read(f"{s3}/poses", schema.POSES, ["uri"])) == {"LIST": 1, "GET": PARTS}


def test_a_table_is_gone_on_with_after_few_questions(s3: str, count) -> None:
    poses(f"{s3}/poses")
    asked = count(lambda: tables.begin(f"{s3}/poses", schema.POSES, {}))
    assert asked == {"GET": 2}, "the stamp, and uploads that were killed"


def test_of_a_long_part_only_the_end_and_what_is_wanted_is_fetched(s3: str, count, make_clips) -> None:
    clips = make_clips(f"{s3}/clips", train=10, test=5, frames=40)
    parts = tables.files(clips)
    assert all(part.size > 2 * TAIL_BYTES for part in parts)
    assert count(lambda: summarize(clips)) == {"LIST": 1, "GET": 2 * len(parts)}


def test_a_worker_reads_the_ends_of_its_split_once_and_then_its_clips(s3: str, count, make_clips) -> None:
    clips = make_clips(f"{s3}/clips", train=30, test=5, frames=40)
    made: list[Clips] = []
    assert count(lambda: made.append(Clips(clips, "train", "body"))) == {"LIST": 1, "GET": 6}
    share = Shard(rank=0, workers=1, batch_size=5, seed=0, epoch=0)
    asked = count(lambda: list(made[0].epoch(share)))
    assert set(asked) == {"GET"}
    assert asked["GET"] <= 2 * 6


def test_songs_are_listed_with_their_versions(s3: str, count) -> None:
    for number in range(PARTS):
        storage.write_bytes(f"{s3}/songs/{number}.wav", b"x")
    rows: list[dict] = []
    asked = count(lambda: rows.extend(list_media(f"{s3}/songs", SOUND_SUFFIXES)))
    assert len(rows) == PARTS
    assert all(row["version"] == storage.version(row["uri"]) for row in rows)
    assert asked == {"LIST": 2, "GET": 2}, "is it a folder, is it a table, and what is in it"


def test_files_are_deleted_a_thousand_at_a_time(s3: str, count) -> None:
    poses(f"{s3}/poses")
    assert count(lambda: storage.delete_files(tables.parts(f"{s3}/poses")[:9])) == {"LIST": 1, "POST": 1}
    assert count(lambda: storage.delete(f"{s3}/poses")) == {"LIST": 1, "POST": 1}
    assert storage.find(s3) == []


def test_small_questions_are_one_request(s3: str, count, tmp_path) -> None:
    uri = f"{s3}/a.txt"
    assert count(lambda: storage.write_text(uri, "x")) == {"PUT": 1}
    assert count(lambda: storage.read_text(uri)) == {"GET": 1}
    assert count(lambda: storage.exists(uri)) == {"HEAD": 1}
    assert count(lambda: storage.version(uri)) == {"HEAD": 1}
    assert count(lambda: storage.content_hash(uri)) == {"GET": 1}
    assert count(lambda: storage.copy(uri, str(tmp_path / "b.txt"))) == {"GET": 1}
    assert count(lambda: storage.is_folder(s3)) == {"LIST": 1}
