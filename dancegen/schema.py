"""The tables between steps: every column's meaning and unit, in this file only.

A table is a folder of Parquet parts. Positions are fractions of the frame, so that they survive a
change of size; times are in seconds; arrays are stored as little-endian bytes ("binary") with
their shape written here, because Parquet would widen int16 and a reader decodes bytes three times
as fast as lists. All columns are in the files, so a table opens in one line: `pandas.read_parquet("clips")`,
`polars.read_parquet("clips")`, `duckdb.sql("from 'clips/**/*.parquet'")`, `pyarrow.parquet.read_table("clips")`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from dancegen.errors import TableError

FORMATS = {  # of a table's columns, where it is not 1
    "poses": 2,  # cleaned, with marks, tracks and cuts
    "clips": 3,  # 2: the rhythm knows phrases; 3: marks of repaired joints
}

# What each video file is and how it sounds: the first pass of extract-poses.
FILES = pa.schema(
    [
        ("uri", pa.string()),  # the video
        ("version", pa.string()),  # cheap mark of the file's content: changes when the file does
        ("content_hash", pa.string()),  # SHA-256 of the video's bytes: the same file elsewhere is the same video
        ("width_px", pa.int32()),  # of the upright picture
        ("height_px", pa.int32()),  # of the upright picture
        ("fps", pa.float32()),  # pictures per second, as the file says
        ("seconds", pa.float32()),  # length, as the file says; null when it does not
        ("has_audio", pa.bool_()),  # whether there is a sound track
        ("loudness_db", pa.float32()),  # RMS of the sound in dBFS; null without sound
        ("tempo_bpm", pa.float32()),  # beats per minute; null where no beat was found
        ("tempo_confidence", pa.float32()),  # 0 to 1: how steadily the beat repeats
        ("fingerprint", pa.binary()),  # float16 (N, 36): what motion.fingerprint knows the song by
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("note", pa.string()),  # what to know of the sound: which track was used, silence, that no beat was heard
        ("error", pa.string()),  # why it cannot be used; null when the row is good
    ],
    metadata={"dancegen.table": "files"},
)

# Everyone in each picture of a part of a video: the second pass of extract-poses, the one that costs.
PEOPLE = pa.schema(
    [
        ("uri", pa.string()),  # names the part: <content hash>@<first picture>
        ("version", pa.string()),  # changes when the part does
        ("video_uri", pa.string()),  # a video with this content
        ("first", pa.int32()),  # number of the part's first picture, at the settings' fps
        ("frames", pa.int32()),  # pictures in the part
        ("counts", pa.binary()),  # int16 (T): people in each picture
        ("joints", pa.binary()),  # float32 (sum of counts, J, 3): by picture; fractions of the frame, confidence
        ("cuts", pa.list_(pa.int32())),  # pictures of the video that begin a new shot
        ("estimator", pa.string()),  # name and version
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("error", pa.string()),  # why there are no people; null when the row is good
    ],
    metadata={"dancegen.table": "people"},
)

POSES = pa.schema(
    [
        ("uri", pa.string()),  # the video
        ("version", pa.string()),  # changes when the video or its labels do
        ("content_hash", pa.string()),  # SHA-256 of the video's bytes
        ("category", pa.string()),  # kind of dance, such as "kpop"
        ("song", pa.string()),  # song id: a song is never both trained on and tested on
        ("dancer", pa.string()),  # dancer id
        ("skeleton", pa.string()),  # a name in skeleton.SKELETONS
        ("fps", pa.float32()),  # poses per second
        ("frames", pa.int32()),  # T
        ("width_px", pa.int32()),  # of the upright picture
        ("height_px", pa.int32()),  # of the upright picture
        ("joints", pa.binary()),  # float32 (T, J, 3), cleaned: fractions of the frame, confidence; NaN when missing
        ("marks", pa.binary()),  # uint8 (T, J): motion.clean.Mark says what was seen, filled or put right
        ("tracks", pa.binary()),  # int32 (T): which track is the dancer; -1 where the dancer is not there
        ("cuts", pa.list_(pa.int32())),  # poses that begin a new shot
        ("audio_uri", pa.string()),  # where the sound is; null when there is none
        ("missing_share", pa.float32()),  # share of joints that the estimator did not give
        ("repaired_share", pa.float32()),  # share of joints that were filled or put right
        ("people", pa.float32()),  # mean number of people in a picture
        ("switches", pa.int32()),  # times that the dancer who is followed changes within a shot
        ("usable_s", pa.float32()),  # seconds that a clip could be cut from
        ("loudness_db", pa.float32()),  # RMS of the sound in dBFS; null without sound
        ("tempo_bpm", pa.float32()),  # beats per minute; null where no beat was found
        ("tempo_confidence", pa.float32()),  # 0 to 1: how steadily the beat repeats
        ("fingerprint", pa.binary()),  # float16 (N, 36): what motion.fingerprint knows the song by
        ("estimator", pa.string()),  # name and version
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("error", pa.string()),  # why the video is set aside; null when the row is good
    ],
    metadata={"dancegen.table": "poses"},
)

CLIPS = pa.schema(
    [
        ("clip_id", pa.string()),  # derived from the content: the same clip has the same id everywhere
        ("video_uri", pa.string()),  # the video that it is cut from
        ("song", pa.string()),  # song id
        ("dancer", pa.string()),  # dancer id
        ("category", pa.string()),  # kind of dance
        ("split", pa.string()),  # train, validation or test
        ("start_s", pa.float32()),  # where the clip starts in the video
        ("fps", pa.float32()),  # poses per second
        ("aspect", pa.float32()),  # width / height of the picture: undoes the fractions
        ("joints", pa.binary()),  # float32 (T, J, 3): fractions of the frame, confidence
        ("audio", pa.binary()),  # int16 (T * samples a frame): mono, 16 kHz, loudness-normalised
        ("rhythm", pa.binary()),  # float32 (T, R): the channels of motion.beats.RHYTHM_CHANNELS
        ("marks", pa.binary()),  # uint8 (T, J): motion.clean.Mark says what was seen, filled or put right
        ("loudness_db", pa.float32()),  # RMS of the video's sound in dBFS, before it was normalised
        ("tempo_bpm", pa.float32()),  # of the song
        ("missing_share", pa.float32()),  # share of joints that are missing
        ("repaired_share", pa.float32()),  # share of joints that were filled or put right
    ],
    metadata={"dancegen.table": "clips"},
)

# What cut-clips says of each video: how many clips it gave, or why none.
CUTS = pa.schema(
    [
        ("uri", pa.string()),  # the video
        ("version", pa.string()),  # changes when the file does
        ("split", pa.string()),  # train, validation, test or left_out
        ("clips", pa.int32()),  # how many it gave
        ("left_out", pa.map_(pa.string(), pa.int32())),  # windows that gave no clip, by reason
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("error", pa.string()),  # why it gave no clips; null when the row is good
    ],
    metadata={"dancegen.table": "cuts"},
)

# Which videos sound alike: what cut-clips found by comparing fingerprints, kept for the next run.
MATCHES = pa.schema(
    [
        ("fingerprint", pa.string()),  # SHA-256 of a video's fingerprint
        ("same", pa.list_(pa.string())),  # those of the others that are of the same song
    ],
    metadata={"dancegen.table": "matches"},
)

# What import-poses says of each source: how many recordings it gave, or why none.
IMPORTS = pa.schema(
    [
        ("uri", pa.string()),  # the file or folder
        ("version", pa.string()),  # changes when the source does
        ("recordings", pa.int32()),  # how many good ones it gave
        ("bad", pa.int32()),  # how many that are set aside; reasons in their rows of poses
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("error", pa.string()),  # why it gave none; null when the row is good
    ],
    metadata={"dancegen.table": "imports"},
)

RENDERS = pa.schema(
    [
        ("uri", pa.string()),  # the song
        ("version", pa.string()),  # changes when the file does
        ("content_hash", pa.string()),  # SHA-256 of the song's bytes
        ("name", pa.string()),  # file name of the video, decided once; null in tables of earlier releases
        ("output_uri", pa.string()),  # the video; null when there is none
        ("seconds", pa.float32()),  # length of the video
        ("frames", pa.int32()),  # of the video
        ("fps", pa.float32()),  # of the video
        ("seed", pa.int64()),  # of the dance
        ("checkpoint_hash", pa.string()),  # of the model: its tensors and settings, not its card
        ("look", pa.string()),  # a name in media.draw.LOOKS
        ("attempts", pa.int32()),  # times that it was tried
        ("wall_s", pa.float32()),  # seconds from start to end
        ("compute_s", pa.float32()),  # seconds of processor time
        ("note", pa.string()),  # what to know of the sound: which track was used, that no beat was heard
        ("error", pa.string()),  # why there is no video; null when the row is good
    ],
    metadata={"dancegen.table": "renders"},
)

SONGS = pa.schema(
    [
        ("uri", pa.string()),  # the sound file
        ("song", pa.string()),  # song id
        ("category", pa.string()),  # kind of dance
        ("seconds", pa.float32()),  # length
        ("bpm", pa.float32()),  # beats per minute
        ("beats", pa.list_(pa.float32())),  # seconds
        ("downbeats", pa.list_(pa.float32())),  # seconds: first beat of each bar
    ],
    metadata={"dancegen.table": "songs"},
)

# Videos that make-corpus made.
VIDEOS = pa.schema(
    [
        ("uri", pa.string()),  # the video
        ("version", pa.string()),  # of the dancegen that made it
        ("category", pa.string()),  # kind of dance
        ("song", pa.string()),  # song id
        ("dancer", pa.string()),  # dancer id
        ("frames", pa.int32()),  # of the video
        ("fps", pa.float32()),  # of the video
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("error", pa.string()),  # why there is no video; null when the row is good
    ],
    metadata={"dancegen.table": "videos"},
)

# What evaluate keeps of each dance, to compare it with others.
DANCES = pa.schema(
    [
        ("clip_id", pa.string()),  # the clip whose music it is to
        ("song", pa.string()),  # song id
        ("category", pa.string()),  # kind of dance
        ("made", pa.bool_()),  # whether it is a made dance, or a real one
        ("seed", pa.int32()),  # which of the dances to the same music
        ("music_beats_s", pa.binary()),  # float64 (N): seconds of the music's beats
        ("beats_s", pa.binary()),  # float64 (K): seconds of the dance's kinematic beats
        ("kinetic", pa.binary()),  # float64 (54): metrics.kinetic
        ("poses", pa.binary()),  # float64 (P, 36): coordinates of some of its poses, in torsos
        ("window_speeds", pa.binary()),  # float64 (W): mean speed in each second
        ("speed", pa.float64()),  # mean speed of the joints, torsos a second
        ("jerk", pa.float64()),  # mean jerk of the joints
        ("foot_skate", pa.float64()),  # speed of the feet on the floor, torsos a second; NaN when none is seen
        ("embeddings", pa.map_(pa.string(), pa.binary())),  # float32 (E): what each extractor sees, by its name
        ("psi", pa.binary()),  # float32 (M): what the cross-modal metric sees; null without one
        ("psi_reference", pa.binary()),  # float32 (M): psi of how the training song that sounds most alike was danced
    ],
    metadata={"dancegen.table": "dances"},
)

# What evaluate says of each part of a table of clips.
EVALUATED = pa.schema(
    [
        ("uri", pa.string()),  # the part
        ("version", pa.string()),  # changes when the part does
        ("dances", pa.int32()),  # real and made ones
        ("wall_s", pa.float32()),  # seconds of work
        ("attempts", pa.int32()),  # runs in which it was tried
        ("error", pa.string()),  # why there are none; null when the row is good
    ],
    metadata={"dancegen.table": "evaluated"},
)

# The numbers that evaluate ends with: metrics.scores.
SCORES = pa.schema(
    [
        ("metric", pa.string()),  # a name in metrics.scores
        ("whose", pa.string()),  # made, real, shuffled (other songs' music) or real shuffled
        ("value", pa.float64()),
        ("low", pa.float64()),  # of the 95 % interval, over songs
        ("high", pa.float64()),
        ("n", pa.int32()),  # dances
        ("n_real", pa.int32()),  # real dances they are compared with
        ("seed", pa.int32()),  # of all draws
        ("seen_in_training", pa.bool_()),  # whether a loss of the model looked at the same: then it flatters
    ],
    metadata={"dancegen.table": "scores"},
)

SCHEMAS = (VIDEOS, SONGS, FILES, PEOPLE, POSES, IMPORTS, MATCHES, CUTS, CLIPS, RENDERS, DANCES, EVALUATED, SCORES)


def name_of(schema: pa.Schema) -> str:
    """The table's name, as its schema carries it."""
    return schema.metadata[b"dancegen.table"].decode()


