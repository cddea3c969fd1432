/*
 * "20150830T123600Z": ISO 8601's basic form in UTC, as X-Amz-Date has it.
 */
#ifndef GW_AUTH_AMZ_DATE_H
#define GW_AUTH_AMZ_DATE_H

#include "protocol/base/str.h"

enum { GW_AMZ_DATE_LEN = 16 };

void gw_amz_date_write(int64_t unix_s, char out[GW_AMZ_DATE_LEN + 1]);
bool gw_amz_date_read(gw_str text, int64_t *unix_s);

#endif
