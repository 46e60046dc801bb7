"""Two sets of videos -> a study: pairs of short clips with opaque file names, and study.json"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from dancegen import outputs, storage
from dancegen.errors import BadMediaError, ConfigError
from dancegen.media import audio
from dancegen.media.container import VIDEO_SUFFIXES
from dancegen.media.inputs import list_media
from dancegen.media.video import VideoInfo, VideoWriter, frames, probe
from dancegen.tools.study import plan
from dancegen.tools.study.plan import Pair, Study
from dancegen.tools.study.settings import MakeStudyConfig

MAX_FPS = 30.0
SHORT_S = 0.1  # tolerated difference of a video that ends before its window


def run(config: MakeStudyConfig) -> list[str]:
    """Write the study. Returns lines that summarise the result and list skipped videos with the reason.

    Raises ConfigError when the folder contains another study, or no video is in both sets.
    """
    both, notes = _both(config)
    if storage.exists(storage.join(config.output, plan.FILE)):
        return _there_already(config)
    found: list[Pair] = []
    names = sorted(both)
    random.Random(f"{config.seed} pairs").shuffle(names)
    with tqdm(total=min(config.pairs, len(names)), unit=" pairs", mininterval=0.5) as bar:
        for name in names:
            if len(found) == config.pairs:
                break
            try:
                found.append(_pair(config, name, *both[name]))
                bar.update()
            except BadMediaError as error:
                notes.append(f"skipped: {error}")
    if not found:
        raise ConfigError(config.a, f"and {config.b} yield no pair. {' '.join(notes)}", "Give longer videos.")
    catches = [_catch(config, pair, number) for number, pair in enumerate(found[: config.catch])]
    plan.write(config.output, Study(config.names, config.seed, config.seconds, (*found, *catches)))
    text = f"{len(found)} pairs and {len(catches)} catch trials in {config.output}"
    return [*notes, text, f"Next: dancegen study serve {config.output}"]


def _both(config: MakeStudyConfig) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """URIs of the videos in both sets, by name; and lines on videos in one set only or with an ambiguous name."""
    one, other = ([row["uri"] for row in list_media(uri, VIDEO_SUFFIXES)] for uri in (config.a, config.b))
    outputs.check(config, (*one, *other))
    shared = [_namesakes(uris) for uris in (one, other)]
    notes = [f"skipped, same name in one set: {_some(same)}" for same in shared if same]
    one, other = (
        {storage.stem(uri): uri for uri in uris if uri not in same}
        for uris, same in zip((one, other), shared, strict=True)
    )
    both = {name: (one[name], other[name]) for name in one.keys() & other.keys()}
    if not both:
        problem = f"and {config.b} have no video of the same name ({_some(set(one))}; {_some(set(other))})."
        raise ConfigError(config.a, problem, "Give the videos of a pair the same name.")
    alone = one.keys() ^ other.keys()
    return both, notes + ([f"skipped, in one set only: {_some(alone)}"] if alone else [])


def _namesakes(uris: list[str]) -> set[str]:
    """URIs whose name is not unique."""
    count = Counter(map(storage.stem, uris))
    return {uri for uri in uris if count[storage.stem(uri)] > 1}


def _some(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def _there_already(config: MakeStudyConfig) -> list[str]:
    study = plan.read(config.output)
    if (study.names, study.seed, study.seconds) != (config.names, config.seed, config.seconds):
        problem = f"contains another study (of {' and '.join(study.names)}, seed {study.seed})."
        raise ConfigError(config.output, problem, "Give another folder.")
    return [f"the study already exists: {len(study.pairs)} pairs in {config.output}"]


def _pair(config: MakeStudyConfig, name: str, one: str, other: str) -> Pair:
    """Cut a pair of clips. Raises BadMediaError for a video that is too short or cannot be read."""
    files = [_opaque(config, name, which) for which in ("a", "b")]
    with storage.reading(one) as path, storage.reading(other) as other_path:
        videos = ((path, one), (other_path, other))
        start_s = _start(config, name, [_checked(config, *video) for video in videos])
        for video, file in zip(videos, files, strict=True):
            _cut(config, *video, start_s, file)
    return Pair(_opaque(config, name, "pair")[:12], *files, video=name, start_s=start_s)


def _catch(config: MakeStudyConfig, pair: Pair, number: int) -> Pair:
    """A catch trial: a dance of the pair, and its first frame as a still with the same audio."""
    source = storage.join(config.output, plan.CLIPS, pair.a if number % 2 == 0 else pair.b)
    dance, still = (_opaque(config, pair.video, f"catch {what}") for what in ("dance", "still"))
    storage.copy(source, storage.join(config.output, plan.CLIPS, dance))
    with storage.reading(source) as path:
        _cut(config, path, source, 0.0, still, still=True)
    return Pair(_opaque(config, pair.video, "catch")[:12], dance, still, pair.video, pair.start_s, catch=True)


def _checked(config: MakeStudyConfig, path: Path, uri: str) -> float:
    """Duration of the video in seconds. Raises BadMediaError without audio, or when it is too short."""
    info = probe(path, uri)
    seconds = info.seconds if info.seconds is not None else config.seconds
    if not info.has_audio:
        raise BadMediaError(uri, "has no audio track, which the question about the music requires.", "Add its song.")
    if seconds < config.seconds - SHORT_S:
        raise BadMediaError(uri, f"is {seconds:.1f} s long; {config.seconds:g} s are required.", "Give a longer video.")
    return seconds


def _start(config: MakeStudyConfig, name: str, lengths: list[float]) -> float:
    latest = max(0.0, min(lengths) - config.seconds)
    return round(random.Random(f"{config.seed} {name}").uniform(0, latest), 2)


def _cut(config: MakeStudyConfig, path: Path, uri: str, start_s: float, file: str, still: bool = False) -> None:
    info = probe(path, uri)
    fps = min(info.fps, MAX_FPS)
    sound = audio.load(path, uri)[round(start_s * audio.SAMPLE_RATE) :][: round(config.seconds * audio.SAMPLE_RATE)]
    first = round(start_s * fps)
    pictures = frames(path, uri, fps, first, first + round(config.seconds * fps))
    with (
        storage.writing(storage.join(config.output, plan.CLIPS, file)) as target,
        VideoWriter(target, *_even(info), fps, sound) as video,
    ):
        for picture in _stilled(pictures) if still else pictures:
            video.write(picture[: info.height_px // 2 * 2, : info.width_px // 2 * 2])


def _stilled(pictures: Iterator[UInt8[np.ndarray, "H W 3"]]) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The first frame, repeated for all frames."""
    first = next(pictures)
    yield first
    for _ in pictures:
        yield first


def _even(info: VideoInfo) -> tuple[int, int]:
    return info.width_px // 2 * 2, info.height_px // 2 * 2


def _opaque(config: MakeStudyConfig, name: str, what: str) -> str:
    """A file name that does not reveal the content."""
    digest = hashlib.sha256(f"{config.seed} {config.names} {name} {what}".encode()).hexdigest()
    return f"{digest[:20]}.mp4"
