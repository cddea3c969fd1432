#include "server/gateway/failure.h"

#define ROW(err, status, type, message)          \
    {                                            \
        err, status, { type, sizeof(type) - 1 }, \
        {                                        \
            message, sizeof(message) - 1         \
        }                                        \
    }

static const struct gw_failure rows[] = {
    ROW(GW_E_FORBIDDEN, 403, "ForbiddenException", "Forbidden"),
    ROW(GW_E_THROTTLED, 429, "TooManyRequestsException", "Too Many Requests"),
    ROW(GW_E_TIMEOUT, 504, "GatewayTimeoutException",
        "Endpoint request timed out"),
    ROW(GW_E_UNREACHABLE, 500, "InternalServerErrorException",
        "Internal server error"),
    ROW(GW_E_BUSY, 503, "ServiceUnavailableException", "Service Unavailable"),
    ROW(GW_E_UPSTREAM, 502, "BadGatewayException", "Internal server error"),
};

const struct gw_failure *gw_failure_of(gw_err err)
{
    for (size_t i = 0; i < GW_LEN(rows); i++)
        if (rows[i].err == err)
            return &rows[i];
    return &rows[GW_LEN(rows) - 1];
}
