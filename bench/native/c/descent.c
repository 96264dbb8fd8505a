#include <stdint.h>

/* Descent along the gradient (4 x0, 8 x1) of 2 x0² + 4 x1². */
void descent(const double *x, double rate, int64_t steps, double *end)
{
    double a = x[0], b = x[1];
    for (int64_t i = 0; i < steps; i++) {
        a -= rate * (4 * a);
        b -= rate * (8 * b);
    }
    end[0] = a;
    end[1] = b;
}
