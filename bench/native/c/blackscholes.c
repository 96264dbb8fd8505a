#include <math.h>
#include <stdint.h>

/* The sum of the prices of European calls, and each one's delta, theta, rho and vega. */
void blackscholes(int64_t n, const double *restrict spot, const double *restrict strike, const double *restrict time,
                  const double *restrict rate, const double *restrict volatility, double *value,
                  double *restrict delta, double *restrict theta, double *restrict rho, double *restrict vega)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double s = spot[i], k = strike[i], t = time[i], r = rate[i], v = volatility[i];
        double root = sqrt(t), deviation = v * root;
        double d1 = (log(s / k) + (r + 0.5 * v * v) * t) / deviation, d2 = d1 - deviation;
        double n1 = 0.5 * (1 + erf(d1 * M_SQRT1_2)), n2 = 0.5 * (1 + erf(d2 * M_SQRT1_2));
        double density = exp(-0.5 * d1 * d1) * 0.3989422804014327, owed = k * exp(-r * t);
        sum += s * n1 - owed * n2;
        delta[i] = n1;
        theta[i] = s * density * v / (2 * root) + r * owed * n2;
        rho[i] = t * owed * n2;
        vega[i] = s * density * root;
    }
    *value = sum;
}
