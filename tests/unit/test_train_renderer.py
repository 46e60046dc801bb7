import numpy as np
import pytest
import torch

from dancegen import config as settings_module
from dancegen import outputs, schema, tables
from dancegen.checkpoints.person import load_person
from dancegen.errors import CheckpointError, ConfigError, TableError
from dancegen.renderer.settings import PAPER, RendererConfig
from dancegen.skeleton import COCO18
from dancegen.steps.train_renderer import pipeline
from dancegen.steps.train_renderer.augment import LIMB_ENDS, corrupted, jittered, sure, without_limbs
from dancegen.steps.train_renderer.footage import measure_footage, person_of
from dancegen.steps.train_renderer.frames import Frames, summarize, windows
from dancegen.steps.train_renderer.settings import TrainRendererConfig
from dancegen.steps.train_renderer.training import RendererTraining, rate_factor, rollout
from dancegen.steps.train_renderer.validation import as_bytes, rolled_out, score
from dancegen.training.clips import Shard

CONSENT = "Ada, drawn by the test, agrees to everything."


@pytest.fixture(scope="module")
def frames(tmp_path_factory, make_frames):
    return make_frames(str(tmp_path_factory.mktemp("frames") / "frames"))


def training_of(tiny_renderer, seed=0, total=40, **changes):
    return RendererTraining(RendererConfig.model_validate(tiny_renderer | changes), seed, total)


def batches(frames, length=2, seed=0, size=2, done=0):
    return list(Frames(frames, "train").epoch(Shard(0, 1, size, seed, 0, done), length))


def test_a_table_of_frames_is_summarized_by_the_windows_that_start_in_it(frames):
    found = summarize(frames)
    assert (found.train, found.validation, found.test) == (8, 6, 0)
    assert (found.height_px, found.width_px, found.fps, found.people) == (32, 32, 10.0, ("ada",))


def test_frames_without_five_in_a_row_are_refused(tmp_path, make_frames):
    with pytest.raises(TableError, match="no 5 consecutive frames to train on"):
        summarize(make_frames(str(tmp_path / "few"), train=4))


def test_a_window_holds_consecutive_frames_of_one_video_in_the_order_of_time(frames):
    stored = Frames(frames, "train")
    batch = stored.batch(stored.starts[2:4], 3)
    rows = tables.read(frames, schema.FRAMES, columns=["index", "joints"]).to_pylist()
    joints = {row["index"]: schema.from_bytes(row["joints"], "float32", 18, 3) for row in rows}
    for window, start in zip(batch.joints.numpy(), (2, 3), strict=True):
        np.testing.assert_array_equal(window, np.stack([joints[start + step] for step in range(3)]))
    assert batch.pictures.shape == (2, 3, 3, 32, 32)
    broken = stored.rows.filter(np.arange(len(stored.rows)) != 5)
    assert not {1, 2, 3, 4} & set(windows(broken, 5).tolist())


def test_an_epoch_is_the_same_again_and_goes_on_where_it_stopped(frames):
    whole, rest = batches(frames), batches(frames, done=2)
    assert len(whole) == 4
    assert all(torch.equal(one.pictures, two.pictures) for one, two in zip(whole[2:], rest, strict=True))
    assert not torch.equal(whole[0].pictures, batches(frames, seed=1)[0].pictures)


def test_a_window_is_learnt(frames, tiny_renderer):
    weights = {"perceptual": 0.0, "adversarial": 0.1, "feature_matching": 1.0, "matte": 20.0, "matte_final": 20.0}
    still = {"pose_jitter": 0.0, "limb_drop": 0.0, "optimizer": {"generator_rate": 4e-3}, "losses": weights}
    training = training_of(tiny_renderer, total=1000, **still)
    (batch, *_) = batches(frames, size=1)
    before = training.step(batch)
    for _ in range(99):
        after = training.step(batch)
    assert after["l1"] < 0.5 * before["l1"]
    assert after["matte"] < 0.5 * before["matte"]
    assert after["colour"] < 0.3 * before["colour"]


def test_the_matte_is_learnt_from_the_first_updates_at_the_default_rate(frames, tiny_renderer):
    training = training_of(tiny_renderer, total=1000)
    (batch, *_) = batches(frames, size=1)
    before = training.step(batch)
    for _ in range(30):
        after = training.step(batch)
    assert after["matte"] < 0.95 * before["matte"]


