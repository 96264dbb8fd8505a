"""Every function of the standard is there, and can be called in every way that the standard calls it."""

import ast
import inspect
import math

import pytest

import chainrule as cr
from array_api.signatures import ATTRIBUTES, CONSTANTS, FUNCTIONS, OPERATORS

HOMES = {"": cr, "linalg": cr.linalg, "fft": cr.fft, "Tensor": cr.Tensor}
P = inspect.Parameter


def parsed(text):
    """The signature that a line such as ``sum(x, /, *, axis=None)`` writes down."""
    name, _, rest = text.partition("(")
    args = ast.parse(f"lambda {rest[:-1]}: 0", mode="eval").body.args
    literal = [ast.literal_eval(default) for default in args.defaults]
    positional = [
        *((a, P.POSITIONAL_ONLY) for a in args.posonlyargs),
        *((a, P.POSITIONAL_OR_KEYWORD) for a in args.args),
    ]
    given = [P.empty] * (len(positional) - len(literal)) + literal
    parameters = [P(a.arg, kind, default=default) for (a, kind), default in zip(positional, given, strict=True)]
    if args.vararg:
        parameters.append(P(args.vararg.arg, P.VAR_POSITIONAL))
    for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        parameters.append(P(a.arg, P.KEYWORD_ONLY, default=P.empty if default is None else ast.literal_eval(default)))
    return name, inspect.Signature(parameters)


CASES = [(home, *parsed(line.strip())) for home, text in FUNCTIONS.items() for line in text.split("\n") if line.strip()]
CASES += [
    ("Tensor", f"__{prefix}{name}__", inspect.Signature([P("self", P.POSITIONAL_ONLY), P("other", P.POSITIONAL_ONLY)]))
    for prefix in "ri"
    for name in OPERATORS
]


@pytest.mark.parametrize(("home", "name", "wanted"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_function_takes_what_the_standard_gives(home, name, wanted):
    ours = inspect.signature(getattr(HOMES[home], name)).parameters
    places = [p for p in ours.values() if p.kind in (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD)]
    for i, p in enumerate(wanted.parameters.values()):
        if p.kind is P.VAR_POSITIONAL:
            assert any(q.kind is P.VAR_POSITIONAL for q in ours.values())
            continue
        if p.kind is not P.KEYWORD_ONLY:
            assert i < len(places) or any(q.kind is P.VAR_POSITIONAL for q in ours.values()), f"no place for {p}"
            found = places[i]
        if p.kind is not P.POSITIONAL_ONLY:
            assert p.name in ours, f"no parameter {p}"
            assert ours[p.name].kind in (P.POSITIONAL_OR_KEYWORD, P.KEYWORD_ONLY)
            found = ours[p.name]
            assert p.kind is P.KEYWORD_ONLY or places[i].name == p.name
        if p.default is not P.empty:
            assert found.default == p.default, f"the default of {p}"
    known = {p.name for p in wanted.parameters.values()} | {p.name for p in places[: len(wanted.parameters)]}
    rest = [p for p in ours.values() if p.name not in known and p.kind not in (P.VAR_POSITIONAL, P.VAR_KEYWORD)]
    assert [p for p in rest if p.default is P.empty] == [], "the standard does not give these"


def test_constants():
    assert {name: getattr(cr, name) for name in CONSTANTS} == CONSTANTS
    assert math.isnan(cr.nan)
    assert cr.__array_api_version__ == "2024.12"


def test_attributes():
    x = cr.ones((2, 3))
    assert [hasattr(x, name) for name in ATTRIBUTES] == [True] * len(ATTRIBUTES)
    assert (x.ndim, x.shape, x.size, x.dtype, x.T.shape, x.mT.shape) == (2, (2, 3), 6, cr.float64, (3, 2), (3, 2))
    with pytest.raises(cr.ShapeError, match=r"\[matrix_transpose\] an operand of shape \(3,\) is no matrix"):
        cr.ones(3).mT


def test_a_signature_is_what_a_call_takes():
    """What ``inspect`` tells is not only said: positions and names both work."""
    x = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    for name in ("sum", "mean", "max", "std"):
        assert inspect.signature(getattr(cr, name)).bind(x, axis=0, keepdims=True)
        assert getattr(cr, name)(x, axis=0, keepdims=True).shape == (1, 2)
    with pytest.raises(TypeError, match=r"0 arguments were given"):
        cr.sum(x=x)
