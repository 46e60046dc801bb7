"""One update of the head that draws tokens, and the state needed to resume.

In the first epochs the tokenizer learns to encode and decode motion. Then it is frozen, as the average of its updates,
and the transformer learns to give the codes that are masked. Randomness in an update depends only on (seed, number of
the update), as in `training.py`.

Axes used in shapes:
    B clips    T frames    J joints    P poses of the beat grid    N tokens    G codes of a token    E music features
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from dancegen.checkpoints.header import with_former_defaults
from dancegen.errors import CheckpointError
from dancegen.gan import losses
from dancegen.gan.dance_model import DanceModel, build_token_generator
from dancegen.gan.settings import DanceModelConfig
from dancegen.precision import Precision, autocast
from dancegen.skeleton import COCO18
from dancegen.steps.train_dance.fine_tuning import first_weights
from dancegen.steps.train_dance.noise import TONE_BANDS, equalize, seed_of_each
from dancegen.tokens.beat_grid import POSES, BeatGrid, beat_grid
from dancegen.tokens.generator import TokenGenerator
from dancegen.tokens.motion import HIPS, Motion, on_grid
from dancegen.training.batch import Batch
from dancegen.training.randomness import VALIDATION_STREAM, random_of, seeded
from dancegen.training.statistics import share

LONGEST = 32  # tokens of a window
SPAN_SHARE = 0.5  # of the clips have whole tokens masked, as at the joins of parts; the others single codes
PLANTED = 0.5  # torsos a second: an ankle that is slower bears weight
TORSOS_A_UNIT = 4.0
LENGTHS_KEEP = 0.99  # decay of the mean of the bones' lengths
SPEEDS_KEEP = 0.99  # decay of the mean speed of a style's clips
WITHOUT_MOTION = 300  # updates of the tokenizer before its losses of motion begin
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01
WARM_UP = 200  # updates of the transformer
GRADIENT_LIMIT = 1.0
ROOT_WEIGHT = 0.2  # of the error of the path across the floor, which moves all joints alike
MIRRORED_SHARE = 0.5  # of the clips are mirrored left to right, with the same music
WEIGHTS = {"ankle": 3.5, "knee": 2.0, "wrist": 1.5, "elbow": 1.2, "shoulder": 1.5, "hip": 2.0, "neck": 2.0}
FACE_WEIGHT = 0.8  # nose, eyes and ears move alike; an ankle stands most of the time, and its few steps are fast
SLOWER = 0.05  # share of the tokenizer's learning rate at the end of its epochs
ANKLES = COCO18.indices("right_ankle", "left_ankle")


@dataclass(frozen=True)
class Draws:
    """Random numbers of each clip, uniform in [0, 1] but for the tone, which is normal."""

    tone: Float[Tensor, "B F"]
    start: Float[Tensor, " B"]
    heard: Float[Tensor, " B"]
    style: Float[Tensor, " B"]
    energy: Float[Tensor, " B"]
    share: Float[Tensor, " B"]
    """Decides how many codes are masked."""
    spans: Float[Tensor, " B"]
    mirror: Float[Tensor, " B"]
    places: Float[Tensor, "B N G"]


class TokenTraining:
    """The network, its optimizers and its average (EMA)."""

    def __init__(
        self,
        config: DanceModelConfig,
        seed: int,
        wrap: Callable[[nn.Module], nn.Module] = lambda network: network,
        rank: int = 0,
        workers: int = 1,
        precision: Precision = "auto",
        compiled: bool = False,
        styles: Sequence[str] = (),
    ) -> None:
        """`wrap` moves each network to its device and wraps it in DDP. `styles` are the names of the clips' styles."""
        self.config, self.seed, self.rank, self.workers = config, seed, rank, workers
        self.styles = tuple(styles) if config.generator.style_dim else ()
        self.precision: Precision = precision
        self.epoch = self.updates = 0
        self.transformer_from: int | None = None  # the update in which it began
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.generator = build_token_generator(config, len(self.styles))
        self._reconstruct = wrap(_Reconstruct(self.generator))
        self._predict = wrap(self.generator.transformer)
        self.generator.to(next(self.generator.transformer.parameters()).device)
        self.ema = copy.deepcopy(self.generator).eval().requires_grad_(False)
        if compiled:
            self.generator.transformer.compile()
        tokens = config.tokens
        self.optimizers = {
            "tokenizer": torch.optim.AdamW(
                self.generator.tokenizer.parameters(), tokens.tokenizer_rate, BETAS, weight_decay=0.0, fused=True
            ),
            "transformer": torch.optim.AdamW(
                self.generator.transformer.parameters(),
                tokens.transformer_rate,
                BETAS,
                weight_decay=WEIGHT_DECAY,
                fused=True,
            ),
        }

    @property
    def in_second_stage(self) -> bool:
        """Whether the transformer is trained in this epoch, and the tokenizer no more."""
        return self.epoch >= self.config.tokens.tokenizer_epochs

    @property
    def dances_yet(self) -> bool:
        """False while only the tokenizer has learned: codes are still drawn at random."""
        return self.transformer_from is not None

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of the tokenizer or of the transformer. Returns the losses, detached, by name."""
        draws = self._draws(batch)
        batch = _mirrored(batch, draws.mirror < MIRRORED_SHARE)
        if self.in_second_stage and self.transformer_from is None:
            self.transformer_from = self.updates
            self.generator.tokenizer.load_state_dict(self.ema.tokenizer.state_dict())
        with seeded(self.seed, self.rank, self.updates):  # dropout
            self.generator.train()
            found = self._transformer_update(batch, draws) if self.in_second_stage else self._tokenizer_update(batch)
            self._average()
        self.updates += 1
        return {name: value.detach() for name, value in found.items()}

    def _tokenizer_update(self, batch: Batch) -> dict[str, Tensor]:
        grid = beat_grid(batch.rhythm, self.config.fps, inside=True)
        motion = on_grid(batch.pose, self._mask(batch), grid)
        found = self._reconstruct(motion, grid, self.config.fps)
        weights = self.config.tokens.tokenizer
        done = min(self.epoch / self.config.tokens.tokenizer_epochs, 1.0)
        for group in self.optimizers["tokenizer"].param_groups:
            group["lr"] = self.config.tokens.tokenizer_rate * (1 - (1 - SLOWER) * done)
        share = min(1.0, max(0.0, self.updates / WITHOUT_MOTION - 1))  # they are smallest where nothing moves
        loss = found["l1"] + share * (weights.velocity * found["velocity"] + weights.foot_slide * found["foot_slide"])
        self._descend("tokenizer", loss)
        with torch.no_grad():
            self.generator.lengths.lerp_(motion.lengths.mean(dim=0), 1 - LENGTHS_KEEP)
        return found

    def _transformer_update(self, batch: Batch, draws: Draws) -> dict[str, Tensor]:
        batch = _equalized(batch, self.config.eq_augment_db * draws.tone)
        codes, grid, music = self._tokens(batch)
        codes, there, music = _windows(codes, grid, music, draws.start)
        masked = _masked(draws, there, codes.shape[2])
        heard = draws.heard >= self.config.tokens.transformer.music_dropout
        style = torch.zeros_like(grid.counts) if batch.style is None or not self.styles else batch.style
        told = style * (draws.style >= self.config.style_dropout)
        energy = None
        if self.config.tokens.transformer.energy:
            known = draws.energy >= self.config.tokens.transformer.energy_dropout
            energy = self._energy(batch, style).where(known, math.nan)
        with autocast(self.precision, music):
            logits = self._predict(
                self.generator.tokenizer.fsq.values(codes), masked, music, told, heard, there, energy
            )
        found = _code_losses(logits.float(), codes, masked, self.config.tokens.transformer.label_smoothing)
        loss = found["code_loss"]
        if self.styles:
            mine = self.generator.transformer.style_logits(music, there)
            found["music_style"] = (
                functional.cross_entropy(mine, (style - 1).clamp(min=0), reduction="none") * (style > 0)
            ).mean()
            loss = loss + found["music_style"]
        assert self.transformer_from is not None
        warm = min(1.0, (self.updates - self.transformer_from + 1) / WARM_UP)
        for group in self.optimizers["transformer"].param_groups:
            group["lr"] = self.config.tokens.transformer_rate * warm
        self._descend("transformer", loss)
        return found

    @torch.no_grad()
    def validate(self, batch: Batch, one: Float[Tensor, "B T J 2"]) -> dict[str, Tensor]:
        """Validation metrics that require the networks.

        `l1` and `pose_error` are those of `one`, the output of `dances`; `code_loss` and `code_right` are those of half
        of the codes; `l1_posterior` is that of `reconstruction`.
        """
        present = batch.mask.mean().clamp(min=1e-6)
        found = {
            "l1": losses.l1(one, batch.pose, batch.mask) / present,
            "pose_error": losses.pose_error(one, batch.pose, batch.mask),
        }
        grid = beat_grid(batch.rhythm, self.config.fps, inside=True)
        network = self.ema
        motion = on_grid(batch.pose, self._mask(batch), grid)
        found["l1_posterior"] = _Reconstruct(network)(motion, grid, self.config.fps)["l1"]
        codes = network.tokenizer.fsq.codes(network.tokenizer.latents(motion.vectors, motion.seen, motion.lengths))
        music = network.music(batch.audio, batch.rhythm, grid, self.config.fps)
        places = torch.rand(codes.shape, generator=random_of(VALIDATION_STREAM, len(codes))).to(music)
        masked = (places < 0.5) & grid.there[..., None]
        style = torch.zeros_like(grid.counts) if batch.style is None else batch.style
        heard = torch.ones_like(style, dtype=torch.bool)
        logits = network.transformer(network.tokenizer.fsq.values(codes), masked, music, style, heard, grid.there)
        found |= _code_losses(logits.float(), codes, masked, 0.0)
        if self.styles and batch.style is not None:
            right = network.transformer.style_logits(music, grid.there).argmax(dim=1) + 1 == batch.style
            found["music_style_right"] = right.float().mean()
        if len(one) > 1:
            other = losses.mask_missing(self.dances(batch, seed=1), batch.mask)
            one = losses.mask_missing(one, batch.mask)
            found["diversity"] = (one - other).abs().mean() / (one - one.roll(1, 0)).abs().mean().clamp(min=1e-6)
        return found

    @torch.no_grad()
    def reconstruction(self, batch: Batch) -> dict[str, Tensor]:
        """`l1_posterior`: the L1 of the motion that the tokenizer encodes and decodes, on the beat grid."""
        grid = beat_grid(batch.rhythm, self.config.fps, inside=True)
        motion = on_grid(batch.pose, self._mask(batch), grid)
        return {"l1_posterior": _Reconstruct(self.ema)(motion, grid, self.config.fps)["l1"]}

    @torch.no_grad()
    def dances(self, batch: Batch, seed: int = 0) -> Float[Tensor, "B T J 2"]:
        """The EMA generator's dances to the clips' music. The draws depend on the clip and the seed."""
        clips = len(batch.audio)
        seeds = seed_of_each(seed, range(clips) if batch.ids is None else batch.ids.tolist())
        style = torch.zeros(clips, dtype=torch.long, device=batch.audio.device) if batch.style is None else batch.style
        with autocast(self.precision, batch.audio):
            return self.ema.clips(batch.audio, batch.rhythm, seeds, style)

    @torch.no_grad()
    def reconstructed(self, batch: Batch) -> Float[Tensor, "B T J 2"]:
        """The clips' dances, encoded and decoded by the EMA tokenizer."""
        return self.ema.reconstructed(batch.pose, self._mask(batch), batch.rhythm)

    def saved_weights(self) -> dict[str, Tensor]:
        """Weights of the model that is saved: the average (EMA)."""
        return self.ema.state_dict()

    def state(self) -> dict[str, Any]:
        """The state that `load` resumes from: plain containers and tensors, for weights_only loading."""
        return {
            "config": self.config.model_dump(mode="json"),
            "styles": list(self.styles),
            "seed": self.seed,
            "epoch": self.epoch,
            "updates": self.updates,
            "transformer_from": self.transformer_from,
            "networks": {"generator": self.generator.state_dict(), "ema": self.ema.state_dict()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Resume from a state. Raises CheckpointError if it is not a state, or is of other networks."""
        try:
            before = DanceModelConfig.model_validate(with_former_defaults(state["config"]))
            ours, theirs = self.config.tokens, before.tokens
            same = (ours.tokenizer, ours.transformer) == (theirs.tokenizer, theirs.transformer)
            if before.head != self.config.head or not same or tuple(state["styles"]) != self.styles:
                raise CheckpointError("training state", "has different networks or styles.", "Start a new run.")
            self.generator.load_state_dict(state["networks"]["generator"])
            self.ema.load_state_dict(state["networks"]["ema"])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            for group in self.optimizers["tokenizer"].param_groups:
                group["lr"] = ours.tokenizer_rate
            self.seed, self.epoch, self.updates = state["seed"], state["epoch"], state["updates"]
            self.transformer_from = state["transformer_from"]
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("training state", f"cannot be used ({error}).", "Start a new run.") from error

    def share_statistics(self) -> None:
        """Average the bones' lengths and the speeds over all workers."""
        share([buffer for network in (self.generator, self.ema) for buffer in network.statistics])

    def start_from(self, model: DanceModel) -> None:
        """Start with a model's weights; styles that it lacks are newly initialised."""
        weights = first_weights(model, self.ema.state_dict(), self.styles)
        for network in (self.generator, self.ema):
            network.load_state_dict(weights)

    def _tokens(self, batch: Batch) -> tuple[Int[Tensor, "B N G"], BeatGrid, Float[Tensor, "B N E"]]:
        """The codes of the clips, and their music."""
        grid = beat_grid(batch.rhythm, self.config.fps, inside=True)
        with torch.no_grad():
            motion = on_grid(batch.pose, self._mask(batch), grid)
            tokenizer = self.generator.tokenizer.eval()
            codes = tokenizer.fsq.codes(tokenizer.latents(motion.vectors, motion.seen, motion.lengths))
            return codes, grid, self.generator.music(batch.audio, batch.rhythm, grid, self.config.fps)

    @torch.no_grad()
    def _energy(self, batch: Batch, style: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """Each clip's speed in proportion to the mean of its style, which this updates."""
        log_speed, means = _speed(batch.pose, self._mask(batch), self.config.fps).log(), self.generator.log_speeds
        of_style = functional.one_hot(style, len(means)).to(log_speed)
        of_style[:, 0] = 1.0  # the mean of all clips
        counts = of_style.sum(dim=0)
        found = log_speed @ of_style / counts.clamp(min=1)
        found = torch.where(means == 0, found, means.lerp(found, 1 - SPEEDS_KEEP))
        means.copy_(torch.where(counts > 0, found, means))
        return (log_speed - means[style]).exp()

    def _mask(self, batch: Batch) -> Float[Tensor, "B T J"]:
        return batch.mask if self.config.masked else torch.ones_like(batch.mask)

    def _draws(self, batch: Batch) -> Draws:
        """This worker's part of the random numbers of all workers."""
        clips, groups = len(batch.audio), self.config.tokens.tokenizer.groups
        random = random_of(self.seed, self.updates)
        everyone = clips * self.workers
        found = Draws(
            torch.randn(everyone, TONE_BANDS, generator=random),
            *(torch.rand(everyone, generator=random) for _ in range(7)),  # pyright: ignore[reportCallIssue]
            places=torch.rand(everyone, LONGEST, groups, generator=random),
        )
        mine = slice(self.rank * clips, (self.rank + 1) * clips)
        return Draws(*(getattr(found, field.name)[mine].to(batch.audio, non_blocking=True) for field in fields(found)))

    def _descend(self, name: str, loss: Tensor) -> None:
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], GRADIENT_LIMIT)
        optimizer.step()

    @torch.no_grad()
    def _average(self) -> None:
        begun = self.updates - (self.transformer_from or 0)
        keep = min(self.config.ema_decay, (1 + begun) / (10 + begun))
        now = self.generator.state_dict()
        for name, value in self.ema.state_dict().items():
            value.lerp_(now[name], 1 - keep)


class _Reconstruct(nn.Module):
    """Encodes and decodes motion, and compares: a module, so that DDP can wrap it."""

    def __init__(self, generator: TokenGenerator) -> None:
        super().__init__()
        self.tokenizer = generator.tokenizer

    def forward(self, motion: Motion, grid: BeatGrid, fps: float) -> dict[str, Tensor]:
        """L1 of joints, of their differences from pose to pose, and the speed of planted feet, per pose."""
        latents = self.tokenizer.latents(motion.vectors, motion.seen, motion.lengths)
        joints = self.tokenizer.decode(latents, motion.lengths)
        there = grid.there.repeat_interleave(POSES, dim=1)
        mask = (motion.mask & there[..., None]).to(joints)
        hips = (motion.seen[:, :, 0] & there).to(joints)
        gap = ((motion.joints - joints)[:, :, HIPS, 0].mean(dim=2) * hips).sum(dim=1) / hips.sum(dim=1).clamp(min=1)
        joints = joints + functional.pad(gap[:, None, None, None], (0, 1))
        weight = mask.sum().clamp(min=1)
        gaps = joints - motion.joints
        path = gaps[:, :, HIPS].mean(dim=2, keepdim=True) * hips[..., None, None]
        parts = joint_weights().to(mask)
        l1 = ((gaps - (1 - ROOT_WEIGHT) * path).abs().mean(dim=-1) * mask * parts).sum() / weight
        both = mask[:, 1:] * mask[:, :-1]
        step, true = joints.diff(dim=1), motion.joints.diff(dim=1)
        velocity = ((step - true).abs().mean(dim=-1) * both * parts).sum() / both.sum().clamp(min=1)
        seconds = (grid.beat_frames() / fps / 2 / POSES).repeat_interleave(POSES, dim=1)[:, 1:, None]
        planted = (true[:, :, ANKLES].norm(dim=-1) * TORSOS_A_UNIT < PLANTED * seconds) * both[:, :, ANKLES]
        slide = (step[:, :, ANKLES].norm(dim=-1) * planted).sum() / planted.sum().clamp(min=1)
        return {"l1": l1, "velocity": velocity, "foot_slide": slide}


def joint_weights() -> Float[Tensor, " J"]:
    """Weights of the joints in the tokenizer's errors; their mean is 1."""
    parts = [name.split("_")[-1] for name in COCO18.joints]
    weights = torch.tensor([WEIGHTS.get(part, FACE_WEIGHT) for part in parts])
    return weights / weights.mean()


def _windows(
    codes: Int[Tensor, "B N G"], grid: BeatGrid, music: Float[Tensor, "B N E"], start: Float[Tensor, " B"]
) -> tuple[Int[Tensor, "B M G"], Bool[Tensor, "B M"], Float[Tensor, "B M E"]]:
    """A window of at most LONGEST tokens of each clip, from a random token on."""
    longest = min(LONGEST, grid.tokens)
    first = (start * (grid.counts - longest + 1).clamp(min=1)).long()
    at = first[:, None] + torch.arange(longest, device=codes.device)
    inside = at.clamp(max=grid.tokens - 1)[..., None]
    return (
        codes.gather(1, inside.expand(-1, -1, codes.shape[2])),
        at < grid.counts[:, None],
        music.gather(1, inside.expand(-1, -1, music.shape[2])),
    )


def _masked(draws: Draws, there: Bool[Tensor, "B N"], groups: int) -> Bool[Tensor, "B N G"]:
    """The codes to be found: a share of them as in drawing, or a run of whole tokens."""
    share = torch.cos(math.pi / 2 * draws.share)
    single = draws.places[:, : there.shape[1]] < share[:, None, None]
    counts = there.sum(dim=1)
    length = (share * counts).ceil().clamp(min=1)
    first = (draws.spans.remainder(SPAN_SHARE) / SPAN_SHARE * (counts - length + 1)).floor()
    at = torch.arange(there.shape[1], device=there.device)
    run = (at >= first[:, None]) & (at < (first + length)[:, None])
    partly = draws.places[:, : there.shape[1]] < 1.5 * draws.places[:, :1, :1].clamp(min=0.3)  # a third: all
    masked = torch.where((draws.spans < SPAN_SHARE)[:, None, None], run[..., None] & partly, single)
    return masked & there[..., None].expand(-1, -1, groups)


def _speed(pose: Float[Tensor, "B T J 2"], mask: Float[Tensor, "B T J"], fps: float) -> Float[Tensor, " B"]:
    """The mean speed of the joints, in units of the pose a second."""
    both = mask[:, 1:] * mask[:, :-1]
    way = (pose.diff(dim=1).norm(dim=-1) * both).sum(dim=(1, 2))
    return fps * way.clamp(min=1e-6) / both.sum(dim=(1, 2)).clamp(min=1)


def _code_losses(
    logits: Float[Tensor, "B N G K"], codes: Int[Tensor, "B N G"], masked: Bool[Tensor, "B N G"], smoothing: float
) -> dict[str, Tensor]:
    """Cross-entropy of the masked codes, and the share of them that is the likeliest one."""
    at = masked.nonzero(as_tuple=True)  # once: a GPU is waited for
    guessed, true = logits[at], codes[at]
    loss = functional.cross_entropy(guessed, true, label_smoothing=smoothing)
    right = (guessed.argmax(dim=-1) == true).float().mean()
    return {"code_loss": loss, "code_right": right}


def _mirrored(batch: Batch, which: Bool[Tensor, " B"]) -> Batch:
    pose = batch.pose[:, :, COCO18.mirror] * batch.pose.new_tensor([-1.0, 1.0])
    mask = batch.mask[:, :, COCO18.mirror]
    return replace(
        batch,
        pose=torch.where(which[:, None, None, None], pose, batch.pose),
        mask=torch.where(which[:, None, None], mask, batch.mask),
    )


def _equalized(batch: Batch, gains_db: Float[Tensor, "B F"]) -> Batch:
    return replace(batch, audio=equalize(batch.audio, gains_db))
