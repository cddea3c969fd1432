#include "server/client.h"

#include "protocol/auth/amz_date.h"
#include "protocol/auth/sigv4.h"
#include "protocol/http/query.h"
#include "server/client_http.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 69,
    MAX_HEAD = 64 * 1024,
    MAX_BODY = 16 << 20, /* the gateway has its own, lower limit */
};

static const char usage[] =
    "gatewire post CONNECTION-ID [--data TEXT]   send a message\n"
    "gatewire get CONNECTION-ID                  print what is known of it\n"
    "gatewire close CONNECTION-ID                close it\n"
    "\n"
    "  --endpoint URL      the stage: $GATEWIRE_ENDPOINT, else\n"
    "                      http://127.0.0.1:8080/dev\n"
    "  --data TEXT         the message (default: standard input)\n"
    "  --region NAME       to sign for: $AWS_REGION, else us-east-1\n"
    "  --access-key ID     sign with this key ...\n"
    "  --secret-file FILE  ... and the secret in this file\n"
    "\n"
    "Without the last two, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and\n"
    "AWS_SESSION_TOKEN sign the call when they are set. SSL_CERT_FILE names\n"
    "the authorities to trust in place of the system's.\n"
    "Exit status: 0 done, 1 refused, 2 usage, 69 cannot be reached.\n";

static const struct verb {
    const char *name, *method;
    bool sends, prints;
} verbs[] = {
    { "post", "POST", true, false },
    { "get", "GET", false, true },
    { "close", "DELETE", false, false },
};

struct call {
    const struct verb *verb;
    const char *connection_id;
    const char *endpoint, *data, *region, *access_key, *secret_file;
    bool help;

    gw_str secret, token; /* empty: none */
    bool tls;
    gw_str authority, host, port, base; /* of the endpoint */
    struct gw_arena arena;
    struct gw_buf body;
};

/* --- what was asked ------------------------------------------------------ */

static const struct {
    const char *name;
    size_t at;
} options[] = {
    { "--endpoint", offsetof(struct call, endpoint) },
    { "--data", offsetof(struct call, data) },
    { "--region", offsetof(struct call, region) },
    { "--access-key", offsetof(struct call, access_key) },
    { "--secret-file", offsetof(struct call, secret_file) },
};

static const char **option_of(struct call *c, const char *name)
{
    for (size_t i = 0; i < GW_LEN(options); i++)
        if (strcmp(name, options[i].name) == 0)
            return (const char **)(void *)((char *)c + options[i].at);
    return NULL;
}

/* Ids may begin with '-': anything of their form is one. */
static bool looks_like_id(const char *arg)
{
    return arg[0] != '-' || (strlen(arg) == 16 && arg[15] == '=');
}

static gw_err read_arguments(struct call *c, int argc, char **argv,
                             struct gw_fault *why)
{
    for (size_t i = 0; i < GW_LEN(verbs); i++)
        if (strcmp(argv[0], verbs[i].name) == 0)
            c->verb = &verbs[i];
    GW_ASSERT(c->verb);
    for (int i = 1; i < argc; i++) {
        const char **option = option_of(c, argv[i]);

        if (option) {
            if (++i == argc)
                return gw_fail(why, GW_E_INVALID, "%s wants a value",
                               argv[i - 1]);
            *option = argv[i];
        } else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            c->help = true;
        } else if (!looks_like_id(argv[i])) {
            return gw_fail(why, GW_E_INVALID, "unknown option %s; see --help",
                           argv[i]);
        } else if (c->connection_id) {
            return gw_fail(why, GW_E_INVALID, "one connection at a time");
        } else {
            c->connection_id = argv[i];
        }
    }
    if (!c->connection_id && !c->help)
        return gw_fail(why, GW_E_INVALID, "which connection? (gatewire %s ID)",
                       c->verb->name);
    if (c->data && !c->verb->sends)
        return gw_fail(why, GW_E_INVALID, "only post takes --data");
    return GW_OK;
}

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value && *value ? value : otherwise;
}

