"""The rules about products of matrices that ``simplify`` knows: a transpose becomes part of the product.

What is left is ``matmul`` of operands that are transposed or not, which is what BLAS and compilers take as flags: a
``matrix_transpose`` right before a product costs nothing, and one after it is moved before it, or away. Contractions
that are products of matrices become ones; in others, the order of axes is in the subscripts.
"""

from __future__ import annotations

from typing import Any

from chainrule.passes.patterns import Rule, spec_of_operand
from chainrule.passes.shapes import shape_of


def terms_of(subscripts: str) -> list[str]:
    """The letters of each operand, then those of the result."""
    return subscripts.replace("->", ",").split(",")


def respelled(subscripts: str) -> str:
    """The same subscripts with letters a, b, c … in the order in which they come."""
    names: dict[str, str] = {}
    return "".join(names.setdefault(k, chr(97 + len(names))) if k.isalpha() else k for k in subscripts)


def reads(form: str) -> Any:
    return lambda s, **_bound: respelled(s) == form


def are_matrices(x: Any, y: Any) -> bool:
    return len(shape_of(x)) > 1 and len(shape_of(y)) > 1


def sums_nothing(x: Any, y: Any) -> bool:
    """Whether the elements of the product are products, of one column and one row."""
    return are_matrices(x, y) and shape_of(x)[-1] == 1 and spec_of_operand(x).dtype.kind != "b"


def is_matrix_and_vector(x: Any, y: Any) -> bool:
    return len(shape_of(x)) == 2 and len(shape_of(y)) == 1


def is_vector_and_matrix(x: Any, y: Any) -> bool:
    return is_matrix_and_vector(y, x)


def _with(terms: list[str]) -> str:
    return f"{','.join(terms[:-1])}->{terms[-1]}"


def reordered(place: int, turned: bool) -> Any:
    """The subscripts of a contraction in whose term ``place`` the axes come in their order before it was changed."""

    def subscripts(_out: Any, s: Any, a: Any = (), **_bound: Any) -> str:
        terms = terms_of(s)
        term = terms[place]
        if turned:
            terms[place] = term[:-2] + term[-1] + term[-2]
        elif place < 0:
            terms[place] = "".join(term[axis] for axis in a)
        else:
            # Axis i of what the contraction sees was axis a[i] before.
            terms[place] = "".join(letter for _, letter in sorted(zip(a, term, strict=True)))
        return _with(terms)

    return subscripts


# Two operands of which one letter is summed, and what they are as products of matrices.
FORMS = {
    "a,a->": "matmul(x, y)",
    "ab,b->a": "matmul(x, y)",
    "ab,a->b": "matmul(y, x)",
    "a,ab->b": "matmul(x, y)",
    "a,ba->b": "matmul(y, x)",
    "ab,bc->ac": "matmul(x, y)",
    "ab,bc->ca": "matmul(matrix_transpose(y), matrix_transpose(x))",
    "ab,cb->ac": "matmul(x, matrix_transpose(y))",
    "ab,cb->ca": "matmul(y, matrix_transpose(x))",
    "ab,ac->bc": "matmul(matrix_transpose(x), y)",
    "ab,ac->cb": "matmul(matrix_transpose(y), x)",
    "ab,ca->bc": "matmul(matrix_transpose(x), matrix_transpose(y))",
    "ab,ca->cb": "matmul(y, x)",
    "abc,acd->abd": "matmul(x, y)",
    "abc,adc->abd": "matmul(x, matrix_transpose(y))",
    "abc,abd->acd": "matmul(matrix_transpose(x), y)",
}


def rules() -> list[Rule]:
    """The rules about products of matrices."""
    return [
        Rule("matmul(matrix_transpose(x), matrix_transpose(y))", "matrix_transpose(matmul(y, x))", are_matrices),
        Rule(
            "matrix_transpose(matmul(matrix_transpose(x), y))",
            "matmul(matrix_transpose(y), x)",
            are_matrices,
            once="matmul",
        ),
        Rule(
            "matrix_transpose(matmul(x, matrix_transpose(y)))",
            "matmul(y, matrix_transpose(x))",
            are_matrices,
            once="matmul",
        ),
        Rule("matmul(x, y)", "multiply(x, y)", sums_nothing),
        Rule("matmul(matrix_transpose(x), y)", "matmul(y, x)", is_matrix_and_vector),
        Rule("matmul(x, matrix_transpose(y))", "matmul(y, x)", is_vector_and_matrix),
        *(Rule("contract(x, y, subscripts=s)", replacement, reads(form)) for form, replacement in FORMS.items()),
        *(
            Rule(
                f"contract({pattern}, subscripts=s)",
                f"contract({plain}, subscripts=t)",
                let={"t": reordered(place, turned)},
            )
            for call, turned in (("permute_dims({}, axes=a)", False), ("matrix_transpose({})", True))
            for pattern, plain, place in (
                (f"{call.format('x')}, y", "x, y", 0),
                (f"x, {call.format('y')}", "x, y", 1),
                (f"{call.format('x')}, y, z", "x, y, z", 0),
                (f"x, {call.format('y')}, z", "x, y, z", 1),
                (f"x, y, {call.format('z')}", "x, y, z", 2),
            )
        ),
        *(
            Rule(pattern, f"contract({names}, subscripts=t)", once="contract", let={"t": reordered(-1, turned)})
            for names in ("x, y", "x, y, z")
            for pattern, turned in (
                (f"permute_dims(contract({names}, subscripts=s), axes=a)", False),
                (f"matrix_transpose(contract({names}, subscripts=s))", True),
            )
        ),
    ]
