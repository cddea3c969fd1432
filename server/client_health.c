#include "server/client.h"

#include "server/client_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_ILL = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 69 };

static const char usage[] =
    "gatewire health [--admin ADDRESS]\n"
    "\n"
    "Is the gateway of this machine, or container, alive? A health check that\n"
    "needs no other program: it asks for /healthz.\n"
    "\n"
    "      --admin ADDRESS   ask there: $GATEWIRE_ADMIN, else 127.0.0.1:8081\n"
    "\n"
    "Exit status: 0 alive, 1 ill, 2 usage, 69 cannot be reached.\n";

/* Not /readyz: a node that drains, or waits for Redis, is not to be restarted
 * by whoever watches its container. */
static const char request[] = "GET /healthz HTTP/1.1\r\n"
                              "Host: localhost\r\n"
                              "User-Agent: gatewire/" GW_VERSION "\r\n"
                              "Connection: close\r\n\r\n";

static int ask(const char *admin)
{
    struct gw_client_answer a;
    gw_str host, port;
    struct gw_fault why;
    int status = EXIT_SUCCESS;

    if (gw_client_find_admin(&admin, &host, &port, &why)) {
        fprintf(stderr, "gatewire: %s\n", why.text);
        return EXIT_USAGE;
    }
    gw_client_answer_init(&a);
    if (gw_client_ask(host, port, false, gw_str_of(request), &a, &why)) {
        fprintf(stderr, "gatewire: %s cannot be reached: %s\n", admin,
                why.text);
        status = EXIT_UNREACHABLE;
    } else if (a.head.status != 200) {
        fprintf(stderr, "gatewire: %s is ill: %s (%u)\n", admin,
                gw_http_status_text(a.head.status), a.head.status);
        status = EXIT_ILL;
    }
    gw_client_answer_fini(&a);
    return status;
}

int gw_client_health_main(int argc, char **argv)
{
    if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 3 && !strcmp(argv[1], "--admin"))
        return ask(argv[2]);
    if (argc == 1)
        return ask(NULL);
    fprintf(stderr, "gatewire: health only takes --admin ADDRESS\n");
    return EXIT_USAGE;
}