/* Something that can stand in a request's head as it is. */
static bool is_word(gw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return s.len > 0;
}

static gw_err read_endpoint(struct call *c, struct gw_fault *why)
{
    static const struct {
        gw_str scheme;
        bool tls;
    } schemes[] = {
        { GW_LIT("http://"), false },
        { GW_LIT("https://"), true },
        { GW_LIT("ws://"), false },
        { GW_LIT("wss://"), true },
    };
    gw_str url = gw_str_of(c->endpoint), path;
    size_t i = 0;

    while (i < GW_LEN(schemes) && !gw_str_starts(url, schemes[i].scheme))
        i++;
    if (i == GW_LEN(schemes) || !is_word(url) ||
        gw_str_find(url, '@', 0) >= 0 || gw_str_find(url, '?', 0) >= 0 ||
        gw_str_find(url, '#', 0) >= 0)
        return gw_fail(why, GW_E_INVALID,
                       "%s is not an endpoint (http://HOST:PORT/STAGE)",
                       c->endpoint);
    c->tls = schemes[i].tls;
    path = gw_str_skip(url, schemes[i].scheme.len);
    c->authority = gw_str_cut(&path, '/');
    while (gw_str_ends(path, GW_LIT("/")))
        path.len--;
    c->base = path;

    gw_client_split(c->authority, &c->host, &c->port);
    if (c->port.len == 0)
        c->port = gw_str_of(c->tls ? "443" : "80");
    if (c->host.len == 0)
        return gw_fail(why, GW_E_INVALID, "%s names no host", c->endpoint);
    return GW_OK;
}

static gw_err read_all(FILE *f, struct gw_buf *out)
{
    gw_err err;

    while (!(err = gw_buf_reserve(out, 16384))) {
        size_t n = fread(out->at + out->len, 1, 16384, f);

        if (n == 0)
            break;
        out->len += n;
    }
    return err ? err : ferror(f) ? GW_E_SYSTEM : GW_OK;
}

static gw_err read_secret(struct call *c, struct gw_fault *why)
{
    FILE *f = fopen(c->secret_file, "r");
    struct gw_buf text;
    gw_err err = GW_E_SYSTEM;
    gw_str line;

    if (!f)
        return gw_fail(why, err, "%s: %s", c->secret_file, strerror(errno));
    gw_buf_init(&text, 64 * 1024);
    err = read_all(f, &text);
    fclose(f);
    line = gw_buf_str(&text);
    line = gw_str_trim(gw_str_cut(&line, '\n'));
    if (!err && gw_str_ends(line, GW_LIT("\r")))
        line.len--;
    if (!err)
        err = gw_arena_dup(&c->arena, line, &c->secret);
    OPENSSL_cleanse(text.at, text.len);
    gw_buf_fini(&text);
    return err ? gw_fail(why, err, "%s cannot be read", c->secret_file) : GW_OK;
}

static gw_err read_credentials(struct call *c, struct gw_fault *why)
{
    gw_err err = GW_OK;

    if (!c->access_key != !c->secret_file)
        return gw_fail(why, GW_E_INVALID,
                       "--access-key and --secret-file go together");
    if (c->access_key) {
        err = read_secret(c, why);
    } else {
        c->access_key = environment("AWS_ACCESS_KEY_ID", NULL);
        c->secret = gw_str_of(environment("AWS_SECRET_ACCESS_KEY", ""));
        c->token = gw_str_of(environment("AWS_SESSION_TOKEN", ""));
    }
    if (err || !c->access_key)
        return err;
    if (!is_word(gw_str_of(c->access_key)) || !is_word(gw_str_of(c->region)) ||
        (c->token.len && !is_word(c->token)))
        return gw_fail(why, GW_E_INVALID,
                       "the access key, token or region holds blanks");
    if (c->secret.len == 0)
        return gw_fail(why, GW_E_INVALID, "the access key has no secret");
    return GW_OK;
}

