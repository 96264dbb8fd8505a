#include <stdint.h>

typedef void gemv(const char *, const int *, const int *, const double *, const double *, const int *, const double *,
                  const int *, const double *, double *, const int *);
typedef void ger(const int *, const int *, const double *, const double *, const int *, const double *, const int *,
                 double *, const int *);
typedef void gemm(const char *, const char *, const int *, const int *, const int *, const double *, const double *,
                  const int *, const double *, const int *, const double *, double *, const int *);

/* The calls of BLAS that the gradient of an RNN makes, h = tanh(h W + x U + b) and back, and nothing else: operands are
   in place, results are not used. Either as the program is written, or, `hoisted`, with one product of matrices in place
   of the products of all steps where no step waits for it. Rows here are columns of BLAS. */
void rnn(gemv *dgemv, ger *dger, gemm *dgemm, int64_t hoisted, int64_t steps, int64_t hidden, int64_t inputs,
         const double *w, const double *u, const double *xs, const double *hs, double *gs, double *dw, double *du)
{
    const int one = 1, n = (int)hidden, m = (int)inputs, all = (int)steps;
    const double unit = 1, zero = 0;
    if (hoisted)
        dgemm("N", "N", &n, &all, &m, &unit, u, &n, xs, &m, &zero, gs, &n);
    for (int64_t i = 0; i < steps; i++) {
        dgemv("N", &n, &n, &unit, w, &n, hs + i * n, &one, &zero, gs + i * n, &one);
        if (!hoisted)
            dgemv("N", &n, &m, &unit, u, &n, xs + i * m, &one, &unit, gs + i * n, &one);
    }
    for (int64_t i = steps - 1; i >= 0; i--) {
        dgemv("T", &n, &n, &unit, w, &n, hs + i * n, &one, &zero, gs + i * n, &one);
        if (!hoisted) {
            dger(&n, &n, &unit, gs + i * n, &one, hs + i * n, &one, dw, &n);
            dger(&n, &m, &unit, gs + i * n, &one, xs + i * m, &one, du, &n);
        }
    }
    if (hoisted) {
        dgemm("N", "T", &n, &n, &all, &unit, gs, &n, hs, &n, &zero, dw, &n);
        dgemm("N", "T", &n, &m, &all, &unit, gs, &n, xs, &m, &zero, du, &n);
    }
}
