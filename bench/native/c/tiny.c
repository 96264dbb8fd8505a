/* y = 2 x·x of 4 doubles and its gradient 4 x. */
void tiny(const double *x, double *value, double *slope)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += x[i] * x[i];
        slope[i] = 4 * x[i];
    }
    *value = 2 * sum;
}