static gw_err read_message(struct call *c, struct gw_fault *why)
{
    gw_err err = GW_OK;

    if (!c->verb->sends)
        return GW_OK;
    err = c->data ? gw_buf_add(&c->body, gw_str_of(c->data))
                  : read_all(stdin, &c->body);
    return err ? gw_fail(why, err, "the message: %s", gw_err_text(err)) : GW_OK;
}

static gw_err read_call(struct call *c, struct gw_fault *why)
{
    gw_err err;

    if (!c->endpoint)
        c->endpoint =
            environment("GATEWIRE_ENDPOINT", "http://127.0.0.1:8080/dev");
    if (!c->region)
        c->region = environment("AWS_REGION", "us-east-1");
    err = read_endpoint(c, why);
    if (!err)
        err = read_credentials(c, why);
    return err ? err : read_message(c, why);
}

/* --- the request --------------------------------------------------------- */

/* "/dev/@connections/L0SM9cOFvHcCIhw%3D", from an id encoded or not. */
static gw_err write_path(struct call *c, gw_str *out)
{
    struct gw_buf path;
    gw_str id;
    gw_err err =
        gw_http_decode(&c->arena, gw_str_of(c->connection_id), false, &id);

    gw_buf_init(&path, 8192);
    if (!err)
        err = gw_buf_addf(&path, "%s%.*s/@connections/", c->base.len ? "/" : "",
                          GW_FMT(c->base));
    if (!err)
        err = gw_http_encode(&path, id, false);
    if (!err)
        err = gw_arena_dup(&c->arena, gw_buf_str(&path), out);
    gw_buf_fini(&path);
    return err;
}

static void add(struct gw_http_headers *h, const char *name, gw_str value)
{
    h->at[h->count++] = (struct gw_http_header){ gw_str_of(name), value };
}

static gw_err write_request(struct call *c, struct gw_buf *out)
{
    struct gw_http_headers h = { .count = 0 };
    struct gw_sigv4_request req = { .method = gw_str_of(c->verb->method),
                                    .body = gw_buf_str(&c->body),
                                    .headers = &h };
    char date[GW_AMZ_DATE_LEN + 1];
    gw_str authorization;
    gw_err err = write_path(c, &req.path);

    add(&h, "Host", c->authority);
    if (!err && c->access_key) {
        gw_amz_date_write(time(NULL), date);
        add(&h, "X-Amz-Date", (gw_str){ date, GW_AMZ_DATE_LEN });
        if (c->token.len)
            add(&h, "X-Amz-Security-Token", c->token);
        err = gw_sigv4_sign(&c->arena, &req, gw_str_of(c->access_key),
                            c->secret, gw_str_of(c->region),
                            GW_LIT("execute-api"), &authorization);
        if (!err)
            add(&h, "Authorization", authorization);
    }
    if (!err)
        err = gw_buf_addf(out, "%s %.*s HTTP/1.1\r\n", c->verb->method,
                          GW_FMT(req.path));
    for (size_t i = 0; i < h.count && !err; i++)
        err = gw_buf_addf(out, "%.*s: %.*s\r\n", GW_FMT(h.at[i].name),
                          GW_FMT(h.at[i].value));
    if (!err && c->verb->sends)
        err = gw_buf_addf(out, "Content-Length: %zu\r\n", c->body.len);
    if (!err)
        err = gw_buf_addf(out,
                          "User-Agent: gatewire/%s\r\n"
                          "Connection: close\r\n\r\n",
                          GW_VERSION);
    return err ? err : gw_buf_add(out, gw_buf_str(&c->body));
}

/* --- what came of it ----------------------------------------------------- */

