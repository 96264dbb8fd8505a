/* The sequence model of lstm.py, and its gradient by straightforward reverse accumulation. Arrays are those of lstm.py. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { B = 14, GATES = 4 };
enum { FORGET, INGATE, OUTGATE, CHANGE, CELL, SQUASHED, KEPT }; /* what a layer keeps of a step */

static inline double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* One step through all layers. state is h[layers][B], s[layers][B]; x[B] is the input, and y[B] receives the output. */
static inline void step(long layers, const double *main, const double *extra, double *state, const double *text,
                        double kept[][KEPT][B], double *x)
{
    for (int j = 0; j < B; j++)
        x[j] = text[j] * extra[j];
    for (long l = 0; l < layers; l++) {
        const double *w = main + l * 2 * GATES * B, *b = w + GATES * B;
        double *h = state + l * B, *s = state + (layers + l) * B, (*k)[B] = kept[l];
        for (int j = 0; j < B; j++) {
            k[FORGET][j] = sigmoid(x[j] * w[j] + b[j]);
            k[INGATE][j] = sigmoid(h[j] * w[B + j] + b[B + j]);
            k[OUTGATE][j] = sigmoid(x[j] * w[2 * B + j] + b[2 * B + j]);
            k[CHANGE][j] = tanh(h[j] * w[3 * B + j] + b[3 * B + j]);
            k[CELL][j] = s[j] * k[FORGET][j] + k[INGATE][j] * k[CHANGE][j];
            k[SQUASHED][j] = tanh(k[CELL][j]);
            s[j] = k[CELL][j];
            h[j] = x[j] = k[OUTGATE][j] * k[SQUASHED][j];
        }
    }
}

/* The sum of z (y - log(2 + sum of exp y)) for one step, where y = x extra[1] + extra[2]; e receives exp y / (2 + ...). */
static inline double score(const double *extra, const double *x, const double *z, double *e)
{
    double y[B], norm = 2, total = 0;
    for (int j = 0; j < B; j++) {
        y[j] = x[j] * extra[B + j] + extra[2 * B + j];
        e[j] = exp(y[j]);
        norm += e[j];
    }
    double shift = log(norm);
    for (int j = 0; j < B; j++) {
        total += z[j] * (y[j] - shift);
        e[j] /= norm;
    }
    return total;
}

void lstm(long layers, long characters, const double *main, const double *extra, const double *state,
          const double *text, double *loss, double *dmain, double *dextra, double *storage)
{
    double(*kept)[layers][KEPT][B] = (void *)storage;
    double now[2 * layers * B], back[2 * layers * B], x[B], e[B], scale = -1.0 / ((characters - 1) * B), total = 0;
    memcpy(now, state, sizeof(now));
    memset(dmain, 0, sizeof(double) * layers * 2 * GATES * B);
    memset(dextra, 0, sizeof(double) * 3 * B);
    memset(back, 0, sizeof(back));
    for (long t = 0; t + 1 < characters; t++)
        step(layers, main, extra, now, text + t * B, kept[t], x);
    for (long t = characters - 2; t >= 0; t--) {
        const double *z = text + (t + 1) * B, *top_out = kept[t][layers - 1][OUTGATE];
        const double *top_squashed = kept[t][layers - 1][SQUASHED];
        double sum = 0, dx[B];
        for (int j = 0; j < B; j++) {
            x[j] = top_out[j] * top_squashed[j];
            sum += z[j];
        }
        total += score(extra, x, z, e);
        for (int j = 0; j < B; j++) {
            double dy = scale * (z[j] - sum * e[j]);
            dextra[B + j] += dy * x[j];
            dextra[2 * B + j] += dy;
            dx[j] = dy * extra[B + j];
        }
        for (long l = layers - 1; l >= 0; l--) {
            const double *w = main + l * 2 * GATES * B;
            double(*k)[B] = kept[t][l], *dh = back + l * B, *ds = back + (layers + l) * B;
            double *dw = dmain + l * 2 * GATES * B, *db = dw + GATES * B, below[B], before[B], cell[B];
            for (int j = 0; j < B; j++) {
                below[j] = l > 0 ? kept[t][l - 1][OUTGATE][j] * kept[t][l - 1][SQUASHED][j] : text[t * B + j] * extra[j];
                before[j] = t > 0 ? kept[t - 1][l][OUTGATE][j] * kept[t - 1][l][SQUASHED][j] : state[l * B + j];
                cell[j] = t > 0 ? kept[t - 1][l][CELL][j] : state[(layers + l) * B + j];
            }
            for (int j = 0; j < B; j++) {
                double dout = dx[j] + dh[j], f = k[FORGET][j], i = k[INGATE][j], o = k[OUTGATE][j], a = k[CHANGE][j];
                double q = k[SQUASHED][j], dcell = ds[j] + dout * o * (1 - q * q);
                double gf = dcell * cell[j] * f * (1 - f), gi = dcell * a * i * (1 - i);
                double go = dout * q * o * (1 - o), ga = dcell * i * (1 - a * a);
                dw[j] += gf * below[j], db[j] += gf;
                dw[B + j] += gi * before[j], db[B + j] += gi;
                dw[2 * B + j] += go * below[j], db[2 * B + j] += go;
                dw[3 * B + j] += ga * before[j], db[3 * B + j] += ga;
                dx[j] = gf * w[j] + go * w[2 * B + j];
                dh[j] = gi * w[B + j] + ga * w[3 * B + j];
                ds[j] = dcell * f;
            }
        }
        for (int j = 0; j < B; j++)
            dextra[j] += dx[j] * text[t * B + j];
    }
    *loss = scale * total;
}
