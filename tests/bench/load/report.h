/*
 * The result, as one flat JSON object on standard output.
 */
#ifndef BENCH_LOAD_REPORT_H
#define BENCH_LOAD_REPORT_H

void report(const char *name, double value);
void report_end(void);

#endif