static const struct {
    gw_str type;
    const char *word, *message; /* the message, when the answer has none */
} refusals[] = {
    { GW_LIT("GoneException"), "gone", "no such connection" },
    { GW_LIT("ForbiddenException"), "forbidden", "not at this endpoint" },
    { GW_LIT("BadRequestException"), "bad request", "not accepted" },
    { GW_LIT("PayloadTooLargeException"), "too large", "not accepted" },
    { GW_LIT("LimitExceededException"), "too busy", "try again later" },
    { GW_LIT("ServiceUnavailableException"), "too busy", "try again later" },
    { GW_LIT("MissingAuthenticationTokenException"), "not signed",
      "credentials are wanted" },
    { GW_LIT("IncompleteSignatureException"), "badly signed", "not accepted" },
    { GW_LIT("InvalidSignatureException"), "wrongly signed", "not accepted" },
    { GW_LIT("UnrecognizedClientException"), "unknown key", "not accepted" },
};

static int report(struct call *c, const struct gw_client_answer *a)
{
    gw_str type = GW_EMPTY, message;
    const char *word = "", *otherwise;
    ptrdiff_t hash;

    if (a->head.status < 300) {
        if (c->verb->prints)
            printf("%.*s\n", GW_FMT(gw_buf_str(&a->body)));
        return EXIT_SUCCESS;
    }
    gw_http_header_first(&a->head.headers, GW_LIT("x-amzn-errortype"), &type);
    type = gw_str_cut(&type, ':'); /* "Name", "Name:uri", "ns#Name" */
    hash = gw_str_find(type, '#', 0);
    if (hash >= 0)
        type = gw_str_skip(type, (size_t)hash + 1);
    message = gw_client_message(&c->arena, a);
    otherwise = gw_http_status_text(a->head.status);
    for (size_t i = 0; i < GW_LEN(refusals); i++)
        if (gw_str_eq(type, refusals[i].type)) {
            word = refusals[i].word;
            otherwise = refusals[i].message;
        }
    fputs("gatewire: ", stderr);
    gw_client_print(stderr, *word ? gw_str_of(word) : type);
    fputs(type.len ? ": " : "", stderr);
    gw_client_print(stderr, message.len ? message : gw_str_of(otherwise));
    fprintf(stderr, " (%u)\n", a->head.status);
    return EXIT_REFUSED;
}

static int perform(struct call *c)
{
    struct gw_client_answer a;
    struct gw_buf request;
    struct gw_fault why;
    int status = EXIT_UNREACHABLE;
    gw_err err;

    gw_buf_init(&request, MAX_BODY + MAX_HEAD);
    gw_client_answer_init(&a);
    err = write_request(c, &request);
    if (err) {
        fprintf(stderr, "gatewire: the request is too large\n");
        status = EXIT_USAGE;
        goto out;
    }
    err =
        gw_client_ask(c->host, c->port, c->tls, gw_buf_str(&request), &a, &why);
    if (err)
        fprintf(stderr, "gatewire: %s cannot be reached: %s\n", c->endpoint,
                why.text);
    else
        status = report(c, &a);
out:
    gw_client_answer_fini(&a);
    gw_buf_fini(&request);
    return status;
}

int gw_client_main(int argc, char **argv)
{
    struct call c = { .secret = GW_EMPTY, .token = GW_EMPTY };
    struct gw_fault why;
    int status = EXIT_USAGE;
    gw_err err;

    signal(SIGPIPE, SIG_IGN); /* TLS writes without MSG_NOSIGNAL */
    gw_arena_init(&c.arena, GW_CLIENT_ANSWER_MAX);
    gw_buf_init(&c.body, MAX_BODY);
    err = read_arguments(&c, argc, argv, &why);
    if (!err && c.help) {
        fputs(usage, stdout);
        status = EXIT_SUCCESS;
    } else {
        if (!err)
            err = read_call(&c, &why);
        if (err)
            fprintf(stderr, "gatewire: %s\n", why.text);
        else
            status = perform(&c);
    }
    gw_buf_fini(&c.body);
    gw_arena_fini(&c.arena);
    return status;
}
