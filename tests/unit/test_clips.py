import numpy as np
import pytest
import torch

from dancegen import tables
from dancegen.errors import ConfigError, TableError
from dancegen.music.beats import RHYTHM_CHANNELS
from dancegen.training.clips import POOL_CLIPS, Clips, Shard, batches_per_epoch, shard_indices, summarize


def order(rank=0, workers=2, batch_size=4, seed=0, epoch=0, sizes=(48, 48, 13)):
    return [tuple(pair) for pair in shard_indices(list(sizes), Shard(rank, workers, batch_size, seed, epoch))]


def test_workers_share_the_clips_evenly_and_never_read_the_same():
    one, other = order(rank=0), order(rank=1)
    assert len(one) == len(other) == 52  # 109 clips, 13 batches of 4 on each of 2
    assert not set(one) & set(other)
    assert all(row < (48, 48, 13)[group] for group, row in one + other)


def test_the_order_follows_from_seed_epoch_and_rank_alone():
    assert order(epoch=3) == order(epoch=3)
    assert order(epoch=3) != order(epoch=4)
    assert order(seed=1) != order(seed=2)


def test_over_the_epochs_no_clip_is_left_out_for_ever():
    seen = {pair for epoch in range(20) for rank in range(2) for pair in order(rank=rank, epoch=epoch)}
    assert len(seen) == 109


def test_a_worker_reads_few_row_groups_that_are_not_its_own():
    sizes = [48] * 100
    groups = [{group for group, _ in order(rank=rank, workers=4, sizes=sizes)} for rank in range(4)]
    assert max(len(mine) for mine in groups) <= 26


def test_an_epoch_larger_than_a_pool_is_whole():
    sizes = [48] * 40
    assert sum(sizes) > 2 * POOL_CLIPS
    assert len(set(order(workers=1, sizes=sizes))) == sum(sizes)


def test_batches_hold_the_clips_of_the_table(tmp_path, make_clips):
    uri = make_clips(str(tmp_path / "clips"), train=11, validation=0, frames=12)
    clips = Clips(uri, "train", "body")
    batches = list(clips.epoch(Shard(rank=0, workers=1, batch_size=4, seed=0, epoch=0)))
    assert len(clips) == 11
    assert [len(batch.pose) for batch in batches] == [4, 4]
    assert batches[0].audio.shape == (4, 12, 1600)
    assert batches[0].rhythm.shape == (4, 12, len(RHYTHM_CHANNELS))
    assert batches[0].pose.shape == (4, 12, 18, 2)
    assert batches[0].mask.min() == 1
    assert 0.05 < batches[0].audio.abs().max() < 0.1
    assert len({batch.pose[index].sum().item() for batch in batches for index in range(4)}) == 8


def test_an_epoch_that_was_begun_goes_on_with_the_very_same_batches(tmp_path, make_clips, monkeypatch):
    monkeypatch.setattr("dancegen.training.clips.POOL_CLIPS", 5)
    clips = Clips(make_clips(str(tmp_path / "clips"), train=13, validation=0, frames=6), "train", "body")
    shares = [Shard(rank=1, workers=2, batch_size=2, seed=0, epoch=7, done=done) for done in range(4)]
    whole, *rests = [[batch.pose for batch in clips.epoch(share)] for share in shares]
    assert len(whole) == 3
    for done, rest in enumerate(rests, 1):
        assert len(rest) == 3 - done
        assert all(torch.equal(one, other) for one, other in zip(whole[done:], rest, strict=True))


def test_a_part_with_several_row_groups_is_read_whole_and_once(tmp_path, make_clips):
    count = tables.ROW_GROUP * 2 + 4  # as a video of some minutes has
    uri = make_clips(str(tmp_path / "clips"), train=count, test=0, frames=6)
    clips = Clips(uri, "train", "body")
    batches = list(clips.epoch(Shard(rank=0, workers=1, batch_size=4, seed=0, epoch=0)))
    assert len(clips) == count
    assert len({batch.pose[index].sum().item() for batch in batches for index in range(4)}) == count


