"""One update of the dance model, its state, and what it learns."""

import copy
import io

import pytest
import torch

from dancegen.checkpoints import checkpoint
from dancegen.errors import CheckpointError
from dancegen.gan.settings import (
    PAPER,
    SECOND_STAGE,
    AudioEncoderConfig,
    DanceModelConfig,
    GeneratorConfig,
    GlobalDiscriminatorConfig,
    LocalDiscriminatorConfig,
    LossConfig,
    OptimizerConfig,
)
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.perceptual.stgcn import STGCN
from dancegen.perceptual.stgcn_settings import STGCNConfig
from dancegen.pose.kinematics import VECTORS, chains, longest, standing, to_joints
from dancegen.steps.train_dance.joint_losses import JointLosses
from dancegen.steps.train_dance.training import Batch, DanceTraining
from dancegen.steps.train_dance.validation import score_clips, summarize
from dancegen.training.clips import Clips
from dancegen.training.meters import Mean, merged

AUDIO = AudioEncoderConfig(channels=(4, 4, 8, 8), code=8, hidden=8, layers=1, size=16)
SMALL = DanceModelConfig(
    generator=GeneratorConfig(audio=AUDIO, width=64, blocks=2),
    local_discriminator=LocalDiscriminatorConfig(channels=8, joint_features=8, hidden=16),
    global_discriminator=GlobalDiscriminatorConfig(audio=AUDIO, channels=8, joint_features=16, hidden=16),
)


def train_of(config, seed, **options):
    """A training with a small perceptual network that has learnt nothing."""
    torch.manual_seed(1)
    perceptual = STGCN(STGCNConfig(widths=(4, 4, 4)), 2).eval().requires_grad_(False)
    return DanceTraining(config, seed, perceptual=perceptual, **options)


def batch(clips=4, frames=20, seed=0):
    """Clips of bodies that dance to noise; the first stands on its right foot."""
    random = torch.Generator().manual_seed(seed)
    turns = 0.2 * torch.randn(clips, frames, VECTORS, 2, generator=random).cumsum(dim=1)
    turns[:, :, 0] /= 4  # the root
    turns[0, :, [0, 2, 8, 9]] = 0.0  # the bones from the root to the right foot
    return Batch(
        audio=0.1 * torch.randn(clips, frames, 1600, generator=random),
        rhythm=torch.randn(clips, frames, len(RHYTHM_CHANNELS), generator=random).clamp(-1, 1),
        pose=to_joints(standing() + turns, longest(), chains()),
        mask=torch.ones(clips, frames, 18),
    )


def run(training, updates, first=0):
    for update in range(first, first + updates):
        training.step(batch(seed=update))


