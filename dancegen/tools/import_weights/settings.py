"""Settings of `dancegen import-weights`: the published weights -> a checkpoint."""

from typing import Annotated, Literal

from dancegen.config import Config, InputUri, Output, Uri
from dancegen.renderer.consent import Consent
from dancegen.renderer.settings import Side

SHEET = ".jpg"  # suffix of the contact sheet of a person, beside the checkpoint


class PersonConfig(Config):
    """What the file of a pix2pixHD generator does not contain. All are required: a wrong guess spoils every picture."""

    name: str
    """Name of the person's model."""
    consent: Consent
    """Who agreed to what use of the footage that the generator was trained on."""
    licence: str
    """Licence of the weights."""
    height_px: Side
    """Height of the pictures that the generator was trained on."""
    width_px: Side
    """Width of these pictures."""
    joint_set: Literal["coco18"]
    """Joints of the stick figures that it was trained on. Hands and faces, or OpenPose's 25 joints, are not drawn."""
    stick_style: Literal["openpose"]
    """Style of these stick figures: limbs and joints in the hues of OpenPose, as those of the look `skeleton`."""
    background: Literal["dark", "light"]
    """Background of these stick figures: black or white."""
    condition_range: Literal["signed", "unit"]
    """Range of the stick figures' values at the input: [-1, 1], as in pix2pixHD, or [0, 1], as in Everybody Dance
    Now."""
    previous_frame: bool
    """Whether the input has the previous picture after the pose, as in Everybody Dance Now."""
    poses: InputUri
    """Table of the poses of the footage, from extract-poses or import-poses, whose frames are these pictures. It gives
    the proportions of the body."""


class ImportWeightsConfig(Config):
    """Convert a published state dict to a checkpoint."""

    weights: InputUri
    """State dict of the published generator, of the published ST-GCN, or of a generator of pix2pixHD, as saved by
    torch.save."""
    output: Annotated[Uri, Output(file=True, beside=(SHEET,))]
    """Output checkpoint. For a person, OUTPUT.jpg beside it shows stick figures as the generator receives them, and the
    pictures that it generates: wrong facts are seen there."""
    overwrite: bool = False
    """Replace an existing file that dancegen did not write."""
    person: PersonConfig | None = None
    """Facts about a generator of pix2pixHD; required for one, and null for other networks."""
