#include "tests/bench/load/report.h"

#include <stdio.h>

static const char *separator = "{";

void report(const char *name, double value)
{
    printf("%s\"%s\": %.3f", separator, name, value);
    separator = ", ";
}

void report_end(void)
{
    puts("}");
}
