/* Texts of a template that lead to the original's hosts lead here. */
#include "server/config/localise.h"

#include "tests/support/suite.h"

#include <stdio.h>

static struct gw_config_errors errors;

#define CODE "tests/unit/server/config/template/src"
#define HOST ".execute-api.us-east-1.amazonaws.com"

/* A file with these APIs, and one function whose variable is the text. */
static struct gw_config *load(const char *settings, bool dev, bool several,
                              const char *text)
{
    static const char api[] =
        ":\n    routeSelectionExpression: a\n"
        "    routes: { $default: http://b/ }\n    stages: { dev: {} }\n";
    struct gw_config_source source = { .dev = dev };
    struct gw_config *config = NULL;
    char file[2048];

    snprintf(file, sizeof(file),
             "%sapis:\n  chat%s%s%sfunctions: { f: { runtime: provided, "
             "codeUri: " CODE ", environment: { X: '%s' } } }\n",
             settings, api, several ? "  echo" : "", several ? api : "", text);
    source.text = gw_str_of(file);
    if (gw_config_load(&source, &config, &errors) != GW_OK)
        ck_abort_msg("%s", errors.lines[0]);
    return config;
}

/* Any pair of readable files passes for the owner's. */
#define TLS "tls: { certificate: Makefile, key: Makefile }\n"

static const struct {
    const char *settings;
    bool dev, several;
    const char *bound, *text, *variable, *output;
} cases[] = {
    { "", false, false, "127.0.0.1:8080", "wss://chat" HOST "/dev",
      "ws://127.0.0.1:8080/dev", "ws://127.0.0.1:8080/dev" },
    { "", false, false, "127.0.0.1:8080", "https://chat" HOST,
      "http://127.0.0.1:8080", "http://127.0.0.1:8080" },
    { "", false, true, "127.0.0.1:8080", "https://echo" HOST "/dev",
      "http://127.0.0.1:8080/echo/dev", "http://127.0.0.1:8080/echo/dev" },
    { "", true, false, "127.0.0.1:8080", "wss://chat" HOST "/dev",
      "wss://127.0.0.1:8080/dev", "ws://127.0.0.1:8080/dev" },
    { TLS, false, false, "0.0.0.0:443", "https://chat" HOST "/dev",
      "https://127.0.0.1:443/dev", "https://127.0.0.1:443/dev" },
    { TLS "domainName: ws.example.com\n", true, false, "[::]:443",
      "wss://chat" HOST "/dev", "wss://ws.example.com/dev",
      "wss://ws.example.com/dev" },
    { "domainName: ws.example.com\n", false, false, "[::]:80",
      "wss://chat" HOST "/dev", "ws://[::1]:80/dev", "ws://[::1]:80/dev" },
    /* without a scheme; twice; inside of other text; any region */
    { "", false, false, "127.0.0.1:1", "chat" HOST, "127.0.0.1:1",
      "127.0.0.1:1" },
    { "", false, false, "127.0.0.1:1",
      "a=https://CHAT" HOST "/x,b=wss://chat.execute-api.eu.amazonaws.com.cn/y",
      "a=http://127.0.0.1:1/x,b=ws://127.0.0.1:1/y",
      "a=http://127.0.0.1:1/x,b=ws://127.0.0.1:1/y" },
    /* not ours */
    { "", false, false, "127.0.0.1:1", "https://other" HOST "/dev",
      "https://other" HOST "/dev", "https://other" HOST "/dev" },
    { "", false, false, "127.0.0.1:1", "https://x.chat" HOST,
      "https://x.chat" HOST, "https://x.chat" HOST },
    { "", false, false, "127.0.0.1:1",
      "arn:aws:execute-api:us-east-1:123456789012:chat/*",
      "arn:aws:execute-api:us-east-1:123456789012:chat/*",
      "arn:aws:execute-api:us-east-1:123456789012:chat/*" },
    { "", false, false, "127.0.0.1:1", ".execute-api.", ".execute-api.",
      ".execute-api." },
    { "", false, false, "127.0.0.1:1", "", "", "" },
};

START_TEST(addresses_of_the_original_lead_here)
{
    struct gw_config *c = load(cases[_i].settings, cases[_i].dev,
                               cases[_i].several, cases[_i].text);
    struct gw_pair output = { GW_LIT("Y"), gw_str_of(cases[_i].text) };

    c->outputs = (struct gw_pairs){ &output, 1 };
    ck_assert(gw_config_localise(c, gw_str_of(cases[_i].bound)) == GW_OK);
    ck_assert_gw_str(c->functions->environment.at->name, GW_LIT("X"));
    ck_assert_gw_str(c->functions->environment.at->value,
                     gw_str_of(cases[_i].variable));
    ck_assert_gw_str(c->outputs.at->name, GW_LIT("Y"));
    ck_assert_gw_str(c->outputs.at->value, gw_str_of(cases[_i].output));
    gw_config_unref(c);
}
END_TEST

GW_SUITE("server/config/localise")
{
    tcase_add_loop_test(tc, addresses_of_the_original_lead_here, 0,
                        GW_LEN(cases));
}
