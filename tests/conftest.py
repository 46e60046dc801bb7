"""What several tests share: a real S3 endpoint, a real local Ray, small tables of clips, and small media files."""

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from werkzeug.serving import WSGIRequestHandler

from dancegen import schema, storage, tables, tracking
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.skeleton import COCO18

S3_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

RAY_ENVIRONMENT = {
    "REPORTER_UPDATE_INTERVAL_MS": "60000",  # each report of a node's use costs CPU time, and no test reads one
    "RAY_AUTH_MODE": "disabled",
    "RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "240",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_DATA_EXECUTION_NO_PROGRESS_TIMEOUT_S": "120",  # a hang ends as an error
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # a process for each training; no cloud takes anything away here
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # a report waits for the next of these looks
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # else tests that calculate starve them
    "OMP_NUM_THREADS": "1",
}
os.environ.setdefault("RAY_DASHBOARD_STARTUP_TIMEOUT_S", "240")  # on a busy machine; read when Ray is imported

# numba compiles librosa into a cache. Processes that fill one at the same time mix their files, and one that loads them
# crashes (numba issue 10128): each process of pytest-xdist has its own.
NUMBA_CACHE = Path(__file__).parents[1] / ".pytest_cache" / "numba" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ["NUMBA_CACHE_DIR"] = str(NUMBA_CACHE)


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side (pytest-xdist), those of a file stay in one process, which starts one Ray."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Groups that are ignored cost a Ray and a cluster more each, in silence: then rather stop."""
    if session.config.getoption("loadgroup", False):
        alone = [item.nodeid for item in session.items if item.get_closest_marker("ray") and "@" not in item.nodeid]
        if alone:
            raise pytest.UsageError(f"pytest-xdist has not grouped {alone[0]}; look at its version and pytest's")


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real S3 server in this process. It starts before Ray does, so that Ray's workers know its address too."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**S3_ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            environment.setenv(name, value)
        yield os.environ["AWS_ENDPOINT_URL"]
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, request: pytest.FixtureRequest) -> str:
    """The URI of an empty bucket of this test's own: s3://..."""
    import boto3

    bucket = "test-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


class WatchedS3:
    """The way to the S3 server of the tests: it counts what passes, and refuses what it is told to refuse."""

    def __init__(self, server: Callable[..., Any]) -> None:
        self.server = server
        self.requests: list[str] = []
        """Of each request its method, and LIST for a GET that lists."""
        self.refuses: Callable[[str], bool] = lambda access_key: False
        """Whether requests with an access key are denied."""
        self.conditional = True
        """Whether conditional writes are possible."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        lists = "list-type=2" in environ["QUERY_STRING"]
        self.requests.append("LIST" if lists else environ["REQUEST_METHOD"])
        access_key = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0]
        impossible = "HTTP_IF_NONE_MATCH" in environ and not self.conditional
        if not impossible and not self.refuses(access_key):
            return self.server(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code = ("501 Not Implemented", b"NotImplemented") if impossible else ("403 Forbidden", b"AccessDenied")
        start_response(status, [("Content-Type", "application/xml")])
        return [b"<Error><Code>" + code + b"</Code><Message>Refused</Message></Error>"]


@pytest.fixture
def watched_s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedS3]:
    """What this process sends to S3 goes through here. The server is that of `s3`, with the same objects."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    watched = WatchedS3(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, watched, threaded=True, request_handler=_QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    storage.s3.forget()
    yield watched
    storage.s3.forget()
    server.shutdown()
    server.server_close()


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def ray_environment(s3_endpoint: str) -> Iterator[dict[str, str]]:
    """The variables under which Ray runs in tests, here and in the processes that a test starts."""
    # Short, because a socket below it may have 107 characters at most.
    short = tempfile.TemporaryDirectory(prefix="dg-", dir="/tmp", ignore_cleanup_errors=True)
    with short as folder, pytest.MonkeyPatch.context() as environment:
        for name, value in {**RAY_ENVIRONMENT, "RAY_TMPDIR": folder}.items():
            environment.setenv(name, value)
        yield dict(os.environ)


