"""Products."""

import numpy as np

from samples.drawing import Row, call, draw, row

ROWS: dict[str, Row] = {
    "matmul": row(
        np.matmul,
        call(draw((2, 3)), draw((3, 4))),
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3,))),
        call(draw((3,)), draw((3, 2))),
        call(draw((2, 1, 2, 3)), draw((3, 3, 2))),
        call(draw((2, 2, 3)), draw((3,))),
        call(draw((3,)), draw((2, 3, 2))),
        call(draw((2, 2, 3)), draw((3, 2))),
        call(draw((2, 3)), draw((2, 3, 2))),
        call(draw((2, 0)), draw((0, 3))),
        call(draw((0, 2)), draw((2,))),
    ),
    "dot": row(
        np.dot,
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3, 2))),
        call(draw((2, 2, 3)), draw((2, 3, 2))),
        call(draw((2, 3)), draw((3,))),
        call(draw(()), draw((2, 3))),
        call(draw((0,)), draw((0,))),
    ),
    "vecdot": row(
        np.vecdot,
        call(draw((3,)), draw((3,))),
        call(draw((2, 3)), draw((3,))),
        call(draw((4, 1, 3)), draw((2, 3))),
        call(draw((3, 2)), draw((3, 2)), axis=0),
        call(draw((2, 0)), draw((2, 0))),
    ),
    "outer": row(np.outer, call(draw((3,)), draw((2,))), call(draw((0,)), draw((2,)))),
    "inner": row(np.inner, call(draw((3,)), draw((3,))), call(draw((2, 3)), draw((4, 3))), call(draw(()), draw((2,)))),
    "kron": row(
        np.kron, call(draw((2, 3)), draw((2, 2))), call(draw((2,)), draw((3,))), call(draw((2,)), draw((2, 2)))
    ),
    "tensordot": row(
        np.tensordot,
        call(draw((2, 3, 4)), draw((3, 4, 2))),
        call(draw((2, 3)), draw((3, 2)), axes=1),
        call(draw((2, 3, 4)), draw((4, 5, 2)), axes=([0, 2], [2, 0])),
        call(draw((2,)), draw((3,)), axes=0),
        call(draw((2, 0)), draw((0, 2)), axes=1),
    ),
    "einsum": row(
        np.einsum,
        call("ij,jk->ik", draw((2, 3)), draw((3, 4))),
        call("ii->i", draw((3, 3))),
        call("ii", draw((3, 3))),
        call("ij", draw((2, 3))),
        call("ji", draw((2, 3))),
        call("ij->", draw((2, 3))),
        call("i,j,ij", draw((2,)), draw((3,)), draw((2, 3))),
        call("...ij,...j->...i", draw((2, 2, 3)), draw((3,))),
        call("ij,ij->j", draw((2, 3)), draw((2, 3))),
        call("bij,bjk,k->bi", draw((2, 2, 3)), draw((2, 3, 2)), draw((2,))),
        call("ij,jk->ik", draw((2, 0)), draw((0, 3))),
    ),
    "contract": row(
        lambda *arrays, subscripts: np.einsum(subscripts, *arrays),
        call(draw((2, 3)), draw((3, 4)), subscripts="ij,jk->ik"),
        call(draw((2,)), draw((3,)), draw((2, 3)), subscripts="i,j,ij->j"),
        call(draw((2, 3)), subscripts="ij->ji"),
        call(draw((2, 0)), draw((0, 3)), subscripts="ij,jk->ik"),
    ),
    "trace": row(
        np.trace,
        call(draw((3, 3))),
        call(draw((3, 4)), offset=1),
        call(draw((3, 4)), -1),
        call(draw((2, 3, 4)), axis1=1, axis2=2),
    ),
}
