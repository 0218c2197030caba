"""Targets: what the head must predict. Importing this registers them all."""

from pretrain.targets.base import Target
from pretrain.targets.ema import EMATeacher
from pretrain.targets.hog import HOG
from pretrain.targets.pixels import Pixels
from pretrain.targets.spectrum import Spectrum
from pretrain.targets.teacher import TeacherFeatures
from pretrain.targets.tokens import TokenIds

__all__ = ['HOG', 'EMATeacher', 'Pixels', 'Spectrum', 'Target', 'TeacherFeatures', 'TokenIds']
