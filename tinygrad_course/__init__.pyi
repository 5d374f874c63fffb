"""The public names. Written by `python -m tinygrad_course.stubs`: do not edit."""

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import autograd as autograd
from . import backends as backends
from . import cuda as cuda
from . import data as data
from . import func as func
from . import interop as interop
from . import linalg as linalg
from . import native as native
from . import nn as nn
from . import optim as optim
from . import random as random
from . import special as special
from . import testing as testing
from . import training as training
from . import utils as utils
from . import vision as vision
from . import viz as viz
from .autograd.modes import enable_grad as enable_grad
from .autograd.modes import inference_mode as inference_mode
from .autograd.modes import is_grad_enabled as is_grad_enabled
from .autograd.modes import is_inference_mode_enabled as is_inference_mode_enabled
from .autograd.modes import no_grad as no_grad
from .autograd.modes import set_grad_enabled as set_grad_enabled
from .compile import compile as compile
from .compile import symbolic as symbolic
from .config import config as config
from .device import device as device
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import set_default_dtype as set_default_dtype
from .ops import cholesky as cholesky
from .ops import inverse as inverse
from .ops import pinverse as pinverse
from .ops import qr as qr
from .ops import svd as svd
from .ops.activation import celu as celu
from .ops.activation import hardshrink as hardshrink
from .ops.activation import log_softmax as log_softmax
from .ops.activation import prelu as prelu
from .ops.activation import selu as selu
from .ops.activation import softmax as softmax
from .ops.activation import threshold as threshold
from .ops.arithmetic import add as add
from .ops.arithmetic import addcdiv as addcdiv
from .ops.arithmetic import addcmul as addcmul
from .ops.arithmetic import allclose as allclose
from .ops.arithmetic import deg2rad as deg2rad
from .ops.arithmetic import div as div
from .ops.arithmetic import divide as divide
from .ops.arithmetic import equal as equal
from .ops.arithmetic import fmax as fmax
from .ops.arithmetic import fmin as fmin
from .ops.arithmetic import isclose as isclose
from .ops.arithmetic import isneginf as isneginf
from .ops.arithmetic import isposinf as isposinf
from .ops.arithmetic import lerp as lerp
from .ops.arithmetic import rad2deg as rad2deg
from .ops.arithmetic import round as round
from .ops.arithmetic import rsub as rsub
from .ops.arithmetic import sub as sub
from .ops.arithmetic import subtract as subtract
from .ops.arithmetic import true_divide as true_divide
from .ops.choosing import argwhere as argwhere
from .ops.choosing import clamp as clamp
from .ops.choosing import clamp_max as clamp_max
from .ops.choosing import clamp_min as clamp_min
from .ops.choosing import clip as clip
from .ops.choosing import index_add as index_add
from .ops.choosing import index_copy as index_copy
from .ops.choosing import index_fill as index_fill
from .ops.choosing import masked_fill as masked_fill
from .ops.choosing import masked_scatter as masked_scatter
from .ops.choosing import masked_select as masked_select
from .ops.choosing import nan_to_num as nan_to_num
from .ops.choosing import nonzero as nonzero
from .ops.choosing import scatter as scatter
from .ops.choosing import scatter_add as scatter_add
from .ops.choosing import where as where
from .ops.contraction import addbmm as addbmm
from .ops.contraction import addmm as addmm
from .ops.contraction import addmv as addmv
from .ops.contraction import addr as addr
from .ops.contraction import baddbmm as baddbmm
from .ops.contraction import bmm as bmm
from .ops.contraction import cdist as cdist
from .ops.contraction import chain_matmul as chain_matmul
from .ops.contraction import cross as cross
from .ops.contraction import dot as dot
from .ops.contraction import ger as ger
from .ops.contraction import inner as inner
from .ops.contraction import mm as mm
from .ops.contraction import mv as mv
from .ops.contraction import outer as outer
from .ops.contraction import tensordot as tensordot
from .ops.contraction import trace as trace
from .ops.contraction import vdot as vdot
from .ops.convert import can_cast as can_cast
from .ops.convert import finfo as finfo
from .ops.convert import iinfo as iinfo
from .ops.convert import is_complex as is_complex
from .ops.convert import is_floating_point as is_floating_point
from .ops.convert import is_tensor as is_tensor
from .ops.convert import promote_types as promote_types
from .ops.convert import result_type as result_type
from .ops.creation import BoolTensor as BoolTensor
from .ops.creation import ByteTensor as ByteTensor
from .ops.creation import CharTensor as CharTensor
from .ops.creation import DoubleTensor as DoubleTensor
from .ops.creation import FloatTensor as FloatTensor
from .ops.creation import HalfTensor as HalfTensor
from .ops.creation import IntTensor as IntTensor
from .ops.creation import LongTensor as LongTensor
from .ops.creation import ShortTensor as ShortTensor
from .ops.creation import arange as arange
from .ops.creation import empty as empty
from .ops.creation import empty_like as empty_like
from .ops.creation import eye as eye
from .ops.creation import full as full
from .ops.creation import full_like as full_like
from .ops.creation import linspace as linspace
from .ops.creation import logspace as logspace
from .ops.creation import ones as ones
from .ops.creation import ones_like as ones_like
from .ops.creation import range as range
from .ops.creation import scalar_tensor as scalar_tensor
from .ops.creation import set_default_tensor_type as set_default_tensor_type
from .ops.creation import tril_indices as tril_indices
from .ops.creation import triu_indices as triu_indices
from .ops.creation import zeros as zeros
from .ops.creation import zeros_like as zeros_like
from .ops.diagonals import diag as diag
from .ops.diagonals import diag_embed as diag_embed
from .ops.diagonals import diagflat as diagflat
from .ops.diagonals import diagonal as diagonal
from .ops.diagonals import tril as tril
from .ops.diagonals import triu as triu
from .ops.einstein import einsum as einsum
from .ops.exchange import as_tensor as as_tensor
from .ops.exchange import asarray as asarray
from .ops.exchange import from_dlpack as from_dlpack
from .ops.exchange import from_numpy as from_numpy
from .ops.extremes import amax as amax
from .ops.extremes import amin as amin
from .ops.extremes import aminmax as aminmax
from .ops.extremes import argmax as argmax
from .ops.extremes import argmin as argmin
from .ops.extremes import max as max
from .ops.extremes import min as min
from .ops.gamma import digamma as digamma
from .ops.gamma import polygamma as polygamma
from .ops.indexing import gather as gather
from .ops.indexing import index_put as index_put
from .ops.indexing import index_select as index_select
from .ops.indexing import narrow as narrow
from .ops.indexing import select as select
from .ops.indexing import take as take
from .ops.indexing import take_along_dim as take_along_dim
from .ops.joining import cat as cat
from .ops.joining import chunk as chunk
from .ops.joining import column_stack as column_stack
from .ops.joining import concat as concat
from .ops.joining import concatenate as concatenate
from .ops.joining import dsplit as dsplit
from .ops.joining import dstack as dstack
from .ops.joining import hsplit as hsplit
from .ops.joining import hstack as hstack
from .ops.joining import split as split
from .ops.joining import stack as stack
from .ops.joining import tensor_split as tensor_split
from .ops.joining import unbind as unbind
from .ops.joining import vsplit as vsplit
from .ops.joining import vstack as vstack
from .ops.layout import clone as clone
from .ops.layout import numel as numel
from .ops.linalg import cholesky_inverse as cholesky_inverse
from .ops.linalg import cholesky_solve as cholesky_solve
from .ops.linalg import det as det
from .ops.linalg import logdet as logdet
from .ops.linalg import matrix_power as matrix_power
from .ops.linalg import slogdet as slogdet
from .ops.op import Op as Op
from .ops.op import REGISTRY as REGISTRY
from .ops.op import primitive as primitive
from .ops.random import bernoulli as bernoulli
from .ops.random import multinomial as multinomial
from .ops.random import normal as normal
from .ops.random import poisson as poisson
from .ops.random import rand as rand
from .ops.random import rand_like as rand_like
from .ops.random import randint as randint
from .ops.random import randint_like as randint_like
from .ops.random import randn as randn
from .ops.random import randn_like as randn_like
from .ops.random import randperm as randperm
from .ops.rearrange import cartesian_prod as cartesian_prod
from .ops.rearrange import combinations as combinations
from .ops.rearrange import flip as flip
from .ops.rearrange import fliplr as fliplr
from .ops.rearrange import flipud as flipud
from .ops.rearrange import kron as kron
from .ops.rearrange import meshgrid as meshgrid
from .ops.rearrange import pad as pad
from .ops.rearrange import repeat_interleave as repeat_interleave
from .ops.rearrange import roll as roll
from .ops.rearrange import rot90 as rot90
from .ops.rearrange import tile as tile
from .ops.reduction import all as all
from .ops.reduction import any as any
from .ops.reduction import count_nonzero as count_nonzero
from .ops.reduction import mean as mean
from .ops.reduction import nanmean as nanmean
from .ops.reduction import nansum as nansum
from .ops.reduction import prod as prod
from .ops.reduction import sum as sum
from .ops.scan import cummax as cummax
from .ops.scan import cummin as cummin
from .ops.scan import cumprod as cumprod
from .ops.scan import cumsum as cumsum
from .ops.scan import diff as diff
from .ops.scan import logcumsumexp as logcumsumexp
from .ops.shape import adjoint as adjoint
from .ops.shape import atleast_1d as atleast_1d
from .ops.shape import atleast_2d as atleast_2d
from .ops.shape import atleast_3d as atleast_3d
from .ops.shape import broadcast_shapes as broadcast_shapes
from .ops.shape import broadcast_tensors as broadcast_tensors
from .ops.shape import broadcast_to as broadcast_to
from .ops.shape import flatten as flatten
from .ops.shape import moveaxis as moveaxis
from .ops.shape import movedim as movedim
from .ops.shape import permute as permute
from .ops.shape import ravel as ravel
from .ops.shape import reshape as reshape
from .ops.shape import squeeze as squeeze
from .ops.shape import swapaxes as swapaxes
from .ops.shape import swapdims as swapdims
from .ops.shape import t as t
from .ops.shape import transpose as transpose
from .ops.shape import unflatten as unflatten
from .ops.shape import unsqueeze as unsqueeze
from .ops.sorting import argsort as argsort
from .ops.sorting import bucketize as bucketize
from .ops.sorting import isin as isin
from .ops.sorting import kthvalue as kthvalue
from .ops.sorting import median as median
from .ops.sorting import mode as mode
from .ops.sorting import msort as msort
from .ops.sorting import nanmedian as nanmedian
from .ops.sorting import quantile as quantile
from .ops.sorting import searchsorted as searchsorted
from .ops.sorting import sort as sort
from .ops.sorting import topk as topk
from .ops.sorting import unique as unique
from .ops.sorting import unique_consecutive as unique_consecutive
from .ops.special import logit as logit
from .ops.statistics import bincount as bincount
from .ops.statistics import corrcoef as corrcoef
from .ops.statistics import cov as cov
from .ops.statistics import dist as dist
from .ops.statistics import histc as histc
from .ops.statistics import logsumexp as logsumexp
from .ops.statistics import norm as norm
from .ops.statistics import std as std
from .ops.statistics import std_mean as std_mean
from .ops.statistics import var as var
from .ops.statistics import var_mean as var_mean
from .printing import get_printoptions as get_printoptions
from .printing import set_printoptions as set_printoptions
from .profiling import profile as profile
from .random import Generator as Generator
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state
from .serialization import load as load
from .serialization import save as save
from .tensor import Size as Size
from .tensor import Tensor as Tensor
from .tensor import tensor as tensor
from .threads import get_num_threads as get_num_threads
from .threads import set_num_threads as set_num_threads

