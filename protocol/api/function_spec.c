#include "protocol/api/function_spec.h"

bool gw_runtime_is_node(gw_str runtime)
{
    return gw_str_starts(runtime, GW_LIT("nodejs"));
}

bool gw_runtime_is_python(gw_str runtime)
{
    return gw_str_starts(runtime, GW_LIT("python3"));
}

bool gw_runtime_is_provided(gw_str runtime)
{
    return gw_str_starts(runtime, GW_LIT("provided"));
}

bool gw_runtime_is_run_here(gw_str runtime)
{
    return gw_runtime_is_node(runtime) || gw_runtime_is_python(runtime) ||
           gw_runtime_is_provided(runtime);
}
