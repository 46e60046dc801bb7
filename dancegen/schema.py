"""Schemas of the tables between steps: the meaning, unit and shape of every column, defined in this file only.

A table is a folder of Parquet files: parts with the rows of one key, and shards with those of about a thousand. While a
job runs, other programs may see the old row of a key, in a shard, beside the new one, in a part. Positions are
fractions of the frame (x of the width, y of the height, y down), so that they do not depend on the resolution; times
are in seconds. Arrays are stored as little-endian bytes (`binary`) with the dtype and shape given here, because Parquet
would widen int16 and bytes decode three times as fast as lists. T is the number of frames, J = 18 the joints in the
order of `skeleton.COCO18`; the last axis of `joints` is x, y and a confidence in [0, 1]. The pose unit of dances is 4
torso lengths (normalisation `body`) or half the frame height (`camera`).
All columns are in the files, so a table opens in one line: `pandas.read_parquet("clips")`,
`polars.read_parquet("clips")`, `duckdb.sql("from 'clips/**/*.parquet'")`, `pyarrow.parquet.read_table("clips")`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from dancegen.errors import TableError

RHYTHM_VERSION = 3  # of the rhythm channels: 2: beats by a network; 3: by a larger one; none or 1: by autocorrelation

UNKNOWN = "unknown"  # category or dancer of a video that has none

FORMATS = {  # format version of a table's columns, where it is not 1
    "poses": 2,  # 2: cleaned joints, with marks, tracks and cuts
    "clips": 3,  # 2: phrase channels in rhythm; 3: marks of repaired joints
    "dances": 2,  # 2: speeds of the joints, slide share, beats of the published protocol
}

# Properties of each video file and its audio track: the first pass of extract-poses.
FILES = pa.schema(
    [
        ("uri", pa.string()),  # URI of the video
        ("version", pa.string()),  # size and modification time (or ETag) of the file; changes when the file changes
        ("content_hash", pa.string()),  # SHA-256 of the file's bytes, in hex; equal for copies of a video
        ("width_px", pa.int32()),  # frame width in pixels, after rotation
        ("height_px", pa.int32()),  # frame height in pixels, after rotation
        ("fps", pa.float32()),  # frames per second, from the file's metadata
        ("seconds", pa.float32()),  # duration in seconds, from the file's metadata; null when unknown
        ("has_audio", pa.bool_()),  # whether an audio track exists and can be decoded
        ("loudness_db", pa.float32()),  # RMS level of the audio track in dBFS; null without audio
        ("tempo_bpm", pa.float32()),  # tempo as a dance counts it, in beats per minute; null where no beat was found
        ("tempo_confidence", pa.float32()),  # pulse clarity, 0 to 1 (below 0.2: no steady beat); null without audio
        ("fingerprint", pa.binary()),  # float16 (N, 36): music.fingerprint, 36 semitones, N = 4 per second
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("note", pa.string()),  # remarks on the audio: the track used, silence, no steady beat; null for none
        ("error", pa.string()),  # reason why the video cannot be used; null when it can
    ],
    metadata={"dancegen.table": "files"},
)

# All people in each frame of a part of a video: the second, most expensive pass of extract-poses.
PEOPLE = pa.schema(
    [
        ("uri", pa.string()),  # id of the part, `<content hash>@<first frame>`
        ("version", pa.string()),  # number of parts of the video; changes when the video is divided differently
        ("video_uri", pa.string()),  # URI of a video with this content
        ("first", pa.int32()),  # index of the part's first frame in the video, at the configured fps
        ("frames", pa.int32()),  # number of frames in the part (T)
        ("counts", pa.binary()),  # int16 (T): number of people in each frame
        ("joints", pa.binary()),  # float32 (sum of counts, J, 3): joints of all people, ordered by frame
        ("cuts", pa.list_(pa.int32())),  # indices of the video's frames at which a new shot starts
        ("estimator", pa.string()),  # name and version of the pose estimator
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why the columns of people are null; null on success
    ],
    metadata={"dancegen.table": "people"},
)

POSES = pa.schema(
    [
        ("uri", pa.string()),  # URI of the video or recording
        ("version", pa.string()),  # hash of content and labels, or version of the imported source
        ("content_hash", pa.string()),  # SHA-256 of the video's bytes, or of an imported recording's joints, in hex
        ("category", pa.string()),  # dance genre, such as "kpop"
        ("song", pa.string()),  # song id; a song is never in more than one split
        ("dancer", pa.string()),  # dancer id
        ("skeleton", pa.string()),  # name of the joint set, a key of skeleton.SKELETONS
        ("fps", pa.float32()),  # poses per second
        ("frames", pa.int32()),  # number of poses (T)
        ("width_px", pa.int32()),  # frame width in pixels, after rotation
        ("height_px", pa.int32()),  # frame height in pixels, after rotation
        ("joints", pa.binary()),  # float32 (T, J, 3): cleaned joints; missing joints are (NaN, NaN, 0)
        ("marks", pa.binary()),  # uint8 (T, J): pose.clean.Mark: 0 detected, 1 missing, 2 filled, 3 replaced
        ("tracks", pa.binary()),  # int32 (T): id of the track that is followed; -1 where the dancer is not found
        ("cuts", pa.list_(pa.int32())),  # indices of the poses at which a new shot starts
        ("audio_uri", pa.string()),  # URI of the audio; null without audio
        ("missing_share", pa.float32()),  # fraction of joints (of T * J) that the estimator did not find
        ("repaired_share", pa.float32()),  # fraction of joints (of T * J) that were filled or replaced
        ("people", pa.float32()),  # mean number of people per frame
        ("switches", pa.int32()),  # number of times the followed track changes within a shot
        ("usable_s", pa.float32()),  # total duration from which clips can be cut, in seconds
        ("loudness_db", pa.float32()),  # RMS level of the audio track in dBFS; null without audio
        ("tempo_bpm", pa.float32()),  # tempo as a dance counts it, in beats per minute; null where no beat was found
        ("tempo_confidence", pa.float32()),  # pulse clarity, 0 to 1 (below 0.2: no steady beat); null without audio
        ("fingerprint", pa.binary()),  # float16 (N, 36): music.fingerprint, 36 semitones, N = 4 per second
        ("estimator", pa.string()),  # name and version of the pose estimator, or format of the imported data
        ("wall_s", pa.float32()),  # processing time of the row, in seconds; null for imported recordings
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why the video is set aside; null otherwise
    ],
    metadata={"dancegen.table": "poses"},
)

CLIPS = pa.schema(
    [
        ("clip_id", pa.string()),  # hash of the clip's arrays (16 hex digits); equal for equal content
        ("video_uri", pa.string()),  # URI of the video it is cut from
        ("song", pa.string()),  # song id; a song is never in more than one split
        ("dancer", pa.string()),  # dancer id
        ("category", pa.string()),  # dance genre
        ("split", pa.string()),  # train, validation or test
        ("start_s", pa.float32()),  # start of the clip in the video, in seconds
        ("fps", pa.float32()),  # poses per second
        ("aspect", pa.float32()),  # frame width / height; converts fractions of the frame to square units
        ("joints", pa.binary()),  # float32 (T, J, 3): cleaned joints; missing joints are (NaN, NaN, 0)
        ("audio", pa.binary()),  # int16 (T * 16000 / fps): mono, 16 kHz, loudness-normalised
        ("rhythm", pa.binary()),  # float32 (T, R): channels of music.rhythm.RHYTHM_CHANNELS, computed on the whole song
        ("marks", pa.binary()),  # uint8 (T, J): pose.clean.Mark: 0 detected, 1 missing, 2 filled, 3 replaced
        ("loudness_db", pa.float32()),  # RMS level of the video's audio track in dBFS, before normalisation
        ("tempo_bpm", pa.float32()),  # tempo of the audio track in beats per minute; null where no beat was found
        ("missing_share", pa.float32()),  # fraction of the clip's joints that are missing after cleaning
        ("repaired_share", pa.float32()),  # fraction of the clip's joints that were filled or replaced
    ],
    metadata={"dancegen.table": "clips", "dancegen.rhythm": str(RHYTHM_VERSION)},
)

# Result of cut-clips for each video: the number of clips, or the reason why there are none.
CUTS = pa.schema(
    [
        ("uri", pa.string()),  # URI of the video
        ("version", pa.string()),  # columns of poses and split that the row depends on; changes when one of them does
        ("split", pa.string()),  # train, validation, test or left_out
        ("clips", pa.int32()),  # number of clips cut from the video
        ("left_out", pa.map_(pa.string(), pa.int32())),  # rejected windows by reason; null on a processing error
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why there are no clips; null otherwise
    ],
    metadata={"dancegen.table": "cuts"},
)

# Pictures of one person with their poses: training data of the second stage (pose to person), a row per frame.
FRAMES = pa.schema(
    [
        ("frame_id", pa.string()),  # `<first 16 hex digits of the video's content hash>@<index>`
        ("video_uri", pa.string()),  # URI of the video
        ("person", pa.string()),  # id of the person in the footage
        ("split", pa.string()),  # train, validation or test; by time, with gaps between the splits
        ("index", pa.int32()),  # index of the pose in the video; consecutive indices are consecutive frames
        ("time_s", pa.float32()),  # time of the frame in the video, in seconds
        ("fps", pa.float32()),  # poses per second
        ("height_px", pa.int32()),  # height of the picture in pixels (H)
        ("width_px", pa.int32()),  # width of the picture in pixels (W)
        ("jpeg", pa.binary()),  # RGB JPEG (H, W) of the video's crop
        ("joints", pa.binary()),  # float32 (J, 3): cleaned joints, as fractions of the crop; missing: (NaN, NaN, 0)
        (
            "face",
            pa.binary(),
        ),  # float32 (4): x, y of its corner, width, height, as fractions of the crop; null: unknown
        ("matte", pa.binary()),  # 8-bit PNG (H, W): 255 where the person is, 0 background; null when unknown
        ("flow", pa.binary()),  # float16 (2, H/4, W/4): x, y from a pixel to the same point in frame index-1, in pixels
        ("flow_valid", pa.binary()),  # uint8 (H/4, W/4): 1 where forward and backward flow agree; null without flow
        ("sharpness", pa.float32()),  # variance of the Laplacian of the grey picture, in the box around the joints
    ],
    metadata={"dancegen.table": "frames"},
)

# Result of cut-frames for each segment of a video.
SEGMENTS = pa.schema(
    [
        ("uri", pa.string()),  # id of the segment, `<content hash>@<first index>`
        ("version", pa.string()),  # columns of poses that the row depends on; changes when one of them does
        ("video_uri", pa.string()),  # URI of the video
        ("frames", pa.int32()),  # number of frames in the table of frames
        ("left_out", pa.map_(pa.string(), pa.int32())),  # frames that were left out, by reason
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why there are no frames; null on success
    ],
    metadata={"dancegen.table": "segments"},
)

# Result of cut-frames for each video: crop, clean plate and body, or the reason why there are no frames.
FOOTAGE = pa.schema(
    [
        ("uri", pa.string()),  # URI of the video
        ("version", pa.string()),  # columns of poses and limits that the row depends on; changes when one of them does
        ("content_hash", pa.string()),  # SHA-256 of the video's bytes, in hex
        ("person", pa.string()),  # id of the person in the footage
        ("fps", pa.float32()),  # poses per second
        ("seconds", pa.float32()),  # duration of the poses, in seconds
        ("crop", pa.list_(pa.int32())),  # x, y of its corner, width, height in pixels of the upright video
        ("height_px", pa.int32()),  # height of the pictures in pixels (H)
        ("width_px", pa.int32()),  # width of the pictures in pixels (W)
        ("plate", pa.binary()),  # RGB PNG (H, W): the background without the person
        ("plate_coverage", pa.float32()),  # fraction of the plate's pixels that are visible in some frame
        ("bones", pa.binary()),  # float32 (17): length of each bone / torso, in the order of skeleton.COCO18.bones
        ("torso", pa.float32()),  # length of the torso (neck to the midpoint of the hips) / height of the crop
        ("floor_y", pa.float32()),  # height of the ankles on the floor, as a fraction of the crop (y down)
        ("standing_height", pa.float32()),  # of the head's highest joint above the floor, as a fraction of the crop
        ("distinct_poses", pa.int32()),  # clusters of poses that are within 0.1 torsos of their centre
        ("frames", pa.int32()),  # number of frames in the table of frames
        ("usable_s", pa.float32()),  # total duration of those frames, in seconds
        ("left_out", pa.map_(pa.string(), pa.int32())),  # frames that were left out, by reason
        ("warnings", pa.list_(pa.string())),  # findings that reduce the quality of the result; empty for none
        ("note", pa.string()),  # the warnings as one line; null for none
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why there are no frames; null otherwise
    ],
    metadata={"dancegen.table": "footage"},
)

# Videos with the same song: fingerprint comparisons of cut-clips, cached for later runs.
MATCHES = pa.schema(
    [
        ("fingerprint", pa.string()),  # SHA-256 of a video's fingerprint, first 32 hex digits
        ("same", pa.list_(pa.string())),  # fingerprint hashes of the other videos with the same song
    ],
    metadata={"dancegen.table": "matches"},
)

# Result of import-poses for each source: the number of recordings, or the reason why there are none.
IMPORTS = pa.schema(
    [
        ("uri", pa.string()),  # URI of the source file or folder
        ("version", pa.string()),  # changes when the source changes
        ("recordings", pa.int32()),  # number of recordings imported without an error
        ("bad", pa.int32()),  # number of recordings set aside; the reasons are in their rows of poses
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why the source cannot be imported; null otherwise
    ],
    metadata={"dancegen.table": "imports"},
)

RENDERS = pa.schema(
    [
        ("uri", pa.string()),  # URI of the song
        ("version", pa.string()),  # versions of the song's file, model and settings; changes when one does
        ("content_hash", pa.string()),  # SHA-256 of the song's bytes, in hex
        ("name", pa.string()),  # file name of the video, fixed by the first run; null in tables of earlier releases
        ("output_uri", pa.string()),  # URI of the video; null on error
        ("output_bytes", pa.int64()),  # size of the video; null in tables of earlier releases
        ("output_hash", pa.string()),  # SHA-256 of the video's bytes, in hex; null in tables of earlier releases
        ("seconds", pa.float32()),  # duration of the video, in seconds; 0 before segments are joined
        ("frames", pa.int32()),  # number of frames in the video; 0 before segments are joined
        ("fps", pa.float32()),  # frames per second of the video
        ("seed", pa.int64()),  # random seed of the run; the song's content hash is added to it
        ("checkpoint_hash", pa.string()),  # hash of the model's tensors and settings, without its model card
        ("look", pa.string()),  # rendering style, a key of drawing.draw.LOOKS, or URI of a person's checkpoint
        ("tempo_bpm", pa.float32()),  # median tempo of the song in beats per minute, as notated; null without a beat
        ("counted_bpm", pa.float32()),  # median tempo that the dance counts: a half, once or twice tempo_bpm
        ("meter", pa.string()),  # most frequent metre: 2/4, 3/4, 4/4 or 6/8; null without a beat
        ("tempo_confidence", pa.float32()),  # pulse clarity, 0 to 1 (below 0.2: no steady beat); null without rhythm
        ("out_of_range_share", pa.float32()),  # share of poses unlike those of the person's footage; null for no person
        ("slide_share", pa.float32()),  # share of the ankles' path that is on the floor (real dancers: 0.05 to 0.18)
        ("dance_seed", pa.int64()),  # random seed of the dance, from seed, content_hash and the candidate
        ("style", pa.string()),  # style of the dance; null for none, and in tables of earlier releases
        ("energy", pa.float32()),  # setting `energy`: speed in proportion to the mean of the style; null for none
        ("candidate_scores", pa.list_(pa.float32())),  # score of each candidate, the best is rendered; null for one
        ("motion", pa.string()),  # key of the dance in the table of motions; null in tables of earlier releases
        ("motion_reused", pa.bool_()),  # whether the dance was taken from the table of motions
        ("segments", pa.int32()),  # number of segments of a long song; it has no video until they are joined
        ("exports", pa.list_(pa.string())),  # URIs of the files of other formats; null for none
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("wall_s", pa.float32()),  # wall-clock time of the rendering, in seconds; with that of all segments
        ("compute_s", pa.float32()),  # CPU time of the rendering, in seconds; with that of all segments
        ("motion_s", pa.float32()),  # wall-clock time of decoding, beats, dance and its choice, in seconds
        ("pictures_s", pa.float32()),  # wall-clock time of making the frames, in seconds; of all segments
        ("encoding_s", pa.float32()),  # wall-clock time of encoding, in seconds; overlaps with that of the frames
        ("held_s", pa.float32()),  # seconds for which the row, or a long song's join, held an actor in this attempt
        ("wasted_s", pa.float32()),  # the same of earlier attempts that failed or whose actor was lost
        ("cpus", pa.float32()),  # CPU cores that the actor held
        ("gpus", pa.float32()),  # GPUs that the actor held
        ("note", pa.string()),  # remarks on the audio: the track used, silence, no steady beat; null for none
        ("error", pa.string()),  # reason why there is no video; null on success
    ],
    metadata={"dancegen.table": "renders"},
)

# Dances of render, which another look, person or size of the same songs reuses.
MOTIONS = pa.schema(
    [
        ("uri", pa.string()),  # key: SHA-256 of all that the dance depends on, in hex
        ("content_hash", pa.string()),  # SHA-256 of the song's bytes, in hex
        ("start_s", pa.float64()),  # where the dance starts in the song, in seconds
        ("end_s", pa.float64()),  # where it ends in the song, in seconds; null: at the song's end
        ("seconds", pa.float64()),  # duration of the dance, in seconds
        ("checkpoint_hash", pa.string()),  # hash of the model's tensors and settings, without its model card
        ("seed", pa.int64()),  # random seed of the run; the song's content hash is added to it
        ("wanted_style", pa.string()),  # setting `style` of the run: a style of the model, auto or none
        ("energy", pa.float64()),  # setting `energy`: speed in proportion to the mean of the style; null for none
        ("candidates", pa.int32()),  # number of dances of which this one is the best
        ("chosen_for", pa.string()),  # person, size and fps that the choice depended on; null for none
        ("fps", pa.float64()),  # poses per second
        ("normalization", pa.string()),  # of the poses: body or camera
        ("poses", pa.binary()),  # float32 (T, J, 2): x, y in the model's normalisation
        ("dance_seed", pa.int64()),  # random seed of the dance, from seed, content_hash and the candidate
        ("style", pa.string()),  # style of the dance; null for none
        ("candidate_scores", pa.list_(pa.float64())),  # score of each candidate; null for one
        ("beats_s", pa.binary()),  # float64 (N): times of the beats as notated, in seconds; null without rhythm
        ("beat_positions", pa.binary()),  # int64 (N): position of each beat in its bar, 0 is a downbeat
        ("beat_meters", pa.binary()),  # int64 (N): beats of the bar of each beat: 2, 3 or 4
        ("beat_triple", pa.binary()),  # float64 (N): probability that the beat divides into three
        ("tempo_bpm", pa.float32()),  # median tempo of the song in beats per minute, as notated; null without a beat
        ("counted_bpm", pa.float32()),  # median tempo that the dance counts: a half, once or twice tempo_bpm
        ("meter", pa.string()),  # most frequent metre: 2/4, 3/4, 4/4 or 6/8; null without a beat
        ("tempo_confidence", pa.float64()),  # pulse clarity, 0 to 1 (below 0.2: no steady beat); null without rhythm
    ],
    metadata={"dancegen.table": "motions"},
)

# Segments of long songs, until they are joined: a row per segment.
RENDER_SEGMENTS = pa.schema(
    [
        ("uri", pa.string()),  # id of the segment, `<URI of the song>@<number>`
        ("version", pa.string()),  # version of the song's row in renders, key of its dance, and number of its segments
        ("output_uri", pa.string()),  # URI of the segment's video, without sound; null on error
        ("number", pa.int32()),  # number of the segment in the song, from 0
        ("frames", pa.int32()),  # number of frames in the segment
        ("motion", pa.string()),  # key of the dance in the table of motions
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("wall_s", pa.float32()),  # wall-clock time of the rendering, in seconds
        ("compute_s", pa.float32()),  # CPU time of the rendering, in seconds
        ("pictures_s", pa.float32()),  # wall-clock time of making the frames, in seconds
        ("encoding_s", pa.float32()),  # wall-clock time of encoding, in seconds; overlaps with that of the frames
        ("held_s", pa.float32()),  # time for which an actor was held by the row, in seconds, in this attempt
        ("wasted_s", pa.float32()),  # the same of earlier attempts that failed or whose actor was lost
        ("error", pa.string()),  # reason why there is no video; null on success
    ],
    metadata={"dancegen.table": "render_segments"},
)

SONGS = pa.schema(
    [
        ("uri", pa.string()),  # URI of the audio file
        ("song", pa.string()),  # song id
        ("category", pa.string()),  # dance genre
        ("seconds", pa.float32()),  # duration, in seconds
        ("bpm", pa.float32()),  # tempo in beats per minute
        ("beats", pa.list_(pa.float32())),  # times of the beats, in seconds
        ("downbeats", pa.list_(pa.float32())),  # times of the first beat of each bar, in seconds
    ],
    metadata={"dancegen.table": "songs"},
)

# Videos generated by make-corpus.
VIDEOS = pa.schema(
    [
        ("uri", pa.string()),  # URI of the video
        ("version", pa.string()),  # version of dancegen that generated it
        ("category", pa.string()),  # dance genre
        ("song", pa.string()),  # song id
        ("dancer", pa.string()),  # dancer id
        ("frames", pa.int32()),  # number of frames in the video
        ("fps", pa.float32()),  # frames per second of the video
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why there is no video; null on success
    ],
    metadata={"dancegen.table": "videos"},
)

# Features of each dance, from which evaluate computes the metrics.
DANCES = pa.schema(
    [
        ("clip_id", pa.string()),  # id of the clip that provides the music
        ("song", pa.string()),  # song id
        ("category", pa.string()),  # dance genre
        ("made", pa.bool_()),  # true for a generated dance, false for a real one
        ("seed", pa.int32()),  # index of the dance among the dances generated to the same clip; 0 for a real one
        ("music_beats_s", pa.binary()),  # float64 (N): times of the music's beats, in seconds
        ("beats_s", pa.binary()),  # float64 (K): times of the dance's kinematic beats, in seconds
        ("published_beats_s", pa.binary()),  # float64 (L): the same by the published protocol; null without it
        ("kinetic", pa.binary()),  # float64 (54): metrics.kinetic, 3 features per joint; NaN when missing
        ("poses", pa.binary()),  # float64 (P, 36): x, y of the joints every 0.5 s, in pose units; NaN when missing
        ("window_speeds", pa.binary()),  # float64 (W): mean joint speed per 1 s window, in pose units per second
        ("speed", pa.float64()),  # mean joint speed, in pose units per second
        ("jerk", pa.float64()),  # mean joint jerk, in pose units per second^3
        ("foot_skate", pa.float64()),  # mean ankle speed during floor contact, torso lengths per second; NaN without
        ("slide_share", pa.float64()),  # share of the ankles' path that is on the floor; NaN when they do not move
        ("joint_speeds", pa.binary()),  # float64 (5): of wrists, elbows, hips, knees, ankles; body heights per second
        ("embeddings", pa.map_(pa.string(), pa.binary())),  # float32 (E) by feature extractor: embedding of the dance
        ("psi", pa.binary()),  # float32 (M): embedding of the dance by the cross-modal metric; null without that metric
        ("psi_reference", pa.binary()),  # float32 (M): psi of the dance to the nearest training song; null without it
    ],
    metadata={"dancegen.table": "dances"},
)

# Result of evaluate for each part of a table of clips.
EVALUATED = pa.schema(
    [
        ("uri", pa.string()),  # URI of the part
        ("version", pa.string()),  # version of the part, networks and settings; changes when one of them does
        ("dances", pa.int32()),  # number of dances measured, real and generated
        ("wall_s", pa.float32()),  # processing time of the row, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why there are no dances; null on success
    ],
    metadata={"dancegen.table": "evaluated"},
)

# The metrics computed by evaluate, defined in metrics.scores.
SCORES = pa.schema(
    [
        ("metric", pa.string()),  # name of the metric, from metrics.scores
        ("whose", pa.string()),  # made, real, shuffled (made, with music of other songs) or real shuffled
        ("value", pa.float64()),  # value of the metric
        ("low", pa.float64()),  # lower bound of the 95 % bootstrap interval over songs
        ("high", pa.float64()),  # upper bound of the 95 % bootstrap interval over songs
        ("n", pa.int32()),  # number of dances that are measured
        ("n_real", pa.int32()),  # number of real dances they are compared with
        ("seed", pa.int32()),  # random seed of the evaluation
        ("seen_in_training", pa.bool_()),  # whether a training loss uses the same network: optimistic metric
    ],
    metadata={"dancegen.table": "scores"},
)

# Measurements of evaluate-renderer: one metric of one segment, of real frames or those that a person generated.
SEGMENT_SCORES = pa.schema(
    [
        ("uri", pa.string()),  # `<checkpoint_hash, or real>/<segment>`
        ("version", pa.string()),  # versions of the frames, networks and settings; changes when one of them does
        ("checkpoint_hash", pa.string()),  # hash of the person's tensors and settings; null for the real frames
        ("segment", pa.string()),  # `<frame_id of its first frame>+<frames>`, and `, drift in <seconds> s` of its drift
        ("video_uri", pa.string()),  # URI of the video
        ("first", pa.int32()),  # pose index of the segment's first frame in the video
        ("frames", pa.int32()),  # number of frames in the segment
        ("metric", pa.string()),  # name of the metric, a key of steps.evaluate_renderer.page.ABOUT; null on error
        ("total", pa.float64()),  # sum of the metric over its items
        ("items", pa.int32()),  # number of frames, pairs of frames, joints or clips; 0 where the metric has no value
        ("clips", pa.binary()),  # float32 (items, E): features of the segment's clips, of frechet_clips; else null
        ("wall_s", pa.float32()),  # processing time of all metrics of the segment, in seconds
        ("attempts", pa.int32()),  # number of runs in which the row was processed, including this one
        ("error", pa.string()),  # reason why there are no metrics; null on success
    ],
    metadata={"dancegen.table": "segment_scores"},
)

# The metrics computed by evaluate-renderer, over all segments.
RENDERER_SCORES = pa.schema(
    [
        ("metric", pa.string()),  # name of the metric, a key of steps.evaluate_renderer.page.ABOUT
        ("whose", pa.string()),  # label of the person, or real: the same metric of the real frames
        ("person", pa.string()),  # URI of the person's checkpoint; null for the real frames
        ("value", pa.float64()),  # value of the metric
        ("low", pa.float64()),  # lower bound of the 95 % bootstrap interval over segments
        ("high", pa.float64()),  # upper bound of the 95 % bootstrap interval over segments
        ("difference", pa.float64()),  # value minus that of the first person, over common segments; null for the first
        ("difference_low", pa.float64()),  # lower bound of its 95 % interval, with segments resampled in pairs
        ("difference_high", pa.float64()),  # upper bound of its 95 % interval, with segments resampled in pairs
        ("segments", pa.int32()),  # number of segments that have the metric
        ("split", pa.string()),  # train, validation or test
        ("seed", pa.int32()),  # random seed of the resampling
        ("seen_in_training", pa.bool_()),  # whether the person's loss uses the same network: optimistic metric
    ],
    metadata={"dancegen.table": "renderer_scores"},
)

SCHEMAS = (
    VIDEOS,
    SONGS,
    FILES,
    PEOPLE,
    POSES,
    IMPORTS,
    MATCHES,
    CUTS,
    CLIPS,
    FRAMES,
    SEGMENTS,
    FOOTAGE,
    RENDERS,
    MOTIONS,
    RENDER_SEGMENTS,
    DANCES,
    EVALUATED,
    SCORES,
    SEGMENT_SCORES,
    RENDERER_SCORES,
)


def name_of(schema: pa.Schema) -> str:
    """Name of the table, from the metadata of its schema."""
    return schema.metadata[b"dancegen.table"].decode()


def format_of(schema: pa.Schema) -> int:
    """Format version in which this release writes and reads the table."""
    return FORMATS.get(name_of(schema), 1)


def table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of exactly this schema. Columns missing from a row are null."""
    stamped = schema.with_metadata({**schema.metadata, b"dancegen.format": str(format_of(schema)).encode()})
    return pa.Table.from_pylist(rows, schema=stamped)


def check(found: pa.Schema, wanted: pa.Schema, uri: str) -> None:
    """Raise TableError unless a table read from `uri` has the wanted kind and the current format version."""
    metadata = found.metadata or {}
    kind = metadata.get(b"dancegen.table", b"unknown").decode()
    version = metadata.get(b"dancegen.format", b"none").decode()
    if kind != name_of(wanted):
        raise TableError(uri, f"contains a table of {kind}; a table of {name_of(wanted)} is required.", "Give another.")
    if version != str(format_of(wanted)):
        raise TableError(
            uri,
            f"has format version {version}; this release reads version {format_of(wanted)}.",
            f"Run the step that writes {kind} again, or use the release that wrote it.",
        )


def to_bytes(array: np.ndarray, dtype: str) -> bytes:
    """An array as the little-endian bytes of a binary column. `dtype` is a name such as "float32" or "int16"."""
    return np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()


def from_bytes(data: bytes, dtype: str, *shape: int) -> np.ndarray:
    """The array of a binary column, read-only, in the given shape (one axis may be -1)."""
    return np.frombuffer(data, dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape)
