"""A model to fine-tune -> the first weights of the generator that is trained."""

from collections.abc import Sequence

from torch import Tensor

from dancegen.gan.dance_model import DanceModel

ROW_OF_FIRST_STYLE = {
    "pose_generator.style.embedding.weight": 1,
    "music_style.weight": 0,
    "music_style.bias": 0,
    "log_speeds": 1,
    "transformer.style.weight": 1,
    "transformer.styles.weight": 0,
    "transformer.styles.bias": 0,
}
"""The weights with a row for each style."""


def first_weights(model: DanceModel, own: dict[str, Tensor], styles: Sequence[str]) -> dict[str, Tensor]:
    """The weights of the model; the `own` ones, newly initialised, of what it lacks: all styles, or single ones.

    Styles are matched by name.
    """
    theirs = model.generator.state_dict()
    found = {name: theirs.get(name, value) for name, value in own.items()}
    for name, first in ROW_OF_FIRST_STYLE.items():
        if name in own and name in theirs:
            found[name] = own[name].clone()
            for number, style in enumerate(styles):
                if style in model.styles:
                    found[name][first + number] = theirs[name][first + model.styles.index(style)]
    return found
