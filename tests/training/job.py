"""A small training that a test kills: python job.py FOLDER SEED. It prints a line after each step."""

import sys
import time

import numpy as np

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.training import Callback, Checkpoints, EarlyStopping, Trainer, accuracy
from tinygrad_course.utils.data import DataLoader, Dataset, WeightedRandomSampler


class Noisy(Dataset):
    """Samples that draw from the default generator."""

    def __init__(self, n):
        rng = np.random.default_rng(7)
        self.x = rng.normal(size=(n, 6)).astype(np.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return tc.from_numpy(self.x[i]) + 0.1 * tc.randn(6), int(self.x[i, 0] * self.x[i, 1] > 0)


class Say(Callback):
    def on_step_end(self, trainer):
        print(trainer.steps, flush=True)
        time.sleep(0.002)


def run(folder, seed, every=2, epochs=6):
    """Train, going on from what is in the folder; return the trainer."""
    tc.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2)
    )
    rules = [
        lambda p: optim.AdamW(p, lr=0.01), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
        optim.Rprop,
    ]  # fmt: skip
    optimizer = rules[seed % 3](model.parameters())
    if seed % 2:
        scheduler, schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0), "epoch"
        loader = DataLoader(Noisy(62), 4, shuffle=True, num_workers=2, generator=tc.Generator().manual_seed(seed))
    else:
        scheduler, schedule = optim.lr_scheduler.OneCycleLR(optimizer, 0.02, 200, cycle_momentum=seed < 2), "step"
        sampler = WeightedRandomSampler(np.arange(1, 63), 62, generator=np.random.Generator(np.random.MT19937(seed)))
        loader = DataLoader(Noisy(62), 4, sampler=sampler)
    trainer = Trainer(
        model, optimizer, nn.CrossEntropyLoss(), metrics=[accuracy], scheduler=scheduler, schedule=schedule,
        accumulate=1 + seed % 2, clip_norm=1.0, callbacks=[EarlyStopping(patience=2), Say()],
        checkpoints=Checkpoints(folder, every=every, keep=2), progress=False,
    )  # fmt: skip
    trainer.fit(loader, epochs, validation=DataLoader(Noisy(20), 10), resume=True)
    return trainer


if __name__ == "__main__":
    folder, seed = sys.argv[1:]
    trainer = run(folder, int(seed))
    tc.save({"state": trainer.state_dict(), "rng": tc.get_rng_state(), "next": tc.rand(3)}, f"{folder}/end")
