/*
 * One bus message as bytes between processes: a version byte, then an array in
 * msgpack. A reader of a newer node's message takes the members it knows; an
 * operation it does not know is GW_E_NOT_FOUND (and the call is answered with
 * that), so nodes one version apart work together. New members are put at the
 * end, under the same version byte; another one is for what older nodes must
 * not read.
 */
#ifndef GW_STORE_WIRE_H
#define GW_STORE_WIRE_H

#include "protocol/base/buf.h"
#include "store/bus.h"

/*
 * `next`, `task` and `argument` of the message are not carried, nor is the
 * payload's reference: bytes go beside it.
 *   CALL    op, from, token, id, stage, payload
 *   ANSWER  token, err (by its name: numbers differ between versions), payload
 * Appends all of it, or nothing: GW_E_TOO_BIG.
 */
gw_err gw_wire_write(const struct gw_bus_message *message, gw_str payload,
                     struct gw_buf *out) GW_MUST_CHECK;

/* payload is a view into `bytes`; empty when there is none. An err whose name
 * is unknown becomes GW_E_SYSTEM: it failed, whatever it is called.
 * GW_E_SYNTAX: not a message, or of an unknown version or kind: nobody waits
 * for an answer that we could give. GW_E_TOO_BIG: past a bound. GW_E_NOT_FOUND:
 * a call whose op is unknown; from and token are set. */
gw_err gw_wire_read(gw_str bytes, struct gw_bus_message *out,
                    gw_str *payload) GW_MUST_CHECK;

#endif
