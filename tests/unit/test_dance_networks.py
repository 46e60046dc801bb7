"""Generator and discriminators of both presets: sizes, shapes, and what depends on what."""

import math

import pytest
import torch

from dancegen.gan import losses
from dancegen.gan.audio_encoder import MelEncoder
from dancegen.gan.dance_model import (
    build_generator,
    build_global_discriminator,
    build_local_discriminator,
    build_noise_encoder,
)
from dancegen.gan.noise_encoder import Code
from dancegen.gan.pose_generator import harmonics
from dancegen.gan.settings import PAPER, AudioEncoderConfig, DanceModelConfig, GeneratorConfig
from dancegen.music.beats import RHYTHM_CHANNELS

NOISE = GeneratorConfig().noise_dim
PRESETS = {"default": DanceModelConfig(), "paper": PAPER}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(params=PRESETS)
def preset(request):
    return PRESETS[request.param]


def music(clips, frames):
    """Waveform and rhythm of `clips` clips."""
    return 0.1 * torch.randn(clips, frames, 1600), torch.randn(clips, frames, len(RHYTHM_CHANNELS)).clamp(-1, 1)


def dances(clips, frames):
    return torch.rand(clips, frames, 18, 2) - 0.5


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_paper_preset_has_the_published_sizes():
    assert parameters(build_generator(PAPER)) == 8_982_664
    assert parameters(build_local_discriminator(PAPER)) == 1_552_001
    assert parameters(build_global_discriminator(PAPER)) == 3_788_393


def test_the_default_generator_fits_in_twelve_megabytes_at_half_precision():
    assert parameters(build_generator(DanceModelConfig())) * 2 < 12e6


def test_the_paper_generator_has_the_names_and_shapes_of_the_released_weights():
    found = {name: tuple(value.shape) for name, value in build_generator(PAPER).state_dict().items()}
    wanted = released_shapes()
    assert found == wanted


def released_shapes():
    shapes = {}
    convolutions = [(16, 1, 80), (32, 16, 4), (64, 32, 4), (128, 64, 10), (256, 128, 5)]
    for index, shape in enumerate(convolutions):
        shapes[f"audio_encoder.encoder.cl.{index}.weight"] = shape
        shapes[f"audio_encoder.encoder.cl.{index}.bias"] = shape[:1]
        if index < 4:
            shapes |= batch_norm(f"audio_encoder.encoder.activations.{index}.0", shape[0])
    for layer, inputs in enumerate((256, 512)):
        for way in ("", "_reverse"):
            shapes |= gru("audio_encoder.rnn", f"l{layer}{way}", inputs, 256)
    shapes |= linear("audio_encoder.fc", 512, 256)
    shapes |= gru("pose_generator.rnn_noise", "l0", 10, 10)
    shapes |= linear("pose_generator.layer0", 266, 1024)
    for block in (1, 2, 3):
        for index in (0, 3):
            shapes |= linear(f"pose_generator.layer{block}.layer.{index}", 1024, 1024)
            shapes |= batch_norm(f"pose_generator.layer{block}.layer.{index + 1}", 1024)
    return shapes | linear("pose_generator.final_linear", 1024, 36)


