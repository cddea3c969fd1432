#include "protocol/http/chars.h"

enum {
    V = GW_HTTP_VALUE,
    T = GW_HTTP_TOKEN | V,
    G = GW_HTTP_TARGET | V,
    TG = T | G,
    U = GW_HTTP_UNRESERVED | TG,
    X = GW_HTTP_HEX | U,
};

/* In the order of ASCII; what is not named belongs to no class. */
const unsigned char gw_http_chars[256] = {
    ['\t'] = V,        [' '] = V,           ['!'] = TG,
    ['"'] = G,         ['#'] = T,           ['$' ... '\''] = TG,
    ['(' ... ')'] = G, ['*' ... '+'] = TG,  [','] = G,
    ['-' ... '.'] = U, ['/'] = G,           ['0' ... '9'] = X,
    [':' ... '@'] = G, ['A' ... 'F'] = X,   ['G' ... 'Z'] = U,
    ['[' ... ']'] = G, ['^'] = TG,          ['_'] = U,
    ['`'] = TG,        ['a' ... 'f'] = X,   ['g' ... 'z'] = U,
    ['{'] = G,         ['|'] = TG,          ['}'] = G,
    ['~'] = U,         [0x80 ... 0xff] = V,
};
