import hashlib
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from dancegen import config, storage
from dancegen.corpus.body.dancers import Dancer
from dancegen.corpus.choreography.routine import choreograph
from dancegen.corpus.pictures.camera import film
from dancegen.corpus.structure import compose
from dancegen.drawing.draw import RAINBOW, draw_skeleton
from dancegen.errors import ConfigError, StorageError
from dancegen.estimators import weights
from dancegen.estimators.base import VideoPart, load_estimator
from dancegen.estimators.network import threads
from dancegen.estimators.settings import EstimatorConfig
from dancegen.media.video import VideoInfo
from dancegen.skeleton import COCO17_JOINTS, COCO18

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

WIDTH_PX, HEIGHT_PX = 640, 480
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BY_JOINT = dict(zip(COCO18.joints, RAINBOW, strict=True))
OTHER = (255.0, 255.0, 255.0)  # a colour that no joint has


class Graph:
    """Puts an ONNX graph together, node by node."""

    def __init__(self, input_shape):
        self.nodes, self.constants, self.count = [], [], 0
        self.input = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, input_shape)

    def const(self, values, kind=np.float32):
        self.count += 1
        name = f"constant{self.count}"
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def __call__(self, kind, *inputs, **attributes):
        self.count += 1
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), [f"n{self.count}"], **attributes))
        return f"n{self.count}"

    def save(self, path, outputs):
        infos = []
        for name, (made, kind) in outputs.items():
            self.nodes.append(onnx.helper.make_node("Identity", [made], [name]))
            infos.append(onnx.helper.make_tensor_value_info(name, kind, None))
        graph = onnx.helper.make_graph(self.nodes, "test", [self.input], infos, self.constants)
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, path)
        return str(path)


FLOAT, INT = 1, 7  # of ONNX