def weights(training):
    return {
        f"{kind}.{name}": value
        for kind in ("generator", "local_discriminator", "global_discriminator", "ema")
        for name, value in getattr(training, kind).state_dict().items()
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def validated(training, clips, workers, clips_a_batch):
    """Dances by clip, and the scores, when so many workers share the clips."""
    dances, sums, rows = {}, [], []
    for rank in range(workers):
        mean = Mean()
        for part in clips.every(rank, workers, clips_a_batch):
            made = training.dances(part)
            mean.add(training.validate(part, made), weight=len(made))
            rows += score_clips(part, made, training.config)
            dances |= dict(zip(part.ids.tolist(), made, strict=True))
        sums.append(mean.sums())
    return dances, merged(sums) | summarize(rows)


def test_validation_sees_the_same_dances_and_gives_the_same_scores_on_one_worker_and_on_two(tmp_path, make_clips):
    clips = Clips(make_clips(str(tmp_path / "clips"), train=1, validation=11), "validation", "body")
    training = train_of(SMALL, seed=0)
    (alone, scores), (shared, scores_shared) = (validated(training, clips, workers, 4) for workers in (1, 2))
    assert len(alone) == 11
    assert_same(alone, shared)
    assert scores.keys() == scores_shared.keys() >= {"l1", "diversity", "motion_error"}
    assert scores == pytest.approx(scores_shared, rel=1e-6)
    small, _ = validated(training, clips, 3, 2)
    assert all(torch.allclose(alone[each], small[each], atol=1e-5) for each in alone)


@pytest.mark.parametrize("preset", ["ours", "published"])
def test_stopping_and_resuming_gives_the_weights_of_a_straight_run_to_the_bit(preset):
    config = (
        SMALL if preset == "ours" else SMALL.model_copy(update={"norm": "batch", "rhythm": False, "ema_decay": 0.0})
    )
    straight = train_of(config, seed=3)
    run(straight, 4)
    stopped = train_of(config, seed=3)
    run(stopped, 2)
    torch.manual_seed(12345)  # what happens elsewhere in between does not matter
    resumed = train_of(config, seed=99)
    resumed.load(through_a_file(stopped.state()))
    run(resumed, 2, first=2)
    assert resumed.updates == 4
    assert_same(weights(straight), weights(resumed))


def test_a_state_of_an_earlier_release_is_continued():
    trained = train_of(SMALL, seed=3)
    run(trained, 1)
    state = through_a_file(trained.state())
    former = {"local_discriminator": "local", "global_discriminator": "globe"}
    state["networks"] = {former.get(name, name): weights for name, weights in state["networks"].items()}
    resumed = train_of(SMALL, seed=99)
    resumed.load(state)
    assert_same(weights(trained), weights(resumed))


def test_the_same_seed_gives_the_same_weights_and_another_seed_or_worker_others():
    trained = []
    for seed, rank in ((1, 0), (1, 0), (2, 0), (1, 1)):
        training = train_of(SMALL, seed, rank=rank, workers=2)
        run(training, 2)
        trained.append(training.generator.state_dict()["pose_generator.final_linear.weight"])
    assert torch.equal(trained[0], trained[1])
    assert not torch.equal(trained[0], trained[2])
    assert not torch.equal(trained[0], trained[3])


def test_an_update_leaves_the_randomness_of_everyone_else_alone():
    training = train_of(SMALL, 0)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    training.step(batch())
    assert torch.equal(torch.rand(3), wanted)


def test_it_learns_one_batch_by_heart():
    weights, rates = LossConfig(adversarial_local=0.1, adversarial_global=0.1), OptimizerConfig(generator_rate=3e-3)
    training = train_of(SMALL.model_copy(update={"losses": weights, "optimizer": rates, "ema_decay": 0.0}), 0)
    clips = batch(clips=2, frames=8)
    before = training.validate(clips, training.dances(clips))["l1_posterior"]
    for _ in range(120):
        training.step(clips)
    assert training.validate(clips, training.dances(clips))["l1_posterior"] < 0.4 * before
    speed, speed_real = (pose.diff(dim=1).norm(dim=-1).mean() for pose in (training.dances(clips), clips.pose))
    assert 0.6 < speed / speed_real < 1.5


def test_different_noise_gives_a_different_dance():
    training, clips = train_of(SMALL, 0), batch()
    one, other = (training.generator(clips.audio, clips.rhythm, 0.33 * torch.randn(4, 20, 24)) for _ in range(2))
    assert (one - other).abs().mean() > 1e-4


FIRST_STAGE = ("l1", "velocity", "foot_slide", "motion_energy", "noise_kl", "noise_recovery")
LOSSES = [*FIRST_STAGE, *SECOND_STAGE]


@pytest.mark.parametrize("term", [name for name in LOSSES if name != "noise_kl"])
def test_every_generator_loss_alone_moves_the_generator(term):
    zeros = dict.fromkeys(LOSSES, 0.0)
    training = train_of(SMALL.model_copy(update={"losses": LossConfig(**{**zeros, term: 1.0})}), 0)
    before = copy.deepcopy(training.generator.state_dict())
    parts = training.step(batch())
    assert term in parts
    assert not (set(LOSSES) - {term}) & set(parts)
    after = training.generator.state_dict()
    assert not torch.equal(before["pose_generator.layer0.weight"], after["pose_generator.layer0.weight"])


def test_a_discriminator_whose_word_weighs_nothing_is_not_trained():
    losses = LossConfig(adversarial_local=0.0, adversarial_global=0.0, feature_matching=0.0)
    training = train_of(SMALL.model_copy(update={"losses": losses}), 0)
    before = copy.deepcopy([training.local_discriminator.state_dict(), training.global_discriminator.state_dict()])
    training.step(batch())
    for one, other in zip(
        before, [training.local_discriminator.state_dict(), training.global_discriminator.state_dict()], strict=True
    ):
        assert_same(one, other)


def test_what_lies_under_a_missing_joint_changes_no_update():
    clips, elsewhere = batch(), batch()
    for each in (clips, elsewhere):
        each.mask[:, 3:9, 7] = 0
    elsewhere.pose[:, 3:9, 7] = 9.0
    trained = []
    for each in (clips, elsewhere):
        training = train_of(SMALL, 0)
        training.step(each)
        trained.append(weights(training))
    assert_same(*trained)


def test_without_masks_missing_joints_are_learned_as_poses():
    clips = batch()
    clips.mask[:, :, 7] = 0
    masked, published = (
        train_of(SMALL.model_copy(update={"masked": masked}), 0).step(clips)["l1"] for masked in (True, False)
    )
    assert masked < published


def test_the_running_average_follows_the_generator_slowly():
    training = train_of(SMALL, 0)
    run(training, 8)
    name = "pose_generator.final_linear.weight"
    start = train_of(SMALL, 0).generator.state_dict()[name]
    now, mean = training.generator.state_dict()[name], training.ema.state_dict()[name]
    assert 0 < (mean - start).norm() < (now - start).norm()


@pytest.mark.parametrize("clips", [1, 3])
def test_batches_of_any_size_and_length_can_be_learned_from(clips):
    parts = train_of(SMALL, 0).step(batch(clips=clips, frames=50))
    assert all(torch.isfinite(value) for value in parts.values())
    assert ("mismatched_music" in parts) == (clips > 1)


def test_the_published_preset_makes_an_update():
    parts = train_of(PAPER, 0).step(batch(clips=2, frames=50))
    assert all(torch.isfinite(value) for value in parts.values())
    assert "velocity" not in parts


def test_the_noise_of_a_dance_can_be_read_out_of_it_again_after_some_training():
    training = train_of(SMALL, 0)
    lost = [training.step(batch())["noise_recovery"].item() for _ in range(40)]
    assert sum(lost[-10:]) < 0.9 * sum(lost[:10])


def test_state_of_other_networks_or_no_state_is_refused():
    training = train_of(SMALL, 0)
    other = train_of(SMALL.model_copy(update={"rhythm": False}), 0)
    with pytest.raises(CheckpointError, match="different rhythm"):
        training.load(other.state())
    with pytest.raises(CheckpointError, match="cannot be used"):
        training.load({"weights": 1})


def with_losses(**changes):
    return SMALL.model_copy(update={"losses": LossConfig(**changes)})


def with_gradients(monkeypatch, training, clips):
    """The gradients that one update gives the generator's parameters, before any clipping."""
    found = {}
    step = training.optimizers["generator"].step
    training.clip = None

    def keep():
        found.update({name: value.grad.clone() for name, value in training.generator.named_parameters()})
        step()

    monkeypatch.setattr(training.optimizers["generator"], "step", keep)
    training.step(clips)
    return found


def test_without_a_limit_the_gradient_is_that_of_the_weighted_sum_of_all_losses(monkeypatch):
    def gradients(**weights):
        config = with_losses(**weights, ramp_updates=0, gradient_limit=None)
        return with_gradients(monkeypatch, train_of(config, 0, precision="float32"), batch())

    weights = {name: getattr(LossConfig(), name) for name in LOSSES}
    # Tiny weights train the discriminators all the same, as they are where all losses count.
    parts = [gradients(**{**dict.fromkeys(LOSSES, 1e-12), name: weight}) for name, weight in weights.items()]
    for name, gradient in gradients(**weights).items():
        assert torch.allclose(gradient, sum(part[name] for part in parts), rtol=1e-3, atol=1e-4), name


def test_the_generator_hears_the_discriminators_as_they_are_before_their_update(monkeypatch):
    heard = []
    for rate in (1e-9, 1e-1):
        config = SMALL.model_copy(update={"optimizer": OptimizerConfig(local_rate=rate, global_rate=rate)})
        heard.append(with_gradients(monkeypatch, train_of(config, 0), batch()))
    assert_same(*heard)


def test_a_first_stage_without_losses_of_its_own_leaves_the_generator_as_it_is():
    training = train_of(with_losses(**dict.fromkeys(FIRST_STAGE, 0.0), adversarial_from_epoch=1), 0)
    before = copy.deepcopy(training.generator.state_dict())
    assert training.step(batch())["generator"] == 0
    assert_same(before, training.generator.state_dict())


def test_no_loss_of_the_second_stage_pulls_a_clip_harder_than_the_limit_allows():
    gradient = torch.randn(4, 20, 18, 2) * torch.tensor([1e-6, 1.0, 30.0, 0.0])[:, None, None, None]
    limited = JointLosses({}, torch.zeros(()), gradient).limited(LossConfig(l1=50.0, gradient_limit=2.0))
    l1_norm = 50.0 / (4 * (20 * 18 * 2) ** 0.5)
    assert limited[1:3].flatten(1).norm(dim=1).tolist() == pytest.approx([2 * l1_norm] * 2)
    assert torch.equal(limited[0], gradient[0])
    assert torch.equal(limited[3], gradient[3])


def test_the_second_stage_comes_in_over_its_ramp_and_a_resumed_run_goes_on_with_it():
    training = train_of(with_losses(adversarial_from_epoch=1, ramp_updates=4), 0)
    run(training, 2)
    assert all(training._weight(name) == 0 for name in SECOND_STAGE)
    training.epoch = 1
    found = []
    for update in range(2, 7):
        training.step(batch(seed=update))
        resumed = train_of(with_losses(adversarial_from_epoch=1, ramp_updates=4), 0)
        resumed.load(through_a_file(training.state()))
        found.append(resumed._weight("perceptual"))
    assert found == [0.5, 0.75, 1.0, 1.0, 1.0]


def test_a_state_from_before_there_was_a_ramp_is_past_it():
    training = train_of(SMALL, 0)
    state = training.state()
    del state["second_stage_from"], state["gradient_norm"]
    training.load(state)
    training.updates = 1000
    assert training._weight("perceptual") == SMALL.losses.perceptual


BEFORE = {"perceptual_scale": "published", "ramp_updates": 0, "gradient_limit": None}


@pytest.mark.parametrize(("how", "survives"), [("as it is", True), ("as it was", False)])
def test_the_perceptual_loss_comes_into_a_trained_model_without_throwing_its_poses_away(how, survives):
    losses = {} if survives else BEFORE
    config = SMALL.model_copy(
        update={
            "losses": LossConfig(adversarial_from_epoch=1, **losses),
            "optimizer": OptimizerConfig() if survives else OptimizerConfig(gradient_clip=None),
            "generator": SMALL.generator.model_copy(update={"output": "linear" if survives else "tanh"}),
        }
    )
    training = DanceTraining(config, 0, perceptual=checkpoint.load_perceptual(checkpoint.shipped_perceptual()))
    clips = batch(clips=2, frames=16)
    first = [training.step(clips)["pose_error"] for _ in range(40)]
    training.epoch = 1
    second = [training.step(clips)["pose_error"] for _ in range(20)]
    assert (max(second) < 1.5 * max(first[-5:])) == survives


def test_a_run_from_before_the_output_was_linear_is_not_taken_up_by_other_networks():
    training = train_of(SMALL, 0)
    state = training.state()
    del state["config"]["generator"]["output"]
    with pytest.raises(CheckpointError, match="different generator"):
        training.load(state)
