/*
 * What is read as a URL can be shown, its password cannot; and what is shown
 * reads as the same.
 */
#include "store/backend/redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void same(const struct gw_redis_url *a, const struct gw_redis_url *b)
{
    GW_ASSERT(a->kind == b->kind && a->db == b->db);
    GW_ASSERT(a->host_count == b->host_count);
    for (size_t i = 0; i < a->host_count; i++) {
        GW_ASSERT(gw_str_eq(a->hosts[i].host, b->hosts[i].host));
        GW_ASSERT(a->hosts[i].port == b->hosts[i].port);
    }
    GW_ASSERT(gw_str_eq(a->path, b->path));
    GW_ASSERT(gw_str_eq(a->master, b->master));
    GW_ASSERT(gw_str_eq(a->user, b->user));
    GW_ASSERT(
        gw_str_eq(b->password, a->password.len ? GW_LIT("***") : GW_EMPTY));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    gw_str text = { (const char *)bytes, len };
    struct gw_redis_url url, again;
    struct gw_fault why;
    struct gw_arena a;
    struct gw_buf shown;

    gw_arena_init(&a, 64 * 1024);
    gw_buf_init(&shown, 64 * 1024);
    if (gw_redis_url_read(&a, text, &url, &why) == GW_OK) {
        GW_ASSERT(gw_redis_url_print(&url, &shown) == GW_OK);
        GW_ASSERT(gw_redis_url_read(&a, gw_buf_str(&shown), &again, &why) ==
                  GW_OK);
        same(&url, &again);
    }
    gw_buf_fini(&shown);
    gw_arena_fini(&a);
    return 0;
}
