/*
 * A template knows an API by the address that the original would give it:
 * wss://ID.execute-api.REGION.amazonaws.com. Once it is known where this
 * gateway listens, those texts lead here.
 */
#ifndef GW_CONFIG_LOCALISE_H
#define GW_CONFIG_LOCALISE_H

#include "server/config/config.h"

/*
 * Rewrites the outputs and the functions' variables: the host of an API of
 * ours becomes `bound` ("0.0.0.0:8080" is reached at 127.0.0.1:8080) or, with a
 * certificate, domainName if that is set; with the API's id behind it if there
 * are several.
 *
 * Schemes  Functions keep what they were told, wss:// or https://, where this
 *          gateway has a certificate or dev makes one; else they get ws:// and
 *          http://. Outputs are for people, whose programs do not know what dev
 *          has made: they keep theirs only with a certificate of the owner's.
 *
 * Where dev makes a certificate, domainName becomes that host, if it is not set:
 * what a client says in its Host need not lead back here.
 *
 * Before anybody else sees the configuration, and before dev's certificate is
 * put into it. GW_E_TOO_BIG: too much memory.
 */
gw_err gw_config_localise(struct gw_config *config, gw_str bound) GW_MUST_CHECK;

#endif