def closeness(graph, colors, rows, columns):
    """(N, K, H, W): how much each pixel and those around it are of the colour of each key point."""
    seen = [(np.array(color) - MEAN) / STD for color in colors]
    wanted = graph.const(np.array(seen)[None, :, :, None, None])
    pixels = graph("Unsqueeze", "input", graph.const([1], np.int64))
    apart = graph("ReduceSum", graph("Abs", graph("Sub", pixels, wanted)), graph.const([2], np.int64), keepdims=0)
    near = graph("Relu", graph("Sub", graph.const(1.0), graph("Mul", apart, graph.const(1.2))))
    for _ in range(2):  # a peak, where one mean alone has a plateau
        near = graph("AveragePool", near, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    return graph("Mul", near, graph.const(2.0))


def colors_of(names):
    return [BY_JOINT.get(name, OTHER) for name in names]


def save_heatmaps(path, names=COCO17_JOINTS, rows=320, columns=240, batch="N"):
    """Heatmaps of half the sides."""
    graph = Graph([batch, 3, rows, columns])
    maps = closeness(graph, colors_of(names), rows, columns)
    small = graph("MaxPool", maps, kernel_shape=[1, 1], strides=[2, 2])
    return graph.save(path, {"heatmaps": (small, FLOAT)})


def save_simcc(path, names=COCO17_JOINTS, rows=320, columns=240, batch="N"):
    """Two bins a pixel, as RTMPose has."""
    graph = Graph([batch, 3, rows, columns])
    maps = closeness(graph, colors_of(names), rows, columns)
    outputs = {}
    for name, axis in (("simcc_x", 2), ("simcc_y", 3)):
        line = graph("ReduceMax", maps, axes=[axis], keepdims=0)
        scales = graph.const([1.0, 1.0, 2.0])
        outputs[name] = (graph("Resize", line, "", scales, mode="nearest"), FLOAT)
    return graph.save(path, outputs)


def save_detector(path, labels=True):
    """One box around what is coloured in the left half of the picture, and one around what is in the right half."""
    side = 320
    graph = Graph([1, 3, side, side])
    high = graph("ReduceMax", "input", axes=[1], keepdims=0)
    low = graph("ReduceMin", "input", axes=[1], keepdims=0)
    colored = graph("Cast", graph("Greater", graph("Sub", high, low), graph.const(40.0)), to=FLOAT)
    boxes = []
    for start in (0, side // 2):
        ends = [graph.const([value], np.int64) for value in (start, start + side // 2, 2)]
        half = graph("Slice", colored, *ends)
        edges = []
        for axis, offset, length in ((1, start, side // 2), (2, 0, side)):  # columns, then rows
            line = graph("ReduceMax", half, axes=[axis], keepdims=0)
            last = [graph.const([value], np.int64) for value in (-1, -10_000, 1, -1)]
            back = graph("Slice", line, *last)
            first = graph("Cast", graph("ArgMax", line, axis=1), to=FLOAT)
            from_end = graph("Cast", graph("ArgMax", back, axis=1), to=FLOAT)
            edges.append((graph("Add", first, graph.const(float(offset))),
                          graph("Sub", graph.const(float(offset + length)), from_end)))  # fmt: skip
        sure = graph("ReduceMax", half, axes=[1, 2], keepdims=0)
        columns = [
            edges[0][0],
            edges[1][0],
            edges[0][1],
            edges[1][1],
            graph("Unsqueeze", sure, graph.const([1], np.int64)),
        ]
        boxes.append(graph("Unsqueeze", graph("Concat", *columns, axis=1), graph.const([1], np.int64)))
    dets = graph("Concat", *boxes, axis=1)
    outputs = {"dets": (dets, FLOAT)}
    if labels:
        outputs["labels"] = (graph.const([[0, 0]], np.int64), INT)
    return graph.save(path, outputs)


@pytest.fixture(scope="module")
def dance():
    """The true joints of a dance in pixels."""
    pose = choreograph(compose("kpop", 3, 4.0), Dancer.from_seed(1), 10.0, 0)
    return film(pose, WIDTH_PX, HEIGHT_PX, 0)[:12]


@pytest.fixture(scope="module")
def pictures(dance):
    return [draw_skeleton(joints, WIDTH_PX, HEIGHT_PX) for joints in dance]


@pytest.fixture(scope="module")
def two(dance):
    """The true joints of two dancers, half as large, side by side; and the pictures of both."""
    half = dance * np.array([0.5, 0.5, 1.0], dtype=np.float32)
    both = np.stack([half + np.array(shift) for shift in ((0, 120, 0), (WIDTH_PX / 2, 60, 0))], axis=1).astype(
        np.float32
    )
    drawn = [np.maximum(*(draw_skeleton(joints, WIDTH_PX, HEIGHT_PX) for joints in people)) for people in both]
    return both, drawn


@pytest.fixture
def heatmaps(tmp_path):
    return save_heatmaps(tmp_path / "heatmaps.onnx")


def estimate(shown, **settings):
    height, width = shown[0].shape[:2]
    part = VideoPart("a.mp4", VideoInfo(width, height, 10, None, has_audio=False), 10, 0, None)
    return load_estimator(EstimatorConfig(name="onnx", **settings))(part, iter(shown))


def in_sight(picture, joints):
    """Which joints no other joint was drawn over, the neck aside, which is no joint of COCO-17."""
    colors = picture[np.rint(joints[:, 1]).astype(int), np.rint(joints[:, 0]).astype(int)]
    seen = np.abs(colors - np.array(RAINBOW)).max(axis=1) < 30
    seen[COCO18.index("neck")] = False
    return seen


def away_px(people, true, shown):
    """Pixels from where each joint in sight was found to where it is; infinite for a joint that was not found."""
    found = np.stack([each[0] for each in people]) * (WIDTH_PX, HEIGHT_PX, 1)
    away = np.linalg.norm(found[..., :2] - true[..., :2], axis=-1)
    seen = np.stack([in_sight(*pair) for pair in zip(shown, true, strict=True)])
    assert seen.mean() > 0.6
    return np.where(np.isfinite(away), away, np.inf)[seen]


@pytest.mark.parametrize("save", [save_heatmaps, save_simcc])
@pytest.mark.parametrize(("rows", "columns"), [(320, 240), (320, 320)])
def test_both_heads_find_the_joints_of_a_drawn_dancer(tmp_path, dance, pictures, save, rows, columns):
    people = estimate(pictures, weights=save(tmp_path / "pose.onnx", rows=rows, columns=columns), min_confidence=0.1)
    assert [len(each) for each in people] == [1] * len(pictures)
    away = away_px(people, dance, pictures)
    assert np.median(away) < 1.5
    assert np.quantile(away, 0.95) < 4


def test_two_dancers_are_found_in_every_picture_with_a_detector(tmp_path, heatmaps, two):
    true, shown = two
    for labels in (True, False):
        detector = {"weights": save_detector(tmp_path / "detector.onnx", labels)}
        people = estimate(shown, weights=heatmaps, detector=detector, min_confidence=0.1, batch=5)
        assert [len(each) for each in people] == [2] * len(shown)
        for side in range(2):
            one = [each[np.argsort(each[:, 1, 0])][side : side + 1] for each in people]
            assert np.quantile(away_px(one, true[:, side], shown), 0.9) < 2


@pytest.mark.parametrize("batch", [1, 5, 100])
@pytest.mark.parametrize("fixed", ["N", 1, 4])
def test_batches_change_nothing(tmp_path, two, batch, fixed):
    detector = {"weights": save_detector(tmp_path / "detector.onnx")}
    shown = [*two[1][:3], np.zeros_like(two[1][0]), *two[1][3:7]]
    one, other = (
        estimate(shown, weights=save_simcc(tmp_path / f"{name}.onnx", batch=name), detector=detector, batch=size)
        for name, size in (("N", 3), (fixed, batch))
    )
    assert [len(each) for each in one] == [2, 2, 2, 0, 2, 2, 2, 2]
    assert all(np.allclose(*pair, atol=1e-5, equal_nan=True) for pair in zip(one, other, strict=True))


def test_no_more_people_are_given_than_asked_for(tmp_path, heatmaps, two):
    detector = {"weights": save_detector(tmp_path / "detector.onnx")}
    people = estimate(two[1][:3], weights=heatmaps, detector=detector, max_people=1)
    assert [len(each) for each in people] == [1, 1, 1]


def test_a_dancer_who_comes_back_is_found_again_without_a_detector(heatmaps, dance, pictures):
    black = np.zeros_like(pictures[0])
    people = estimate([black, pictures[0], black, pictures[1]], weights=heatmaps, min_confidence=0.1)
    assert [len(each) for each in people] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "names",
    [
        COCO18.joints,
        (*COCO17_JOINTS, *["head", "middle"] * 4),  # Halpe, as 25 and 26
        (*COCO17_JOINTS, *["head", "middle", "foot"] * 3),
        (*COCO17_JOINTS, *["face"] * 116),  # COCO-WholeBody
    ],
)
def test_other_skeletons_are_read_by_their_joints(tmp_path, dance, pictures, names):
    path = save_simcc(tmp_path / "pose.onnx", names, rows=320, columns=240)
    people = estimate(pictures[:2], weights=path, min_confidence=0.1)
    assert np.median(away_px(people, dance[:2], pictures[:2])) < 1.5


def test_an_unknown_number_of_key_points_is_told(tmp_path, pictures):
    path = save_heatmaps(tmp_path / "hand.onnx", COCO17_JOINTS[:9])
    with pytest.raises(ConfigError, match="returns 9 keypoints; 17, 18, 25, 26, 133 are supported"):
        estimate(pictures[:1], weights=path)


def test_a_network_with_other_outputs_is_told_in_one_line(tmp_path, heatmaps, pictures):
    detector = save_detector(tmp_path / "detector.onnx")
    for settings, told in (
        ({"weights": detector}, r"outputs of shapes \(1, 2, 5\), \(1, 2\) for images of 320x320"),
        ({"weights": heatmaps, "detector": {"weights": heatmaps}}, r"boxes \(N, P, 5\) are required"),
    ):
        with pytest.raises(ConfigError, match=told) as error:
            estimate(pictures[:1], **settings)
        assert "\n" not in str(error.value)


def test_a_network_without_a_fixed_size_is_told(tmp_path, pictures):
    graph = Graph(["N", 3, "H", "W"])
    graph.save(tmp_path / "any.onnx", {"output": (graph("Relu", "input"), FLOAT)})
    with pytest.raises(ConfigError, match="fixed sides"):
        estimate(pictures[:1], weights=str(tmp_path / "any.onnx"))


def test_what_is_no_network_is_told_in_one_line(tmp_path, pictures):
    (tmp_path / "text.onnx").write_text("this is no network")
    with pytest.raises(ConfigError, match=r"text\.onnx: is not a network") as error:
        estimate(pictures[:1], weights=str(tmp_path / "text.onnx"))
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path, pictures):
    with pytest.raises(StorageError, match=r"gone\.onnx: does not exist"):
        estimate(pictures[:1], weights=str(tmp_path / "gone.onnx"))


def test_missing_weights_say_what_to_set_and_where_there_are_some():
    with pytest.raises(ConfigError, match=r"needs weights.*OpenMMLab publishes RTMPose \(Apache-2\.0\): https://"):
        config.validate(EstimatorConfig, {"name": "onnx"})


@pytest.mark.parametrize("uri", ["s3://models/pose.onnx", "https://models.org/pose.onnx"])
def test_what_is_fetched_needs_a_hash(uri):
    with pytest.raises(ConfigError, match="sha256 must be given"):
        config.validate(EstimatorConfig, {"name": "onnx", "weights": uri})


def test_http_without_encryption_is_refused():
    with pytest.raises(ConfigError, match="http:// is not supported"):
        config.validate(EstimatorConfig, {"name": "onnx", "weights": "http://models.org/pose.onnx", "sha256": "0" * 64})


def test_weights_of_another_hash_are_refused(heatmaps, pictures):
    with pytest.raises(ConfigError, match="has the SHA-256"):
        estimate(pictures[:1], weights=heatmaps, sha256="0" * 64)


def test_weights_on_s3_are_fetched_once_and_kept(s3, heatmaps, pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    uri, sha256 = f"{s3}/pose.onnx", storage.content_hash(heatmaps)
    storage.copy(heatmaps, uri)
    first = estimate(pictures[:1], weights=uri, sha256=sha256)
    storage.delete(uri)
    again = estimate(pictures[:1], weights=uri, sha256=sha256)
    assert np.array_equal(first[0], again[0], equal_nan=True)
    (kept,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept == tmp_path / "cache" / "dancegen" / "weights" / sha256 / "pose.onnx"
    kept.write_bytes(b"damaged")
    with pytest.raises(ConfigError, match="delete the file"):
        estimate(pictures[:1], weights=uri, sha256=sha256)


@pytest.fixture
def served(tmp_path):
    """A folder, and the address at which a web server shows it."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_weights_on_the_web_are_fetched_once_and_nothing_is_kept_of_wrong_ones(served, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, address = served
    (folder / "pose.onnx").write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(ConfigError, match="has the SHA-256"):
        weights.fetch(f"{address}/pose.onnx", "0" * 64)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert weights.fetch(f"{address}/pose.onnx", sha256).read_bytes() == b"weights"
    (folder / "pose.onnx").unlink()
    assert weights.fetch(f"{address}/pose.onnx", sha256).read_bytes() == b"weights"
    with pytest.raises(StorageError, match=r"cannot be fetched \(404"):
        weights.fetch(f"{address}/other.onnx", "1" * 64)


def test_a_zip_as_openmmlab_publishes_is_opened(tmp_path, heatmaps, dance, pictures):
    with zipfile.ZipFile(tmp_path / "rtmpose.zip", "w") as archive:
        archive.write(heatmaps, "20230831/rtmpose_onnx/end2end.onnx")
        archive.writestr("20230831/rtmpose_onnx/deploy.json", "{}")
    people = estimate(pictures[:2], weights=str(tmp_path / "rtmpose.zip"), min_confidence=0.1)
    assert np.median(away_px(people, dance[:2], pictures[:2])) < 1.5


def test_the_name_tells_networks_apart(tmp_path):
    Path(tmp_path, "b").mkdir()
    paths = [save_simcc(tmp_path / "pose.onnx"), save_heatmaps(tmp_path / "b" / "pose.onnx")]
    names = [load_estimator(EstimatorConfig(name="onnx", weights=path)).name for path in paths]
    assert all(name.startswith("onnx pose.onnx ") for name in names)
    assert names[0] != names[1]


def test_a_gpu_that_is_not_there_is_told(heatmaps):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime can use CUDA")
    with pytest.raises(ConfigError, match="onnxruntime-gpu"):
        load_estimator(EstimatorConfig(name="onnx", weights=heatmaps, device="cuda"))


def test_networks_use_the_cores_that_were_set_aside(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads() >= 1
