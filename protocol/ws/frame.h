/*
 * RFC 6455 frames, server side: reads what clients send, writes what they
 * get. Pure; a connection's reader lives inside the connection and holds a
 * buffer only while a message is incomplete.
 */
#ifndef GW_WS_FRAME_H
#define GW_WS_FRAME_H

#include "protocol/base/buf.h"

typedef enum gw_ws_opcode {
    GW_WS_CONTINUATION = 0x0,
    GW_WS_TEXT = 0x1,
    GW_WS_BINARY = 0x2,
    GW_WS_CLOSE = 0x8,
    GW_WS_PING = 0x9,
    GW_WS_PONG = 0xA,
} gw_ws_opcode;

struct gw_ws_limits {
    size_t frame_bytes;   /* payload of one data frame; 0: no limit */
    size_t message_bytes; /* all fragments together; 0: no limit */
    bool binary;          /* false: a binary frame is refused with 1003 */
};

/* Lives in every connection, idle or not, so it is small: 80 bytes. */
struct gw_ws_reader {
    struct gw_buf gathered; /* payload so far: fragments, or a frame cut off */
    char *control;          /* payload so far of a control frame cut off: it
                               may come between fragments of a message */
    uint64_t left;          /* payload bytes of this frame still to come */
    uint32_t utf8;          /* state of gw_utf8_feed over this text message,
                               0 between messages */
    uint8_t mask[4];        /* rotated to the next payload byte */
    uint8_t head[14];       /* a frame head cut off */
    uint8_t head_len, control_len;
    uint8_t opcode;  /* of the frame being read */
    uint8_t message; /* opcode of the message being gathered, 0: none */
    bool in_frame, final;
    bool lent;  /* the last event's payload is ours, to be given back */
    bool ended; /* refused, or closed by the peer */
};

typedef enum gw_ws_step {
    GW_WS_MORE,    /* all bytes taken, nothing complete */
    GW_WS_EVENT,   /* a whole message or control frame: see the event */
    GW_WS_REFUSED, /* close with event.code and event.payload as reason */
} gw_ws_step;

/* payload: of a message, a ping or a pong; the reason of a close or of a
 * refusal. Valid until the next call on this reader, or the caller reuses his
 * bytes. code: of a close frame (1005 when it carried none) or of a refusal,
 * 0 otherwise. */
struct gw_ws_event {
    gw_ws_opcode opcode;
    unsigned code;
    gw_str payload;
};

void gw_ws_reader_init(struct gw_ws_reader *r);
void gw_ws_reader_fini(struct gw_ws_reader *r);

/*
 * Takes bytes until one event is complete; *used tells how many. Unmasks in
 * place: `bytes` is scribbled on. A message that came in one piece is lent
 * straight from `bytes`, without a copy. Limits act when a frame's head has
 * been read, before its payload; memory grows with what has come, never with
 * what was announced.
 *
 * Refusals: 1002 RSV bits, unknown opcode, unmasked, non-minimal length,
 * 64-bit length with the top bit, control frame fragmented or over 125,
 * continuation without a start, new data frame inside a message, close
 * payload of one byte, illegal close code (legal: 1000-1003, 1007-1014,
 * 3000-4999; a close without payload is 1005); 1007 text not UTF-8 (at the
 * first byte that cannot be right, even mid-frame), close reason not UTF-8;
 * 1003 binary; 1009 limits. After a refusal or a close all that still comes
 * is swallowed, as 7.1.1 allows: MORE, for ever.
 */
gw_ws_step gw_ws_read(struct gw_ws_reader *r, const struct gw_ws_limits *limits,
                      char *bytes, size_t len, size_t *used,
                      struct gw_ws_event *out);

/* Gives back the memory of a message that had to be gathered, as the next
 * call of gw_ws_read would: for when the bytes are used up, and more may not
 * come for a long time. */
void gw_ws_reader_rest(struct gw_ws_reader *r);

/* The head of a final server frame (never masked); returns its length. */
enum { GW_WS_HEAD_MAX = 10 };
size_t gw_ws_head_write(char out[GW_WS_HEAD_MAX], gw_ws_opcode opcode,
                        uint64_t payload_bytes);

/* A whole close frame: code (0 or 1005: without payload; otherwise legal on
 * the wire) and a reason, cut to 123 bytes at a character, and left out when
 * it is not UTF-8: it would make the peer fail. Returns its length. */
enum { GW_WS_CLOSE_MAX = 127 };
size_t gw_ws_close_write(char out[GW_WS_CLOSE_MAX], unsigned code,
                         gw_str reason);

bool gw_ws_close_code_is_legal(unsigned code); /* on the wire */

/* XORs with the 4-byte mask, 8 bytes and more at a time; mask is rotated so
 * that the next call continues. */
void gw_ws_mask(char *bytes, size_t len, uint8_t mask[4]);

#endif