@pytest.fixture(scope="session")
def ray_session(ray_environment: dict[str, str]) -> Iterator[str]:
    """One local Ray for all tests of the process; its address. More CPUs than the machine has: they only count."""
    import ray

    from dancegen.engine.cluster.session import quoted_python

    ray.init(
        address="local",
        num_cpus=8,
        object_store_memory=200_000_000,
        include_dashboard=True,  # Ray Train asks it whether its controller lives
        dashboard_port=0,
        log_to_driver=False,
        logging_level=logging.ERROR,
        **quoted_python(),
    )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="session")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """A function that puts an empty MLflow database into a folder, and gives the folder.

    A step finds it there and goes on with it. To create one costs more than a second of CPU time each time.
    """
    empty = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    tracking.connect(f"sqlite:///{empty}").search_experiments()

    def put(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty, folder / "mlflow.db")
        return folder

    return put


@pytest.fixture(scope="session")
def make_clips() -> Callable[..., str]:
    """A function that writes a table of clips of joints that sway and of noise, and gives its URI."""

    def make(uri: str, train: int = 16, validation: int = 4, test: int = 0, frames: int = 20, seed: int = 0) -> str:
        tables.begin(uri, schema.CLIPS, {"frames": frames})
        for split, count in (("train", train), ("validation", validation), ("test", test)):
            for song in range(0, count, 5):  # several parts, as several videos give them
                rows = [_clip(split, index, frames, seed) for index in range(song, min(song + 5, count))]
                table = schema.table(schema.CLIPS, rows)
                tables.write_part(uri, table, f"{split} {song} {seed}", folder=split)
        return uri

    return make


def _clip(split: str, index: int, frames: int, seed: int) -> dict[str, object]:
    random = np.random.default_rng([seed, index, ("train", "test", "validation").index(split)])
    standing = random.uniform(0.3, 0.7, (1, 18, 2))
    phase = np.linspace(0, 4 * np.pi, frames)[:, None, None] + random.uniform(0, 2 * np.pi, (1, 18, 2))
    joints = np.concatenate([standing + 0.05 * np.sin(phase), np.ones((frames, 18, 1))], axis=-1)
    return {
        "clip_id": f"{split}-{seed}-{index}",
        "song": f"{split}-{index // 5}",
        "category": "kpop",
        "split": split,
        "start_s": float(index),
        "fps": 10.0,
        "aspect": 1.5,
        "joints": schema.to_bytes(joints, "float32"),
        "audio": schema.to_bytes(random.integers(-3000, 3000, frames * 1600), "int16"),
        "rhythm": schema.to_bytes(random.uniform(-1, 1, (frames, len(RHYTHM_CHANNELS))), "float32"),
        "marks": bytes(frames * 18),
        "missing_share": 0.0,
        "repaired_share": 0.0,
    }


FRAME_PX = 32


