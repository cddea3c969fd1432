/*
 * One bus message as bytes between processes: a version byte, then an array in
 * msgpack. A reader of a newer version's message takes the members it knows;
 * a kind or operation it does not know is GW_E_NOT_FOUND (and a call is
 * answered with that), so nodes one version apart work together.
 */
#ifndef GW_STORE_WIRE_H
#define GW_STORE_WIRE_H

#include "protocol/base/arena.h"
#include "protocol/base/buf.h"
#include "store/bus.h"

/*
 * `next`, `task` and `argument` of the message are not carried, nor is the
 * payload's reference: bytes go beside it.
 *   CALL    op, from, token, id, stage, payload
 *   ANSWER  token, err (by its name: numbers differ between versions), payload
 */
gw_err gw_wire_write(const struct gw_bus_message *message, gw_str payload,
                     struct gw_buf *out) GW_MUST_CHECK;

/* payload is a view into `bytes`. GW_E_SYNTAX: not a message. GW_E_NOT_FOUND:
 * a call whose op is unknown; from and token are set. */
gw_err gw_wire_read(gw_str bytes, struct gw_bus_message *out,
                    gw_str *payload) GW_MUST_CHECK;

#endif
