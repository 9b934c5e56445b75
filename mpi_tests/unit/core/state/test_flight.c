#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/state/flight.h"

/* Pieces that all leave over one link, one behind the other, for as long as it takes until
 * their number stays. */
static unsigned at_last(double piece)
{
    unsigned most = FLIGHT_FIRST;

    for (int i = 0; i < 1000; i++)
        most = flight_next(most, most * piece);
    return most;
}

static void so_many_as_leave_in_a_moment(void **state)
{
    (void)state;
    assert_int_equal(at_last(0.25), FLIGHT_LEAST); /* of a MiB at 4 MB/s */
    assert_in_range(at_last(0.02), 5, 10);
    assert_int_equal(at_last(0.0001), FLIGHT_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(so_many_as_leave_in_a_moment) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