@pytest.fixture(scope="session")
def make_frames() -> Callable[..., str]:
    """A function that writes a table of frames, and its footage, of a swaying shape before a plate.

    It gives the table's URI.
    """

    def make(uri: str, train: int = 12, validation: int = 10, test: int = 0) -> str:
        plate = np.full((FRAME_PX, FRAME_PX, 3), (40, 60, 90), dtype=np.uint8)
        plate[FRAME_PX // 2 :] += 40
        tables.begin(uri, schema.FRAMES, {})
        tables.begin(uri + "_footage", schema.FOOTAGE, {})
        first = 0
        for split, count in (("train", train), ("validation", validation), ("test", test)):
            rows = [_frame(split, index, plate, has_previous=index > first) for index in range(first, first + count)]
            if rows:
                tables.write_part(uri, schema.table(schema.FRAMES, rows), split, folder=split)
            first += count + 20
        row = {"uri": "video", "version": "1", "person": "ada", "fps": 10.0, "frames": train + validation + test}
        row |= {"height_px": FRAME_PX, "width_px": FRAME_PX, "plate": _encoded(plate, ".png"), "plate_coverage": 1.0}
        row |= {"bones": schema.to_bytes(np.full(17, 0.5), "float32"), "torso": 0.3, "floor_y": 0.9}
        tables.write_part(uri + "_footage", schema.table(schema.FOOTAGE, [row]), "video")
        return uri

    return make


def _frame(split: str, index: int, plate: np.ndarray, has_previous: bool) -> dict[str, object]:
    import cv2

    joints = _swaying(3)[index % 60]
    hull = cv2.convexHull((joints[:, :2] * FRAME_PX).astype(np.int32))
    matte = cv2.fillConvexPoly(np.zeros((FRAME_PX, FRAME_PX), np.uint8), hull, 255)
    person = np.full_like(plate, (220, 120, 60))
    quarter = FRAME_PX // 4
    flow = {"flow": bytes(4 * quarter * quarter), "flow_valid": b"\1" * (quarter * quarter)} if has_previous else {}
    return {
        "frame_id": f"0123456789abcdef@{index}",
        "video_uri": "video",
        "person": "ada",
        "split": split,
        "index": index,
        "time_s": index / 10,
        "fps": 10.0,
        "height_px": FRAME_PX,
        "width_px": FRAME_PX,
        "jpeg": _encoded(np.where(matte[..., None] > 0, person, plate), ".jpg"),
        "joints": schema.to_bytes(joints, "float32"),
        "matte": _encoded(matte, ".png"),
        **flow,
    }


def _encoded(picture: np.ndarray, ending: str) -> bytes:
    import cv2

    bgr = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(ending, bgr)[1].tobytes()


@pytest.fixture(scope="session")
def tiny_renderer() -> dict[str, object]:
    """Settings of a renderer small enough to train in seconds."""
    return {
        "height_px": FRAME_PX,
        "width_px": FRAME_PX,
        "generator": {"width": 8, "downsamplings": 2, "blocks": 1},
        "discriminator": {"width": 4, "scales": 1},
        "losses": {"perceptual": 0.0},
    }


@pytest.fixture(scope="session")
def make_library(make_video: Callable[..., Path]) -> Callable[..., dict[str, np.ndarray]]:
    """A function that fills a folder with videos of six seconds, with OpenPose's files beside them.

    It gives the true joints of each, by its uri: float32 (60, 18, 3), fractions of the frame.
    """

    def make(folder: Path, videos: int) -> dict[str, np.ndarray]:
        truth = {}
        (folder / "kpop").mkdir(parents=True)
        for number in range(videos):
            path = folder / "kpop" / f"{number}.mp4"
            tone = 0.5 * np.sin(np.arange(6 * 16_000) * (0.05 + 0.01 * number))
            make_video(path, [np.full((48, 64, 3), 90, np.uint8)] * 60, 10, tone, 16_000)
            truth[str(path)] = _swaying(number)
            for frame, joints in enumerate(truth[str(path)]):
                numbers = (joints * (64, 48, 1)).ravel().tolist()
                text = json.dumps({"people": [{"pose_keypoints_2d": numbers}]})
                place = folder / "kpop" / f"{number}_openpose" / f"{number}_{frame:012d}_keypoints.json"
                storage.write_text(str(place), text)
        return truth

    return make


def _swaying(seed: int) -> np.ndarray:
    """A person as wide as high, each joint on a circle of its own: float32 (60, 18, 3)."""
    random = np.random.default_rng(seed)
    standing = (0.5, 0.5) + (random.uniform(size=(1, 18, 2)) - 0.5) * (0.3, 0.6)
    phase = np.arange(60)[:, None, None] / 8 + random.uniform(0, 6, (1, 18, 2))
    return np.concatenate([standing + 0.02 * np.sin(phase), np.full((60, 18, 1), 0.9)], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class Footage:
    """A video of a figure that dances before a wall, and the truth about it."""

    row: dict[str, Any]
    """Of schema.POSES; `joints` are those of the table."""
    wall: np.ndarray
    """uint8 (H, W, 3): the scene without the figure."""
    masks: list[np.ndarray]
    """Of each frame: bool (H, W), where the figure is."""


@pytest.fixture(scope="session")
def make_footage(make_video: Callable[..., Path]) -> Callable[..., Footage]:
    """A function that films a figure (192x144 px, 10 fps) and adds it to a table of poses.

    `pan_px` moves the camera and `brighter` the exposure, per frame; frames in `away` have no figure.
    """

    def make(
        folder: Path,
        name: str = "a",
        seconds: float = 8.0,
        pan_px: float = 0.0,
        brighter: float = 0.0,
        away: range = range(0),
        still: range = range(0),
        **columns: Any,
    ) -> Footage:
        count = round(10 * seconds)
        scene, wall = _wall(192 + math.ceil(pan_px * count)), _wall(192)
        pictures, masks = [], []
        joints = np.stack([_dancer(still.start if frame in still else frame) for frame in range(count)])
        joints[away.start : away.stop] = (np.nan, np.nan, 0)
        for frame, pose in enumerate(joints):
            left = round(frame * pan_px)
            picture = scene[:, left : left + 192].copy()
            masks.append(_paint(picture, pose))
            pictures.append(np.clip(picture + frame * brighter, 0, 255).astype(np.uint8))
        uri = str(make_video(folder / f"{name}.mp4", pictures, fps=10))
        row = {
            "uri": uri,
            "version": "1",
            "content_hash": storage.content_hash(uri),
            "dancer": "mia",
            "skeleton": "coco18",
            "fps": 10.0,
            "frames": count,
            "width_px": 192,
            "height_px": 144,
            "joints": schema.to_bytes(joints / (192, 144, 1), "float32"),
            "cuts": [],
            "people": 1.0,
            "missing_share": 0.0,
            "estimator": "test",
            **columns,
        }
        tables.begin(f"{folder}/poses", schema.POSES, {})
        tables.write_part(f"{folder}/poses", schema.table(schema.POSES, [row]), uri)
        return Footage(row, wall, masks)

    return make


def _wall(width: int) -> np.ndarray:
    """A wall with a coarse pattern, the same at its left for every width: uint8 (144, width, 3)."""
    tiles = np.random.default_rng(5).integers(60, 200, (12, 400, 3)).astype(np.uint8)[:, : -(-width // 12)]
    return cv2.GaussianBlur(np.kron(tiles, np.ones((12, 12, 1), np.uint8)), (5, 5), 0)[:, :width]


def _dancer(frame: int) -> np.ndarray:
    """COCO-18 joints in pixels of a figure with a torso of 30 px, which walks to and fro and waves."""
    swing, x, y = math.sin(frame / 3), 96 + 36 * math.sin(frame / 9), 60
    arm, leg = 12 * swing, 5 * swing
    right = [(-8, -12), (-18, -8 - arm), (-24, -18 - arm)], [(-6, 18), (-7 + leg, 40), (-8, 62)]
    left = [(8, -12), (18, -8 + arm), (24, -18 + arm)], [(6, 18), (7 + leg, 40), (8, 62)]
    face = [(-3, -26), (3, -26), (-6, -25), (6, -25)]
    places = [(0, -23), (0, -12), *right[0], *left[0], *right[1], *left[1], *face]
    return np.column_stack([np.array((x, y)) + places, np.full(18, 0.9)])


def _paint(picture: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Paint the figure on the picture; its mask, bool (H, W)."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    if (joints[:, 2] > 0).all():
        points = np.rint(joints[:, :2]).astype(int)
        for start, end in COCO18.bone_indices[:12]:
            cv2.line(mask, points[start].tolist(), points[end].tolist(), 1, 7)
        cv2.fillPoly(mask, [points[COCO18.indices("right_shoulder", "left_shoulder", "left_hip", "right_hip")]], 1)
        cv2.circle(mask, points[0].tolist(), 8, 1, -1)
    picture[mask > 0] = (230, 20, 40)
    return mask.astype(bool)


@pytest.fixture(scope="session")
def tiny_model() -> dict[str, object]:
    """Settings of a dance model small enough to train in seconds."""
    audio = {"channels": [4, 4, 8, 8], "code": 8, "hidden": 8, "layers": 1, "size": 8}
    return {
        "generator": {"audio": audio, "width": 16, "blocks": 1, "time_kernel_frames": 3},
        "local_discriminator": {"channels": 4, "joint_features": 4, "hidden": 8},
        "global_discriminator": {"audio": audio, "channels": 4, "joint_features": 4, "hidden": 8, "attention": 4},
    }


@pytest.fixture(scope="session")
def tiny_dancer(tiny_model: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Checkpoint of an untrained dance model of ten poses a second, as the clips of `make_clips` have."""
    from dancegen.checkpoints import checkpoint
    from dancegen.gan.dance_model import DanceModel, build_generator
    from dancegen.gan.settings import DanceModelConfig

    path, config = tmp_path_factory.mktemp("dancer") / "dance.safetensors", DanceModelConfig.model_validate(tiny_model)
    checkpoint.save(path, DanceModel(build_generator(config), config), {})
    return str(path)


@pytest.fixture(scope="session")
def tiny_person() -> Any:
    """An untrained person of 32x32 pixels, with memory and matte, measured on joints that sway."""
    import torch

    from dancegen.renderer.driving.body_fit import measure
    from dancegen.renderer.driving.pose_range import measure_range
    from dancegen.renderer.networks.person_generator import PersonGenerator
    from dancegen.renderer.person import Person
    from dancegen.renderer.settings import GeneratorConfig, RendererConfig

    torch.manual_seed(0)
    generator = GeneratorConfig(width=4, downsamplings=2, blocks=1)
    config = RendererConfig(height_px=32, width_px=32, generator=generator)
    joints = _swaying(0)
    body = measure(joints, aspect=1.0)
    return Person(
        generator=PersonGenerator(config).eval(),
        config=config,
        body=body,
        poses=measure_range(joints, body, centres=8),
        plate=np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8),
        height_px=32,
        width_px=32,
        name="tiny",
        consent="A random network: no person was filmed.",
        licence="CC0-1.0",
        card={"psnr": 7.5},
    )


@pytest.fixture(scope="session")
def make_sound() -> Callable[..., Path]:
    """A function that encodes samples (S,) or (C, S) as WAV, FLAC, MP3, M4A, WebM or Ogg, by the file's ending."""
    codecs = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "mp3", ".m4a": "aac", ".webm": "libopus", ".ogg": "libopus"}

    def make(path: Path, samples: np.ndarray, rate: int = 48_000, starts_s: float = 0.0) -> Path:
        with av.open(path, "w") as container:
            channels = np.atleast_2d(samples)
            layout = {1: "mono", 2: "stereo", 4: "quad"}[len(channels)]
            stream = container.add_stream(codecs[path.suffix], rate, layout=layout)
            _encode_sound(container, stream, channels, rate, starts_s)
        return path

    return make


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """A function that encodes pictures (uint8 RGB or RGBA, one size) as a small video, with mono sound if given.

    `times_s` gives each picture its own time; the codec goes by the file's ending, H.264 unless it is lossless .mkv.
    """

    def make(
        path: Path,
        pictures: Iterable[np.ndarray],
        fps: float = 25,
        sound: np.ndarray | None = None,
        rate: int = 48_000,
        times_s: Sequence[float] | None = None,
        sound_starts_s: float = 0.0,
    ) -> Path:
        pictures = list(pictures)
        height_px, width_px, parts = pictures[0].shape
        with av.open(path, "w") as container:
            codec = "ffv1" if path.suffix == ".mkv" else "libx264"
            stream = container.add_stream(codec, Fraction(fps).limit_denominator(1001))
            stream.width, stream.height = width_px, height_px
            stream.pix_fmt = "yuv420p" if codec == "libx264" else "bgra"
            stream.codec_context.time_base = Fraction(1, 90_000)
            track = container.add_stream("aac", rate, layout="mono") if sound is not None else None
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format={3: "rgb24", 4: "rgba"}[parts])
                seconds = times_s[number] if times_s is not None else number / fps
                frame.pts, frame.time_base = round(seconds * 90_000), Fraction(1, 90_000)
                frame.duration = round(90_000 / fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if track is not None:
                _encode_sound(container, track, np.atleast_2d(sound), rate, sound_starts_s)
        return path

    return make


def _encode_sound(container: Any, stream: Any, channels: np.ndarray, rate: int, starts_s: float) -> None:
    layout = {1: "mono", 2: "stereo", 4: "quad"}[len(channels)]
    samples = np.ascontiguousarray(channels, dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), round(starts_s * rate)
    for packets in (stream.encode(frame), stream.encode(None)):
        container.mux(packets)
