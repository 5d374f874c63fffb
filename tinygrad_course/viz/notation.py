r"""How terms are written: as LaTeX, and as NumPy expressions that can be evaluated.

`FORMS` has both forms of each operation, of its forward only. An operation without an entry is written as a function
of its name, which `functions` provides to who evaluates the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isfinite
from typing import Any

from .terms import Term, number

__all__ = ["FORMS", "latex", "latex_number", "text"]

# How tightly a form binds: what is looser than its place asks for is put in parentheses.
TEST, SUM, PRODUCT, MATRIX, ATOM = range(5)


def _function(ours: str, numpy: str, board: str) -> tuple[str, tuple[str, str, int]]:
    escaped = board.replace("{", "{{").replace("}", "}}")
    return ours, (f"np.{numpy}({{0}})", rf"{escaped}\left({{0}}\right)", ATOM)


def _test(ours: str, sign: str, board: str) -> tuple[str, tuple[str, str, int]]:
    return ours, (f"{{0:1}} {sign} {{1:1}}", rf"\left[{{0}} {board} {{1}}\right]", TEST)


def _roman(word: str) -> str:
    escaped = word.replace("_", r"\_")
    return rf"\mathrm{{{escaped}}}"


# name: (text, LaTeX, how tightly the text binds; LaTeX forms are atoms). {0:4} is argument 0, as tight as level 4.
FORMS: dict[str, tuple[str, str, int]] = dict([
    *(_function(f, f, rf"\{f}") for f in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh")),
    *(_function(f"a{f}", f"arc{f}", rf"\arc{f}") for f in ("sin", "cos", "tan")),
    *(_function(f"a{f}", f"arc{f}", _roman(f"ar{f}")) for f in ("sinh", "cosh", "tanh")),
    *(_function(f, f, _roman(f)) for f in ("sign", "trunc", "isnan", "isinf", "isfinite", "signbit", "sinc", "expm1",
                                           "log1p")),
    _function("log", "log", r"\ln"), _function("log2", "log2", r"\log_{2}"), _function("log10", "log10", r"\log_{10}"),
    *(_test(*row) for row in (("eq", "==", "="), ("ne", "!=", r"\neq"), ("lt", "<", "<"), ("le", "<=", r"\leq"),
                              ("gt", ">", ">"), ("ge", ">=", r"\geq"))),
])  # fmt: skip
_SIGMOID = "1 / (1 + np.exp(-{0:4}))"
FORMS |= {
    "exp2": ("2 ** {0:4}", "{{2}}^{{{0}}}", PRODUCT),
    "sigmoid": (_SIGMOID, r"\sigma\left({0}\right)", PRODUCT),
    "abs": ("np.abs({0})", r"\left|{0}\right|", ATOM),
    "floor": ("np.floor({0})", r"\left\lfloor {0}\right\rfloor", ATOM),
    "ceil": ("np.ceil({0})", r"\left\lceil {0}\right\rceil", ATOM),
    "frac": ("{0:4} - np.trunc({0})", r"\mathrm{{frac}}\left({0}\right)", SUM),
    "maximum": ("np.maximum({0}, {1})", r"\max\left({0}, {1}\right)", ATOM),
    "minimum": ("np.minimum({0}, {1})", r"\min\left({0}, {1}\right)", ATOM),
    "power_of": ("{0:4} ** {1:4}", "{{{0:4}}}^{{{1}}}", PRODUCT),
    "remainder": ("np.remainder({0}, {1})", r"\left({0} \,\mathrm{{mod}}\, {1}\right)", ATOM),
    "fmod": ("np.fmod({0}, {1})", r"\mathrm{{fmod}}\left({0}, {1}\right)", ATOM),
    "floor_divide": ("np.floor_divide({0}, {1})", r"\left\lfloor \frac{{{0}}}{{{1}}}\right\rfloor", ATOM),
    "copysign": ("np.copysign({0}, {1})", r"\left|{0}\right| \mathrm{{sign}}\left({1}\right)", ATOM),
    "hypot": ("np.hypot({0}, {1})", r"\sqrt{{{0:4}^{{2}} + {1:4}^{{2}}}}", ATOM),
    "atan2": ("np.arctan2({0}, {1})", r"\mathrm{{atan2}}\left({0}, {1}\right)", ATOM),
    "ldexp": ("{0:4} * np.exp2({1})", r"{0:4} \cdot {{2}}^{{{1}}}", PRODUCT),
    "logaddexp": ("np.logaddexp({0}, {1})", r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)", ATOM),
    "logaddexp2": ("np.logaddexp2({0}, {1})", r"\log_{{2}}\left(2^{{{0}}} + 2^{{{1}}}\right)", ATOM),
    "heaviside": ("np.heaviside({0}, {1})", r"\mathrm{{H}}\left({0}\right)", ATOM),
    "logical_and": ("np.logical_and({0}, {1})", r"{0} {1}", ATOM),
    "logical_or": ("np.logical_or({0}, {1})", r"\left[{0} \vee {1}\right]", ATOM),
    "logical_not": ("np.logical_not({0})", r"\left[\neg {0}\right]", ATOM),
    "where": ("np.where({0}, {1}, {2})", r"\left({1} \,\mathrm{{if}}\, {0} \,\mathrm{{else}}\, {2}\right)", ATOM),
    "one_hot": ("one_hot({0}, classes={classes})", r"\mathrm{{onehot}}\left({0}\right)", ATOM),
    # special functions
    "erf": ("erf({0})", r"\mathrm{{erf}}\left({0}\right)", ATOM),
    "erfc": ("erfc({0})", r"\mathrm{{erfc}}\left({0}\right)", ATOM),
    "erfinv": ("erfinv({0})", r"\mathrm{{erf}}^{{-1}}\left({0}\right)", ATOM),
    "ndtr": ("ndtr({0})", r"\Phi\left({0}\right)", ATOM),
    "xlogy": ("xlogy({0}, {1})", r"{0:4} \ln\left({1}\right)", ATOM),
    "logit": ("logit({0}, eps={eps})", r"\ln\left(\frac{{{0}}}{{1 - {0:4}}}\right)", ATOM),
    "lgamma": ("lgamma({0})", r"\ln\Gamma\left({0}\right)", ATOM),
    "polygamma": ("polygamma({0}, n={n})", r"\psi^{{({n})}}\left({0}\right)", ATOM),
    # activations
    "relu": ("np.maximum({0}, 0)", r"\max\left({0}, 0\right)", ATOM),
    "leaky_relu": ("np.where({0:1} > 0, {0}, {negative_slope} * {0:4})",
                   r"\mathrm{{leakyrelu}}\left({0}\right)", ATOM),
    "prelu": ("np.where({0:1} > 0, {0}, {1:4} * {0:4})", r"\mathrm{{prelu}}\left({0}, {1}\right)", ATOM),
    "elu": ("elu({0}, alpha={alpha}, scale={scale}, input_scale={input_scale})",
            r"\mathrm{{elu}}\left({0}\right)", ATOM),
    "hardtanh": ("np.clip({0}, {min_val}, {max_val})",
                 r"\min\left(\max\left({0}, {min_val}\right), {max_val}\right)", ATOM),
    "clamp": ("clamp({args}{keywords})", r"\mathrm{{clamp}}\left({args}\right)", ATOM),
    "hardsigmoid": ("np.clip({0:4} / 6 + 0.5, 0, 1)", r"\mathrm{{hardsigmoid}}\left({0}\right)", ATOM),
    "hardswish": ("{0:4} * np.clip({0:4} + 3, 0, 6) / 6", r"\mathrm{{hardswish}}\left({0}\right)", PRODUCT),
    "softshrink": ("{0:4} - np.clip({0}, -{lambd}, {lambd})", r"\mathrm{{softshrink}}\left({0}\right)", SUM),
    "hardshrink": ("np.where(np.abs({0}) <= {lambd}, 0, {0})", r"\mathrm{{hardshrink}}\left({0}\right)", ATOM),
    "threshold": ("np.where({0:1} <= {threshold}, {value}, {0})", r"\mathrm{{threshold}}\left({0}\right)", ATOM),
    "softplus": ("np.logaddexp({beta} * {0:4}, 0) / {beta}",
                 r"\mathrm{{softplus}}\left({0}\right)", PRODUCT),
    "logsigmoid": ("-np.logaddexp(0, -{0:4})", r"\ln\sigma\left({0}\right)", SUM),
    "silu": ("{0:4} / (1 + np.exp(-{0:4}))", r"{0:4} \odot \sigma\left({0}\right)", PRODUCT),
    "mish": ("{0:4} * np.tanh(np.logaddexp({0}, 0))",
             r"{0:4} \odot \tanh\left(\mathrm{{softplus}}\left({0}\right)\right)", PRODUCT),
    "gelu": ("{0:4} * ndtr({0})", r"{0:4} \odot \Phi\left({0}\right)", PRODUCT),
    "gelu_tanh": ("gelu_tanh({0})", r"\mathrm{{gelu}}\left({0}\right)", ATOM),
    "softsign": ("{0:4} / (1 + np.abs({0}))", r"\frac{{{0}}}{{1 + \left|{0}\right|}}", PRODUCT),
    "tanhshrink": ("{0:4} - np.tanh({0})", r"\left({0:1} - \tanh\left({0}\right)\right)", SUM),
    "softmax": ("softmax({0}, dim={dim})", r"\mathrm{{softmax}}\left({0}\right)", ATOM),
    "log_softmax": ("log_softmax({0}, dim={dim})", r"\ln\mathrm{{softmax}}\left({0}\right)", ATOM),
    # losses
    "cross_entropy": ("cross_entropy({0}, {1}, ignore_index={ignore_index})",
                      r"\left(-\ln\mathrm{{softmax}}\left({0}\right)_{{{1}}}\right)", ATOM),
    "binary_cross_entropy": ("binary_cross_entropy({0}, {1})",
                             r"\left(-{1:4} \odot \ln {0:4} "
                             r"- \left(1 - {1:4}\right) \odot \ln\left(1 - {0:4}\right)\right)", ATOM),
    "binary_cross_entropy_with_logits": (
        "np.logaddexp(0, {0}) - {0:4} * {1:4}",
        r"\left(\ln\left(1 + e^{{{0}}}\right) - {0:4} \odot {1:4}\right)", SUM),
    "huber": ("huber({0}, delta={delta})", r"\mathrm{{huber}}\left({0}\right)", ATOM),
    # reductions
    "mean": ("np.mean({0}{over})", r"\mathrm{{mean}}{under}\left({0}\right)", ATOM),
    "prod": ("np.prod({0}{over})", r"\prod{under} {0:4}", ATOM),
    "amax": ("np.max({0}{over})", r"\max{under}\left({0}\right)", ATOM),
    "amin": ("np.min({0}{over})", r"\min{under}\left({0}\right)", ATOM),
    "var": ("np.var({0}{over}, ddof={correction})", r"\mathrm{{var}}{under}\left({0}\right)", ATOM),
    "std": ("np.std({0}{over}, ddof={correction})", r"\mathrm{{std}}{under}\left({0}\right)", ATOM),
    "logsumexp": ("np.log(np.sum(np.exp({0}){over}))", r"\ln\sum{under} e^{{{0}}}", ATOM),
    "norm": ("norm({args}{keywords})", r"\left\Vert {0}\right\Vert{under}", ATOM),
    "all": ("np.all({0}{over})", r"\mathrm{{all}}\left({0}\right)", ATOM),
    "any": ("np.any({0}{over})", r"\mathrm{{any}}\left({0}\right)", ATOM),
    "cumsum": ("cumsum({args}{keywords})", r"\mathrm{{cumsum}}\left({0}\right)", ATOM),
    "cumprod": ("cumprod({args}{keywords})", r"\mathrm{{cumprod}}\left({0}\right)", ATOM),
    # matrices
    "einsum": ("einsum({args}{keywords})", r"\mathrm{{einsum}}\left({args}\right)", ATOM),
    "inv": ("np.linalg.inv({0})", r"{{{0:4}}}^{{-1}}", ATOM),
    "det": ("np.linalg.det({0})", r"\det\left({0}\right)", ATOM),
    "solve": ("np.linalg.solve({0}, {1})", r"{{{0:4}}}^{{-1}} {1:4}", ATOM),
    "pinv": ("pinv({args}{keywords})", r"{{{0:4}}}^{{+}}", ATOM),
    "tril": ("tril({args}{keywords})", r"\mathrm{{tril}}\left({0}\right)", ATOM),
    "triu": ("triu({args}{keywords})", r"\mathrm{{triu}}\left({0}\right)", ATOM),
    "getitem": ("getitem({args}{keywords})", r"{{{0:4}}}_{{\left[\cdot\right]}}", ATOM),
    "pick": ("{0:4}[{index}]", r"\left({0}\right)_{{{index}}}", ATOM),
}  # fmt: skip


class _Argument:
    """An argument in a template: "{0}" as it is, "{0:4}" in parentheses if it binds less tightly than level 4."""

    def __init__(self, term: Term, write: Callable[[Term, int], str]) -> None:
        self.term, self.write = term, write

    def __format__(self, spec: str) -> str:
        return self.write(self.term, int(spec or TEST))


def _keywords(term: Term) -> dict[str, str]:
    """The parameters of an operation, as templates name them."""
    params = dict(term.params)
    shown = {key: getattr(value, "text", None) or repr(value) for key, value in params.items()}
    axis, keepdims = params.get("axis"), params.get("keepdims", False)
    shown["over"] = ("" if axis is None else f", axis={axis}") + (", keepdims=True" if keepdims else "")
    shown["under"] = "" if axis is None else _over(axis)
    shown["keywords"] = "".join(f", {key}={shown[key]}" for key in params)
    shown.setdefault("correction", "1")
    return shown


def _over(axis: Any) -> str:
    axes = ",".join(map(str, axis)) if isinstance(axis, tuple) else axis
    return rf"_{{\mathrm{{axis}}\,{axes}}}"


def _fill(form: str, term: Term, write: Callable[[Term, int], str]) -> str:
    args = ", ".join(_as_array(a) if write is text and not a.shape else write(a, TEST) for a in term.args)
    return form.format(*(_Argument(a, write) for a in term.args), args=args, **_keywords(term))


def _as_array(term: Term) -> str:
    """A single value as an array: functions of the package expect no less."""
    return f"np.asarray({repr(term.value) if term.op == 'number' else text(term)})"


def _fraction(value: float) -> tuple[float, int]:
    """A number as a short fraction, if it is one."""
    if value == value // 1 and abs(value) < 1e15:
        return int(value), 1
    near = Fraction(value if isfinite(value) else 0).limit_denominator(9999)
    if near and abs(float(near) - value) <= 2e-16 * abs(value):
        return near.numerator, near.denominator
    return value, 1


def _divided(term: Term) -> tuple[float, int, list[Term], list[Term]]:
    """A product as (number, denominator's number, factors above, factors below)."""
    value, below = 1.0, 1
    above: list[Term] = []
    under: list[Term] = []
    for factor in term.args if term.op == "times" else (term,):
        if factor.op == "number":
            value, below = _fraction(factor.value)
        elif factor.op == "power" and factor.value < 0:
            base, exponent = factor.args[0], -factor.value
            under.append(base if exponent == 1 else Term("power", (base,), (("exponent", exponent),), base.shape))
        else:
            above.append(factor)
    return value, below, above, under


# --- Text -----------------------------------------------------------------------------------------------------------


def text(term: Term, level: int = TEST) -> str:
    """A term as a Python expression in names, `np` and functions of operations."""
    form, binds = _text(term)
    return form if binds >= level else f"({form})"


def _plain(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _text(term: Term) -> tuple[str, int]:
    op = term.op
    if op == "name":
        return term.value.text, ATOM
    if op == "number":
        form = _plain(term.value)
        if form in ("inf", "-inf", "nan"):
            form = form.replace("inf", "np.inf").replace("nan", "np.nan")
        return form, SUM if form.startswith("-") else ATOM
    if op == "plus":
        return _text_sum(term), SUM
    if op == "times" or (op == "power" and term.value < 0):
        return _text_product(term)
    if op == "power":
        base, exponent = term.args[0], term.value
        if exponent == 0.5:
            return f"np.sqrt({text(base)})", ATOM
        return f"{text(base, ATOM)}**{_plain(exponent)}", MATRIX
    if op == "matmul":
        a, b = term.args
        return f"{text(a, MATRIX if a.op == 'matmul' else ATOM)} @ {text(b, ATOM)}", PRODUCT
    if op == "permute":
        dims = dict(term.params)["dims"]
        inner = text(term.args[0], ATOM)
        return (f"{inner}.T" if dims == tuple(reversed(range(len(dims)))) else f"{inner}.transpose{dims}"), ATOM
    if op == "sum":
        return f"np.sum({text(term.args[0])}{_keywords(term)['over']})", ATOM
    if op == "expand":
        bare = term.args[0]
        return f"np.broadcast_to({repr(bare.value) if bare.op == 'number' else text(bare)}, {term.shape})", ATOM
    if op == "reshape":
        return f"np.reshape({text(term.args[0])}, {term.shape})", ATOM
    template, _, binds = FORMS.get(op, (f"{op}({{args}}{{keywords}})", "", ATOM))
    return _fill(template, term, text), binds


def _text_sum(term: Term) -> str:
    parts = []
    for i, part in enumerate(term.args):
        value, _, above, _ = _divided(part)
        if value == -1 and len(above) == 1 and above[0].boolean:  # NumPy has no -True
            form = f"-{'' if i else '1.0 * '}{text(above[0], ATOM)}"
        else:
            form = f"1.0 * {text(part, ATOM)}" if part.boolean and not i else text(part, SUM + part.boolean)
        if i and not form.startswith("-"):
            form = f"+ {form}"
        elif i:
            form = f"- {form[1:]}"
        parts.append(form)
    return " ".join(parts)


def _text_product(term: Term) -> tuple[str, int]:
    value, below, above, under = _divided(term)
    if value == -1 and above and not above[0].boolean:
        sign, numbers = "-", []
    else:
        sign, numbers = "", [] if value == 1 and above else [_plain(value)]
    head = " * ".join(
        [*numbers, *(text(a, ATOM if a.op in ("matmul", "times") or len(above) > 1 else MATRIX) for a in above)]
    )
    factors = [*([str(below)] if below != 1 else []), *(text(u, ATOM) for u in under)]
    if not factors:
        return sign + head, SUM if sign or head.startswith("-") else PRODUCT
    bottom = factors[0] if len(factors) == 1 else f"({' * '.join(factors)})"
    return f"{sign}{head} / {bottom}", SUM if sign or head.startswith("-") else PRODUCT


# --- LaTeX ----------------------------------------------------------------------------------------------------------


def latex(term: Term, level: int = TEST) -> str:
    """A term as LaTeX."""
    form, binds = _latex(term)
    return form if binds >= level else rf"\left({form}\right)"


def latex_number(value: float) -> str:
    """A number as LaTeX: 3, -0.25, 1.2 · 10⁻⁵."""
    form = f"{value:.6g}"
    if "e" in form:
        digits, power = form.split("e")
        return rf"{digits} \cdot 10^{{{int(power)}}}"
    return form.replace("inf", r"\infty").replace("nan", r"\mathrm{NaN}")


def _latex(term: Term) -> tuple[str, int]:
    op = term.op
    if op == "name":
        return term.value.latex, ATOM
    if op == "number":
        below = _fraction(term.value)[1]
        if below != 1 and below < 100:
            return _latex_product(Term("times", (number(term.value),)))
        form = latex_number(term.value)
        return form, SUM if form.startswith("-") else ATOM
    if op == "plus":
        parts = [latex(part, SUM) for part in term.args]
        joined = [p if not i else f"- {p[1:].lstrip()}" if p.startswith("-") else f"+ {p}" for i, p in enumerate(parts)]
        return " ".join(joined), SUM
    if op == "times" or (op == "power" and term.value < 0):
        return _latex_product(term)
    if op == "power":
        base, exponent = term.args[0], term.value
        if exponent == 0.5:
            return rf"\sqrt{{{latex(base)}}}", ATOM
        inner = latex(base, ATOM)
        if base.op == "name" and "^" in inner:  # not to be read as one upper index
            inner = rf"\left({inner}\right)"
        return f"{{{inner}}}^{{{latex_number(exponent)}}}", ATOM
    if op == "matmul":
        a, b = term.args
        return f"{latex(a, MATRIX)} {latex(b, MATRIX)}", MATRIX
    if op == "permute":
        return rf"{{{latex(term.args[0], ATOM)}}}^{{\top}}", ATOM
    if op == "sum":
        axis = dict(term.params)["axis"]
        return rf"\sum{'' if axis is None else _over(axis)} {latex(term.args[0], PRODUCT)}", PRODUCT
    if op == "expand":
        return latex(term.args[0]), _latex(term.args[0])[1]
    if op == "reshape":  # on the board a row is a row, whatever its shape says
        return _latex(term.args[0])
    generic = _roman(op).replace("{", "{{").replace("}", "}}") + r"\left({args}\right)"
    return _fill(FORMS.get(op, ("", generic))[1], term, latex), ATOM


def _latex_product(term: Term) -> tuple[str, int]:
    value, below, above, under = _divided(term)
    sign = "-" if value < 0 else ""
    value = abs(value)
    head = _joined(above)
    if under:
        if value != 1 or not above:
            head = rf"{latex_number(value)} \, {head}" if above else latex_number(value)
        bottom = _joined(under) if below == 1 else rf"{below} \, {_joined(under)}"
        return rf"{sign}\frac{{{head}}}{{{bottom}}}", SUM if sign else ATOM
    count = rf"\frac{{{latex_number(value)}}}{{{below}}}" if below != 1 else latex_number(value)
    if not above:
        return sign + count, SUM if sign else ATOM
    form = head if value == 1 and below == 1 else rf"{count} \, {_joined(above, MATRIX)}"
    return sign + form, SUM if sign else PRODUCT


def _joined(factors: Sequence[Term], alone: int = TEST) -> str:
    """Factors side by side, or with ⊙ between two arrays."""
    if len(factors) == 1:
        inner = factors[0]
        return latex(inner, PRODUCT if inner.op == "sum" else alone)
    form = ""
    before: Term | None = None
    for factor in factors:
        if before is not None:
            form += r" \odot " if before.shape and factor.shape else r" \, "
        last = factor is factors[-1]
        form += latex(factor, PRODUCT if last and factor.op == "sum" else ATOM)
        before = factor
    return form
