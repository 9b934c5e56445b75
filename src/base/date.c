#include "base/date.h"

#include <string.h>

#include "base/text.h"

/* The forms of RFC 9110 5.6.7: a letter is a field of take_field, all else is itself. */
static const char *const forms[] = { "w, d m Y t GMT", "W, d-m-y t GMT", "w m e t Y" };

static const char *const weekdays[] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct date {
    unsigned year, month, day, hour, minute, second; /* month: 0 to 11 */
};

/* Exactly so many digits. */
static bool take_digits(const char **at, unsigned count, unsigned *value)
{
    *value = 0;
    for (; count > 0; count--, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (unsigned)(**at - '0');
    }
    return true;
}

/* len: characters of each name that are written, at most all. */
static bool take_name(const char **at, const char *const *names, size_t count, size_t len,
                      unsigned *which)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]) < len ? strlen(names[i]) : len;

        if (strncmp(*at, names[i], n) == 0) {
            *at += n;
            *which = (unsigned)i;
            return true;
        }
    }
    return false;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_field(const char **at, char field, struct date *date)
{
    unsigned weekday; /* not compared with the date, which counts */

    switch (field) {
    case 'w': /* short weekday */
        return take_name(at, weekdays, countof(weekdays), 3, &weekday);
    case 'W': /* long weekday */
        return take_name(at, weekdays, countof(weekdays), SIZE_MAX, &weekday);
    case 'm': /* month */
        return take_name(at, months, countof(months), 3, &date->month);
    case 'd': /* day, two digits */
        return take_digits(at, 2, &date->day);
    case 'e': /* day, a blank in place of the first digit */
        return take_digits(at, take_char(at, ' ') ? 1 : 2, &date->day);
    case 'Y': /* year, four digits */
        return take_digits(at, 4, &date->year);
    case 'y': /* year, two digits */
        if (!take_digits(at, 2, &date->year))
            return false;
        date->year += date->year < 70 ? 2000 : 1900;
        return true;
    case 't': /* hh:mm:ss */
        return take_digits(at, 2, &date->hour) && take_char(at, ':') &&
               take_digits(at, 2, &date->minute) && take_char(at, ':') &&
               take_digits(at, 2, &date->second);
    default:
        return take_char(at, field);
    }
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool date_seconds(const struct date *date, int64_t *seconds)
{
    static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const unsigned leap = is_leap(date->year), past = date->year - 1;
    unsigned length = lengths[date->month] + (date->month == 1 ? leap : 0);
    /* 719162 days lie between 1 January of the years 1 and 1970. */
    int64_t days = (int64_t)past * 365 + past / 4 - past / 100 + past / 400 - 719162;

    /* second 60 is a leap second */
    if (date->year < 1 || date->day < 1 || date->day > length || date->hour > 23 ||
        date->minute > 59 || date->second > 60)
        return false;
    for (unsigned m = 0; m < date->month; m++)
        days += lengths[m] + (m == 1 ? leap : 0);
    days += date->day - 1;
    *seconds = ((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
    return true;
}

bool date_from_http(const char *text, int64_t *seconds)
{
    for (size_t i = 0; i < countof(forms); i++) {
        struct date date = { 0 };
        const char *at = text, *field = forms[i];

        while (*field && take_field(&at, *field, &date))
            field++;
        if (*field == '\0' && *at == '\0')
            return date_seconds(&date, seconds);
    }
    return false;
}
