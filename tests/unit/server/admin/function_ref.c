#include "server/admin/function_ref.h"

#include "tests/support/suite.h"

#define ACCOUNT "123456789012"
#define ARN     "arn:aws:lambda:eu-west-1:" ACCOUNT ":function:chat"

static const struct gw_function_spec chat = { .name = GW_LIT("chat"),
                                              .arn = GW_LIT(ARN) };

/* websocket-api.md 11.1. name NULL: nothing is called that. */
static const struct {
    const char *text, *name, *qualifier;
    bool is_chat;
} refs[] = {
    { "chat", "chat", "", true },
    { "chat:live", "chat", "live", true },
    { "chat:$LATEST", "chat", "$LATEST", true },
    { "chat:7", "chat", "7", true },
    { ACCOUNT ":function:chat", "chat", "", true },
    { ACCOUNT ":function:chat:live", "chat", "live", true },
    { ARN, "chat", "", true },
    { ARN ":live", "chat", "live", true },
    { "arn", "arn", "", false },
    { ACCOUNT, ACCOUNT, "", false },
    { "Chat", "Chat", "", false },
    { "chat2", "chat2", "", false },
    { "210987654321:function:chat", "chat", "", false },
    { "arn:aws:lambda:us-east-1:" ACCOUNT ":function:chat", "chat", "", false },
    { "arn:aws-cn:lambda:eu-west-1:" ACCOUNT ":function:chat", "chat", "",
      false },
    { "arn:aws:lambda:eu-west-1:210987654321:function:chat", "chat", "",
      false },
    { "", NULL, NULL, false },
    { ":live", NULL, NULL, false },
    { "chat:", NULL, NULL, false },
    { "chat:live:7", NULL, NULL, false },
    { "chat:a b", NULL, NULL, false },
    { "a b", NULL, NULL, false },
    { "ch\xc3\xa4t", NULL, NULL, false },
    { "chat/x", NULL, NULL, false },
    { "function:chat:x", NULL, NULL, false },
    { "12345678901:function:chat", NULL, NULL, false },
    { ACCOUNT ":chat:x", NULL, NULL, false },
    { ACCOUNT ":function:", NULL, NULL, false },
    { "arn:aws:sqs:eu-west-1:" ACCOUNT ":function:chat", NULL, NULL, false },
    { "arn:aws:lambda::" ACCOUNT ":function:chat", NULL, NULL, false },
    { "arn:aws:lambda:a\tb:" ACCOUNT ":function:chat", NULL, NULL, false },
    { "arn::lambda:eu-west-1:" ACCOUNT ":function:chat", NULL, NULL, false },
    { ARN ":live:x", NULL, NULL, false },
    { ARN ":", NULL, NULL, false },
};

START_TEST(names_are_read)
{
    struct gw_function_ref ref;

    ck_assert(gw_function_ref_read(gw_str_of(refs[_i].text), &ref) ==
              (refs[_i].name != NULL));
    if (!refs[_i].name)
        return;
    ck_assert_gw_str(ref.name, gw_str_of(refs[_i].name));
    ck_assert_gw_str(ref.qualifier, gw_str_of(refs[_i].qualifier));
    ck_assert(gw_function_ref_is(&ref, &chat) == refs[_i].is_chat);
}
END_TEST

START_TEST(an_arn_is_without_its_qualifier)
{
    struct gw_function_ref ref;

    ck_assert(gw_function_ref_read(GW_LIT(ARN ":live"), &ref));
    ck_assert_gw_str(ref.arn, GW_LIT(ARN));
    ck_assert(gw_function_ref_read(GW_LIT("chat:live"), &ref));
    ck_assert_uint_eq(ref.arn.len, 0);
}
END_TEST

START_TEST(names_have_a_greatest_length)
{
    struct gw_function_ref ref;
    char text[200];

    memset(text, 'a', sizeof(text));
    ck_assert(gw_function_ref_read((gw_str){ text, 140 }, &ref));
    ck_assert(!gw_function_ref_read((gw_str){ text, 141 }, &ref));
    text[4] = ':';
    ck_assert(gw_function_ref_read((gw_str){ text, 5 + 128 }, &ref));
    ck_assert(!gw_function_ref_read((gw_str){ text, 5 + 129 }, &ref));
}
END_TEST

GW_SUITE("server/admin/function_ref")
{
    tcase_add_loop_test(tc, names_are_read, 0, GW_LEN(refs));
    tcase_add_test(tc, an_arn_is_without_its_qualifier);
    tcase_add_test(tc, names_have_a_greatest_length);
}
