#include <math.h>
#include <stdint.h>

/* Σ tanh(a x + b) exp(−x²), and its derivative in each x; tanh u = 1 − 2 / (exp 2u + 1), so that gcc vectorises both. */
void fused(int64_t n, const double *x, double a, double b, double *value, double *slope)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double t = 1 - 2 / (exp(2 * (a * x[i] + b)) + 1);
        double e = exp(-x[i] * x[i]);
        sum += t * e;
        slope[i] = e * (a * (1 - t * t) - 2 * x[i] * t);
    }
    *value = sum;
}
