#include "tests/bench/load/request.h"

#include "tests/bench/load/sign.h"
#include "tests/bench/shared/net.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEAD_MAX = 1024, SIGNED_MAX = 512 };

static void sign(char out[SIGNED_MAX], const struct plan *plan,
                 const char *path, const char *body, size_t body_len)
{
    char date[SIGN_DATE_SIZE], signature[SIGN_SIZE];
    struct sign s = {
        .method = "POST",
        .path = path,
        .host = plan->to,
        .date = date,
        .region = "us-east-1",
        .secret = plan->secret,
    };
    time_t now = time(NULL);

    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ",
             gmtime_r(&now, &(struct tm){ 0 }));
    sign_request(&s, body, body_len, signature);
    snprintf(out, SIGNED_MAX,
             "X-Amz-Date: %s\r\n"
             "Authorization: AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/"
             "execute-api/aws4_request, SignedHeaders=host;x-amz-date, "
             "Signature=%s\r\n",
             date, plan->key_id, date, s.region, signature);
}

void request_make(struct request *r, const struct plan *plan, const char *path,
                  const char *body, size_t body_len)
{
    char fields[SIGNED_MAX] = "";
    int head;

    if (plan->key_id && plan->secret)
        sign(fields, plan, path, body, body_len);
    r->text = malloc(HEAD_MAX + body_len);
    if (!r->text)
        die("out of memory");
    head = snprintf(r->text, HEAD_MAX,
                    "POST %s HTTP/1.1\r\n"
                    "Host: %s\r\n"
                    "Content-Type: application/json\r\n"
                    "%s"
                    "Content-Length: %zu\r\n\r\n",
                    path, plan->to, fields, body_len);
    if (head >= HEAD_MAX)
        die("the head of a request is longer than %d bytes", HEAD_MAX);
    memcpy(r->text + head, body, body_len);
    r->len = (size_t)head + body_len;
}

void request_push_path(const struct plan *plan, const char *id,
                       char out[REQUEST_PATH_MAX])
{
    int len = snprintf(out, REQUEST_PATH_MAX, "%s/@connections/", plan->path);

    if (len + 3 * strlen(id) >= REQUEST_PATH_MAX)
        die("the connection id \"%s\" is too long", id);
    for (; *id; id++)
        len += sprintf(out + len, isalnum((unsigned char)*id) ? "%c" : "%%%02X",
                       *id);
}
