/*
 * What Redis does in one go. Each script says its keys, its arguments and its
 * answer; all keys of one script lie in one slot.
 *
 * Redis refuses memory to a script only until its first write. So a script
 * that must go through when Redis is full begins with a PEXPIRE, which needs
 * none: whatever makes goodbyes of records, or moves them, frees as much as it
 * takes, and what removes them is the way out.
 */
#ifndef GW_STORE_REGISTRY_SCRIPTS_H
#define GW_STORE_REGISTRY_SCRIPTS_H

#include "store/backend/redis.h"

/* Takes or prolongs the lease.
 * keys  lease, claimed   arguments  epoch, link, milliseconds
 * "kept", "gained" (it was nobody's), "claimed", "taken" (another's), "late"
 * (it was renewed over a newer link). */
extern const struct gw_redis_script gw_script_renew;

/* Gives it back.
 * keys  lease, conns, goodbyes   arguments  epoch
 * How many of the two hashes still hold something. */
extern const struct gw_redis_script gw_script_release;

/* Writes. First the adds that may be refused, then all else in its order.
 * keys  lease, conns, goodbyes
 * arguments  lease text, milliseconds, number of such adds, (id, record) each,
 *            then "add" id record, "end" id record, "forget" id
 * 1: done. 0: not the owner, nothing was done. An error's text: done but for
 * the adds. */
extern const struct gw_redis_script gw_script_apply;

/* Claims an estate whose owner's lease is gone, and hands some of it out.
 * keys  lease, claimed, conns, goodbyes, heir
 * arguments  its epoch, the heir's name, milliseconds for the heir, seconds
 *            for the claim, how many
 * id, record, ... (none: it is empty), "alive" or "taken" (by another heir). */
extern const struct gw_redis_script gw_script_claim;

/* Agrees on the gateway's founding.
 * keys  cluster   arguments  ours, "1" when it has been in force
 * The one in force: the one that is there, unless ours has been in force and
 * is older. */
extern const struct gw_redis_script gw_script_cluster;

#endif
