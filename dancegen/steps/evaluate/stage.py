"""Measurement of real and made dances of clips, and side-by-side images of them.

Axes used in shapes:
    B clips    T frames    J joints    E embedding
"""

import hashlib
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float
from torch import Tensor

from dancegen import schema, storage, tables
from dancegen.checkpoints import checkpoint
from dancegen.checkpoints.checkpoint import load_model
from dancegen.checkpoints.fits import check_measures
from dancegen.errors import DanceGenError, StorageUnreachableError
from dancegen.gan.dance_model import DanceModel
from dancegen.metrics.moves import COORDINATES, Moves, moves
from dancegen.metrics.scores import Danced, Music, danced
from dancegen.music.rhythm import beats_of_rhythm
from dancegen.perceptual.heldout import Heldout
from dancegen.perceptual.stgcn import STGCN
from dancegen.pose.normalize import NORMALIZATIONS, square
from dancegen.steps.evaluate.settings import EvaluateConfig
from dancegen.steps.train_cross_modal.metric import CrossModal
from dancegen.training.batch import Batch
from dancegen.training.clips import COLUMNS, batch_of
from dancegen.training.pictures import SideBySide

PERCEPTUAL, HELDOUT = "perceptual", "heldout"  # names of the extractors
LABELS = ("clip_id", "song", "category")
ARRAYS = {  # of Moves, and their shapes
    **dict.fromkeys(("kinetic", "window_speeds", "joint_speeds", "beats_s", "published_beats_s"), -1),
    "poses": (-1, COORDINATES),
}
NUMBERS = ("speed", "jerk", "foot_skate", "slide_share")


