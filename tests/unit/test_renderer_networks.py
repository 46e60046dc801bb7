"""Generators and discriminators of the renderer: the layer table of pix2pixHD evaluated directly, and what is ours."""

import pytest
import torch
from torch.nn import functional as F

from dancegen.renderer.networks.discriminator import MultiscaleDiscriminator, build_discriminator, with_feature_names
from dancegen.renderer.networks.global_generator import GlobalGenerator
from dancegen.renderer.networks.local_enhancer import LocalEnhancer
from dancegen.renderer.networks.person_generator import PersonGenerator
from dancegen.renderer.settings import (
    DEFAULT,
    ENHANCED_1024,
    PAPER,
    TINY,
    DiscriminatorConfig,
    GeneratorConfig,
    RendererConfig,
)

SIZES = [(32, 32), (48, 32), (33, 47), (31, 64), (5, 3)]
SMALL = RendererConfig(
    generator=GeneratorConfig(width=4, downsamplings=2, blocks=1), discriminator=DiscriminatorConfig(width=4)
)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def spread(network):
    """The network with biases and weights large enough that each layer matters."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def at_precision(network, x):
    """Float64 for small pictures: instance normalisation of a few equal values amplifies rounding errors."""
    small = min(x.shape[2:]) < 16
    return (network.double(), x.double()) if small else (network, x)


def norm(x):
    mean = x.mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (x.var(dim=(2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()


def conv(x, weights, name, pad=0, **options):
    x = F.pad(x, (pad,) * 4, mode="reflect") if pad else x
    return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], **options)


def up(x, weights, name):
    return F.conv_transpose2d(
        x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=2, padding=1, output_padding=1
    )


def block(x, weights, name):
    inner = norm(conv(x, weights, f"{name}.conv_block.1", pad=1)).relu()
    return x + norm(conv(inner, weights, f"{name}.conv_block.5", pad=1))


def table_of_g1_features(x, w, d, b):
    x = norm(conv(x, w, "model.1", pad=3)).relu()
    for i in range(d):
        x = norm(conv(x, w, f"model.{4 + 3 * i}", stride=2, padding=1)).relu()
    for j in range(b):
        x = block(x, w, f"model.{4 + 3 * d + j}")
    for i in range(d):
        x = norm(up(x, w, f"model.{4 + 3 * d + b + 3 * i}")).relu()
    return x


def table_of_g1(x, w, d, b):
    return conv(table_of_g1_features(x, w, d, b), w, f"model.{5 + 6 * d + b}", pad=3).tanh()


def table_of_g2(x, w, d, b):
    head = norm(conv(x, w, "model1_1.1", pad=3)).relu()
    head = norm(conv(head, w, "model1_1.4", stride=2, padding=1)).relu()
    x = head + table_of_g1_features(half(x), w, d, b)
    for j in range(3):
        x = block(x, w, f"model1_2.{j}")
    return conv(norm(up(x, w, "model1_2.3")).relu(), w, "model1_2.7", pad=3).tanh()


def table_of_d(x, w, scales, layers=3):
    found = []
    for level in range(scales):
        k, y, activations = scales - 1 - level, x, []
        for j in range(layers + 2):
            y = conv(y, w, f"scale{k}_layer{j}.0", stride=2 if j < layers else 1, padding=2)
            y = norm(y) if 0 < j <= layers else y
            y = F.leaky_relu(y, 0.2) if j <= layers else y
            activations.append(y)
        found.append(activations)
        x = half(x)
    return found


def half(x):
    """The mean of those of 3x3 pixels that are in the picture."""
    kernel = x.new_ones(1, 1, 3, 3)
    total = F.conv2d(x.flatten(0, 1)[:, None], kernel, stride=2, padding=1)
    count = F.conv2d(torch.ones_like(x[:1, :1]), kernel, stride=2, padding=1)
    return (total / count)[:, 0].unflatten(0, x.shape[:2])


def padded(x, multiple):
    """Reflected at the right and bottom, as often as it takes."""
    for axis in (2, 3):
        size = x.shape[axis]
        wanted = max(2 * multiple, -(-size // multiple) * multiple)
        places = [min(p % (2 * size - 2), -p % (2 * size - 2)) if size > 1 else 0 for p in range(wanted)]
        x = torch.stack([x.select(axis, place) for place in places], dim=axis)
    return x


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("downsamplings", "blocks"), [(2, 2), (3, 1), (1, 0)])
def test_the_global_generator_is_the_published_layer_table(height, width, downsamplings, blocks):
    network = spread(GlobalGenerator(5, 3, 4, downsamplings, blocks))
    network, x = at_precision(network, torch.randn(2, 5, height, width))
    wanted = table_of_g1(padded(x, 2**downsamplings), network.state_dict(), downsamplings, blocks)
    torch.testing.assert_close(network(x), wanted[..., :height, :width], atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_local_enhancer_is_the_published_layer_table(height, width):
    network = spread(LocalEnhancer(5, 3, 2, 2, 2))
    network, x = at_precision(network, torch.randn(2, 5, height, width))
    wanted = table_of_g2(padded(x, 8), network.state_dict(), 2, 2)
    torch.testing.assert_close(network(x), wanted[..., :height, :width], atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(32, 32), (45, 33)])
@pytest.mark.parametrize("scales", [1, 2, 3])
def test_the_discriminator_is_the_published_layer_table_with_the_scales_from_last_to_first(height, width, scales):
    network = spread(MultiscaleDiscriminator(5, 4, scales=scales))
    condition, pictures = torch.randn(2, 2, height, width), torch.randn(4, 3, height, width)
    wanted = table_of_d(torch.cat([condition.repeat(2, 1, 1, 1), pictures], dim=1), network.state_dict(), scales)
    found = network(condition, pictures)
    assert [len(activations) for activations in found] == [5] * scales
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_highest_scale_number_judges_the_full_resolution():
    network = MultiscaleDiscriminator(3, 4, scales=3)
    torch.nn.init.zeros_(network.get_submodule("scale2_layer4.0").weight)
    torch.nn.init.constant_(network.get_submodule("scale2_layer4.0").bias, 7.0)
    scores = [activations[-1] for activations in network(torch.randn(1, 2, 64, 64), torch.randn(1, 1, 64, 64))]
    assert (scores[0] == 7).all()
    assert not (scores[1] == 7).any()
    assert [score.shape[-1] for score in scores] == [11, 7, 5]


@torch.no_grad()
def test_names_without_feature_matching_are_those_of_the_same_layers():
    network = spread(MultiscaleDiscriminator(3, 4, scales=1))
    positions = {0: 0, 1: 2, 2: 5, 3: 8, 4: 11}
    plain = {
        f"layer0.{positions[layer]}.{part}": getattr(network.get_submodule(f"scale0_layer{layer}.0"), part)
        for layer in positions
        for part in ("weight", "bias")
    }
    found = with_feature_names(plain)
    assert all(found[name].equal(value) for name, value in network.state_dict().items())
    assert with_feature_names(network.state_dict()).keys() == network.state_dict().keys()


def test_networks_of_the_paper_have_the_published_sizes():
    with torch.device("meta"):
        assert parameters(GlobalGenerator(6)) == 182_452_675
        assert parameters(LocalEnhancer(6)) == 182_715_939
        assert parameters(MultiscaleDiscriminator(9)) == 5_541_762


@pytest.mark.parametrize(
    ("width", "downsamplings", "blocks", "in_blocks", "ups", "last"),
    [(64, 4, 9, range(16, 25), (25, 28, 31, 34), 38), (32, 3, 6, range(13, 19), (19, 22, 25), 29)],
)
def test_layers_have_the_published_positions(width, downsamplings, blocks, in_blocks, ups, last):
    with torch.device("meta"):
        shapes = {
            k: tuple(v.shape) for k, v in GlobalGenerator(6, 3, width, downsamplings, blocks).state_dict().items()
        }
    assert {int(name.split(".")[1]) for name in shapes if "conv_block" in name} == set(in_blocks)
    assert [shapes[f"model.{up}.weight"][0] for up in ups] == [width * 2**i for i in range(downsamplings, 0, -1)]
    assert shapes[f"model.{last}.weight"] == (3, width, 7, 7)
    assert shapes["model.1.weight"] == (width, 6, 7, 7)


def test_weights_start_with_the_published_deviation():
    for network in (GlobalGenerator(8, 3, 8, 2, 1), LocalEnhancer(8, 3, 8, 2, 1), MultiscaleDiscriminator(8, 16)):
        weights = torch.cat([p.detach().flatten() for p in network.parameters() if p.ndim == 4])
        assert weights.std() == pytest.approx(0.02, rel=0.05)
        assert weights.mean() == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize(("height", "width"), [(3, 2), (1, 1), (1, 20)])
@pytest.mark.parametrize("kind", ["global", "local_enhancer"])
def test_pictures_smaller_than_the_padding_can_be_trained_on(kind, height, width):
    generator = GeneratorConfig(kind=kind, width=2, downsamplings=2, blocks=1)
    network = PersonGenerator(SMALL.model_copy(update={"generator": generator}))
    generated = network(torch.rand(1, 22, height, width), None, torch.zeros(1, 3, height, width))
    assert generated.picture.shape == (1, 3, height, width)
    assert generated.matte.shape == (1, 1, height, width)
    generated.picture.mean().backward()


@pytest.mark.parametrize("config", [DEFAULT, PAPER, ENHANCED_1024, TINY])
def test_a_preset_gives_its_discriminator_the_channels_of_its_generator(config):
    with torch.device("meta"):
        generator, discriminator = PersonGenerator(config), build_discriminator(config)
        frames = 2 if config.discriminator.two_frame else 1
        condition = torch.empty(1, 22 if config.condition.kind == "limb_maps" else 3, 128, 128)
        picture = generator(condition, torch.empty(1, 3, 128, 128), torch.empty(1, 3, 128, 128)).picture
        judged = discriminator(torch.cat([condition] * frames, dim=1), torch.cat([picture] * frames, dim=1))
    assert picture.shape == (1, 3, 128, 128)
    assert len(judged) == config.discriminator.scales


@torch.no_grad()
def test_the_picture_is_the_colour_over_the_plate_in_proportion_to_the_matte():
    network = spread(PersonGenerator(SMALL))
    plate = torch.rand(2, 3, 32, 32)
    generated = network(torch.rand(2, 22, 32, 32), None, plate)
    assert 0 < generated.matte.min() < generated.matte.max() < 1
    wanted = generated.matte * generated.colour + (1 - generated.matte) * plate
    torch.testing.assert_close(generated.picture, wanted)


@torch.no_grad()
def test_where_the_matte_is_transparent_the_picture_is_the_plate():
    network = PersonGenerator(SMALL)
    torch.nn.init.constant_(network.matte.bias, -100.0)
    plate = torch.rand(1, 3, 32, 32)
    assert network(torch.rand(1, 22, 32, 32), None, plate).picture.equal(plate)


@torch.no_grad()
def test_the_picture_depends_on_the_previous_one_and_a_first_one_has_zeros():
    network = spread(PersonGenerator(SMALL))
    condition, plate = torch.rand(1, 22, 32, 32), torch.zeros(1, 3, 32, 32)
    first = network(condition, None, plate).picture
    assert network(condition, torch.zeros(1, 3, 32, 32), plate).picture.equal(first)
    assert not network(condition, torch.rand(1, 3, 32, 32), plate).picture.equal(first)


@torch.no_grad()
def test_a_generator_without_memory_and_matte_gives_its_colours():
    network = PersonGenerator(SMALL.model_copy(update={"previous_frame": False, "matte": False}))
    generated = network(torch.rand(1, 22, 32, 32), torch.rand(1, 3, 32, 32))
    assert generated.matte is None
    assert generated.picture.equal(generated.colour)


def test_one_pair_can_be_learnt_by_heart():
    generator = GeneratorConfig(width=8, downsamplings=1, blocks=1)
    network = PersonGenerator(SMALL.model_copy(update={"generator": generator}))
    picture = F.interpolate(torch.rand(1, 3, 4, 4) * 1.8 - 0.9, size=(32, 32), mode="bilinear")
    condition, plate = torch.rand(1, 22, 32, 32), torch.zeros(1, 3, 32, 32)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2, betas=(0.5, 0.999))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
    for _ in range(200):
        loss = (network(condition, None, plate).picture - picture).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    assert loss < 0.03
