"""Scripts whose step is compiled: everything that the step uses is a global, or an attribute or item of one."""

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile import layout

native_only = pytest.mark.skipif(not tc.native.available() or not layout.agrees(), reason="needs llvmlite and CPython")

# A script: everything that the step uses is a global, or an attribute or item of one.
SCRIPT = """
def act(a):
    return a * scale

def loss_of(x, t):
    out = net(act(x)) * holder.gain + table["first"] - table["second"] * 0.5 + shifts[0]
    for shift in shifts[1:]:
        out = out + shift
    for i, value in enumerate(table.values()):
        out = out + i * value
    return 0.5 * ((out - t) ** 2).sum()

def step():
    opt.zero_grad()
    loss = loss_of(x, t)
    if loss.requires_grad:
        loss.backward()
        opt.step()
    return RESULT
"""
RESULTS = ["loss", "None", "(loss, 3)", "[loss]", "(loss, loss * 2, 'text')", "{'loss': loss}"]


class Holder:
    def __init__(self):
        self.gain = 1.5


class Twofold(nn.Module):
    def forward(self, x):
        return x * 2.0 if self.training else x


def world(result="loss", optimizer="momentum"):
    tc.manual_seed(0)
    points = np.linspace(-1, 1, 20).reshape(20, 1)  # float64: rounding cannot hide, or look like, a stale value
    net = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), Twofold(), nn.Linear(3, 1)).double()
    rules = {
        "momentum": lambda p: tc.optim.SGD(p, lr=1e-3, momentum=0.8),
        "Adam": lambda p: tc.optim.Adam(p, lr=1e-3),
    }
    space = {
        "net": net, "opt": rules[optimizer](net.parameters()), "x": tc.tensor(points), "t": tc.tensor(np.sin(points)),
        "table": {"first": tc.tensor([0.1]).double(), "second": tc.tensor([0.2]).double()},
        "scale": 1.25, "holder": Holder(), "shifts": [tc.tensor([0.3]), 0.25], "kept": [],
    }  # fmt: skip
    exec(SCRIPT.replace("RESULT", result), space)
    return space
