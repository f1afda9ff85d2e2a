"""Slow weights."""

from oneiros.nets.dreaming import DreamingNet as DreamingNet
from oneiros.nets.equilibrium import EquilibriumRNN as EquilibriumRNN
from oneiros.nets.equilibrium import Euler as Euler
from oneiros.nets.equilibrium import FixedPoint as FixedPoint
from oneiros.nets.generator import ClassGenerator as ClassGenerator
from oneiros.nets.generator import Generator as Generator
from oneiros.nets.generator import UntrainedError as UntrainedError
from oneiros.nets.layers import MultiHead as MultiHead
from oneiros.nets.layers import Perceptron as Perceptron
from oneiros.nets.layers import SmallConvNet as SmallConvNet
from oneiros.nets.modes import lend_dropout as lend_dropout
from oneiros.nets.noise import GaussianNoise as GaussianNoise
from oneiros.nets.recurrent import RecurrentNet as RecurrentNet
from oneiros.nets.scholar import Scholar as Scholar
from oneiros.nets.scholar import Succession as Succession
from oneiros.nets.split import names_above as names_above
from oneiros.nets.split import split as split
from oneiros.nets.thinned import ThinnedPerceptron as ThinnedPerceptron
from oneiros.nets.vae import VAE as VAE
from oneiros.nets.vae import ClassVAE as ClassVAE
from oneiros.nets.vgg import VGG as VGG
from oneiros.nets.vgg import Anatomy as Anatomy
from oneiros.nets.wgan import WGAN as WGAN
