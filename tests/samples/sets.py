"""What an array holds, and where. Integers, which no test makes symbols: the shapes of the results depend on them."""

import numpy as np

from samples.drawing import CUBE, FULL, Row, call, draw, row

WHOLE = np.array([[3, 0, 3], [0, -1, 5]])
ROWS_TWICE = np.array([[1, 2], [0, 2], [1, 2]])

ROWS: dict[str, Row] = {
    "nonzero": row(np.nonzero, call(WHOLE), call(WHOLE[0] > 0), call(WHOLE[:0])),
    "flatnonzero": row(np.flatnonzero, call(WHOLE), call(np.array(2))),
    "argwhere": row(np.argwhere, call(WHOLE), call(WHOLE[:, :0])),
    "extract": row(np.extract, call(WHOLE > 0, draw(FULL)), call([0, 1, 1], draw(CUBE))),
    "compress": row(
        np.compress,
        call([False, True, True], draw(FULL), axis=1),
        call([False, True, True], draw(CUBE), -2),
        call([True, False, True], draw(FULL)),
    ),
    "unique": row(
        np.unique,
        call(WHOLE),
        call(WHOLE, True, True, True),
        call(WHOLE, return_counts=True),
        call(ROWS_TWICE, axis=0, return_inverse=True),
        call(WHOLE[:0]),
    ),
    "unique_all": row(np.unique_all, call(WHOLE), call(WHOLE[0])),
    "unique_counts": row(np.unique_counts, call(WHOLE), call(WHOLE[0])),
    "unique_inverse": row(np.unique_inverse, call(WHOLE), call(WHOLE[0])),
    "unique_values": row(np.unique, call(WHOLE), call(WHOLE[0])),
}
