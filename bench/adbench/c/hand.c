/* Hand tracking: derivatives of the errors of correspondences by the 26 parameters of a pose, derived by hand.
 *
 * Arrays are those of hand.py. As there, the whole mesh is posed, and the vertices that were seen are picked from it.
 * A parameter of a finger moves only the bones behind its joint, which is what derivation by hand can know.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FINGERS = 5, JOINTS = 4, BONES = 22, ANGLES = 4, PARAMETERS = 26 };

typedef double Affine[3][4]; /* the last row of a 4 x 4 matrix is 0 0 0 1, of a derivative 0 0 0 0 */

static const int JOINT_OF[ANGLES] = {1, 1, 2, 3}; /* flexion and abduction of joint 1, flexion of 2 and of 3 */

static void load(const double *from, Affine out)
{
    memcpy(out, from, sizeof(Affine));
}

/* a b, where the last row of b is 0 0 0 last. */
static void product(Affine a, Affine b, double last, Affine out)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            out[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j] + (j == 3 ? a[i][3] * last : 0);
}

/* R_y(abduction) R_x(flexion); or its derivative by flexion (0) or abduction (1). */
static void bend(double flexion, double abduction, int by, Affine out)
{
    double cx = cos(flexion), sx = sin(flexion), cy = cos(abduction), sy = sin(abduction);
    Affine value = {{cy, sx * sy, cx * sy, 0}, {0, cx, -sx, 0}, {-sy, sx * cy, cx * cy, 0}};
    Affine by_flexion = {{0, cx * sy, -sx * sy, 0}, {0, -sx, -cx, 0}, {0, cx * cy, -sx * cy, 0}};
    Affine by_abduction = {{-sy, sx * cy, cx * cy, 0}, {0, 0, 0, 0}, {-cy, -sx * sy, -cx * sy, 0}};
    memcpy(out, by < 0 ? value : by == 0 ? by_flexion : by_abduction, sizeof(Affine));
}

typedef struct {
    Affine bone[BONES];                      /* from rest to pose */
    Affine by[FINGERS][ANGLES][JOINTS];      /* derivatives of the bones of a finger, from JOINT_OF on */
    double turn[3][3], turn_by[3][3][3];     /* R(r), and its derivatives by r */
} Pose;

/* R = I + sin [a] + (1 - cos) [a][a] for r = angle a. */
static void turn(const double *r, Pose *pose)
{
    double angle = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]), s = sin(angle), c = cos(angle), v = 1 - c;
    double a[3] = {r[0] / angle, r[1] / angle, r[2] / angle};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int k = 3 - i - j;
            double sign = (j - i + 3) % 3 == 1 ? -1 : 1;
            pose->turn[i][j] = i == j ? c + v * a[i] * a[i] : v * a[i] * a[j] + sign * s * a[k];
        }
    for (int m = 0; m < 3; m++) {
        double e[3]; /* of the axis */
        for (int i = 0; i < 3; i++)
            e[i] = ((i == m) - a[i] * a[m]) / angle;
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                int k = 3 - i - j;
                double sign = (j - i + 3) % 3 == 1 ? -1 : 1;
                double pairs = s * a[m] * a[i] * a[j] + v * (e[i] * a[j] + a[i] * e[j]);
                pose->turn_by[m][i][j] = pairs + (i == j ? -s * a[m] : sign * (c * a[m] * a[k] + s * e[k]));
            }
    }
}

