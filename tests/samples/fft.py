"""Discrete Fourier transforms."""

import numpy as np

from samples.drawing import CUBE, FULL, Row, call, draw, row

ALONG = (
    call(draw((5,))),
    call(draw(FULL), n=4),
    call(draw((4, 2)), n=3, axis=0, norm="ortho"),
    call(draw(CUBE), axis=1, norm="forward"),
    call(draw((6,)), 4, -1, "backward"),
    call(draw((1,))),
    call(draw((0, 3))),
)
HALVES = (
    call(draw((4,))),
    call(draw((2, 4)), n=7),
    call(draw((4, 2)), n=4, axis=0, norm="ortho"),
    call(draw((4, 2)), n=3, axis=0),
    call(draw(CUBE), axis=1, norm="forward"),
    call(draw((2,)), 8, -1, "backward"),
    call(draw((1,)), n=1),
    call(draw((2,)), n=1),
    call(draw((0, 3))),
)
PLANES = (
    call(draw(CUBE)),
    call(draw(CUBE), s=(3, 3), axes=(0, 2)),
    call(draw(CUBE), axes=(2, 1), norm="ortho"),
    call(draw(CUBE), (3, -1), (0, 1), "forward"),
)
SPACES = (
    *PLANES,
    call(draw(FULL)),
    call(draw((5,))),
    call(draw(CUBE), axes=(1,)),
    call(draw((2, 1, 3)), s=(2, 2, 4), axes=(2, 1, 0)),
    call(draw((0, 2, 3)), axes=(1, 2)),
)
SHIFTS = (
    call(draw((5,))),
    call(draw(CUBE)),
    call(draw(CUBE), axes=1),
    call(draw(CUBE), axes=(0, -1)),
    call(draw((0, 3))),
)

ROWS: dict[str, Row] = {
    **{name: row(getattr(np.fft, name), *ALONG) for name in ("fft", "ifft", "rfft", "ihfft")},
    **{name: row(getattr(np.fft, name), *HALVES) for name in ("irfft", "hfft")},
    **{name: row(getattr(np.fft, name), *SPACES) for name in ("fftn", "ifftn", "rfftn")},
    "irfftn": row(np.fft.irfftn, *SPACES[:5], call(draw((5,))), *SPACES[6:]),
    **{name: row(getattr(np.fft, name), *PLANES) for name in ("fft2", "ifft2", "rfft2", "irfft2")},
    **{name: row(getattr(np.fft, name), *SHIFTS) for name in ("fftshift", "ifftshift")},
}