def abs(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """|x|, elementwise. The slope at 0 is 0."""
def absolute(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """|x|, elementwise. The slope at 0 is 0."""
def acos(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse cosine, in radians."""
def acosh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse hyperbolic cosine."""
def arccos(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse cosine, in radians."""
def arccosh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse hyperbolic cosine."""
def arcsin(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse sine, in radians."""
def arcsinh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse hyperbolic sine."""
def arctan(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse tangent, in radians."""
def arctan2(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The angle of the point (b, a), in radians from -π to π. The gradient at (0, 0) is taken as 0."""
def arctanh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse hyperbolic tangent."""
def asin(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse sine, in radians."""
def asinh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse hyperbolic sine."""
def atan(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse tangent, in radians."""
def atan2(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The angle of the point (b, a), in radians from -π to π. The gradient at (0, 0) is taken as 0."""
def atanh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Inverse hyperbolic tangent."""
def bitwise_and(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a & b, elementwise."""
def bitwise_not(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """~x, elementwise."""
def bitwise_or(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a | b, elementwise."""
def bitwise_xor(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a ^ b, elementwise."""
bool: np.dtype[Any]
def cast(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The values in another dtype; the gradient is cast back."""
def ceil(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The smallest integer not below x; the gradient is 0."""
def copysign(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """|a| with the sign of b. The slope at a = 0 is 0."""
def cos(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Cosine of x in radians, elementwise."""
def cosh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Hyperbolic cosine, elementwise."""
double: np.dtype[Any]
e: builtins.float
def eq(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a == b, elementwise."""
def erf(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise."""
def erfc(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """1 - erf(x), exact in the right tail, elementwise."""
def erfinv(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The inverse of erf: ±inf at ±1, NaN beyond."""
def exp(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """e to the power x, elementwise."""
def exp2(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """2 to the power x, elementwise."""
def expm1(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """exp(x) - 1, exact near 0."""
def fix(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """x without its fraction; the gradient is 0."""
float: np.dtype[Any]
float16: np.dtype[Any]
float32: np.dtype[Any]
float64: np.dtype[Any]
def floor(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The largest integer not above x; the gradient is 0."""
def floor_divide(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The largest integer not above a / b; the gradient is 0."""
def fmod(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a modulo b with the sign of a, as C's fmod."""
def frac(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The fraction of x."""
def ge(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a >= b, elementwise."""
def greater(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a > b, elementwise."""
def greater_equal(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a >= b, elementwise."""
def gt(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a > b, elementwise."""
half: np.dtype[Any]
def heaviside(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """0 below 0, 1 above, b at 0."""
def hypot(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """√(a² + b²) without overflow; the gradient at (0, 0) is taken as 0."""
inf: builtins.float
int: np.dtype[Any]
int16: np.dtype[Any]
int32: np.dtype[Any]
int64: np.dtype[Any]
int8: np.dtype[Any]
def isfinite(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Whether each value is neither NaN nor infinite."""
def isinf(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Whether each value is infinite."""
def isnan(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Whether each value is NaN."""
def ldexp(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a · 2ᵇ."""
def le(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a <= b, elementwise."""
def less(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a < b, elementwise."""
def less_equal(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a <= b, elementwise."""
def lgamma(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """log |Γ(x)|, elementwise; inf at 0, -1, -2, ..."""
def linear(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], another: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """x Wᵀ + b in one operation: x (*, in), W (out, in), b (out) or left out; gives (*, out)."""
def linear_scan(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], another: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """y_t = a_t y_{t-1} + b_t along a dim, for a and b of one shape; `reverse` runs from the end."""
def log(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Natural logarithm, elementwise; -inf at 0, NaN below."""
def log10(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Logarithm to base 10, elementwise."""
def log1p(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """log(1 + x), exact near 0."""
def log2(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Logarithm to base 2, elementwise."""
def logaddexp(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """log(exp a + exp b) without overflow."""
def logaddexp2(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """log₂(2ᵃ + 2ᵇ) without overflow."""
def logical_and(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a and b, elementwise."""
def logical_not(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """not x, elementwise."""
def logical_or(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a or b, elementwise."""
def logical_xor(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Whether exactly one of a and b is true, elementwise."""
long: np.dtype[Any]
def lt(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a < b, elementwise."""
def matmul(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The matrix product of a (..., n, k) and b (..., k, m): (..., n, m); leading dimensions broadcast, a vector counts as a row (a) or a column (b)."""
def maximum(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The larger of a and b, elementwise; a NaN wins. At a tie each gets half of the gradient."""
def minimum(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """The smaller of a and b, elementwise; a NaN wins. At a tie each gets half of the gradient."""
def mul(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a * b, elementwise."""
def multiply(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a * b, elementwise."""
nan: builtins.float
def ne(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a != b, elementwise."""
def neg(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """-x, elementwise."""
def negative(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """-x, elementwise."""
newaxis: None
def not_equal(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a != b, elementwise."""
pi: builtins.float
def positive(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """+x, elementwise."""
def pow(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a to the power b, elementwise. The slope of a⁰ in a, and of 0ᵇ in b, is 0."""
def power(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a to the power b, elementwise. The slope of a⁰ in a, and of 0ᵇ in b, is 0."""
def reciprocal(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """1 / x, elementwise."""
def relu(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """max(x, 0), elementwise. The slope at 0 is 0."""
def remainder(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """a modulo b with the sign of b, as Python's %."""
def rsqrt(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """1 / √x, elementwise."""
def sgn(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """-1, 0 or 1, elementwise; the gradient is 0."""
short: np.dtype[Any]
def sigmoid(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """1 / (1 + exp(-x)), elementwise, without overflow."""
def sign(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """-1, 0 or 1, elementwise; the gradient is 0."""
def signbit(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Whether each value has its sign bit set."""
def sin(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Sine of x in radians, elementwise."""
def sinc(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """sin(πx) / (πx), and 1 at 0."""
def sinh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Hyperbolic sine, elementwise."""
def sqrt(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Square root, elementwise. The slope at 0 is inf, but a zero cotangent gives 0 there."""
def square(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """x², elementwise."""
def tan(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Tangent of x in radians, elementwise."""
def tanh(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """Hyperbolic tangent; h' = 1 - h² (lecture, ch. 4)."""
def trunc(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """x without its fraction; the gradient is 0."""
uint8: np.dtype[Any]
def xlogy(input: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any], other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
    """x log y, elementwise; 0 where x is 0, also at y = 0, with gradient 0 there."""

__version__: str
