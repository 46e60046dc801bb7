"""Comparison of two pose estimators on a sample of videos, written as a report folder, without Ray."""

import math
from typing import Any

from tqdm import tqdm

from dancegen import outputs, storage
from dancegen.errors import DanceGenError
from dancegen.estimators.base import Estimator, VideoPart, load_estimator
from dancegen.media.container import VIDEO_SUFFIXES
from dancegen.media.inputs import list_media
from dancegen.media.video import VideoInfo, probe
from dancegen.tools.compare_estimators import page
from dancegen.tools.compare_estimators.compare import Compared, Tick, compare, worst_frames
from dancegen.tools.compare_estimators.settings import CompareEstimatorsConfig

INTERVAL_S = 0.5  # between updates of the progress bar


def run(config: CompareEstimatorsConfig) -> list[str]:
    """Write the report. Returns lines that summarise the result.

    A video that an estimator cannot process is skipped and reported; the first error is raised when none is left.
    Results that an estimator reads from files are validated for all videos first, because estimation takes long.
    """
    listed = [row["uri"] for row in list_media(config.videos, VIDEO_SUFFIXES)]
    outputs.check(config, listed)
    estimators = [load_estimator(each) for each in config.each()]
    bad = _unreadable(config, listed, [one for one in estimators if one.reads_files])
    uris = [uri for uri in listed if uri not in bad]
    compared: list[Compared] = []
    with tqdm(total=0, unit=" frames", mininterval=INTERVAL_S) as bar:
        for number, uri in enumerate(uris, 1):
            bar.set_description(f"video {number} of {len(uris)}", refresh=False)
            try:
                with storage.reading(uri) as path:
                    info = probe(path, uri)
                    stop = _stop(config, info)
                    bar.total += 2 * stop
                    compared.append(compare(path, uri, info, config.fps, stop, estimators, _tick(bar)))
            except DanceGenError as error:
                bad[uri] = error
    if bad and not compared:
        raise next(iter(bad.values()))
    names = (estimators[0].name, estimators[1].name)
    return _write(config, compared, names, {uri: str(error) for uri, error in bad.items()})


def _unreadable(config: CompareEstimatorsConfig, uris: list[str], readers: list[Estimator]) -> dict[str, DanceGenError]:
    """Errors by URI, for videos whose existing pose files cannot be used."""
    bad: dict[str, DanceGenError] = {}
    for uri in uris if readers else ():
        try:
            with storage.reading(uri) as path:
                info = probe(path, uri)
            for reader in readers:
                reader(VideoPart(uri, info, config.fps, 0, _stop(config, info)), iter(()))
        except DanceGenError as error:
            bad[uri] = error
    return bad


def _stop(config: CompareEstimatorsConfig, info: VideoInfo) -> int:
    """Maximum number of frames of a video that are compared."""
    seconds = config.max_seconds if info.seconds is None else min(info.seconds, config.max_seconds)
    return max(1, math.ceil(seconds * config.fps))


def _tick(bar: tqdm) -> Tick:
    return lambda done: bar.update(done)


def _write(
    config: CompareEstimatorsConfig, compared: list[Compared], names: tuple[str, str], bad: dict[str, str]
) -> list[str]:
    table = page.rows(compared, config.estimators)
    page.write_table(storage.join(config.output, "agreement.csv"), table)
    pictures = []
    for number, (video, frame, badness) in enumerate(worst_frames(compared, config.fps, config.pictures)):
        if (file := page.write_picture(config.output, number, video, frame, config.fps)) is not None:
            about = {"video": storage.name(video.uri), "seconds": frame / config.fps, "bad": badness}
            pictures.append({"file": file, **about})
    index = storage.join(config.output, "index.html")
    page.write_page(index, config.estimators, names, table, pictures, bad)
    return [_summary(config, table[0], len(compared)), *bad.values(), f"Report: {index}"]


def _summary(config: CompareEstimatorsConfig, whole: dict[str, Any], videos: int) -> str:
    one, other = config.estimators
    return (
        f"{videos} videos, {whole['frames']:,} frames: {one} detects a person in {whole[f'found_{one}']:.1%}, {other} "
        f"in {whole[f'found_{other}']:.1%}; both find {whole['both']:.1%} of the joints; PCK@0.2 of the joints that "
        f"{one} finds: {whole['pck']:.1%}; median distance {whole['median_torsos']:.3f} torso lengths"
    )
