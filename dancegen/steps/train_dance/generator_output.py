"""What the generator made of a batch: the input of all losses.

Axes used in shapes:
    B clips    T frames    J joints    Z noise
"""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from dancegen.gan.losses import mask_missing
from dancegen.gan.noise_encoder import Code
from dancegen.training.batch import Batch


@dataclass(frozen=True)
class GeneratorOutput:
    """A batch, the dances generated for it, and their latent codes."""

    batch: Batch
    fake: Float[Tensor, "B T J 2"]
    noise: Float[Tensor, "B T Z"]
    code: Code | None
    reconstruction_mask: Float[Tensor, " B"]
    """1 where the code is from the real dance's posterior, so that it can be reconstructed; 0 where from the prior."""

    @property
    def target(self) -> Batch:
        """The batch for reconstruction losses: clips with a code from the prior count as missing."""
        return replace(self.batch, mask=self.batch.mask * self.reconstruction_mask[:, None, None])

    @property
    def real(self) -> Float[Tensor, "B T J 2"]:
        """The real dances as networks see them: a missing joint is 0."""
        return mask_missing(self.batch.pose, self.batch.mask)

    def leaf(self) -> Float[Tensor, "B T J 2"]:
        """A copy of the generated dances that takes the gradient of losses which enter by it."""
        return self.fake.detach().requires_grad_()
