"""The seeded random numbers of the dialect."""

from chainrule.dialects.torch.creation import default_generator as default_generator
from chainrule.dialects.torch.creation import manual_seed as manual_seed
