#include <stdint.h>

/* Lotka and Volterra's field, and what a cotangent of it is worth in y and p. */
static inline void field(const double *p, const double *y, double *k)
{
    double both = y[0] * y[1];
    k[0] = p[0] * y[0] - p[1] * both;
    k[1] = p[2] * both - p[3] * y[1];
}

static inline void back(const double *p, const double *y, const double *gk, double *gy, double *gp)
{
    double both = y[0] * y[1], gboth = p[2] * gk[1] - p[1] * gk[0];
    gy[0] = p[0] * gk[0] + y[1] * gboth;
    gy[1] = y[0] * gboth - p[3] * gk[1];
    gp[0] += y[0] * gk[0];
    gp[1] -= both * gk[0];
    gp[2] += both * gk[1];
    gp[3] -= y[1] * gk[1];
}

static inline void moved(const double *y, double h, const double *k, double *to)
{
    to[0] = y[0] + h * k[0];
    to[1] = y[1] + h * k[1];
}

/* |y(T)|² after `steps` steps of RK4, and its gradient in p and in the start, by reverse accumulation over `path`. */
void rk4(const double *p, const double *start, double h, int64_t steps, double *value, double *gp, double *gy,
         double *path)
{
    double k1[2], k2[2], k3[2], k4[2], y2[2], y3[2], y4[2];
    path[0] = start[0];
    path[1] = start[1];
    for (int64_t i = 0; i < steps; i++) {
        const double *y = path + 2 * i;
        field(p, y, k1);
        moved(y, h / 2, k1, y2);
        field(p, y2, k2);
        moved(y, h / 2, k2, y3);
        field(p, y3, k3);
        moved(y, h, k3, y4);
        field(p, y4, k4);
        for (int j = 0; j < 2; j++)
            path[2 * i + 2 + j] = y[j] + h / 6 * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]);
    }
    const double *end = path + 2 * steps;
    *value = end[0] * end[0] + end[1] * end[1];
    double g[2] = {2 * end[0], 2 * end[1]}, slopes[4] = {0, 0, 0, 0};
    for (int64_t i = steps - 1; i >= 0; i--) {
        const double *y = path + 2 * i;
        double g1[2], g2[2], g3[2], g4[2], s[2];
        field(p, y, k1);
        moved(y, h / 2, k1, y2);
        field(p, y2, k2);
        moved(y, h / 2, k2, y3);
        field(p, y3, k3);
        moved(y, h, k3, y4);
        for (int j = 0; j < 2; j++) {
            g1[j] = g4[j] = h / 6 * g[j];
            g2[j] = g3[j] = h / 3 * g[j];
        }
        back(p, y4, g4, s, slopes);
        for (int j = 0; j < 2; j++) {
            g[j] += s[j];
            g3[j] += h * s[j];
        }
        back(p, y3, g3, s, slopes);
        for (int j = 0; j < 2; j++) {
            g[j] += s[j];
            g2[j] += h / 2 * s[j];
        }
        back(p, y2, g2, s, slopes);
        for (int j = 0; j < 2; j++) {
            g[j] += s[j];
            g1[j] += h / 2 * s[j];
        }
        back(p, y, g1, s, slopes);
        for (int j = 0; j < 2; j++)
            g[j] += s[j];
    }
    for (int j = 0; j < 4; j++)
        gp[j] = slopes[j];
    gy[0] = g[0];
    gy[1] = g[1];
}