def test_a_resumed_training_equals_a_straight_one_to_the_bit(frames, tiny_renderer):
    straight, first = training_of(tiny_renderer), training_of(tiny_renderer)
    data = batches(frames, length=3)
    for batch in data:
        straight.step(batch)
    for batch in data[:2]:
        first.step(batch)
    second = training_of(tiny_renderer, seed=7)
    second.load(first.state())
    for batch in data[2:]:
        second.step(batch)
    for network, weights in straight.state()["networks"].items():
        assert all(torch.equal(value, second.state()["networks"][network][name]) for name, value in weights.items())


def test_a_state_of_other_networks_is_refused(tiny_renderer):
    other = training_of(tiny_renderer | {"matte": False})
    with pytest.raises(CheckpointError, match="has a different matte"):
        other.load(training_of(tiny_renderer).state())
    with pytest.raises(CheckpointError, match=r"init_from: was trained with model\.matte=True, not False"):
        other.start_from(training_of(tiny_renderer).generator)


def test_a_shipped_person_is_fine_tuned_by_its_name(tmp_path):
    config = TrainRendererConfig(frames=str(tmp_path / "frames"), consent="Ada agrees.", init_from="mia")
    assert config.init_from == "mia"
    outputs.check(config.model_copy(update={"output": str(tmp_path / "run")}))
    start = load_person(config.init_from).generator
    training = RendererTraining(RendererConfig(), 0, 1)
    training.start_from(start)
    assert all(torch.equal(value, training.saved_weights()[name]) for name, value in start.state_dict().items())


def test_every_part_of_the_loss_is_reported_and_the_paper_preset_has_only_its_own(frames, tiny_renderer):
    (batch, *_) = batches(frames)
    ours = training_of(tiny_renderer).step(batch)
    assert ours.keys() == {
        *("discriminator", "adversarial", "feature_matching", "colour", "matte", "matte_entropy", "warp", "l1")
    }
    small = {name: tiny_renderer[name] for name in ("height_px", "width_px", "generator")}
    weights = PAPER.losses.model_dump() | {"perceptual": 0.0}
    paper = PAPER.model_dump() | small | {"discriminator": {"width": 4, "two_frame": False}, "losses": weights}
    published = training_of(paper).step(batch)
    assert published.keys() == {"discriminator", "adversarial", "feature_matching", "l1"}


def test_the_face_has_its_own_discriminator(frames, tiny_renderer, monkeypatch):
    monkeypatch.setattr("dancegen.renderer.settings.FACE_MIN_PX", 32)
    (batch, *_) = batches(frames)
    training = training_of(tiny_renderer, face=True)
    before = {name: value.clone() for name, value in training.generator.face.state_dict().items()}
    assert {"face", "face_discriminator"} <= training.step(batch).keys()
    after = training.generator.face.state_dict()
    assert any(not torch.equal(value, after[name]) for name, value in before.items())


def test_only_the_enhancer_is_trained_at_first(frames, tiny_renderer):
    generator = {"kind": "local_enhancer", "width": 4, "downsamplings": 1, "blocks": 1, "enhancer_blocks": 1}
    training = training_of(tiny_renderer, total=4, generator=generator, optimizer={"enhancer_only_share": 0.5})

    def global_half():
        state = training.generator.state_dict()
        return {name: value.clone() for name, value in state.items() if name.startswith("generator.model.")}

    before, data = global_half(), batches(frames)
    for batch in data[:2]:
        training.step(batch)
    assert before
    assert all(torch.equal(value, before[name]) for name, value in global_half().items())
    training.step(data[2])
    assert any(not torch.equal(value, before[name]) for name, value in global_half().items())


