/*
 * One HTTP request and its answer, for the command-line tools: a connection of
 * its own, and it blocks.
 */
#ifndef GW_CLIENT_HTTP_H
#define GW_CLIENT_HTTP_H

#include "protocol/base/arena.h"
#include "protocol/http/response.h"

#include <stdio.h>

enum { GW_CLIENT_ANSWER_MAX = 1 << 20 };

struct gw_client_answer {
    struct gw_buf bytes, body;
    struct gw_http_response head; /* views into bytes */
};

void gw_client_answer_init(struct gw_client_answer *a);
void gw_client_answer_fini(struct gw_client_answer *a);

/* Sends a whole request, which asks for `Connection: close`, and reads the
 * answer, whatever its status. Errors: gw_client_wire_open's; GW_E_UNREACHABLE
 * also for what does not speak HTTP. *why says more. */
gw_err gw_client_ask(gw_str host, gw_str port, bool tls, gw_str request,
                     struct gw_client_answer *a,
                     struct gw_fault *why) GW_MUST_CHECK;

/* The "message" of its JSON body, the first line; or empty. */
gw_str gw_client_message(struct gw_arena *a,
                         const struct gw_client_answer *answer);

/* "127.0.0.1:8080", "[::1]:8080", "host": an empty port is left empty. */
void gw_client_split(gw_str authority, gw_str *host, gw_str *port);

/* The operator's listener: *address, else $GATEWIRE_ADMIN, else the default,
 * in the form the setting has. One that means every address of this machine is
 * reached on loopback. */
gw_err gw_client_find_admin(const char **address, gw_str *host, gw_str *port,
                            struct gw_fault *why) GW_MUST_CHECK;

/* What a server says may steer a terminal: controls are left out. */
void gw_client_print(FILE *f, gw_str text);

#endif
