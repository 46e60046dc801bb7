"""Dances as tokens: the beat grid, the quantizer, the tokenizer, the plan, drawing, whole songs, training."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from dancegen.checkpoints import checkpoint
from dancegen.errors import CheckpointError
from dancegen.gan.dance_model import DanceModel, build_network
from dancegen.gan.head import Head
from dancegen.gan.settings import DanceModelConfig
from dancegen.music.phrases import Phrase
from dancegen.music.rhythm import RHYTHM_CHANNELS
from dancegen.music.song import Song
from dancegen.pose.kinematics import VECTORS, chains, from_joints, longest, standing, to_joints
from dancegen.pose.section import Section
from dancegen.skeleton import COCO18
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.steps.train_dance.token_training import TokenTraining
from dancegen.tokens import plan
from dancegen.tokens.beat_grid import POSES, beat_grid, sample
from dancegen.tokens.drawing import Windows, draw
from dancegen.tokens.fsq import CODES, FSQ, LEVELS
from dancegen.tokens.generator import TokenGenerator
from dancegen.tokens.motion import HIPS, at_frames, on_grid
from dancegen.tokens.settings import TokenizerConfig, TokensConfig, TransformerConfig
from dancegen.training.batch import Batch

FPS = 10.0
STYLES = ("krump", "waltz")
CONFIG = DanceModelConfig(
    head="tokens",
    fps=FPS,
    tokens=TokensConfig(
        tokenizer=TokenizerConfig(width=32, blocks=2, groups=2),
        transformer=TransformerConfig(width=32, blocks=2, attention_heads=2, mel_bands=8, dropout=0.0),
        tokenizer_epochs=1,
        steps=4,
    ),
)


def rhythm(clips=2, frames=60, beat_s=0.5):
    """Beats of this period, from the first frame on; the other phases are those of four and 32 beats."""
    beats = torch.arange(frames) / FPS / beat_s
    turns = torch.stack([beats, beats / 4, beats / 32], dim=1) * 2 * math.pi
    phases = torch.stack([turns.sin(), turns.cos()], dim=2).flatten(1)
    return torch.cat([torch.zeros(frames, 1), phases], dim=1).expand(clips, -1, -1)


def batch(clips=2, frames=60, seed=0, beat_s=0.5):
    """Bodies that swing on the beat, to noise."""
    random = torch.Generator().manual_seed(seed)
    beats = rhythm(clips, frames, beat_s)[..., 1, None, None]
    turns = standing() + 0.4 * beats * torch.randn(clips, 1, VECTORS, 2, generator=random)
    turns[:, :, 0] /= 4  # the root
    return Batch(
        audio=0.1 * torch.randn(clips, frames, 1600, generator=random),
        rhythm=rhythm(clips, frames, beat_s),
        pose=to_joints(turns, longest(), chains()),
        mask=torch.ones(clips, frames, len(COCO18)),
        ids=torch.arange(clips),
        style=torch.arange(clips) % 2 + 1,
    )


def song(seconds=20.0, phrases=()):
    frames = round(seconds * FPS)
    audio = 0.1 * torch.randn(frames, 1600, generator=torch.Generator().manual_seed(1))
    return Song(audio, rhythm(1, frames)[0], list(phrases))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    found = build_network(CONFIG, len(RHYTHM_CHANNELS), len(STYLES)).eval()
    assert isinstance(found, TokenGenerator)
    torch.nn.init.normal_(found.tokenizer.last.weight, std=0.1)  # at first it is 0, for a person who stands
    return found


def test_a_code_is_a_number_of_its_levels():
    fsq = FSQ()
    codes = torch.arange(CODES)
    values = fsq.values(codes)
    assert math.prod(LEVELS) == CODES
    assert len({tuple(row) for row in values.tolist()}) == CODES
    assert torch.equal(fsq.codes(values), codes)
    rounded = fsq(torch.randn(50, 3, 4) * 3)
    assert torch.equal(fsq.values(fsq.codes(rounded)), rounded)


def test_the_gradient_of_a_quantized_value_is_that_of_the_value():
    values = torch.zeros(1, 1, 4, requires_grad=True)
    FSQ()(values).sum().backward()
    assert (values.grad > 0.5).all()


@pytest.mark.parametrize("beat_s", [0.4, 0.5, 0.77])
def test_tokens_are_halves_of_beats_at_every_tempo(beat_s):
    grid = beat_grid(rhythm(1, 60, beat_s), FPS, inside=True)
    assert int(grid.counts) == math.floor(5.9 / beat_s * 2 + 1e-4)
    assert torch.allclose(grid.beat_frames(), torch.tensor(beat_s * FPS), atol=0.01)
    starts = grid.frames(1)[0] - beat_s * FPS / 4
    assert torch.allclose(starts, torch.arange(len(starts)) * beat_s * FPS / 2, atol=0.02)


def test_music_without_a_beat_has_tokens_too():
    grid = beat_grid(torch.zeros(1, 60, len(RHYTHM_CHANNELS)), FPS, inside=False)
    assert int(grid.counts) == 24  # of a quarter of a second


def test_a_spline_goes_through_its_values_and_keeps_lines():
    values = torch.randn(1, 9, 2)
    assert torch.allclose(sample(values, torch.arange(9.0)[None]), values, atol=1e-6)
    line = torch.arange(9.0)[None, :, None]
    at = torch.tensor([[1.25, 3.5, 6.75]])
    assert torch.allclose(sample(line, at)[..., 0], at, atol=1e-5)


def test_a_dance_comes_back_from_the_grid():
    clip = batch(beat_s=0.8)
    grid = beat_grid(clip.rhythm, FPS, inside=False)
    motion = on_grid(clip.pose, clip.mask, grid)
    back = at_frames(motion.joints, grid, FPS)
    inner = slice(3, -3)
    relative = [pose[:, inner] - pose[:, inner, COCO18.indices("neck")] for pose in (back, clip.pose)]
    assert (relative[0] - relative[1]).abs().max() < 0.01


def test_vectors_of_joints_give_the_joints():
    pose = batch().pose
    assert torch.allclose(chains() @ from_joints(pose), pose, atol=1e-5)


def test_a_missing_joint_is_not_on_the_grid():
    clip = batch()
    clip.mask[0, 20, COCO18.joints.index("left_wrist")] = 0
    motion = on_grid(clip.pose, clip.mask, beat_grid(clip.rhythm, FPS, inside=True))
    lost = (~motion.mask).sum(dim=1)
    assert lost[0].nonzero().flatten().tolist() == [COCO18.joints.index("left_wrist")]
    assert not lost[1].any()
    assert motion.lengths.isfinite().all()


def test_phrases_that_come_again_are_repeated_and_the_rest_is_drawn():
    parts = plan.find_parts([0, 10, 20, 30], ["A", "B", "A", "B"], 45)
    assert [(part.start, part.end, part.source) for part in parts] == [
        (0, 10, None),
        (10, 20, None),
        (20, 30, 0),
        (30, 40, 10),
        (40, 45, None),
    ]


def test_long_phrases_are_divided_and_all_tokens_are_in_one_part():
    parts = plan.find_parts([0, 70], ["A", "B"], 75)
    assert all(0 < part.end - part.start <= plan.LONGEST for part in parts)
    assert [token for part in parts for token in range(part.start, part.end)] == list(range(75))


def test_the_join_of_two_repeated_phrases_is_repeated():
    first, second = plan.joins(plan.find_parts([0, 10, 20, 30], ["A", "B", "A", "B"], 40), given=0)
    sources = {(span.start, span.end): span.source for span in (*first, *second)}
    assert sources == {(7, 13): None, (17, 23): None, (27, 33): 7}


def test_known_codes_stay_and_every_window_has_its_own_random_numbers(network):
    random = torch.Generator().manual_seed(0)
    codes = torch.randint(CODES, (3, 12, 2), generator=random)
    codes[1:] = codes[0]
    masked = torch.zeros(3, 12, 2, dtype=torch.bool)
    masked[:, 4:9] = True
    music = torch.randn(1, 12, network.music.size, generator=random).expand(3, -1, -1)
    there = torch.ones(3, 12, dtype=torch.bool)
    windows = Windows(codes, masked, music, torch.zeros(3, dtype=torch.long), there, torch.full((3,), math.nan))
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 2, 1)]
    found = draw(network.transformer, network.tokenizer.fsq, CONFIG.tokens, windows, seeds, CONFIG.tokens.steps)
    assert torch.equal(found[~masked], codes[~masked])
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_padding_changes_nothing(network):
    music = torch.randn(1, 10, network.music.size)
    values, masked = torch.zeros(1, 10, 2, 4), torch.ones(1, 10, 2, dtype=torch.bool)
    style, heard = torch.ones(1, dtype=torch.long), torch.ones(1, dtype=torch.bool)
    there = torch.ones(1, 10, dtype=torch.bool)
    alone = network.transformer(values, masked, music, style, heard, there)

    def padded(part):
        return torch.cat([part, torch.ones_like(part[:, :3])], dim=1)

    inputs = [padded(part) for part in (values, masked, music)]
    there = torch.cat([there, torch.zeros(1, 3, dtype=torch.bool)], dim=1)
    assert torch.allclose(network.transformer(*inputs, style, heard, there)[:, :10], alone, atol=1e-5)


def test_both_heads_are_heads(network):
    assert isinstance(network, Head)
    assert isinstance(DanceModel(build_network(DanceModelConfig(), 7, 0), DanceModelConfig()).head, Head)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 7.0, 33.3])
def test_a_song_of_any_length_is_danced_to_its_end_by_a_body(network, seconds):
    model = DanceModel(network, CONFIG, styles=STYLES)
    samples = (0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16000))).astype(np.float32)
    dance = model.dance(samples, seed=3, style="krump")
    assert dance.shape == (max(1, math.ceil(seconds * FPS)), len(COCO18), 2)
    assert np.isfinite(dance).all()
    lengths = from_joints(torch.from_numpy(dance))[:, 1:].norm(dim=-1)
    assert (lengths <= 1.1 * longest()).all()


def test_the_same_seed_gives_the_same_dance_and_another_one_another(network):
    one, again, other = (network.song(song(), [seed], 0, None, 3000) for seed in (4, 4, 5))
    assert torch.equal(one, again)
    assert (one - other).abs().mean() > 0.01
    both = network.song(song(), [4, 5], 0, None, 3000)
    assert torch.allclose(both, torch.cat([one, other]), atol=1e-4)


def test_a_phrase_that_comes_again_is_danced_alike(network):
    phrases = [Phrase(0.0, "A0"), Phrase(8.0, "B0"), Phrase(16.0, "A0"), Phrase(24.0, "B0")]
    dance = network.song(song(32.0, phrases), [1], 0, None, 3000)[0]
    dance = dance - dance[:, COCO18.indices("neck")]
    inner = slice(20, 60)
    again = (dance[160:240][inner] - dance[:80][inner]).abs().mean()
    assert again < 0.1 * (dance[80:160][inner] - dance[:80][inner]).abs().mean()


def test_a_dance_begins_with_the_given_frames_and_goes_on_from_them(network):
    start = batch().pose[0, :5]
    dance = network.song(song(), [1], 0, start, 3000)[0]
    assert torch.equal(dance[:5], start)
    steps = dance.diff(dim=0).norm(dim=-1).mean(dim=1)
    assert steps[4] < 2 * steps[5:].mean()


def test_a_section_is_drawn_between_what_is_before_and_after_it(network):
    music = song(24.0)
    whole = network.song(music, [1], 0, None, 3000)[0]
    section = Section(whole, 80, 160)
    one, again, other = (network.song(music, [seed], 0, None, 3000, section)[0] for seed in (4, 4, 5))
    assert torch.equal(one, again)
    assert not torch.allclose(one[100:140], other[100:140], atol=1e-3)
    shape_one, shape_other = (each - each[:, 1:2] for each in (one, other))  # without the path across the stage
    torch.testing.assert_close(shape_one[:65], shape_other[:65])
    torch.testing.assert_close(shape_one[175:], shape_other[175:])
    for end in (80, 160):
        torch.testing.assert_close(one[end, HIPS].mean(dim=0), whole[end, HIPS].mean(dim=0))


@pytest.mark.parametrize(
    ("first", "last", "tokens"), [(0, 5, 40), (3, 60, 64), (30, 40, 40), (10, 11, 12), (0, 64, 64)]
)
def test_the_windows_of_a_section_cover_it_and_nothing_else(first, last, tokens):
    spans = plan.section(first, last, tokens)
    covered = {token for span in spans for token in range(span.start, span.end)}
    assert covered == set(range(first, last))
    for span in spans:
        assert 0 <= span.first <= span.start < span.end <= span.last <= tokens
        assert span.last - span.first <= plan.LONGEST


def test_a_style_changes_the_dance_and_without_one_it_has_none(network):
    network.transformer.style.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    krump, waltz = (network.song(song(), [1], style, None, 3000) for style in (1, 2))
    assert not torch.equal(krump, waltz)
    network.config = network.config.model_copy(update={"style_guidance": 0.0})
    assert not torch.equal(network.song(song(), [1], 1, None, 3000), krump)
    network.config = CONFIG.tokens
    assert network.style_logits(song()).shape == (2,)


def learnt(config, epochs_updates, **options):
    training = TokenTraining(config, 0, styles=STYLES, precision="float32", **options)
    history = []
    for epoch, updates in enumerate(epochs_updates):
        training.epoch = epoch
        history += [training.step(batch()) for _ in range(updates)]
    return training, history


def body_error(dance):
    """Mean distance from the clips of `batch`, with the hips in the same place."""
    hips = [COCO18.index("right_hip"), COCO18.index("left_hip")]
    ours, true = (pose - pose[:, :, hips].mean(dim=2, keepdim=True) for pose in (dance, batch().pose))
    return (ours - true).abs().mean()


def test_both_stages_learn_a_batch_by_heart():
    config = CONFIG.model_copy(update={"ema_decay": 0.9, "eq_augment_db": 0.0})
    training, history = learnt(config, (250, 250))
    first, second = history[:250], history[250:]
    assert first[-1]["l1"] < 0.5 * first[0]["l1"]
    mean = [sum(float(one["code_loss"]) for one in part) / 20 for part in (second[:20], second[-20:])]
    assert mean[1] < 0.6 * mean[0]
    assert "l1" not in second[0]
    still = batch().pose.mean(dim=1, keepdim=True)
    assert body_error(training.reconstructed(batch())) < 0.3 * body_error(still)
    found = training.validate(batch(), training.dances(batch()))
    assert {"l1", "pose_error", "l1_posterior", "code_loss", "music_style_right", "diversity"} <= found.keys()


def test_the_tokenizer_does_not_change_once_the_transformer_learns():
    training, _ = learnt(CONFIG, (3, 1))
    before = {name: value.clone() for name, value in training.generator.tokenizer.state_dict().items()}
    training.step(batch())
    assert all(torch.equal(before[name], value) for name, value in training.generator.tokenizer.state_dict().items())


@pytest.mark.parametrize("updates", [(3, 0), (2, 3)])
def test_a_resumed_training_is_that_of_an_uninterrupted_one(updates):
    straight, _ = learnt(CONFIG, updates)
    half, _ = learnt(CONFIG, updates)
    resumed = TokenTraining(CONFIG, 7, styles=STYLES, precision="float32")
    resumed.load(half.state())
    for training in (straight, resumed):
        training.epoch = 1
        for _ in range(2):
            training.step(batch())
    for name, value in straight.state()["networks"]["ema"].items():
        assert torch.equal(value, resumed.state()["networks"]["ema"][name]), name


def test_a_state_of_other_networks_is_refused():
    training, _ = learnt(CONFIG, (1,))
    wider = CONFIG.tokens.model_copy(update={"tokenizer": TokenizerConfig(width=16)})
    other = TokenTraining(CONFIG.model_copy(update={"tokens": wider}), 0, styles=STYLES)
    with pytest.raises(CheckpointError, match="different networks"):
        other.load(training.state())
    with pytest.raises(CheckpointError, match="training state"):
        other.load({"config": {}})


def test_two_workers_draw_what_one_draws():
    whole = TokenTraining(CONFIG, 0, styles=STYLES)
    parts = [TokenTraining(CONFIG, 0, styles=STYLES, rank=rank, workers=2) for rank in range(2)]
    all_clips = batch(4)
    halves = [
        Batch(all_clips.audio[part], all_clips.rhythm[part], all_clips.pose[part], all_clips.mask[part])
        for part in (slice(0, 2), slice(2, 4))
    ]
    drawn = [one._draws(half).places for one, half in zip(parts, halves, strict=True)]
    assert torch.equal(torch.cat(drawn), whole._draws(all_clips).places)


def test_a_model_is_saved_and_loaded_and_trained_further(tmp_path: Path):
    training, _ = learnt(CONFIG, (2, 2))
    network = build_network(CONFIG, len(RHYTHM_CHANNELS), len(STYLES))
    network.load_state_dict(training.saved_weights())
    model = DanceModel(network, CONFIG, styles=STYLES)
    checkpoint.save(tmp_path / "dance.safetensors", model, {}, half=False)
    loaded = checkpoint.load(tmp_path / "dance.safetensors")
    samples = (0.1 * np.random.default_rng(0).standard_normal(80000)).astype(np.float32)
    assert np.array_equal(loaded.dance(samples, 1), model.dance(samples, 1))
    further = TokenTraining(CONFIG, 1, styles=("samba", *STYLES))
    further.start_from(checkpoint.load_to_train(tmp_path / "dance.safetensors", CONFIG))
    rows = [one.transformer.style.weight for one in (further.generator, network)]
    assert torch.equal(rows[0][2:], rows[1][1:])
    with pytest.raises(CheckpointError, match="was trained with head 'tokens'"):
        checkpoint.load_to_train(tmp_path / "dance.safetensors", DanceModelConfig())


def test_a_model_is_fine_tuned_with_the_tokenizer_that_it_has(tmp_path: Path):
    training, _ = learnt(CONFIG, (2, 2))
    network = build_network(CONFIG, len(RHYTHM_CHANNELS), len(STYLES))
    network.load_state_dict(training.saved_weights())
    checkpoint.save(tmp_path / "dance.safetensors", DanceModel(network, CONFIG, styles=STYLES), {}, half=False)
    kept = CONFIG.model_copy(update={"tokens": CONFIG.tokens.model_copy(update={"tokenizer_epochs": 0})})
    further = TokenTraining(kept, 1, styles=STYLES)
    further.start_from(checkpoint.load_to_train(tmp_path / "dance.safetensors", kept))
    further.step(batch())
    ours, theirs = further.saved_weights(), training.saved_weights()
    changed = {name.partition(".")[0] for name, value in ours.items() if not torch.equal(value, theirs[name])}
    assert changed == {"transformer"}
    with pytest.raises(ValidationError, match="keeps the tokenizer of a model: give init_from"):
        TrainDanceConfig(model=kept)


def test_tokens_in_the_coordinates_of_the_frame_are_refused():
    with pytest.raises(ValidationError, match="set normalization=body"):
        DanceModelConfig(head="tokens", normalization="camera")


def test_the_poses_of_a_token_are_even_in_time():
    grid = beat_grid(rhythm(1, 60, 0.5), FPS, inside=True)
    assert torch.allclose(grid.frames()[0].diff(), torch.tensor(2.5 / POSES), atol=0.01)
