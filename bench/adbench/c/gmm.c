/* The log-posterior of a Gaussian mixture with its gradient, derived by hand.
 *
 * Arrays are those of gmm.py: alphas[K], means[K][d], icf[K][d + d(d-1)/2], x[n][d]. Elements of a strictly lower triangle
 * stand in rows; shift is the constant of the formula.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GAMMA = 1.0, M = 0.0;

/* y = Q (x - mean) for one point and one component; centred receives x - mean. Returns |y|^2. */
static inline double whiten(long d, const double *x, const double *mean, const double *scale, const double *l,
                            double *centred, double *y)
{
    double total = 0;
    for (long j = 0; j < d; j++)
        centred[j] = x[j] - mean[j];
    for (long i = 0; i < d; i++) {
        double sum = scale[i] * centred[i];
        for (long j = 0; j < i; j++)
            sum += l[j] * centred[j];
        l += i;
        y[i] = sum;
        total += sum * sum;
    }
    return total;
}

static double logsumexp(long n, const double *x)
{
    double top = x[0], sum = 0;
    for (long i = 1; i < n; i++)
        top = fmax(top, x[i]);
    for (long i = 0; i < n; i++)
        sum += exp(x[i] - top);
    return top + log(sum);
}

/* exp(q) for all components, and alpha + sum of q. */
static void prepare(long d, long K, const double *alphas, const double *icf, double *scale, double *offset)
{
    long width = d * (d + 1) / 2;
    for (long k = 0; k < K; k++) {
        offset[k] = alphas[k];
        for (long j = 0; j < d; j++) {
            offset[k] += icf[k * width + j];
            scale[k * d + j] = exp(icf[k * width + j]);
        }
    }
}

/* Points come in blocks for each component, so that a block of y stays in the cache between the two uses of it. */
#define BLOCK 64

void gmm(long d, long K, long n, double shift, const double *alphas, const double *means, const double *icf,
         const double *x, double *value, double *dalphas, double *dmeans, double *dicf)
{
    long width = d * (d + 1) / 2;
    double *scale = malloc(sizeof(double) * K * (d + 1)), *offset = scale + K * d, total = shift;
    prepare(d, K, alphas, icf, scale, offset);
    memset(dalphas, 0, sizeof(double) * K);
    memset(dmeans, 0, sizeof(double) * K * d);
    memset(dicf, 0, sizeof(double) * K * width);
#pragma omp parallel reduction(+ : total)
    {
        long all = K + K * d + K * width, keep = BLOCK * K * d;
        double *own = calloc(all + 2 * keep + BLOCK * K + d, sizeof(double));
        double *own_means = own + K, *own_icf = own_means + K * d;
        double *y = own + all, *centred = y + keep, *weight = centred + keep, *back = weight + BLOCK * K;
#pragma omp for
        for (long start = 0; start < n; start += BLOCK) {
            long count = n - start < BLOCK ? n - start : BLOCK;
            for (long k = 0; k < K; k++)
                for (long i = 0; i < count; i++) {
                    long at = (k * BLOCK + i) * d;
                    weight[i * K + k] = offset[k] - 0.5 * whiten(d, x + (start + i) * d, means + k * d, scale + k * d,
                                                                 icf + k * width + d, centred + at, y + at);
                }
            for (long i = 0; i < count; i++) {
                double norm = logsumexp(K, weight + i * K);
                total += norm;
                for (long k = 0; k < K; k++)
                    weight[i * K + k] = exp(weight[i * K + k] - norm);
            }
            for (long k = 0; k < K; k++) {
                const double *l = icf + k * width + d;
                double *dq = own_icf + k * width, *dmean = own_means + k * d;
                for (long i = 0; i < count; i++) {
                    const double *yi = y + (k * BLOCK + i) * d, *ci = centred + (k * BLOCK + i) * d;
                    double w = weight[i * K + k];
                    if (w == 0)
                        continue;
                    const double *row = l;
                    double *drow = dq + d;
                    own[k] += w;
                    for (long j = 0; j < d; j++)
                        back[j] = scale[k * d + j] * yi[j];
                    for (long r = 0; r < d; r++) {
                        double g = w * yi[r];
                        dq[r] += w - g * ci[r] * scale[k * d + r];
                        for (long j = 0; j < r; j++) {
                            drow[j] -= g * ci[j];
                            back[j] += row[j] * yi[r];
                        }
                        row += r;
                        drow += r;
                    }
                    for (long j = 0; j < d; j++)
                        dmean[j] += w * back[j];
                }
            }
        }
#pragma omp critical
        {
            for (long j = 0; j < K; j++)
                dalphas[j] += own[j];
            for (long j = 0; j < K * d; j++)
                dmeans[j] += own_means[j];
            for (long j = 0; j < K * width; j++)
                dicf[j] += own_icf[j];
        }
        free(own);
    }
    double norm = logsumexp(K, alphas);
    total -= n * norm;
    for (long k = 0; k < K; k++) {
        dalphas[k] -= n * exp(alphas[k] - norm);
        for (long j = 0; j < d; j++) {
            double slope = GAMMA * GAMMA * scale[k * d + j] * scale[k * d + j];
            total += M * icf[k * width + j] - 0.5 * slope;
            dicf[k * width + j] += M - slope;
        }
        for (long j = d; j < width; j++) {
            double slope = GAMMA * GAMMA * icf[k * width + j];
            total -= 0.5 * slope * icf[k * width + j];
            dicf[k * width + j] -= slope;
        }
    }
    *value = total;
    free(scale);
}
