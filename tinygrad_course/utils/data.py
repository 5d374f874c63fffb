"""The names of `torch.utils.data`; they live in `tinygrad_course.data`."""

from ..data._workers import WorkerInfo, get_worker_info
from ..data.collate import default_collate, default_convert
from ..data.dataloader import DataLoader
from ..data.dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from ..data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
