#include "protocol/auth/digest.h"

#include "protocol/base/base64.h"
#include "tests/support/suite.h"

/* FIPS 180-4 examples. */
static const struct {
    const char *text, *hash;
} hashes[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

START_TEST(hashes_are_the_standards)
{
    uint8_t hash[GW_SHA256_LEN];
    char hex[2 * GW_SHA256_LEN];

    gw_sha256(gw_str_of(hashes[_i].text), hash);
    gw_hex_encode(hash, sizeof(hash), hex);
    ck_assert_gw_str(((gw_str){ hex, sizeof(hex) }),
                     gw_str_of(hashes[_i].hash));
}
END_TEST

/* RFC 4231 test cases 1, 2, 6 and 7. */
static const struct {
    size_t repeat; /* the key is this many times `byte`, or else `key` */
    int byte;
    const char *key, *text, *mac;
} macs[] = {
    { 20, 0x0b, NULL, "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { 0, 0, "Jefe", "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { 131, 0xaa, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    { 131, 0xaa, NULL,
      "This is a test using a larger than block-size key and a larger than "
      "block-size data. The key needs to be hashed before being used by the "
      "HMAC algorithm.",
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

START_TEST(macs_are_the_standards)
{
    uint8_t mac[GW_SHA256_LEN];
    char hex[2 * GW_SHA256_LEN], repeated[131];
    gw_str key = gw_str_of(macs[_i].key);

    if (macs[_i].repeat) {
        memset(repeated, macs[_i].byte, sizeof(repeated));
        key = (gw_str){ repeated, macs[_i].repeat };
    }
    gw_hmac_sha256(key, gw_str_of(macs[_i].text), mac);
    gw_hex_encode(mac, sizeof(mac), hex);
    ck_assert_gw_str(((gw_str){ hex, sizeof(hex) }), gw_str_of(macs[_i].mac));
}
END_TEST

GW_SUITE("protocol/auth/digest")
{
    tcase_add_loop_test(tc, hashes_are_the_standards, 0, GW_LEN(hashes));
    tcase_add_loop_test(tc, macs_are_the_standards, 0, GW_LEN(macs));
}
