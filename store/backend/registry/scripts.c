#include "store/backend/registry/scripts.h"

enum { RENEW, RELEASE, APPLY, CLAIM, CLUSTER };

const struct gw_redis_script gw_script_renew = {
    .name = "renew",
    .index = RENEW,
    .text =
        "local owner = redis.call('GET', KEYS[1])\n"
        "if owner then\n"
        "  local epoch, link = owner:match('^(%x+)/(%d+)$')\n"
        "  if epoch ~= ARGV[1] then return 'taken' end\n"
        "  if tonumber(link) > tonumber(ARGV[2]) then return 'late' end\n"
        "elseif redis.call('EXISTS', KEYS[2]) == 1 then\n"
        "  return 'claimed'\n"
        "end\n"
        "redis.call('PEXPIRE', KEYS[1], ARGV[3])\n"
        "redis.call('SET', KEYS[1], ARGV[1] .. '/' .. ARGV[2], 'PX', ARGV[3])\n"
        "return owner and 'kept' or 'gained'\n",
};

const struct gw_redis_script gw_script_release = {
    .name = "release",
    .index = RELEASE,
    .text = "local owner = redis.call('GET', KEYS[1])\n"
            "if owner and owner:match('^%x+') == ARGV[1] then\n"
            "  redis.call('DEL', KEYS[1])\n"
            "end\n"
            "return redis.call('EXISTS', KEYS[2], KEYS[3])\n",
};

/* A goodbye is there before the record goes: an error between the two must
 * not lose both. */
const struct gw_redis_script gw_script_apply = {
    .name = "apply",
    .index = APPLY,
    .text =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
        "local at, refused = 4, nil\n"
        "for _ = 1, tonumber(ARGV[3]) do\n"
        "  local said = redis.pcall('HSET', KEYS[2], ARGV[at], ARGV[at + 1])\n"
        "  if type(said) == 'table' and said.err then refused = said.err end\n"
        "  at = at + 2\n"
        "end\n"
        "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
        "while at < #ARGV do\n"
        "  local what, id = ARGV[at], ARGV[at + 1]\n"
        "  at = at + 2\n"
        "  if what == 'forget' then\n"
        "    redis.call('HDEL', KEYS[2], id)\n"
        "    redis.call('HDEL', KEYS[3], id)\n"
        "  else\n"
        "    if what == 'add' then\n"
        "      redis.call('HSET', KEYS[2], id, ARGV[at])\n"
        "    else\n"
        "      redis.call('HSET', KEYS[3], id, ARGV[at])\n"
        "      redis.call('HDEL', KEYS[2], id)\n"
        "    end\n"
        "    at = at + 1\n"
        "  end\n"
        "end\n"
        "return refused or 1\n",
};

const struct gw_redis_script gw_script_claim = {
    .name = "claim",
    .index = CLAIM,
    .text =
        "local owner = redis.call('GET', KEYS[1])\n"
        "if owner and owner:match('^%x+') == ARGV[1] then return 'alive' end\n"
        "local heir = redis.call('GET', KEYS[5])\n"
        "if heir and heir ~= ARGV[2] then return 'taken' end\n"
        "redis.call('PEXPIRE', KEYS[5], ARGV[3])\n"
        "redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[4])\n"
        "redis.call('SET', KEYS[5], ARGV[2], 'PX', ARGV[3])\n"
        "local many = tonumber(ARGV[5])\n"
        "local out = redis.call('HRANDFIELD', KEYS[4], many, 'WITHVALUES')\n"
        "many = many - #out / 2\n"
        "if many > 0 then\n"
        "  local open = redis.call('HRANDFIELD', KEYS[3], many, 'WITHVALUES')\n"
        "  for i = 1, #open, 2 do\n"
        "    redis.call('HSET', KEYS[4], open[i], open[i + 1])\n"
        "    redis.call('HDEL', KEYS[3], open[i])\n"
        "    out[#out + 1] = open[i]\n"
        "    out[#out + 1] = open[i + 1]\n"
        "  end\n"
        "end\n"
        "return out\n",
};

/* Compared byte by byte: Lua's own comparison goes by the locale. */
const struct gw_redis_script gw_script_cluster = {
    .name = "cluster",
    .index = CLUSTER,
    .text = "local have = redis.call('GET', KEYS[1])\n"
            "if have and #have == #ARGV[1] then\n"
            "  if ARGV[2] ~= '1' or have == ARGV[1] then return have end\n"
            "  local i = 1\n"
            "  while have:byte(i) == ARGV[1]:byte(i) do i = i + 1 end\n"
            "  if have:byte(i) < ARGV[1]:byte(i) then return have end\n"
            "end\n"
            "redis.call('SET', KEYS[1], ARGV[1])\n"
            "return ARGV[1]\n",
};