class EvaluateClips:
    """Table of parts of clips in, table of their results out; the measurements of their dances are written to `dances`.

    reads    uri, version, made (whether the part's dances are the made ones); schema.CLIPS
    writes   schema.DANCES, one part per input part; schema.EVALUATED
    on error the row stays, with `error` set
    """

    def __init__(self, config: EvaluateConfig, dances: str, share: float, device: str = "cpu") -> None:
        """`dances` is the output table; a fraction `share` of the clips, selected by their ids, is measured."""
        self._config, self._dances, self._share, self._device = config, dances, share, device
        self._model = None if config.dances else load_model(config.checkpoint, device)
        self._extractors = load_extractors(config, device)
        self._normalization = self._extractors[PERCEPTUAL].config.normalization
        fps = self._model and self._model.config.fps
        self._cross_modal = load_cross_modal(config, self._extractors[PERCEPTUAL], fps, device)
        if self._model is not None:
            check_fits(self._extractors, self._model.config.normalization, self._model.config.fps)

    def __call__(self, parts: pa.Table) -> pa.Table:
        """The result of each part."""
        return schema.table(schema.EVALUATED, [self.one(row) for row in parts.to_pylist()])

    def one(self, row: dict[str, Any]) -> dict[str, Any]:
        """The result of one part."""
        started = time.monotonic()
        about: dict[str, Any] = {"uri": row["uri"], "version": row["version"]}
        try:
            found = self._measured(row["uri"], row["made"])
            tables.write_part(self._dances, schema.table(schema.DANCES, found), row["uri"])
            about["dances"] = len(found)
        except StorageUnreachableError:
            raise
        except DanceGenError as error:
            about["error"] = str(error)
        return {**about, "wall_s": time.monotonic() - started}

    def _measured(self, uri: str, made: bool) -> list[dict[str, Any]]:
        """Rows of schema.DANCES."""
        clips = tables.read(uri, schema.CLIPS, sorted({*LABELS, *COLUMNS, "fps"}))
        clips = clips.filter(pa.array([_hash(clip) < self._share for clip in clips["clip_id"].to_pylist()]))
        for fps in clips["fps"].unique().to_pylist():
            check_fits(self._extractors, self._normalization, fps)
        found: list[dict[str, Any]] = []
        for first in range(0, len(clips), self._config.batch_size):
            rows = clips.slice(first, self._config.batch_size)
            batch = batch_of(rows, NORMALIZATIONS[self._normalization])
            music = self._music(rows, batch)
            found += self._rows(rows, batch, music, batch.pose, made, 0)
            for number in range(self._config.dances_per_clip if self._model else 0):
                found += self._rows(rows, batch, music, self._dance(rows, batch, number), True, number)
        return found

    def _music(self, rows: pa.Table, batch: Batch) -> list[Music]:
        """The reference for dances to each clip's music."""
        rhythm = batch.rhythm.double().numpy()
        beats = [beats_of_rhythm(one, fps) for one, fps in zip(rhythm, rows["fps"].to_pylist(), strict=True)]
        metric = self._cross_modal
        references = [None] * len(beats) if metric is None else list(metric.references(batch.audio.flatten(1)))
        return [Music(*each) for each in zip(beats, references, strict=True)]

    def _dance(self, rows: pa.Table, batch: Batch, number: int) -> Float[Tensor, "B T J 2"]:
        assert self._model is not None
        return made_dances(self._model, rows, batch, seeds(self._config.seed, number, rows))

    def _rows(
        self,
        rows: pa.Table,
        batch: Batch,
        music: list[Music],
        pose: Float[Tensor, "B T J 2"],
        made: bool,
        number: int,
    ) -> list[dict[str, Any]]:
        """Rows of a batch's dances. A joint that is missing in the clip is left out in all dances to its music."""
        seen = torch.where(batch.mask[..., None] > 0, pose, torch.zeros(()))
        fps = rows["fps"][0].as_py()
        embeddings = {name: embed(network, seen, fps, self._device) for name, network in self._extractors.items()}
        psi = None if self._cross_modal is None else self._cross_modal.psi(pose, batch.mask)
        labels = rows.select([*LABELS, "fps"]).to_pylist()
        found = []
        for at, label in enumerate(labels):
            whole = np.where(batch.mask[at].numpy()[..., None] > 0, pose[at].double().numpy(), np.nan)
            one = moves(square(whole, self._normalization), label["fps"], self._config.published)
            found.append(
                {
                    **{name: label[name] for name in LABELS},
                    **{name: _bytes(getattr(one, name), "float64") for name in ARRAYS},
                    **{name: getattr(one, name) for name in NUMBERS},
                    "made": made,
                    "seed": number,
                    "music_beats_s": schema.to_bytes(music[at].beats_s, "float64"),
                    "psi": _bytes(None if psi is None else psi[at]),
                    "psi_reference": _bytes(music[at].reference),
                    "embeddings": [(name, schema.to_bytes(each[at], "float32")) for name, each in embeddings.items()],
                }
            )
        return found


def load_extractors(config: EvaluateConfig, device: str = "cpu") -> dict[str, STGCN | Heldout]:
    """The networks that embed dances, by name."""
    shipped = nullcontext(checkpoint.shipped_perceptual())
    with shipped if config.perceptual is None else storage.reading(config.perceptual) as path:
        found: dict[str, STGCN | Heldout] = {PERCEPTUAL: checkpoint.load_perceptual(path)}
    if config.heldout is not None:
        with storage.reading(config.heldout) as path:
            found[HELDOUT] = checkpoint.load_heldout(path)
        check_fits(found, found[PERCEPTUAL].config.normalization, found[PERCEPTUAL].config.fps)
    for network in found.values():
        network.to(device)
    return found


def load_cross_modal(
    config: EvaluateConfig, seen_by: STGCN | Heldout, fps: float | None = None, device: str = "cpu"
) -> CrossModal | None:
    """The cross-modal metric, if one is set.

    Raises CheckpointError unless it expects dances like the extractors, of the model's poses per second if known.
    """
    if config.cross_modal is None:
        return None
    with storage.reading(config.cross_modal) as path:
        metric = CrossModal.load(path).to(device)
    sees = metric.config.normalization, metric.fps
    check_measures("cross_modal", sees, (seen_by.config.normalization, fps or seen_by.config.fps), exactly=True)
    return metric


