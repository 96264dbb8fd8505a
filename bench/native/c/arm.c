#include <math.h>

enum { JOINTS = 6 };

static inline void product(const double *restrict a, const double *restrict b, double *restrict c)
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            double sum = 0;
            for (int k = 0; k < 4; k++)
                sum += a[4 * i + k] * b[4 * k + j];
            c[4 * i + j] = sum;
        }
}

/* ∂(L1 … L6)/∂qi = (L1 … Li−1) Li' (Li+1 … L6), with Li = cos qi Ai + sin qi Bi + Ci; parts are all A, all B, all C. */
void arm(const double *parts, const double *q, double *jacobian)
{
    double link[JOINTS][16], slope[JOINTS][16], before[JOINTS + 1][16], after[JOINTS + 1][16];
    for (int i = 0; i < JOINTS; i++) {
        const double *a = parts + 16 * i, *b = a + 16 * JOINTS, *c = b + 16 * JOINTS;
        double cosine = cos(q[i]), sine = sin(q[i]);
        for (int j = 0; j < 16; j++) {
            link[i][j] = cosine * a[j] + sine * b[j] + c[j];
            slope[i][j] = cosine * b[j] - sine * a[j];
        }
    }
    for (int j = 0; j < 16; j++)
        before[0][j] = after[JOINTS][j] = j % 5 == 0;
    for (int i = 0; i < JOINTS; i++) {
        product(before[i], link[i], before[i + 1]);
        product(link[JOINTS - 1 - i], after[JOINTS - i], after[JOINTS - 1 - i]);
    }
    for (int i = 0; i < JOINTS; i++) {
        double half[16], whole[16];
        product(before[i], slope[i], half);
        product(half, after[i + 1], whole);
        for (int j = 0; j < 12; j++)
            jacobian[JOINTS * j + i] = whole[j];
    }
}
