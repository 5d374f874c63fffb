"""Datasets, samplers, loaders and transforms: `tc.data`, also at PyTorch's path `tc.utils.data`."""

from . import transforms
from ._random import item_generator
from ._workers import WorkerInfo, get_worker_info
from .cifar import CIFAR10, CIFAR100
from .collate import default_collate, default_convert
from .curves import BishopTargets, Sinus, Spirals, TwoCurves
from .dataloader import DataLoader
from .dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from .digits import Digits
from .download import DataFileError, download
from .folder import DatasetFolder, ImageFolder
from .idx import read_idx
from .mnist import MNIST, FashionMNIST
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .shapeset import Shapeset3x2, Shapeset3x2Stream
from .table import read_columns

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "BatchSampler",
    "BishopTargets",
    "ConcatDataset",
    "DataFileError",
    "DataLoader",
    "Dataset",
    "DatasetFolder",
    "Digits",
    "FashionMNIST",
    "ImageFolder",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Shapeset3x2",
    "Shapeset3x2Stream",
    "Sinus",
    "Spirals",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "TwoCurves",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "download",
    "get_worker_info",
    "item_generator",
    "random_split",
    "read_columns",
    "read_idx",
    "transforms",
]