def check_fits(extractors: dict[str, STGCN | Heldout], normalization: str, fps: float) -> None:
    """Raise CheckpointError unless all networks see dances of this normalization, at this rate or a part of it."""
    for name, network in extractors.items():
        check_measures(name, (network.config.normalization, network.config.fps), (normalization, fps))


@torch.inference_mode()
def embed(
    network: STGCN | Heldout, pose: Float[Tensor, "B T J 2"], fps: float, device: str
) -> Float[np.ndarray, "B E"]:
    """Embeddings of dances whose missing joints are 0, at the network's poses per second."""
    every = round(fps / network.config.fps)
    return network.embed(pose[:, ::every].float().to(device)).cpu().numpy()


def made_dances(model: DanceModel, rows: pa.Table, batch: Batch, numbers: list[int]) -> Float[Tensor, "B T J 2"]:
    """The model's dances to the clips' music, in the styles of the clips' own dances."""
    return model.dances(batch.audio, batch.rhythm, numbers, rows["category"].to_pylist())


def seeds(seed: int, number: int, rows: pa.Table) -> list[int]:
    """A seed for each clip, which depends on the clip's id and not on its position."""
    texts = (f"{seed} {number} {clip}" for clip in rows["clip_id"].to_pylist())
    return [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]


def read_dances(rows: pa.Table) -> Danced:
    """Rows of schema.DANCES as a set of dances, in an order that does not depend on how they were distributed."""
    found = sorted(rows.to_pylist(), key=lambda row: (row["song"], row["clip_id"], row["made"], row["seed"]))
    names = [name for name, _ in found[0]["embeddings"]] if found else []
    vectors = {
        name: [schema.from_bytes(dict(row["embeddings"])[name], "float32", -1) for row in found] for name in names
    }
    return danced(
        songs=[row["song"] for row in found],
        clips=[row["clip_id"] for row in found],
        moves=[_moves(row) for row in found],
        music=[
            Music(schema.from_bytes(row["music_beats_s"], "float64", -1), _vector(row["psi_reference"]))
            for row in found
        ],
        embeddings={name: np.stack(each) for name, each in vectors.items()},
        psi=[_vector(row["psi"]) for row in found],
    )


def write_side_by_side(config: EvaluateConfig, parts: list[str], folder: Path) -> None:
    """Write an image and a video of the real and the model's dances of some clips, as side_by_side.png and .mp4."""
    model, clips = load_model(config.checkpoint), []
    for part in parts[:: max(1, len(parts) // config.pictures)][: config.pictures]:
        clips.append(tables.read(part, schema.CLIPS, sorted({*LABELS, *COLUMNS})).slice(0, 1))
    rows = pa.concat_tables(clips)
    batch = batch_of(rows, NORMALIZATIONS[model.config.normalization])
    made = made_dances(model, rows, batch, seeds(config.seed, 0, rows))
    pictures = SideBySide(batch, made, model.config)
    pictures.write_picture(folder / "side_by_side.png")
    pictures.write_video(folder / "side_by_side.mp4")


def _moves(row: dict[str, Any]) -> Moves:
    arrays = {
        name: None if row[name] is None else schema.from_bytes(row[name], "float64", *np.atleast_1d(shape))
        for name, shape in ARRAYS.items()
    }
    return Moves(**arrays, **{name: row[name] for name in NUMBERS})


def _bytes(vector: np.ndarray | None, kind: str = "float32") -> bytes | None:
    return None if vector is None else schema.to_bytes(vector, kind)


def _vector(data: bytes | None) -> np.ndarray | None:
    return None if data is None else schema.from_bytes(data, "float32", -1)


def _hash(clip: str) -> float:
    """Hash of a clip's id, from 0 to 1."""
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:4]) / 2**32
