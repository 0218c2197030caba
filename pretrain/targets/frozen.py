"""Networks that targets look through and nobody trains."""

from torch import nn


class Frozen(nn.Module):
    """Keeps a network in eval mode, without gradients, and out of parameters, state dict and gradient synchronisation.

    It follows the target to its device. A checkpoint of the training run stays free of it: it comes from its own file.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.__dict__['net'] = net.requires_grad_(False).eval()  # past nn.Module's registration

    def _apply(self, fn, recurse: bool = True):
        super()._apply(fn, recurse)
        self.net._apply(fn, recurse)
        return self