static void pose_of(const double *theta, const double *relative, const double *inverse, Pose *pose)
{
    Affine wrist, rest, inverse_rest;
    load(relative, wrist);
    load(inverse, inverse_rest);
    product(wrist, inverse_rest, 1, pose->bone[0]);
    load(relative + 16 * (BONES - 1), rest);
    load(inverse + 16 * (BONES - 1), inverse_rest);
    Affine forearm;
    product(wrist, rest, 1, forearm);
    product(forearm, inverse_rest, 1, pose->bone[BONES - 1]);
    for (int f = 0; f < FINGERS; f++) {
        const double *angle = theta + 6 + ANGLES * f;
        double flexion[JOINTS] = {0, angle[0], angle[2], angle[3]};
        Affine at, by[ANGLES]; /* the absolute transform of the joint before, and its derivatives */
        memcpy(at, wrist, sizeof(Affine));
        for (int joint = 0; joint < JOINTS; joint++) {
            int bone = 1 + JOINTS * f + joint;
            double abduction = joint == 1 ? angle[1] : 0;
            Affine bent, here, next;
            load(relative + 16 * bone, rest);
            load(inverse + 16 * bone, inverse_rest);
            product(at, rest, 1, here);
            bend(flexion[joint], abduction, -1, bent);
            for (int p = 0; p < ANGLES; p++) {
                Affine moved, bent_by;
                if (joint < JOINT_OF[p])
                    continue;
                if (joint == JOINT_OF[p]) {
                    bend(flexion[joint], abduction, p == 1, bent_by);
                    product(here, bent_by, 0, next);
                } else {
                    product(by[p], rest, 1, moved);
                    product(moved, bent, 1, next);
                }
                memcpy(by[p], next, sizeof(Affine));
                product(by[p], inverse_rest, 1, pose->by[f][p][joint]);
            }
            product(here, bent, 1, at);
            product(at, inverse_rest, 1, pose->bone[bone]);
        }
    }
    turn(theta, pose);
}

/* The vertex in the pose of its bones, without the turn of the hand. */
static inline void blend(const Pose *pose, const double *v, const double *w, double *out)
{
    double m[12] = {0};
    for (int b = 0; b < BONES; b++) {
        const double *bone = &pose->bone[b][0][0];
        for (int i = 0; i < 12; i++)
            m[i] += w[b] * bone[i];
    }
    for (int i = 0; i < 3; i++)
        out[i] = m[4 * i] * v[0] + m[4 * i + 1] * v[1] + m[4 * i + 2] * v[2] + m[4 * i + 3];
}

static inline void turned(double m[3][3], const double *v, double *out)
{
    for (int i = 0; i < 3; i++)
        out[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
}

void hand(long vertices, long count, const double *theta, const double *relative, const double *inverse,
          const double *mesh, const double *weights, const long *seen, const double *points, double *jacobian)
{
    Pose pose;
    double *all = malloc(sizeof(double) * vertices * 3 * PARAMETERS);
    (void)points;
    pose_of(theta, relative, inverse, &pose);
#pragma omp parallel for
    for (long i = 0; i < vertices; i++) {
        const double *v = mesh + 3 * i, *w = weights + BONES * i;
        double local[3], moved[3], *rows = all + i * 3 * PARAMETERS;
        blend(&pose, v, w, local);
        for (int m = 0; m < 3; m++) {
            turned(pose.turn_by[m], local, moved);
            for (int k = 0; k < 3; k++) {
                rows[k * PARAMETERS + m] = -moved[k];
                rows[k * PARAMETERS + 3 + m] = -(k == m);
            }
        }
        for (int f = 0; f < FINGERS; f++)
            for (int p = 0; p < ANGLES; p++) {
                double sum[3] = {0};
                for (int joint = JOINT_OF[p]; joint < JOINTS; joint++) {
                    double weight = w[1 + JOINTS * f + joint];
                    double(*m)[4] = pose.by[f][p][joint];
                    if (weight == 0)
                        continue;
                    for (int k = 0; k < 3; k++)
                        sum[k] += weight * (m[k][0] * v[0] + m[k][1] * v[1] + m[k][2] * v[2] + m[k][3]);
                }
                turned(pose.turn, sum, moved);
                for (int k = 0; k < 3; k++)
                    rows[k * PARAMETERS + 6 + ANGLES * f + p] = -moved[k];
            }
    }
    for (long i = 0; i < count; i++)
        memcpy(jacobian + i * 3 * PARAMETERS, all + seen[i] * 3 * PARAMETERS, sizeof(double) * 3 * PARAMETERS);
    free(all);
}