def test_sound_and_pose_of_a_clip_stay_together(tmp_path, make_clips):
    uri = make_clips(str(tmp_path / "clips"), train=10, validation=0, frames=12)
    clips = Clips(uri, "train", "camera")

    def pairs(epoch):
        found = clips.epoch(Shard(0, 1, 2, seed=0, epoch=epoch))
        return {
            (audio.sum().item(), pose.sum().item())
            for batch in found
            for audio, pose in zip(batch.audio, batch.pose, strict=True)
        }

    assert pairs(0) == pairs(1)


def test_a_batch_has_the_styles_of_a_models_clips_and_0_for_others(tmp_path, make_clips):
    uri = make_clips(str(tmp_path / "clips"), train=6, validation=0, frames=6)
    share = Shard(rank=0, workers=1, batch_size=6, seed=0, epoch=0)
    assert summarize(uri).styles == ("kpop",)
    found = [
        next(Clips(uri, "train", "body", styles=styles).epoch(share)).to("cpu").style
        for styles in ((), ("kpop",), ("house", "kpop"), ("house",))
    ]
    assert found[0] is None
    assert [styles.tolist() for styles in found[1:]] == [[1] * 6, [2] * 6, [0] * 6]


def test_every_validation_clip_is_looked_at_once(tmp_path, make_clips):
    uri = make_clips(str(tmp_path / "clips"), train=1, validation=7, frames=12)
    clips = Clips(uri, "validation", "body")
    sizes = [[len(batch.pose) for batch in clips.every(rank, 2, 3)] for rank in range(2)]
    assert sizes == [[3, 1], [3]]
    assert list(clips.every(rank=8, workers=9, batch_size=3)) == []


def test_a_table_without_a_validation_split_has_no_validation_clips(tmp_path, make_clips):
    uri = make_clips(str(tmp_path / "clips"), train=2, validation=0)
    assert len(Clips(uri, "validation", "body")) == 0
    assert list(Clips(uri, "validation", "body").every(0, 1, 4)) == []


def test_the_data_hash_tells_other_clips_and_not_another_place(tmp_path, make_clips):
    first = summarize(make_clips(str(tmp_path / "a"), train=6, validation=3, test=2))
    assert (first.train, first.validation, first.test, first.fps) == (6, 3, 2, 10.0)
    assert summarize(make_clips(str(tmp_path / "b"), train=6, validation=3, test=2)) == first
    assert (
        summarize(make_clips(str(tmp_path / "c"), train=6, validation=3, test=2, seed=1)).data_hash != first.data_hash
    )


def test_too_few_clips_are_told_with_all_three_numbers():
    assert batches_per_epoch(33, workers=2, batch_size=8, subject="clips") == 2
    with pytest.raises(ConfigError, match=r"batch_size=8.* 2 workers needs 16 clips.* 15 to train on"):
        batches_per_epoch(15, workers=2, batch_size=8, subject="clips")


def test_a_table_with_nothing_to_train_on_says_so(tmp_path, make_clips):
    with pytest.raises(TableError, match="no clips to train on"):
        summarize(make_clips(str(tmp_path / "clips"), train=0, test=3))


def test_batches_are_the_same_from_s3(s3, tmp_path, make_clips):
    here = Clips(make_clips(str(tmp_path / "clips"), train=6, validation=0, frames=8), "train", "body")
    there = Clips(make_clips(f"{s3}/clips", train=6, validation=0, frames=8), "train", "body")
    share = Shard(0, 1, 3, seed=5, epoch=2)
    for one, other in zip(here.epoch(share), there.epoch(share), strict=True):
        assert np.array_equal(one.audio, other.audio)
        assert np.array_equal(one.pose, other.pose)
