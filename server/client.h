/*
 * `gatewire post|get|close CONNECTION-ID`: one call to @connections, from a
 * shell; `gatewire health` and `gatewire dead-letters`: the operator's port, of
 * this machine or of another. Tools beside the server: they block, and are no
 * part of the data path.
 */
#ifndef GW_CLIENT_H
#define GW_CLIENT_H

/* argv[0] is the verb. Returns the exit status: 0 done, 1 refused, 2 usage,
 * 69 cannot be reached. */
int gw_client_main(int argc, char **argv);

/* `gatewire dead-letters list|retry|drop`, at the operator's listener. */
int gw_client_letters_main(int argc, char **argv);

/* `gatewire health`: 0 when the gateway answers that it is alive. */
int gw_client_health_main(int argc, char **argv);

#endif