def test_windows_grow_and_learning_rates_fall_during_the_run():
    assert [rollout(share) for share in (0.0, 0.39, 0.4, 0.79, 0.8, 0.99)] == [1, 1, 2, 2, 4, 4]
    assert [rate_factor("linear_decay", share) for share in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert [round(rate_factor("cosine", share), 3) for share in (0.0, 0.5, 1.0)] == [1.0, 0.5, 0.0]


def test_jitter_is_a_share_of_the_torso_and_missing_joints_stay_missing():
    joints = torch.zeros(2000, 2, 18, 3)
    joints[..., 2] = 1
    joints[:, :, COCO18.indices("right_hip", "left_hip"), 1] = 0.4
    joints[:, :, 3] = torch.tensor([torch.nan, torch.nan, 0.0])
    moved = jittered(joints, 0.05, aspect=0.5)
    change = (moved - joints)[..., :2]
    assert change[:, :, 3].isnan().all()
    assert torch.equal(moved[..., 2], joints[..., 2])
    assert change[:, :, 5, 1].std() == pytest.approx(0.05 * 0.4, rel=0.1)
    assert change[:, :, 5, 0].std() == pytest.approx(0.05 * 0.4 / 0.5, rel=0.1)


def test_a_dropped_limb_is_missing_in_the_whole_window_and_the_trunk_never_is():
    dropped = without_limbs(torch.ones(200, 3, 18, 3), 0.25)
    gone = (dropped == 0).all(dim=-1)
    assert (gone == gone[:, :1]).all()
    assert gone[..., LIMB_ENDS].float().mean() == pytest.approx(0.25, abs=0.05)
    assert not np.delete(gone.numpy(), LIMB_ENDS, axis=2).any()


def test_some_windows_have_the_confidences_of_a_generated_dance_and_missing_joints_stay_missing():
    joints = torch.full((200, 3, 18, 3), 0.5)
    joints[:, :, 4] = 0
    confidence = sure(joints)[..., 2]
    certain = (confidence[:, :, :4] == 1).flatten(1)
    assert torch.equal(certain.all(1), certain.any(1)), "a window is changed as a whole or not at all"
    assert 0.3 < certain.all(1).float().mean() < 0.7
    assert not confidence[:, :, 4].any()
    assert torch.equal(sure(joints)[..., :2], joints[..., :2])


def test_some_previous_pictures_are_black_and_the_others_near_the_real_ones():
    real = torch.full((200, 3, 8, 8), 0.5)
    found = corrupted(real)
    black = (found == 0).flatten(1).all(dim=1)
    assert black.float().mean() == pytest.approx(0.2, abs=0.1)
    assert (found[~black] - 0.5).abs().mean() < 0.1


def test_frames_that_are_equal_have_perfect_scores_and_a_roll_out_follows_the_joints(frames, tiny_renderer):
    stored = Frames(frames, "validation")
    batch = stored.batch(stored.some(2, 4), 4)
    for row in score(batch.pictures[:, -1], batch, None):
        assert (row["l1"], row["gmsd"]) == (0, 0)
        assert row["ssim"] == pytest.approx(1)
    pictures = [picture for _, picture in rolled_out(training_of(tiny_renderer).ema, batch, "float32")]
    assert len(pictures) == 4
    assert as_bytes(pictures[0]).shape == (2, 32, 32, 3)
    assert score(pictures[-1], batch, None)[0]["ssim"] < 1


def test_a_person_has_the_plate_and_the_body_of_the_footage(frames, tiny_renderer):
    config = settings_module.validate(
        TrainRendererConfig, {"frames": frames, "person": "ada", "consent": CONSENT, "model": tiny_renderer}
    )
    person = person_of(config, measure_footage(frames), training_of(tiny_renderer).generator, {})
    assert person.plate.shape == (32, 32, 3)
    assert (person.body.torso, person.consent, person.name) == (pytest.approx(0.3), CONSENT, "ada")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"consent": " "}, "consent=' ': is empty: state who is in the footage"),
        ({"monitor": "perceptual"}, "monitor=perceptual requires model.losses.perceptual above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(frames, tiny_renderer, changes, message):
    given = {"frames": frames, "person": "ada", "consent": CONSENT, "model": tiny_renderer}
    with pytest.raises(ConfigError, match=message):
        settings_module.validate(TrainRendererConfig, given | changes)


def test_frames_of_another_size_are_refused_before_anything_starts(frames, tiny_renderer):
    given = {"frames": frames, "person": "ada", "consent": CONSENT, "model": tiny_renderer | {"height_px": 64}}
    with pytest.raises(ConfigError, match=r"model\.height_px=64: does not match the frames .* which have 32 px"):
        pipeline.check(settings_module.validate(TrainRendererConfig, given))
