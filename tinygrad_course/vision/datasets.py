"""The names of `torchvision.datasets`; they live in `tinygrad_course.data`."""

from ..data.cifar import CIFAR10, CIFAR100
from ..data.folder import DatasetFolder, ImageFolder
from ..data.mnist import MNIST, FashionMNIST

__all__ = ["CIFAR10", "CIFAR100", "MNIST", "DatasetFolder", "FashionMNIST", "ImageFolder"]
