"""Arrays turned about."""

import numpy as np

from samples.drawing import CUBE, FULL, Row, call, draw, row

ROWS: dict[str, Row] = {
    "fliplr": row(np.fliplr, call(draw(FULL)), call(draw(CUBE)), call(draw((2, 0)))),
    "flipud": row(np.flipud, call(draw((3,))), call(draw(CUBE)), call(draw((0, 2)))),
    "rot90": row(
        np.rot90,
        call(draw(FULL)),
        call(draw(CUBE), 3, axes=(2, 0)),
        call(draw(FULL), 2),
        call(draw(FULL), -4),
        call(draw((0, 2))),
    ),
    "tril_indices": row(np.tril_indices, call(3), call(3, -1), call(2, 1, 4)),
    "triu_indices": row(np.triu_indices, call(3), call(3, -1), call(2, 1, 4)),
}
