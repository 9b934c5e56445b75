/* core/http/header_line.c: which header lines a user may send along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/http/header_line.h"

static void test_lines(void **state)
{
    static const struct {
        const char *line, *says; /* NULL: fine */
    } rows[] = {
        { "X-Key: 1", NULL },
        { "Authorization: Bearer s", NULL },
        { "Host: other", NULL },
        { "X-Key:", NULL },
        { "X-Key: a\tb", NULL },
        { "Range-Like: 1", NULL },
        { "X-Range: 1", NULL },
        { "", "form" },
        { ": 1", "form" },
        { "X Key: 1", "form" },
        { "X-Key", "form" },
        { "X-Key: a\r\nRange: bytes=0-9", "form" },
        { "X-Key: a\nb", "form" },
        { "Range: bytes=0-9", "Range" },
        { "range: bytes=0-9", "Range" },
        { "RANGE:", "Range" },
        { "Accept-Encoding: gzip", "Accept-Encoding" },
        { "Content-Length: 5", "Content-Length" },
        { "Transfer-Encoding: chunked", "Transfer-Encoding" },
        { "Connection: close", "Connection" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *fault = header_line_fault(rows[i].line);

        if (!rows[i].says != !fault || (fault && !strstr(fault, rows[i].says)))
            fail_msg("row %zu: '%s'", i, fault ? fault : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
