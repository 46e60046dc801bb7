"""Folders of OpenPose JSON, one file per frame -> recordings, one per folder: the most confident person in each frame.

The files are read as by the estimator openpose_json. Frame size and frame rate come from the video with the folder's
name (of the folder dance or dance_openpose: dance.mp4), or else from the settings.

Axes used in shapes:
    T frames    P people
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float32

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.estimators.base import People, VideoPart
from dancegen.estimators.openpose_json import OpenPoseJson
from dancegen.estimators.settings import EstimatorConfig
from dancegen.media.container import SOUND_SUFFIXES, VIDEO_SUFFIXES
from dancegen.media.video import VideoInfo, probe
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats.recording import BadRecording, Recording, named, no_sound
from dancegen.steps.import_poses.settings import ImportPosesConfig

ENDING = "_openpose"  # suffix of a folder that belongs to a video


def read(config: ImportPosesConfig, source: str) -> Iterator[Recording | BadRecording]:
    """See dancegen.steps.import_poses.formats.recordings."""
    parent, folder = source.rsplit("/", 1)
    name = folder.removesuffix(ENDING)
    if folder == name and storage.is_folder(source + ENDING):
        problem = f"is beside {folder}{ENDING}, and both belong to {name}."
        raise BadMediaError(source, problem, "Rename the one that is not to be used.")
    files = [*(named(config.music, name) if config.music else []), *_beside(parent, name)]
    video = next((file for file in files if storage.suffix(file) in VIDEO_SUFFIXES), None)
    sound = next((file for file in files if storage.suffix(file) in SOUND_SUFFIXES), None)
    info = _info(config, source, video)
    audio_uri = sound or (video if info.has_audio else None)
    if config.music and audio_uri is None:
        raise no_sound(config.music, name, source)
    joints = _most_confident(_people(config, source, parent, name, info))
    yield Recording(
        source, name, config.dancer, config.category, joints, config.fps, info.width_px, info.height_px, audio_uri
    )


def _beside(parent: str, name: str) -> list[str]:
    """The video and audio files beside a folder."""
    possible = (storage.join(parent, name + suffix) for suffix in VIDEO_SUFFIXES + SOUND_SUFFIXES)
    return [uri for uri in possible if storage.exists(uri)]


def _info(config: ImportPosesConfig, source: str, video: str | None) -> VideoInfo:
    """Frame size and frame rate, from the video if there is one, or else from the settings.

    Raises BadMediaError when neither provides them.
    """
    if video is not None:
        with storage.reading(video) as path:
            return probe(path, video)
    needed = {"width_px": config.width_px, "height_px": config.height_px, "source_fps": config.source_fps}
    missing = [setting for setting, value in needed.items() if value is None]
    if config.width_px is None or config.height_px is None or config.source_fps is None:
        problem = f"has no video to take the frame size and rate from, and {', '.join(missing)} is not set."
        raise BadMediaError(source, problem, "Set width_px, height_px and source_fps, or put the video beside it.")
    return VideoInfo(config.width_px, config.height_px, config.source_fps, seconds=None, has_audio=False)


def _people(config: ImportPosesConfig, source: str, parent: str, name: str, info: VideoInfo) -> list[People]:
    """All people in each frame."""
    estimator = OpenPoseJson(
        EstimatorConfig(name="openpose_json", json_folder=parent, min_confidence=config.min_confidence)
    )
    part = VideoPart(storage.join(parent, name + VIDEO_SUFFIXES[0]), info, config.fps, first=0, stop=None)
    try:
        return estimator(part, iter(()))
    except BadMediaError as error:  # refers to a video that may not exist
        subject = source if error.subject == part.uri else error.subject
        raise BadMediaError(subject, error.problem, error.remedy) from error


def _most_confident(people: Sequence[People]) -> Float32[np.ndarray, "T 18 3"]:
    joints = np.full((len(people), len(COCO18), 3), (np.nan, np.nan, 0.0), dtype=np.float32)
    for frame, persons in enumerate(people):
        if len(persons):
            joints[frame] = persons[persons[..., 2].sum(axis=1).argmax()]
    return joints
