#include "server/integration/integration.h"

#include "server/integration/http.h"
#include "server/integration/lambda.h"
#include "server/integration/mock.h"

const struct gw_integration_ops gw_integrations[GW_INTEGRATION_TYPES] = {
    [GW_INTEGRATION_MOCK] = { "MOCK", gw_integration_mock, false },
    [GW_INTEGRATION_HTTP] = { "HTTP", gw_integration_http, true },
    [GW_INTEGRATION_HTTP_PROXY] = { "HTTP_PROXY", gw_integration_http, true },
    [GW_INTEGRATION_AWS] = { "AWS", gw_integration_aws, true },
    [GW_INTEGRATION_AWS_PROXY] = { "AWS_PROXY", gw_integration_aws_proxy,
                                   true },
};
