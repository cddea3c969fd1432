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

struct gw_ws_reader {
    struct gw_buf gathered; /* payload so far: fragments, or a frame cut off */
    uint64_t left;          /* payload bytes of this frame still to come */
    uint32_t utf8;          /* state of gw_utf8_feed over this text message */
    uint8_t mask[4];        /* rotated to the next payload byte */
    uint8_t head[14];       /* a frame head cut off */
    uint8_t head_len;
    uint8_t opcode;  /* of the frame being read */
    uint8_t message; /* opcode of the message being gathered, 0: none */
    uint8_t control[125], control_len; /* control frames may come between
                                                fragments of a message */
    bool in_frame, final;
};

typedef enum gw_ws_step {
    GW_WS_MORE,    /* all bytes taken, nothing complete */
    GW_WS_EVENT,   /* a whole message or control frame: see the event */
    GW_WS_REFUSED, /* close with event.code and event.payload as reason */
} gw_ws_step;

/* payload: of a message, a ping or a pong; the reason of a close. Valid until
 * the next call on this reader, or the caller reuses his bytes. code: of a
 * close frame (1005 when it carried none) or of a refusal. */
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
 * straight from `bytes`, without a copy. Call again with the rest after an
 * event. Limits act when a frame's head has been read, before its payload.
 *
 * Refusals: 1002 RSV bits, unknown opcode, unmasked, non-minimal length,
 * 64-bit length with the top bit, control frame fragmented or over 125,
 * continuation without a start, new data frame inside a message, close
 * payload of one byte, illegal close code (legal: 1000-1003, 1007-1014,
 * 3000-4999; a close without payload is 1005); 1007 text or close reason not
 * UTF-8 (at the first byte that cannot be right, even mid-frame); 1003
 * binary; 1009 limits. After a refusal or a close the reader takes no more.
 */
gw_ws_step gw_ws_read(struct gw_ws_reader *r, const struct gw_ws_limits *limits,
                      char *bytes, size_t len, size_t *used,
                      struct gw_ws_event *out);

/* The head of a final server frame (never masked); returns its length. */
enum { GW_WS_HEAD_MAX = 10 };
size_t gw_ws_head_write(char out[GW_WS_HEAD_MAX], gw_ws_opcode opcode,
                        uint64_t payload_bytes);

/* A whole close frame: code (0 or 1005: without payload) and a reason, cut to
 * 123 bytes at a character. Returns its length. */
enum { GW_WS_CLOSE_MAX = 127 };
size_t gw_ws_close_write(char out[GW_WS_CLOSE_MAX], unsigned code,
                         gw_str reason);

bool gw_ws_close_code_is_legal(unsigned code); /* on the wire */

/* XORs with the 4-byte mask, 8 bytes and more at a time; mask is rotated so
 * that the next call continues. */
void gw_ws_mask(char *bytes, size_t len, uint8_t mask[4]);

#endif