def linear(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def batch_norm(name, width):
    vectors = {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return vectors | {f"{name}.num_batches_tracked": ()}


def gru(name, suffix, inputs, hidden):
    return {
        f"{name}.weight_ih_{suffix}": (3 * hidden, inputs),
        f"{name}.weight_hh_{suffix}": (3 * hidden, hidden),
        f"{name}.bias_ih_{suffix}": (3 * hidden,),
        f"{name}.bias_hh_{suffix}": (3 * hidden,),
    }


@pytest.mark.parametrize(("clips", "frames"), [(1, 1), (1, 73), (3, 50)])
def test_the_generator_makes_a_dance_for_any_number_of_clips_and_frames(preset, clips, frames):
    generator = build_generator(preset).eval()
    noise = generator.noise(clips, frames, torch.Generator().manual_seed(1), torch.device("cpu"))
    dance = generator(*music(clips, frames), noise)
    assert dance.shape == (clips, frames, 18, 2)
    assert dance.abs().max() <= (1 if preset.generator.output == "tanh" else 0.6)


@pytest.mark.parametrize(("clips", "frames"), [(1, 5), (2, 50), (3, 37)])
def test_discriminators_judge_any_number_of_clips_and_frames(preset, clips, frames):
    audio, rhythm = music(clips, frames)
    local = build_local_discriminator(preset)
    scores = local(local.windows(dances(clips, frames)), local.windows(rhythm))
    assert scores.shape == (clips, (frames - 5) // 3 + 1)
    verdict = build_global_discriminator(preset)(audio, rhythm, [dances(clips, frames), dances(clips, frames)])
    assert [score.shape for score in verdict.scores] == [(clips,), (clips,)]


def test_permuting_the_clips_permutes_the_scores(preset):
    discriminator = build_global_discriminator(preset).eval()
    (audio, rhythm), pose = music(6, 50), dances(6, 50)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    (straight,), (permuted,) = (
        discriminator(audio[index], rhythm[index], [pose[index]]).scores for index in (torch.arange(6), order)
    )
    assert torch.allclose(straight[order], permuted, atol=1e-5)
    assert straight.std() > 0


def test_a_score_depends_on_the_clips_own_music(preset):
    discriminator = build_global_discriminator(preset).eval()
    (audio, rhythm), pose = music(3, 50), dances(3, 50)
    other = audio.clone()
    other[1] = 0
    (before,), (after,) = (discriminator(sound, rhythm, [pose]).scores for sound in (audio, other))
    assert before[1] != after[1]
    assert torch.allclose(before[[0, 2]], after[[0, 2]], atol=1e-6)


def test_the_default_networks_mix_no_clips_while_training():
    audio, rhythm = music(4, 50)
    pose = dances(4, 50)
    for network, inputs in (
        (build_generator(DanceModelConfig()), (audio, rhythm, 0.3 * torch.randn(4, 50, NOISE))),
        (local := build_local_discriminator(DanceModelConfig()), (local.windows(pose), local.windows(rhythm))),
        (build_global_discriminator(DanceModelConfig()), (audio, rhythm, [pose])),
    ):
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout | torch.nn.Dropout2d):
                module.p = 0.0
        whole, first = (network(*cut(inputs, clips)) for clips in (4, 1))
        whole, first = (out.scores[0] if hasattr(out, "scores") else out for out in (whole, first))
        assert torch.allclose(whole[:1], first, atol=1e-5)


def cut(inputs, clips):
    return [[x[:clips] for x in value] if isinstance(value, list) else value[:clips] for value in inputs]


def test_one_draw_of_noise_lasts_a_dance():
    noise = build_generator(DanceModelConfig()).noise(3, 40, torch.Generator().manual_seed(0), torch.device("cpu"))
    assert noise.shape == (3, 40, NOISE)
    assert not noise.diff(dim=1).any()
    assert noise.diff(dim=0).abs().min() > 0


def test_noise_that_remembers_has_the_same_deviation_and_changes_slowly():
    generator = build_generator(DanceModelConfig(generator=GeneratorConfig(noise_memory_frames=20)))
    noise = generator.noise(200, 400, torch.Generator().manual_seed(0), torch.device("cpu"))
    assert noise.std().item() == pytest.approx(0.33, rel=0.05)
    assert noise[:, 0].std().item() == pytest.approx(noise[:, -1].std().item(), rel=0.1)
    assert noise.diff(dim=1).std() < 0.4 * noise.std()


def test_a_generated_frame_follows_from_the_frames_around_it():
    generator = build_generator(DanceModelConfig()).eval()
    (audio, rhythm), noise = music(1, 300), torch.zeros(1, 300, NOISE)
    changed = rhythm.clone()
    changed[:, 150] += 1
    moved = (generator(audio, rhythm, noise) - generator(audio, changed, noise)).abs().sum(dim=(0, 2, 3))
    assert moved[149:152].min() > 0
    assert moved[:100].max() == 0 == moved[200:].max()


def test_a_dance_follows_from_the_frames_that_it_starts_from():
    generator = build_generator(DanceModelConfig()).eval()
    (audio, rhythm), noise = music(2, 40), torch.zeros(2, 40, NOISE)
    start = torch.cat([dances(2, 5), torch.ones(2, 5, 18, 1)], dim=-1)
    moved = (generator(audio, rhythm, noise, start) - generator(audio, rhythm, noise)).abs().sum(dim=(0, 2, 3))
    assert moved[:8].min() > 0
    assert torch.equal(generator(audio, rhythm, noise, torch.zeros_like(start)), generator(audio, rhythm, noise))


def test_the_default_discriminator_can_tell_which_of_two_dances_belongs_to_which_music(preset):
    """A score that is a sum of what it thinks of either cannot: swapping partners would change nothing."""
    discriminator = build_global_discriminator(preset).eval()
    dance, music_heard = torch.randn(2, 8, discriminator.score.in_features + 1)
    swap = torch.arange(8) ^ 1
    own, swapped = (discriminator.judge(dance, heard) for heard in (music_heard, music_heard[swap]))
    gain = (own + own[swap] - swapped - swapped[swap]).abs().max().item()
    assert (gain > 1e-2) == discriminator.projected


def test_the_noise_read_out_of_a_dance_is_its_own_and_costs_nothing_when_it_says_nothing():
    encoder = build_noise_encoder(DanceModelConfig())
    code = encoder(dances(4, 50), music(4, 50)[1])
    assert code.mean.shape == (4, NOISE)
    assert (code.mean[0] - code.mean[1]).abs().max() > 1e-3
    same = Code(torch.zeros(3, 10), torch.full((3, 10), math.log(0.33)))
    assert same.divergence(0.33).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    surer = Code(same.mean + 0.33, same.log_std - math.log(2))  # a deviation away, and twice as sure
    assert surer.divergence(0.33)[0].item() == pytest.approx(10 * (math.log(2) + 0.5 * (1 / 4 + 1) - 0.5), rel=1e-5)


def test_the_gradient_penalty_of_a_linear_score_is_known():
    weights = torch.randn(50, 18, 2)
    one, other = dances(4, 50), dances(4, 50)
    penalty = losses.gradient_penalty(
        lambda pose: (pose * weights).sum(dim=(1, 2, 3)), one, other, torch.rand(4, 1, 1, 1)
    )
    assert penalty.item() == pytest.approx((weights.norm().item() - 1) ** 2, rel=1e-5)


def test_the_gradient_penalty_of_a_quadratic_score_is_taken_between_the_dances_and_teaches_its_weight():
    scale = torch.tensor(0.7, requires_grad=True)
    pose = dances(1, 4)  # both ends are the same dance, so the point between is known
    penalty = losses.gradient_penalty(
        lambda at: scale * at.square().sum(dim=(1, 2, 3)), pose, pose, torch.ones(1, 1, 1, 1)
    )
    norm = 2 * pose.norm().item()
    assert penalty.item() == pytest.approx((0.7 * norm - 1) ** 2, rel=1e-4)
    penalty.backward()
    assert scale.grad is not None
    assert scale.grad.item() == pytest.approx(2 * (0.7 * norm - 1) * norm, rel=1e-4)


def test_the_gradient_penalty_of_the_discriminator_agrees_with_differences():
    discriminator = build_global_discriminator(DanceModelConfig()).eval().double()
    (audio, rhythm), pose = music(1, 6), dances(1, 6).double()
    embedding = discriminator.music(audio.double()).detach()

    def judge(dances):
        alike = (dances, rhythm.double().expand(len(dances), -1, -1), embedding.expand(len(dances), -1))
        return discriminator.judge(discriminator.pose_encoder(*alike[:2]), alike[2])

    penalty = losses.gradient_penalty(judge, pose, pose, torch.ones(1, 1, 1, 1)).item()
    steps = 1e-6 * torch.eye(pose.numel(), dtype=torch.double).view(-1, *pose.shape[1:])
    with torch.no_grad():
        slopes = (judge(pose + steps) - judge(pose - steps)) / 2e-6
    assert penalty == pytest.approx((slopes.norm().item() - 1) ** 2, rel=1e-3)


def test_moving_a_missing_joint_changes_no_loss():
    real, fake = dances(2, 20), dances(2, 20)
    mask = torch.rand(2, 20, 18).clamp(min=0.1)
    mask[:, 4:9, 7] = 0
    elsewhere = [pose.clone() for pose in (real, fake)]
    for pose in elsewhere:
        pose[:, 4:9, 7] = torch.randn(2, 5, 2)
    for loss in (losses.l1, losses.velocity):
        assert loss(fake, real, mask) == loss(elsewhere[1], elsewhere[0], mask)
    assert torch.equal(losses.mask_missing(fake, mask), losses.mask_missing(elsewhere[1], mask))


def test_losses_of_a_dance_with_itself_are_zero_and_of_a_still_one_is_its_speed():
    real, mask = dances(2, 20), torch.ones(2, 20, 18)
    assert losses.l1(real, real, mask) == 0 == losses.velocity(real, real, mask)
    still = real[:, :1].expand_as(real)
    assert losses.velocity(still, real, mask).item() == pytest.approx(real.diff(dim=1).abs().mean().item(), rel=1e-5)


def test_harmonics_are_sines_and_cosines_of_multiples_of_the_phases():
    phase = 6 * torch.rand(2, 9, 3)
    onset = torch.rand(2, 9, 1)
    rhythm = torch.cat([onset, torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(2)], dim=-1)
    found = harmonics(rhythm, 4)
    assert torch.equal(found[..., :7], rhythm)
    wanted = [of(times * phase) for times in (2, 3, 4) for of in (torch.sin, torch.cos)]
    assert torch.allclose(found[..., 7:], torch.cat(wanted, dim=-1), atol=1e-5)
    assert torch.equal(harmonics(rhythm, 1), rhythm)


def test_harmonics_of_no_beat_are_zeros():
    assert not harmonics(torch.zeros(1, 4, len(RHYTHM_CHANNELS)), 4).any()


def test_mel_bands_tell_pitches_apart_and_moments_of_a_piece():
    encoder = MelEncoder(AudioEncoderConfig(), "layer", 1600)
    loudness = []
    encoder.layers.register_forward_pre_hook(lambda _, inputs: loudness.append(inputs[0].unflatten(1, (-1, 48))))
    times = torch.arange(1600) / 16_000
    low, high = (0.1 * torch.sin(2 * math.pi * hertz * times) for hertz in (110.0, 3520.0))
    late = high * (times > 0.05)
    assert encoder(torch.stack([low, high, late])).shape == (3, 128)
    low, high, late = loudness[0]
    assert low.mean(dim=0).argmax() < high.mean(dim=0).argmax()
    assert late[0].max() < -1 < late[-1].max()  # silence, then the tone
    assert loudness[0].abs().max() < 2.5


@pytest.mark.parametrize("samples", [160, 533, 1600, 4000])
def test_pieces_of_any_length_have_a_mel_spectrum(samples):
    assert torch.isfinite(MelEncoder(AudioEncoderConfig(), "batch", samples)(torch.zeros(5, samples))).all()


def test_an_untrained_noise_encoder_is_surer_than_noise_that_is_drawn():
    code = build_noise_encoder(DanceModelConfig())(dances(4, 50), music(4, 50)[1])
    assert code.log_std.mean() < math.log(DanceModelConfig().generator.noise_std) - 1


def test_d_local_says_and_teaches_what_whole_maps_would(preset):
    """The row that is not computed has no part in it; dropout falls on the same features."""
    network = build_local_discriminator(preset).double()
    pose, rhythm = dances(2, 14).double().requires_grad_(), music(2, 14)[1].double()

    def whole():
        windows, beside = (network.windows(x).flatten(0, 1) for x in (pose, rhythm))
        return network.head(network.streams(windows, beside).flatten(1)).view(2, -1)

    said = []
    for judge in (lambda: network(network.windows(pose), network.windows(rhythm)), whole):
        torch.manual_seed(1)
        scores = judge()
        said.append([scores, *torch.autograd.grad(scores.square().sum(), [pose, *network.parameters()])])
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(*said, strict=True))


def test_a_relative_feature_distance_knows_neither_the_network_s_scale_nor_the_number_of_layers():
    random = torch.Generator().manual_seed(0)
    reals = [torch.rand(3, 4, 5, generator=random) + 0.1 for _ in range(2)]
    fakes = [real * torch.tensor([1.0, 1.5, 2.0])[:, None, None] for real in reals]
    counted = torch.ones(3)
    found = losses.relative_feature_distance(fakes, reals, counted, (20.0, 1.0))
    assert found.item() == pytest.approx((0.0 + 0.5 + 1.0) / 3)
    scaled = ([1e3 * layer for layer in side] for side in (fakes, reals))
    assert losses.relative_feature_distance(*scaled, counted, (20.0, 1.0)).item() == pytest.approx(found.item())
    assert losses.relative_feature_distance(fakes[:1], reals[:1], counted, (3.0,)).item() == pytest.approx(found.item())
    only_second = torch.tensor([0.0, 1.0, 0.0])
    assert losses.relative_feature_distance(fakes, reals, only_second, (1.0, 1.0)).item() == pytest.approx(0.5 / 3)


def test_the_pose_error_is_1_for_the_mean_pose_and_leaves_missing_joints_out():
    random = torch.Generator().manual_seed(0)
    real = torch.rand(4, 10, 18, 2, generator=random)
    mask = torch.ones(4, 10, 18)
    mean = real.mean(dim=(0, 1)).expand_as(real)
    assert losses.pose_error(mean, real, mask).item() == pytest.approx(1.0)
    assert losses.pose_error(real, real, mask).item() == 0
    assert losses.pose_error(mean + 10, real, mask) > 30
    mask[:, 2:5, 7] = 0
    elsewhere = real.clone()
    elsewhere[:, 2:5, 7] = 99.0
    assert torch.equal(losses.pose_error(mean, elsewhere, mask), losses.pose_error(mean, real, mask))
    still = torch.full_like(real, 0.3)
    assert losses.pose_error(still + 0.05, still, mask).item() == pytest.approx(1.0, rel=1e-3)


def swinging(amplitude, clips=2, frames=50):
    """Dances in which every joint swings at one hertz, 10 poses per second, around its own place."""
    places = torch.rand(clips, 1, 18, 2, generator=torch.Generator().manual_seed(4)) - 0.5
    swing = torch.sin(2 * math.pi * torch.arange(frames) / 10)[None, :, None, None]
    return places + amplitude * swing


def test_a_displacement_of_the_whole_body_counts_by_its_weight():
    mask, real = torch.ones(2, 50, 18), swinging(0.1)
    moved = real + 0.3
    assert losses.l1(moved, real, mask).item() == pytest.approx(0.3)
    assert losses.l1(moved, real, mask, root_weight=0.2).item() == pytest.approx(0.06)
    bent = real.clone()
    bent[:, :, 4] += 0.3
    assert losses.l1(bent, real, mask, root_weight=0.2).item() == pytest.approx(losses.l1(bent, real, mask).item())
    mask[:, :, 8] = 0  # a hip is missing: the root is unknown
    assert losses.l1(moved, real, mask, root_weight=0.2).item() == pytest.approx(0.3 * 17 / 18)


def test_motion_energy_compares_how_much_joints_move_and_not_when_and_where():
    mask, real = torch.ones(2, 50, 18), swinging(0.1)
    assert losses.motion_energy(real, real, mask) == 0
    assert losses.motion_energy(-real.flip(1) + 0.3, real, mask).item() == pytest.approx(0, abs=1e-4)
    half = losses.motion_energy(swinging(0.05), real, mask).item()
    assert half == pytest.approx(math.log(2), rel=0.1)
    assert losses.motion_energy(real, swinging(0.05), mask).item() == pytest.approx(half, rel=1e-4)


def test_motion_energy_ignores_missing_joints():
    mask, real, fake = torch.ones(2, 50, 18), swinging(0.1), swinging(0.1)
    fake[:, 20:25, 3] = 9.0
    mask[:, 20:25, 3] = 0.0
    assert losses.motion_energy(fake, real, mask).item() == pytest.approx(0, abs=0.02)
    mask[:, :, 3] = 0.0
    assert losses.motion_energy(fake, real, mask) == 0


def test_feet_slide_only_where_the_real_feet_are_planted():
    right, left = 10, 13
    mask, real = torch.ones(1, 50, 18), torch.zeros(1, 50, 18, 2)
    real[..., 1] = 0.3
    real[:, 20:, left, 1] -= torch.linspace(0, 0.6, 30)  # the left foot is lifted
    fake = real.clone()
    assert losses.foot_slide(fake, real, mask) == 0
    fake[:, 25:, left, 0] += torch.linspace(0, 0.5, 25)
    assert losses.foot_slide(fake, real, mask) == 0
    fake[:, 25:, right, 0] += torch.linspace(0, 0.5, 25)
    assert losses.foot_slide(fake, real, mask) > 0
