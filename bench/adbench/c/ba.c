/* Bundle adjustment: the blocks of derivatives of reprojection errors, derived by hand. Arrays are those of ba.py. */
#include <math.h>

typedef struct {
    double axis[3], sine, cosine, angle; /* of the rotation; the angle is 0 where the axis is none */
} Turn;

static inline Turn turn_of(const double *r)
{
    Turn t;
    double squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    t.angle = sqrt(squared);
    double inverse = squared > 0 ? 1 / t.angle : 0;
    for (int i = 0; i < 3; i++)
        t.axis[i] = r[i] * inverse;
    t.sine = sin(t.angle);
    t.cosine = cos(t.angle);
    return t;
}

static inline void cross(const double *a, const double *b, double *out)
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

/* The rotation matrix: cos I + sin [axis] + (1 - cos) axis axis'; the identity where the angle is 0. */
static inline void matrix_of(const Turn *t, double R[3][3])
{
    const double *a = t->axis;
    double s = t->sine, c = t->cosine, v = 1 - c;
    R[0][0] = c + v * a[0] * a[0], R[0][1] = v * a[0] * a[1] - s * a[2], R[0][2] = v * a[0] * a[2] + s * a[1];
    R[1][0] = v * a[0] * a[1] + s * a[2], R[1][1] = c + v * a[1] * a[1], R[1][2] = v * a[1] * a[2] - s * a[0];
    R[2][0] = v * a[0] * a[2] - s * a[1], R[2][1] = v * a[1] * a[2] + s * a[0], R[2][2] = c + v * a[2] * a[2];
}

void ba(long n, const double *cameras, const double *points, const double *weights, const double *features,
        const long *seen_by, const long *seen, double *dcameras, double *dpoints, double *dweights, double *regular)
{
#pragma omp parallel for
    for (long i = 0; i < n; i++) {
        const double *camera = cameras + 11 * seen_by[i], *point = points + 3 * seen[i];
        double R[3][3], x[3], y[3], w = weights[i], f = camera[6];
        Turn t = turn_of(camera);
        matrix_of(&t, R);
        for (int j = 0; j < 3; j++)
            x[j] = point[j] - camera[3 + j];
        for (int j = 0; j < 3; j++)
            y[j] = R[j][0] * x[0] + R[j][1] * x[1] + R[j][2] * x[2];
        double inverse = 1 / y[2], p[2] = {y[0] * inverse, y[1] * inverse}, s = p[0] * p[0] + p[1] * p[1];
        double radial = 1 + camera[9] * s + camera[10] * s * s, slope = 2 * (camera[9] + 2 * camera[10] * s);

        /* y by r: columns of D. With a the axis and v = 1 - cos,
         *   dy/dr_j = a_j (-sin x + cos a×x + sin (a·x) a) + (sin e_j×x + v (e_j·x a + a·x e_j) - a_j (...)) / angle,
         * where e_j - a_j a is the change of the axis times the angle. */
        double D[3][3], ax[3], dot = t.axis[0] * x[0] + t.axis[1] * x[1] + t.axis[2] * x[2];
        if (t.angle > 0) {
            double turned[3], rest = (1 - t.cosine) / t.angle, swing = t.sine / t.angle;
            cross(t.axis, x, ax);
            for (int k = 0; k < 3; k++)
                turned[k] = t.cosine * ax[k] - t.sine * x[k] + t.sine * dot * t.axis[k];
            for (int j = 0; j < 3; j++) {
                double e[3], ex[3], along = x[j] - t.axis[j] * dot;
                for (int k = 0; k < 3; k++)
                    e[k] = (k == j) - t.axis[j] * t.axis[k];
                cross(e, x, ex);
                for (int k = 0; k < 3; k++)
                    D[k][j] = t.axis[j] * turned[k] + swing * ex[k] + rest * (along * t.axis[k] + dot * e[k]);
            }
        } else {
            double first[3][3] = {{0, x[2], -x[1]}, {-x[2], 0, x[0]}, {x[1], -x[0], 0}};
            for (int k = 0; k < 3; k++)
                for (int j = 0; j < 3; j++)
                    D[k][j] = first[k][j];
        }
        for (int row = 0; row < 2; row++) {
            /* by p, and so by y */
            double g[2], h[3], *dc = dcameras + 22 * i + 11 * row, *dx = dpoints + 6 * i + 3 * row;
            for (int k = 0; k < 2; k++)
                g[k] = w * f * (slope * p[row] * p[k] + (k == row ? radial : 0));
            h[0] = g[0] * inverse, h[1] = g[1] * inverse, h[2] = -(g[0] * p[0] + g[1] * p[1]) * inverse;
            for (int j = 0; j < 3; j++) {
                dc[j] = h[0] * D[0][j] + h[1] * D[1][j] + h[2] * D[2][j];
                dx[j] = h[0] * R[0][j] + h[1] * R[1][j] + h[2] * R[2][j];
                dc[3 + j] = -dx[j];
            }
            dc[6] = w * radial * p[row];
            dc[7] = row == 0 ? w : 0;
            dc[8] = row == 1 ? w : 0;
            dc[9] = w * f * s * p[row];
            dc[10] = w * f * s * s * p[row];
            dweights[2 * i + row] = f * radial * p[row] + camera[7 + row] - features[2 * i + row];
        }
        regular[i] = -2 * w;
    }
}
