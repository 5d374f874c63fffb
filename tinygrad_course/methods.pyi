"""The methods and operators of Tensor. Written by `python -m tinygrad_course.stubs`: do not edit."""

# A method may have the name of a type, so types are written `builtins.int`; some comparisons do not return a bool.
# mypy: disable-error-code="override"

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .device import device
from .ops.arguments import Dims, ValuesIndices
from .ops.arithmetic import Value
from .ops.decomposition import QR, USV
from .ops.extremes import MinMax
from .ops.linalg import Slogdet
from .random import Generator
from .tensor import Tensor

class TensorMethods:
    def __add__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __radd__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __sub__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rsub__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __mul__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rmul__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __truediv__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rtruediv__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __floordiv__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rfloordiv__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __mod__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rmod__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __pow__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rpow__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __matmul__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rmatmul__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __and__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rand__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __or__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ror__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __xor__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __rxor__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __eq__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ne__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __lt__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __le__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __gt__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ge__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __getitem__(self, index: Any) -> Tensor:
        """`x[index]`: a view for ints and slices, a copy for index tensors and masks."""
    def __iadd__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __iand__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ifloordiv__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __imod__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __imul__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ior__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ipow__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __isub__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __itruediv__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __ixor__(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor: ...
    def __setitem__(self, index: Any, value: Any) -> None:
        """`x[index] = value`: in memory outside the graph, a recorded operation inside it."""
    def abs(self) -> Tensor:
        """|x|, elementwise. The slope at 0 is 0."""
    def abs_(self) -> Tensor:
        """|x|, elementwise. The slope at 0 is 0."""
    def absolute(self) -> Tensor:
        """|x|, elementwise. The slope at 0 is 0."""
    def absolute_(self) -> Tensor:
        """|x|, elementwise. The slope at 0 is 0."""
    def acos(self) -> Tensor:
        """Inverse cosine, in radians."""
    def acos_(self) -> Tensor:
        """Inverse cosine, in radians."""
    def acosh(self) -> Tensor:
        """Inverse hyperbolic cosine."""
    def acosh_(self) -> Tensor:
        """Inverse hyperbolic cosine."""
    def add(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """input + alpha · other, elementwise."""
    def add_(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """In place: input + alpha · other, elementwise."""
    def addbmm(self, batch1: Tensor, batch2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · input + alpha · Σ batch1 batch2, summed over the stack."""
    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *, value: builtins.float = 1) -> Tensor:
        """input + value · tensor1 / tensor2, elementwise."""
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: builtins.float = 1) -> Tensor:
        """In place: input + value · tensor1 / tensor2, elementwise."""
    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *, value: builtins.float = 1) -> Tensor:
        """input + value · tensor1 · tensor2, elementwise."""
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: builtins.float = 1) -> Tensor:
        """In place: input + value · tensor1 · tensor2, elementwise."""
    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · input + alpha · mat1 mat2."""
    def addmv(self, mat: Tensor, vec: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · input + alpha · mat vec."""
    def addr(self, vec1: Tensor, vec2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · input + alpha · vec1 vec2ᵀ."""
    def adjoint(self) -> Tensor:
        """Matrices transposed: the last two dims exchanged."""
    def all(self, dim: Dims = None, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """Whether all values along `dim`, or in all, are true."""
    def allclose(self, other: Value, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False) -> builtins.bool:
        """Whether all values are close, as `isclose` has it."""
    def amax(self, dim: Dims = None, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The largest value over `dim`, or of all; values that tie share the gradient evenly."""
    def amin(self, dim: Dims = None, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The smallest value over `dim`, or of all; values that tie share the gradient evenly."""
    def aminmax(self, *, dim: builtins.int | None = None, keepdim: builtins.bool = False, axis: builtins.int | None = None, keepdims: builtins.bool = False) -> MinMax:
        """The smallest and the largest value over `dim`, or of all."""
    def any(self, dim: Dims = None, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """Whether some value along `dim`, or at all, is true."""
    def arccos(self) -> Tensor:
        """Inverse cosine, in radians."""
    def arccosh(self) -> Tensor:
        """Inverse hyperbolic cosine."""
    def arcsin(self) -> Tensor:
        """Inverse sine, in radians."""
    def arcsinh(self) -> Tensor:
        """Inverse hyperbolic sine."""
    def arctan(self) -> Tensor:
        """Inverse tangent, in radians."""
    def arctan2(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The angle of the point (b, a), in radians from -π to π. The gradient at (0, 0) is taken as 0."""
    def arctanh(self) -> Tensor:
        """Inverse hyperbolic tangent."""
    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, axis: builtins.int | None = None, keepdims: builtins.bool = False) -> Tensor:
        """The index of the largest value along `dim`, or in the flattened tensor; the first of equals."""
    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, axis: builtins.int | None = None, keepdims: builtins.bool = False) -> Tensor:
        """The index of the smallest value along `dim`, or in the flattened tensor; the first of equals."""
    def argsort(self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = False, *, axis: builtins.int = -1) -> Tensor:
        """The indices that sort along `dim`; NaNs count as the largest values."""
    def argwhere(self) -> Tensor:
        """The indices of values that are not 0, as rows."""
    def asin(self) -> Tensor:
        """Inverse sine, in radians."""
    def asin_(self) -> Tensor:
        """Inverse sine, in radians."""
    def asinh(self) -> Tensor:
        """Inverse hyperbolic sine."""
    def asinh_(self) -> Tensor:
        """Inverse hyperbolic sine."""
    def astype(self, dtype: DTypeLike, *, copy: builtins.bool = True) -> Tensor:
        """The values in another dtype, as a copy (or the tensor itself if it has that dtype and `copy` is False)."""
    def atan(self) -> Tensor:
        """Inverse tangent, in radians."""
    def atan2(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The angle of the point (b, a), in radians from -π to π. The gradient at (0, 0) is taken as 0."""
    def atan2_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The angle of the point (b, a), in radians from -π to π. The gradient at (0, 0) is taken as 0."""
    def atan_(self) -> Tensor:
        """Inverse tangent, in radians."""
    def atanh(self) -> Tensor:
        """Inverse hyperbolic tangent."""
    def atanh_(self) -> Tensor:
        """Inverse hyperbolic tangent."""
    def baddbmm(self, batch1: Tensor, batch2: Tensor, *, beta: builtins.float = 1, alpha: builtins.float = 1) -> Tensor:
        """beta · input + alpha · batch1 batch2, for each of a stack."""
    def bernoulli(self, p: builtins.float | None = None, *, generator: Generator | None = None) -> Tensor:
        """1 with the probability that the input says (or `p`), else 0, in the input's dtype and shape."""
    def bernoulli_(self, p: builtins.float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill the tensor with 1 with probability `p`, else 0."""
    def bincount(self, weights: Tensor | None = None, minlength: builtins.int = 0) -> Tensor:
        """How often each of 0, 1, 2, … occurs in a vector of integers; or the sum of the weights of each."""
    def bitwise_and(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a & b, elementwise."""
    def bitwise_and_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a & b, elementwise."""
    def bitwise_not(self) -> Tensor:
        """~x, elementwise."""
    def bitwise_not_(self) -> Tensor:
        """~x, elementwise."""
    def bitwise_or(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a | b, elementwise."""
    def bitwise_or_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a | b, elementwise."""
    def bitwise_xor(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a ^ b, elementwise."""
    def bitwise_xor_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a ^ b, elementwise."""
    def bmm(self, mat2: Tensor) -> Tensor:
        """Matrix times matrix, for each of a stack: (b, n, k) and (b, k, m) give (b, n, m)."""
    def bool(self) -> Tensor:
        """The tensor as bool; itself if it has that dtype."""
    def broadcast_to(self, size: Sequence[builtins.int]) -> Tensor:
        """Repeated to the shape `size` without copying; lengths -1 stay as they are."""
    def byte(self) -> Tensor:
        """The tensor as uint8, fractions cut off; itself if it has that dtype."""
    def ceil(self) -> Tensor:
        """The smallest integer not below x; the gradient is 0."""
    def ceil_(self) -> Tensor:
        """The smallest integer not below x; the gradient is 0."""
    def char(self) -> Tensor:
        """The tensor as int8, fractions cut off; itself if it has that dtype."""
    def cholesky(self, upper: builtins.bool = False) -> Tensor:
        """The lower triangle L with A = L Lᵀ, or Lᵀ if `upper`; see `tc.linalg.cholesky`."""
    def cholesky_solve(self, L: Tensor, upper: builtins.bool = False) -> Tensor:
        """X with A X = B, given the Cholesky factor L of A (its upper one if `upper`)."""
    def chunk(self, chunks: builtins.int, dim: builtins.int = 0, *, axis: builtins.int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` parts of a dim, of equal size but for the last."""
    def clamp(self, min: builtins.float | Tensor | None = None, max: builtins.float | Tensor | None = None) -> Tensor:
        """Values below `min` raised to it, above `max` lowered to it. At a bound the gradient passes to the input."""
    def clamp_(self, min: builtins.float | Tensor | None = None, max: builtins.float | Tensor | None = None) -> Tensor:
        """In place: Values below `min` raised to it, above `max` lowered to it. At a bound the gradient passes to the input."""
    def clamp_max(self, max: builtins.float | Tensor) -> Tensor:
        """Values above `max` lowered to it."""
    def clamp_max_(self, max: builtins.float | Tensor) -> Tensor:
        """In place: Values above `max` lowered to it."""
    def clamp_min(self, min: builtins.float | Tensor) -> Tensor:
        """Values below `min` raised to it."""
    def clamp_min_(self, min: builtins.float | Tensor) -> Tensor:
        """In place: Values below `min` raised to it."""
    def clip(self, min: builtins.float | Tensor | None = None, max: builtins.float | Tensor | None = None) -> Tensor:
        """Values below `min` raised to it, above `max` lowered to it. At a bound the gradient passes to the input."""
    def clip_(self, min: builtins.float | Tensor | None = None, max: builtins.float | Tensor | None = None) -> Tensor:
        """In place: Values below `min` raised to it, above `max` lowered to it. At a bound the gradient passes to the input."""
    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy, through which gradients flow."""
    def contiguous(self, memory_format: Any = None) -> Tensor:
        """The tensor itself if its values lie in row order in memory, else a copy that does."""
    def copy_(self, src: Tensor, non_blocking: builtins.bool = False) -> Tensor:
        """In place: The values of `src`, broadcast to the tensor's shape and cast to its dtype."""
    def copysign(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """|a| with the sign of b. The slope at a = 0 is 0."""
    def copysign_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """|a| with the sign of b. The slope at a = 0 is 0."""
    def corrcoef(self) -> Tensor:
        """The correlation matrix of variables in rows, observations in columns."""
    def cos(self) -> Tensor:
        """Cosine of x in radians, elementwise."""
    def cos_(self) -> Tensor:
        """Cosine of x in radians, elementwise."""
    def cosh(self) -> Tensor:
        """Hyperbolic cosine, elementwise."""
    def cosh_(self) -> Tensor:
        """Hyperbolic cosine, elementwise."""
    def count_nonzero(self, dim: Dims = None, *, axis: Dims = None) -> Tensor:
        """How many values are not 0, over `dim` or in all."""
    def cov(self, *, correction: builtins.int = 1) -> Tensor:
        """The covariance matrix of variables in rows, observations in columns."""
    def cpu(self) -> Tensor:
        """The tensor itself: it is on the CPU."""
    def cross(self, other: Tensor, dim: builtins.int | None = None, *, axis: builtins.int | None = None) -> Tensor:
        """The cross product of vectors of 3 values along `dim` (by default the first dim of length 3)."""
    def cuda(self, device: Any = None, non_blocking: builtins.bool = False) -> Tensor:
        """Raise RuntimeError: there is no GPU; ask `tc.cuda.is_available()` first."""
    def cummax(self, dim: builtins.int, *, axis: builtins.int = 0) -> ValuesIndices:
        """The running maximum along `dim`, and where it was met: the latest of equals."""
    def cummin(self, dim: builtins.int, *, axis: builtins.int = 0) -> ValuesIndices:
        """The running minimum along `dim`, and where it was met: the latest of equals."""
    def cumprod(self, dim: builtins.int, *, dtype: DTypeLike | None = None, axis: builtins.int = 0) -> Tensor:
        """The running product along `dim`. The gradient is right where values are 0, too."""
    def cumprod_(self, dim: builtins.int, *, dtype: DTypeLike | None = None, axis: builtins.int = 0) -> Tensor:
        """In place: The running product along `dim`. The gradient is right where values are 0, too."""
    def cumsum(self, dim: builtins.int, *, dtype: DTypeLike | None = None, axis: builtins.int = 0) -> Tensor:
        """The running sum along `dim`."""
    def cumsum_(self, dim: builtins.int, *, dtype: DTypeLike | None = None, axis: builtins.int = 0) -> Tensor:
        """In place: The running sum along `dim`."""
    def data_ptr(self) -> builtins.int:
        """The address of the first value: equal for tensors that share memory from their first value on."""
    def deg2rad(self) -> Tensor:
        """Radians from degrees."""
    def det(self) -> Tensor:
        """The determinant of square matrices; its gradient (the cofactors) is right for singular matrices too."""
    def diag(self, diagonal: builtins.int = 0) -> Tensor:
        """The matrix with a vector on its diagonal; of a matrix, the diagonal."""
    def diag_embed(self, offset: builtins.int = 0, dim1: builtins.int = -2, dim2: builtins.int = -1) -> Tensor:
        """Matrices with the last dim on their diagonal and 0 elsewhere."""
    def diagflat(self, offset: builtins.int = 0) -> Tensor:
        """The matrix with all values on its diagonal."""
    def diagonal(self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1) -> Tensor:
        """The diagonal of the matrices that two dims span, as the last dim: a view."""
    def diff(self, n: builtins.int = 1, dim: builtins.int = -1, prepend: Tensor | None = None, append: Tensor | None = None, *, axis: builtins.int = -1) -> Tensor:
        """The differences of neighbours along `dim`, `n` times over."""
    def digamma(self) -> Any:
        """The derivative of log Γ, elementwise; NaN at -1, -2, ..."""
    def digamma_(self) -> Any:
        """In place: The derivative of log Γ, elementwise; NaN at -1, -2, ..."""
    def dim(self) -> builtins.int:
        """The number of dims."""
    def dist(self, other: Tensor, p: builtins.float = 2) -> Tensor:
        """The p-norm of input - other."""
    def div(self, other: Value, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, elementwise; of integers too a float."""
    def div_(self, other: Value, *, rounding_mode: str | None = None) -> Tensor:
        """In place: input / other, elementwise; of integers too a float."""
    def divide(self, other: Value, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, elementwise; of integers too a float."""
    def divide_(self, other: Value, *, rounding_mode: str | None = None) -> Tensor:
        """In place: input / other, elementwise; of integers too a float."""
    def dot(self, other: Tensor) -> Tensor:
        """The inner product of two vectors."""
    def double(self) -> Tensor:
        """The tensor as float64; itself if it has that dtype."""
    def dsplit(self, indices_or_sections: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]:
        """As `tensor_split`, along dim 2."""
    def element_size(self) -> builtins.int:
        """The bytes of one value."""
    def eq(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a == b, elementwise."""
    def eq_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a == b, elementwise."""
    def equal(self, other: Tensor) -> builtins.bool:
        """Whether shapes and all values are equal."""
    def erf(self) -> Tensor:
        """The error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise."""
    def erf_(self) -> Tensor:
        """The error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise."""
    def erfc(self) -> Tensor:
        """1 - erf(x), exact in the right tail, elementwise."""
    def erfc_(self) -> Tensor:
        """1 - erf(x), exact in the right tail, elementwise."""
    def erfinv(self) -> Tensor:
        """The inverse of erf: ±inf at ±1, NaN beyond."""
    def erfinv_(self) -> Tensor:
        """The inverse of erf: ±inf at ±1, NaN beyond."""
    def exp(self) -> Tensor:
        """e to the power x, elementwise."""
    def exp2(self) -> Tensor:
        """2 to the power x, elementwise."""
    def exp2_(self) -> Tensor:
        """2 to the power x, elementwise."""
    def exp_(self) -> Tensor:
        """e to the power x, elementwise."""
    def expand(self, *size: builtins.int | Sequence[builtins.int]) -> Tensor:
        """As `tc.broadcast_to`, with the lengths as separate arguments or one sequence."""
    def expand_as(self, other: Tensor) -> Tensor:
        """Repeated to the shape of `other` without copying."""
    def expm1(self) -> Tensor:
        """exp(x) - 1, exact near 0."""
    def expm1_(self) -> Tensor:
        """exp(x) - 1, exact near 0."""
    def exponential_(self, lambd: builtins.float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill the tensor with exponential numbers of rate `lambd`."""
    def fill_(self, value: builtins.float | Tensor) -> Tensor:
        """In place: All values replaced by one."""
    def fill_diagonal_(self, fill_value: builtins.float) -> Tensor:
        """In place: The main diagonal of a matrix replaced by one value."""
    def fix(self) -> Tensor:
        """x without its fraction; the gradient is 0."""
    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """The dims from `start_dim` to `end_dim` as one."""
    def flip(self, *dims: builtins.int | Sequence[builtins.int]) -> Tensor:
        """The order of values reversed along the given dims."""
    def fliplr(self) -> Tensor:
        """The order of columns reversed."""
    def flipud(self) -> Tensor:
        """The order of rows reversed."""
    def float(self) -> Tensor:
        """The tensor as float32; itself if it has that dtype."""
    def floor(self) -> Tensor:
        """The largest integer not above x; the gradient is 0."""
    def floor_(self) -> Tensor:
        """The largest integer not above x; the gradient is 0."""
    def floor_divide(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The largest integer not above a / b; the gradient is 0."""
    def floor_divide_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The largest integer not above a / b; the gradient is 0."""
    def fmax(self, other: Value) -> Tensor:
        """The larger of two values, elementwise; a NaN only if both are. At a tie the input gets the gradient."""
    def fmin(self, other: Value) -> Tensor:
        """The smaller of two values, elementwise; a NaN only if both are. At a tie the input gets the gradient."""
    def fmod(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a modulo b with the sign of a, as C's fmod."""
    def fmod_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a modulo b with the sign of a, as C's fmod."""
    def frac(self) -> Tensor:
        """The fraction of x."""
    def frac_(self) -> Tensor:
        """The fraction of x."""
    def gather(self, dim: builtins.int, index: Tensor, *, sparse_grad: builtins.bool = False) -> Tensor:
        """Along each line of a dim the values at `index`: out[i][j] = input[index[i][j]][j] for dim 0."""
    def ge(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a >= b, elementwise."""
    def ge_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a >= b, elementwise."""
    def ger(self, vec2: Tensor) -> Tensor:
        """The outer product of two vectors: all products of a value of one and a value of the other."""
    def get_device(self) -> builtins.int:
        """-1: the tensor is on the CPU."""
    def greater(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a > b, elementwise."""
    def greater_equal(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a >= b, elementwise."""
    def gt(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a > b, elementwise."""
    def gt_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a > b, elementwise."""
    def half(self) -> Tensor:
        """The tensor as float16; itself if it has that dtype."""
    def hardshrink(self, lambd: builtins.float = 0.5) -> Tensor:
        """x where |x| > lambd, else 0, elementwise."""
    def heaviside(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """0 below 0, 1 above, b at 0."""
    def heaviside_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """0 below 0, 1 above, b at 0."""
    def histc(self, bins: builtins.int = 100, min: builtins.float = 0, max: builtins.float = 0) -> Tensor:
        """How many values fall into each of `bins` equal bins from `min` to `max` (of the data, if both are 0)."""
    def hsplit(self, indices_or_sections: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]:
        """As `tensor_split`, along dim 1 (dim 0 of a vector)."""
    def hypot(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """√(a² + b²) without overflow; the gradient at (0, 0) is taken as 0."""
    def hypot_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """√(a² + b²) without overflow; the gradient at (0, 0) is taken as 0."""
    def index_add(self, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: builtins.float = 1) -> Tensor:
        """A copy with alpha · `source` added to the slices of a dim that `index` names, repeatedly if named so."""
    def index_add_(self, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: builtins.float = 1) -> Tensor:
        """In place: A copy with alpha · `source` added to the slices of a dim that `index` names, repeatedly if named so."""
    def index_copy(self, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
        """A copy with the slices of a dim that `index` names replaced by those of `source`."""
    def index_copy_(self, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
        """In place: A copy with the slices of a dim that `index` names replaced by those of `source`."""
    def index_fill(self, dim: builtins.int, index: Tensor, value: builtins.float | Tensor) -> Tensor:
        """A copy with the slices of a dim that `index` names filled by one value."""
    def index_fill_(self, dim: builtins.int, index: Tensor, value: builtins.float | Tensor) -> Tensor:
        """In place: A copy with the slices of a dim that `index` names filled by one value."""
    def index_put(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """A copy with `values` at the places that the index tensors name; added there with `accumulate`."""
    def index_put_(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """In place: A copy with `values` at the places that the index tensors name; added there with `accumulate`."""
    def index_select(self, dim: builtins.int, index: Tensor) -> Tensor:
        """The slices of a dim that a 1-d integer tensor names."""
    def inner(self, other: Tensor) -> Tensor:
        """Sums of products over the last dims: inner products of vectors."""
    def int(self) -> Tensor:
        """The tensor as int32, fractions cut off; itself if it has that dtype."""
    def inverse(self) -> Tensor:
        """The inverse of square matrices."""
    def is_complex(self) -> builtins.bool:
        """False: there are no complex tensors."""
    def is_contiguous(self, memory_format: Any = None) -> builtins.bool:
        """Whether the values lie in row order in memory."""
    def is_floating_point(self) -> builtins.bool:
        """Whether the values are floating numbers."""
    def isclose(self, other: Value, rtol: builtins.float = 1e-05, atol: builtins.float = 1e-08, equal_nan: builtins.bool = False) -> Tensor:
        """Whether |input - other| ≤ atol + rtol · |other|, elementwise."""
    def isfinite(self) -> Tensor:
        """Whether each value is neither NaN nor infinite."""
    def isin(self, test_elements: Tensor | builtins.float, *, invert: builtins.bool = False) -> Tensor:
        """Whether each value is among `test_elements`."""
    def isinf(self) -> Tensor:
        """Whether each value is infinite."""
    def isnan(self) -> Tensor:
        """Whether each value is NaN."""
    def isneginf(self) -> Tensor:
        """Whether each value is -inf."""
    def isposinf(self) -> Tensor:
        """Whether each value is +inf."""
    def kron(self, other: Tensor) -> Tensor:
        """The Kronecker product: each value of `input` times the whole of `other`, in blocks."""
    def kthvalue(self, k: builtins.int, dim: builtins.int = -1, keepdim: builtins.bool = False, *, axis: builtins.int = -1, keepdims: builtins.bool = False) -> ValuesIndices:
        """The `k`-th smallest value along `dim`, counted from 1, and where it was."""
    def ldexp(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a · 2ᵇ."""
    def le(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a <= b, elementwise."""
    def le_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a <= b, elementwise."""
    def lerp(self, end: Tensor, weight: Value) -> Tensor:
        """input + weight · (end - input), elementwise."""
    def lerp_(self, end: Tensor, weight: Value) -> Tensor:
        """In place: input + weight · (end - input), elementwise."""
    def less(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a < b, elementwise."""
    def less_equal(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a <= b, elementwise."""
    def lgamma(self) -> Tensor:
        """log |Γ(x)|, elementwise; inf at 0, -1, -2, ..."""
    def lgamma_(self) -> Tensor:
        """log |Γ(x)|, elementwise; inf at 0, -1, -2, ..."""
    def log(self) -> Tensor:
        """Natural logarithm, elementwise; -inf at 0, NaN below."""
    def log10(self) -> Tensor:
        """Logarithm to base 10, elementwise."""
    def log10_(self) -> Tensor:
        """Logarithm to base 10, elementwise."""
    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0."""
    def log1p_(self) -> Tensor:
        """log(1 + x), exact near 0."""
    def log2(self) -> Tensor:
        """Logarithm to base 2, elementwise."""
    def log2_(self) -> Tensor:
        """Logarithm to base 2, elementwise."""
    def log_(self) -> Tensor:
        """Natural logarithm, elementwise; -inf at 0, NaN below."""
    def log_softmax(self, dim: builtins.int, dtype: DTypeLike | None = None) -> Tensor:
        """log softmax(x) = x - log Σ exp(x) along a dim, without overflow and exact for small probabilities."""
    def logaddexp(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """log(exp a + exp b) without overflow."""
    def logaddexp2(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """log₂(2ᵃ + 2ᵇ) without overflow."""
    def logcumsumexp(self, dim: builtins.int, *, axis: builtins.int = 0) -> Tensor:
        """The logarithm of the running sum of exp(x) along `dim`, without overflow."""
    def logdet(self) -> Tensor:
        """The logarithm of the determinant: NaN where that is negative, -inf where it is 0."""
    def logical_and(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a and b, elementwise."""
    def logical_and_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a and b, elementwise."""
    def logical_not(self) -> Tensor:
        """not x, elementwise."""
    def logical_not_(self) -> Tensor:
        """not x, elementwise."""
    def logical_or(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a or b, elementwise."""
    def logical_or_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a or b, elementwise."""
    def logical_xor(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """Whether exactly one of a and b is true, elementwise."""
    def logical_xor_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """Whether exactly one of a and b is true, elementwise."""
    def logit(self, eps: builtins.float | None = None) -> Any:
        """log(x / (1 - x)), the inverse of sigmoid, elementwise; with `eps`, of x clipped to [eps, 1 - eps]."""
    def logit_(self, eps: builtins.float | None = None) -> Any:
        """In place: log(x / (1 - x)), the inverse of sigmoid, elementwise; with `eps`, of x clipped to [eps, 1 - eps]."""
    def logsumexp(self, dim: Dims, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """log Σ exp(x) over `dim`, without overflow; -inf where all values are."""
    def long(self) -> Tensor:
        """The tensor as int64, fractions cut off; itself if it has that dtype."""
    def lt(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a < b, elementwise."""
    def lt_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a < b, elementwise."""
    def masked_fill(self, mask: Tensor, value: builtins.float | Tensor) -> Tensor:
        """`value` where the mask is true, else `input`."""
    def masked_fill_(self, mask: Tensor, value: builtins.float | Tensor) -> Tensor:
        """In place: `value` where the mask is true, else `input`."""
    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """A copy with the places where the mask is true filled by the values of `source`, in order."""
    def masked_scatter_(self, mask: Tensor, source: Tensor) -> Tensor:
        """In place: A copy with the places where the mask is true filled by the values of `source`, in order."""
    def masked_select(self, mask: Tensor) -> Tensor:
        """The values where the mask is true, as a vector."""
    def matmul(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The matrix product of a (..., n, k) and b (..., k, m): (..., n, m); leading dimensions broadcast, a vector counts as a row (a) or a column (b)."""
    def matrix_power(self, n: builtins.int) -> Tensor:
        """A multiplied by itself n times, in about log₂ n products; of the inverse if n is negative."""
    @overload
    def max(self) -> Tensor: ...
    @overload
    def max(self, dim: Tensor) -> Tensor: ...
    @overload
    def max(self, *, other: Tensor) -> Tensor: ...
    @overload
    def max(self, dim: builtins.int, keepdim: builtins.bool = False) -> ValuesIndices: ...
    @overload
    def max(self, *, axis: builtins.int, keepdims: builtins.bool = False) -> ValuesIndices: ...
    def maximum(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The larger of a and b, elementwise; a NaN wins. At a tie each gets half of the gradient."""
    def mean(self, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: DTypeLike | None = None, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The mean over `dim`, or over all dims; NaN of nothing."""
    def median(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, axis: builtins.int | None = None, keepdims: builtins.bool = False) -> Any:
        """The median (the lower of the two in the middle); with `dim`, a named tuple (values, indices). NaN if any is."""
    @overload
    def min(self) -> Tensor: ...
    @overload
    def min(self, dim: Tensor) -> Tensor: ...
    @overload
    def min(self, *, other: Tensor) -> Tensor: ...
    @overload
    def min(self, dim: builtins.int, keepdim: builtins.bool = False) -> ValuesIndices: ...
    @overload
    def min(self, *, axis: builtins.int, keepdims: builtins.bool = False) -> ValuesIndices: ...
    def minimum(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """The smaller of a and b, elementwise; a NaN wins. At a tie each gets half of the gradient."""
    def mm(self, mat2: Tensor) -> Tensor:
        """Matrix times matrix."""
    def mode(self, dim: builtins.int = -1, keepdim: builtins.bool = False, *, axis: builtins.int = -1, keepdims: builtins.bool = False) -> ValuesIndices:
        """The most frequent value along `dim` (the smallest of several), and where it is last."""
    def moveaxis(self, source: builtins.int | Sequence[builtins.int], destination: builtins.int | Sequence[builtins.int]) -> Tensor:
        """The dims at `source` moved to `destination`; the others keep their order."""
    def movedim(self, source: builtins.int | Sequence[builtins.int], destination: builtins.int | Sequence[builtins.int]) -> Tensor:
        """The dims at `source` moved to `destination`; the others keep their order."""
    def msort(self) -> Tensor:
        """The values in order along dim 0."""
    def mul(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a * b, elementwise."""
    def mul_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a * b, elementwise."""
    def multinomial(self, num_samples: builtins.int, replacement: builtins.bool = False, *, generator: Generator | None = None) -> Tensor:
        """Indices drawn with probabilities proportional to the weights in each row."""
    def multiply(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a * b, elementwise."""
    def multiply_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a * b, elementwise."""
    def mv(self, vec: Tensor) -> Tensor:
        """Matrix times vector."""
    def nan_to_num(self, nan: builtins.float = 0.0, posinf: builtins.float | None = None, neginf: builtins.float | None = None) -> Tensor:
        """NaN and infinities replaced: by 0 and the largest and smallest number of the dtype, or as given."""
    def nan_to_num_(self, nan: builtins.float = 0.0, posinf: builtins.float | None = None, neginf: builtins.float | None = None) -> Tensor:
        """In place: NaN and infinities replaced: by 0 and the largest and smallest number of the dtype, or as given."""
    def nanmean(self, dim: Dims = None, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The mean of the values that are not NaN."""
    def nanmedian(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, axis: builtins.int | None = None, keepdims: builtins.bool = False) -> Any:
        """As `median`, of the values that are not NaN."""
    def nansum(self, dim: Dims = None, keepdim: builtins.bool = False, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The sum with NaNs counted as 0."""
    def narrow(self, dim: builtins.int, start: builtins.int, length: builtins.int) -> Tensor:
        """`length` slices of a dim from `start`: a view."""
    def ndimension(self) -> builtins.int:
        """The number of dims."""
    def ne(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a != b, elementwise."""
    def ne_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a != b, elementwise."""
    def neg(self) -> Tensor:
        """-x, elementwise."""
    def neg_(self) -> Tensor:
        """-x, elementwise."""
    def negative(self) -> Tensor:
        """-x, elementwise."""
    def negative_(self) -> Tensor:
        """-x, elementwise."""
    def nelement(self) -> builtins.int:
        """The number of values."""
    def new(self, *data: Any) -> Tensor:
        """A tensor in the dtype of this one, of a size given by ints or of data; see `new_zeros`, `new_tensor`."""
    def new_empty(self, *shape: Any, size: Any = None, dtype: DTypeLike | None = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """Uninitialized values of the given size in the dtype of this tensor."""
    def new_full(self, size: Any, fill_value: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """One value in the given size and the dtype of this tensor."""
    def new_ones(self, *shape: Any, size: Any = None, dtype: DTypeLike | None = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """Ones of the given size in the dtype of this tensor."""
    def new_tensor(self, data: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """A tensor of a copy of the data, in the dtype of this tensor."""
    def new_zeros(self, *shape: Any, size: Any = None, dtype: DTypeLike | None = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """Zeros of the given size in the dtype of this tensor."""
    def nonzero(self, *, as_tuple: builtins.bool = False) -> Any:
        """The indices of values that are not 0: as rows, or with `as_tuple` one tensor for each dim."""
    def norm(self, p: builtins.float | str | None = 'fro', dim: Dims = None, keepdim: builtins.bool = False, dtype: DTypeLike | None = None, *, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The p-norm (Σ|x|ᵖ)^(1/p) of the values over `dim`, or of all of them."""
    def normal_(self, mean: builtins.float = 0.0, std: builtins.float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill the tensor with normal numbers."""
    def not_equal(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a != b, elementwise."""
    def numel(self) -> builtins.int:
        """The number of values."""
    def outer(self, vec2: Tensor) -> Tensor:
        """The outer product of two vectors: all products of a value of one and a value of the other."""
    def permute(self, *dims: builtins.int | Sequence[builtins.int]) -> Tensor:
        """The dims in the given order."""
    def pin_memory(self, device: Any = None) -> Tensor:
        """The tensor itself: there is no GPU to copy to."""
    def pinverse(self, *, rtol: builtins.float | None = None, hermitian: builtins.bool = False) -> Tensor:
        """The Moore-Penrose pseudo-inverse; singular values below `rtol` times the largest count as 0."""
    def polygamma(self, n: builtins.int) -> Any:
        """The n-th derivative of digamma, elementwise."""
    def positive(self) -> Tensor:
        """+x, elementwise."""
    def pow(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a to the power b, elementwise. The slope of a⁰ in a, and of 0ᵇ in b, is 0."""
    def pow_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a to the power b, elementwise. The slope of a⁰ in a, and of 0ᵇ in b, is 0."""
    def power(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a to the power b, elementwise. The slope of a⁰ in a, and of 0ᵇ in b, is 0."""
    def prelu(self, weight: Tensor) -> Tensor:
        """x where positive, else w x, with one learned slope w, or one for each channel (dim 1)."""
    def prod(self, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, dtype: DTypeLike | None = None, axis: builtins.int | None = None, keepdims: builtins.bool = False) -> Tensor:
        """The product along `dim`, or of all values; 1 of nothing. The gradient is right where values are 0, too."""
    def qr(self, some: builtins.bool = True) -> QR:
        """Q and R with A = Q R, reduced if `some`, else with a square Q; see `tc.linalg.qr`."""
    def quantile(self, q: builtins.float | Sequence[builtins.float] | Tensor, dim: builtins.int | None = None, keepdim: builtins.bool = False, *, interpolation: str = 'linear', axis: builtins.int | None = None, keepdims: builtins.bool = False) -> Tensor:
        """The q-quantiles along `dim`, or of all values; for several q, along a new first dim."""
    def rad2deg(self) -> Tensor:
        """Degrees from radians."""
    def random_(self, from_: builtins.int | None = None, to: builtins.int | None = None, *, generator: Generator | None = None) -> Tensor:
        """Fill the tensor with whole numbers from `from_` to `to` - 1; by default all that its dtype holds from 0 on."""
    def ravel(self) -> Tensor:
        """All values in one dim."""
    def reciprocal(self) -> Tensor:
        """1 / x, elementwise."""
    def reciprocal_(self) -> Tensor:
        """1 / x, elementwise."""
    def relu(self) -> Tensor:
        """max(x, 0), elementwise. The slope at 0 is 0."""
    def relu_(self) -> Tensor:
        """max(x, 0), elementwise. The slope at 0 is 0."""
    def remainder(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a modulo b with the sign of b, as Python's %."""
    def remainder_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """a modulo b with the sign of b, as Python's %."""
    def repeat(self, *repeats: builtins.int | Sequence[builtins.int]) -> Tensor:
        """Copies laid side by side along each dim, as `tc.tile`; every dim needs a number."""
    def repeat_interleave(self, repeats: builtins.int | Tensor, dim: builtins.int | None = None, *, output_size: builtins.int | None = None, axis: builtins.int | None = None) -> Tensor:
        """Each slice of a dim repeated on the spot, all equally often or each its own number of times."""
    def reshape(self, *shape: builtins.int | Sequence[builtins.int]) -> Tensor:
        """The same values, read in row order, in another shape; one length may be -1, and is then inferred."""
    def reshape_as(self, other: Tensor) -> Tensor:
        """As `reshape`, to the shape of `other`."""
    def resize_(self, *sizes: Any) -> Tensor:
        """Another shape in place: values are kept in row order, new ones are 0. Only outside the graph."""
    def roll(self, shifts: builtins.int | Sequence[builtins.int], dim: Dims = None, *, axis: Dims = None) -> Tensor:
        """Values shifted along `dim`; what leaves at one end enters at the other. Without `dim`, as one flat row."""
    def rot90(self, k: builtins.int = 1, dims: Sequence[builtins.int] = ...) -> Tensor:
        """Turned by k · 90° in the plane of two dims, from the first towards the second."""
    def round(self, *, decimals: builtins.int = 0) -> Tensor:
        """The nearest integers, halves to even; or with `decimals` digits after the point. The gradient is 0."""
    def round_(self, *, decimals: builtins.int = 0) -> Tensor:
        """In place: The nearest integers, halves to even; or with `decimals` digits after the point. The gradient is 0."""
    def rsqrt(self) -> Tensor:
        """1 / √x, elementwise."""
    def rsqrt_(self) -> Tensor:
        """1 / √x, elementwise."""
    def rsub(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """other - alpha · input, elementwise."""
    def scatter(self, dim: builtins.int, index: Tensor, src: Any = None, *, value: builtins.float | None = None, reduce: str | None = None) -> Tensor:
        """A copy with values of `src` written along a dim: out[index[i][j]][j] = src[i][j] for dim 0."""
    def scatter_(self, dim: builtins.int, index: Tensor, src: Any = None, *, value: builtins.float | None = None, reduce: str | None = None) -> Tensor:
        """In place: A copy with values of `src` written along a dim: out[index[i][j]][j] = src[i][j] for dim 0."""
    def scatter_add(self, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
        """A copy with values of `src` added along a dim: out[index[i][j]][j] += src[i][j] for dim 0."""
    def scatter_add_(self, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
        """In place: A copy with values of `src` added along a dim: out[index[i][j]][j] += src[i][j] for dim 0."""
    def select(self, dim: builtins.int, index: builtins.int) -> Tensor:
        """One slice of a dim, which is dropped: a view."""
    def sgn(self) -> Tensor:
        """-1, 0 or 1, elementwise; the gradient is 0."""
    def short(self) -> Tensor:
        """The tensor as int16, fractions cut off; itself if it has that dtype."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)), elementwise, without overflow."""
    def sigmoid_(self) -> Tensor:
        """1 / (1 + exp(-x)), elementwise, without overflow."""
    def sign(self) -> Tensor:
        """-1, 0 or 1, elementwise; the gradient is 0."""
    def sign_(self) -> Tensor:
        """-1, 0 or 1, elementwise; the gradient is 0."""
    def signbit(self) -> Tensor:
        """Whether each value has its sign bit set."""
    def sin(self) -> Tensor:
        """Sine of x in radians, elementwise."""
    def sin_(self) -> Tensor:
        """Sine of x in radians, elementwise."""
    def sinc(self) -> Tensor:
        """sin(πx) / (πx), and 1 at 0."""
    def sinc_(self) -> Tensor:
        """sin(πx) / (πx), and 1 at 0."""
    def sinh(self) -> Tensor:
        """Hyperbolic sine, elementwise."""
    def sinh_(self) -> Tensor:
        """Hyperbolic sine, elementwise."""
    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or the length of one dim."""
    def slogdet(self) -> Slogdet:
        """The sign of the determinant, and the logarithm of its magnitude: neither overflows."""
    def softmax(self, dim: builtins.int, dtype: DTypeLike | None = None) -> Tensor:
        """exp(x) / Σ exp(x) along a dim: positive, summing to 1; without overflow."""
    def sort(self, dim: builtins.int = -1, descending: builtins.bool = False, stable: builtins.bool = False, *, axis: builtins.int = -1) -> ValuesIndices:
        """The values in order along `dim`, and where each was: a named tuple (values, indices)."""
    def split(self, split_size_or_sections: builtins.int | Sequence[builtins.int], dim: builtins.int = 0, *, axis: builtins.int = 0) -> tuple[Tensor, ...]:
        """Parts of a dim: of one size (the last may be smaller), or of the sizes in a list."""
    def sqrt(self) -> Tensor:
        """Square root, elementwise. The slope at 0 is inf, but a zero cotangent gives 0 there."""
    def sqrt_(self) -> Tensor:
        """Square root, elementwise. The slope at 0 is inf, but a zero cotangent gives 0 there."""
    def square(self) -> Tensor:
        """x², elementwise."""
    def square_(self) -> Tensor:
        """x², elementwise."""
    def squeeze(self, dim: Dims = None, *, axis: Dims = None) -> Tensor:
        """Without the dims of length 1: all of them, or those of `dim` that have that length."""
    def squeeze_(self, dim: Dims = None, *, axis: Dims = None) -> Tensor:
        """In place: Without the dims of length 1: all of them, or those of `dim` that have that length."""
    def std(self, dim: Dims | builtins.bool = None, unbiased: builtins.bool | None = None, keepdim: builtins.bool = False, *, correction: builtins.float | None = None, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The standard deviation, the square root of `var`. Where it is 0 its gradient is taken as 0."""
    def std_mean(self, dim: Dims | builtins.bool = None, unbiased: builtins.bool | None = None, keepdim: builtins.bool = False, *, correction: builtins.float | None = None, axis: Dims = None, keepdims: builtins.bool = False) -> tuple[Tensor, Tensor]:
        """`std` and `mean`."""
    def storage_offset(self) -> builtins.int:
        """How many values lie before the first one in the memory that the tensor views."""
    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many values lie between neighbours along each dim, or along one."""
    def sub(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """input - alpha · other, elementwise."""
    def sub_(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """In place: input - alpha · other, elementwise."""
    def subtract(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """input - alpha · other, elementwise."""
    def subtract_(self, other: Value, *, alpha: builtins.float = 1) -> Tensor:
        """In place: input - alpha · other, elementwise."""
    def sum(self, dim: Dims = None, keepdim: builtins.bool = False, *, dtype: DTypeLike | None = None, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The sum over `dim`, or over all dims."""
    def svd(self, some: builtins.bool = True, compute_uv: builtins.bool = True) -> USV:
        """U, S and V (not its transpose) with A = U diag(S) Vᵀ; `tc.linalg.svd` gives Vᵀ."""
    def swapaxes(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """Two dims exchanged."""
    def swapaxes_(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """In place: Two dims exchanged."""
    def swapdims(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """Two dims exchanged."""
    def swapdims_(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """In place: Two dims exchanged."""
    def t(self) -> Tensor:
        """The transpose of a matrix; vectors and single values as they are."""
    def t_(self) -> Tensor:
        """In place: The transpose of a matrix; vectors and single values as they are."""
    def take(self, index: Tensor) -> Tensor:
        """Values of the flattened tensor, in the shape of `index`."""
    def take_along_dim(self, indices: Tensor, dim: builtins.int | None = None, *, axis: builtins.int | None = None) -> Tensor:
        """As `gather`, with input and indices broadcast against each other in the other dims."""
    def tan(self) -> Tensor:
        """Tangent of x in radians, elementwise."""
    def tan_(self) -> Tensor:
        """Tangent of x in radians, elementwise."""
    def tanh(self) -> Tensor:
        """Hyperbolic tangent; h' = 1 - h² (lecture, ch. 4)."""
    def tanh_(self) -> Tensor:
        """Hyperbolic tangent; h' = 1 - h² (lecture, ch. 4)."""
    def tensor_split(self, indices_or_sections: builtins.int | Sequence[builtins.int], dim: builtins.int = 0, *, axis: builtins.int = 0) -> tuple[Tensor, ...]:
        """Parts of a dim: a number of nearly equal ones, or cut at the given places."""
    def tile(self, *dims: builtins.int | Sequence[builtins.int]) -> Tensor:
        """Copies laid side by side; missing numbers, for the first dims, count as 1."""
    def to(self, *target: Any, dtype: DTypeLike | None = None, device: Any = None, other: Tensor | None = None, non_blocking: builtins.bool = False, copy: builtins.bool = False, memory_format: Any = None) -> Tensor:
        """The tensor with another dtype or on another device; itself if nothing changes and `copy` is False."""
    def topk(self, k: builtins.int, dim: builtins.int = -1, largest: builtins.bool = True, sorted: builtins.bool = True, *, axis: builtins.int = -1) -> ValuesIndices:
        """The `k` largest (or smallest) values along `dim` in order, and where each was."""
    def trace(self) -> Tensor:
        """The sum of the diagonal of a matrix."""
    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """Two dims exchanged."""
    def transpose_(self, dim0: builtins.int, dim1: builtins.int) -> Tensor:
        """In place: Two dims exchanged."""
    def tril(self, diagonal: builtins.int = 0) -> Tensor:
        """The lower triangle: values above the diagonal replaced by 0."""
    def tril_(self, diagonal: builtins.int = 0) -> Tensor:
        """In place: The lower triangle: values above the diagonal replaced by 0."""
    def triu(self, diagonal: builtins.int = 0) -> Tensor:
        """The upper triangle: values below the diagonal replaced by 0."""
    def triu_(self, diagonal: builtins.int = 0) -> Tensor:
        """In place: The upper triangle: values below the diagonal replaced by 0."""
    def true_divide(self, other: Value, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, elementwise; of integers too a float."""
    def true_divide_(self, other: Value, *, rounding_mode: str | None = None) -> Tensor:
        """In place: input / other, elementwise; of integers too a float."""
    def trunc(self) -> Tensor:
        """x without its fraction; the gradient is 0."""
    def trunc_(self) -> Tensor:
        """x without its fraction; the gradient is 0."""
    def type(self, dtype: Any = None, non_blocking: builtins.bool = False) -> Any:
        """The tensor in another dtype, named by a dtype or a legacy name; without one, the legacy name of its own."""
    def type_as(self, other: Tensor) -> Tensor:
        """The tensor in the dtype of another."""
    def unbind(self, dim: builtins.int = 0, *, axis: builtins.int = 0) -> tuple[Tensor, ...]:
        """All slices of a dim, which is dropped."""
    def unflatten(self, dim: builtins.int, sizes: Sequence[builtins.int]) -> Tensor:
        """One dim as several; one of `sizes` may be -1."""
    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """Windows of `size` along a dim, `step` apart, their values in a new last dim."""
    def uniform_(self, from_: builtins.float = 0.0, to: builtins.float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill the tensor with numbers uniform on [from, to)."""
    def unique(self, sorted: builtins.bool = True, return_inverse: builtins.bool = False, return_counts: builtins.bool = False, dim: builtins.int | None = None) -> Any:
        """The different values, in order; with `dim`, the different slices of it."""
    def unique_consecutive(self, return_inverse: builtins.bool = False, return_counts: builtins.bool = False) -> Any:
        """The values of the flattened tensor without immediate repetitions."""
    def unsqueeze(self, dim: builtins.int, *, axis: builtins.int | None = None) -> Tensor:
        """With a new dim of length 1 at `dim`."""
    def unsqueeze_(self, dim: builtins.int, *, axis: builtins.int | None = None) -> Tensor:
        """In place: With a new dim of length 1 at `dim`."""
    def var(self, dim: Dims | builtins.bool = None, unbiased: builtins.bool | None = None, keepdim: builtins.bool = False, *, correction: builtins.float | None = None, axis: Dims = None, keepdims: builtins.bool = False) -> Tensor:
        """The variance Σ(x - mean)² / (n - correction) over `dim`, or of all values."""
    def var_mean(self, dim: Dims | builtins.bool = None, unbiased: builtins.bool | None = None, keepdim: builtins.bool = False, *, correction: builtins.float | None = None, axis: Dims = None, keepdims: builtins.bool = False) -> tuple[Tensor, Tensor]:
        """`var` and `mean`."""
    def vdot(self, other: Tensor) -> Tensor:
        """The inner product of two vectors."""
    def view(self, *shape: Any) -> Tensor:
        """As `reshape`; with a dtype of the same width instead of a shape, the same bytes read as that dtype."""
    def view_as(self, other: Tensor) -> Tensor:
        """As `reshape`, to the shape of `other`."""
    def vsplit(self, indices_or_sections: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]:
        """As `tensor_split`, along dim 0."""
    def where(self, condition: Tensor, other: Tensor | builtins.float) -> Tensor:
        """The tensor where the condition is true, else `other`."""
    def xlogy(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """x log y, elementwise; 0 where x is 0, also at y = 0, with gradient 0 there."""
    def xlogy_(self, other: Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]) -> Tensor:
        """x log y, elementwise; 0 where x is 0, also at y = 0, with gradient 0 there."""
    def zero_(self) -> Tensor:
        """In place: All values replaced by 0."""
    @property
    def T(self) -> Tensor:
        """The tensor with its dims in reverse order."""
    @property
    def device(self) -> device:
        """Where the values are: the CPU."""
    @property
    def is_cpu(self) -> builtins.bool:
        """True: all tensors are on the CPU."""
    @property
    def is_cuda(self) -> builtins.bool:
        """False: there is no GPU."""
    @property
    def is_sparse(self) -> builtins.bool:
        """False: all tensors are dense."""
    @property
    def mT(self) -> Tensor:
        """The matrices transposed: the last two dims exchanged."""