def format_of(schema: pa.Schema) -> int:
    """The version in which this release writes and reads a table."""
    return FORMATS.get(name_of(schema), 1)


def table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of exactly this schema: a column that a row lacks is null."""
    stamped = schema.with_metadata({**schema.metadata, b"dancegen.format": str(format_of(schema)).encode()})
    return pa.Table.from_pylist(rows, schema=stamped)


def check(found: pa.Schema, wanted: pa.Schema, uri: str) -> None:
    """Raise unless a table read from `uri` is of this kind and of today's format."""
    metadata = found.metadata or {}
    kind = metadata.get(b"dancegen.table", b"unknown").decode()
    version = metadata.get(b"dancegen.format", b"none").decode()
    if kind != name_of(wanted):
        raise TableError(uri, f"holds a table of {kind}, and a table of {name_of(wanted)} is needed.", "Name another.")
    if version != str(format_of(wanted)):
        raise TableError(
            uri,
            f"has format version {version}, and this release reads version {format_of(wanted)}.",
            f"Make it again with the step that writes {kind}, or use the release that wrote it.",
        )


def to_bytes(array: np.ndarray, dtype: str) -> bytes:
    """An array as the little-endian bytes of a binary column; dtype is such as "float32" or "int16"."""
    return np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()


def from_bytes(data: bytes, dtype: str, *shape: int) -> np.ndarray:
    """The array back, read-only, in the given shape (one axis may be -1)."""
    return np.frombuffer(data, dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape)
