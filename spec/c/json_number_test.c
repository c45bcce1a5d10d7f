#include "core/json_number.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "exact.h"

void json_number_tests(void);

static double to_double(const char *text) {
  cm_slice digits = exact_copy(text, strlen(text));
  double value = cm_json_number_to_double(digits);

  exact_free(digits);
  return value;
}

static int to_int64(const char *text, int64_t *value) {
  cm_slice digits = exact_copy(text, strlen(text));
  int good = cm_json_number_to_int64(digits, value);

  exact_free(digits);
  return good;
}

static int writes(double value, const char *expected) {
  char out[CM_JSON_NUMBER_SIZE];
  cm_slice text;

  text.ptr = out;
  text.len = cm_json_number_from_double(out, value);
  return exact_equal(text, expected);
}

static void reads_integers_up_to_the_last(void) {
  int64_t value = 7;

  CHECK(to_int64("0", &value) && value == 0);
  CHECK(to_int64("-0", &value) && value == 0);
  CHECK(to_int64("-1", &value) && value == -1);
  CHECK(to_int64("9223372036854775807", &value) && value == INT64_MAX);
  CHECK(to_int64("-9223372036854775808", &value) && value == INT64_MIN);
}

static void tells_what_is_no_integer_or_too_large(void) {
  static const char *const wrong[] = { "9223372036854775808",
                                       "-9223372036854775809",
                                       "18446744073709551616",
                                       "99999999999999999999",
                                       "1.0",
                                       "1e3",
                                       "-",
                                       "" };
  int64_t value = 7;
  size_t i;

  for (i = 0; i < sizeof wrong / sizeof *wrong; i++) CHECK(!to_int64(wrong[i], &value));
  CHECK(value == 7);
}

static void reads_the_nearest_double(void) {
  CHECK(to_double("0") == 0 && !signbit(to_double("0")));
  CHECK(to_double("-0") == 0 && signbit(to_double("-0")));
  CHECK(to_double("-0.0e9") == 0 && signbit(to_double("-0.0e9")));
  CHECK(to_double("0.1") == 0.1);
  CHECK(to_double("-123.456e-2") == -1.23456);
  CHECK(to_double("1E+22") == 1e22);
  CHECK(to_double("1e23") == 1e23);
  CHECK(to_double("9007199254740993") == 9007199254740992.0);
  CHECK(to_double("9007199254740993.0000000000000000000000000001") == 9007199254740994.0);
  CHECK(to_double("4.9406564584124654e-324") == 4.9406564584124654e-324);
  CHECK(to_double("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(to_double("1.7976931348623157e308") == 1.7976931348623157e308);
  CHECK(isinf(to_double("1e309")) && isinf(to_double("-1e400")));
  CHECK(to_double("1e-400") == 0);
  CHECK(to_double("1e99999999999999999999") > 1e308);
  CHECK(to_double("1e-99999999999999999999") == 0);
  CHECK(to_double("0e99999999999999999999") == 0);
}

/* Half-way between two doubles, decided by the last of many digits. */
static void reads_numbers_of_any_length(void) {
  enum { ZEROS = 3000 };
  char text[ZEROS + 64];
  size_t len;

  strcpy(text, "9007199254740993.");
  len = strlen(text);
  memset(text + len, '0', ZEROS);
  text[len + ZEROS] = '\0';
  CHECK(to_double(text) == 9007199254740992.0);
  strcpy(text + len + ZEROS, "1");
  CHECK(to_double(text) == 9007199254740994.0);

  strcpy(text, "0.");
  memset(text + 2, '0', ZEROS);
  strcpy(text + 2 + ZEROS, "15e3001");
  CHECK(to_double(text) == 1.5);

  text[0] = '1';
  memset(text + 1, '0', ZEROS);
  strcpy(text + 1 + ZEROS, "e-3000");
  CHECK(to_double(text) == 1);
}

static void writes_the_shortest(void) {
  CHECK(writes(0, "0"));
  CHECK(writes(-0.0, "-0.0"));
  CHECK(writes(-3, "-3"));
  CHECK(writes(1e15, "1000000000000000"));
  CHECK(writes(9007199254740991.0, "9007199254740991"));
  CHECK(writes(-9007199254740992.0, "-9.007199254740992e15"));
  CHECK(writes(1e16, "1e16"));
  CHECK(writes(0.1, "0.1"));
  CHECK(writes(0.1 + 0.2, "0.30000000000000004"));
  CHECK(writes(-1234.5678, "-1234.5678"));
  CHECK(writes(0.00000123, "0.00000123"));
  CHECK(writes(0.000000123, "1.23e-7"));
  CHECK(writes(1e-7, "1e-7"));
  CHECK(writes(1.0 / 3, "0.3333333333333333"));
  CHECK(writes(5e-324, "5e-324"));
  CHECK(writes(2.2250738585072014e-308, "2.2250738585072014e-308"));
  CHECK(writes(1.7976931348623157e308, "1.7976931348623157e308"));
  CHECK(writes(5.684341886080802e-14, "5.684341886080802e-14")); /* 2^-44: up, not to nearest */
  CHECK(writes(NAN, "") && writes(INFINITY, "") && writes(-INFINITY, ""));
}

static double from_bits(uint64_t bits) {
  double value;

  memcpy(&value, &bits, sizeof value);
  return value;
}

static void reads_back_what_it_writes(void) {
  uint64_t bits = 88172645463325252u;
  char out[CM_JSON_NUMBER_SIZE];
  cm_slice text;
  double value;
  int i, wrong = 0;

  for (i = 0; i < 20000; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    value = from_bits(bits);
    if (!isfinite(value)) continue;
    text.ptr = out;
    text.len = cm_json_number_from_double(out, value);
    wrong += text.len == 0 || text.len > sizeof out || cm_json_number_to_double(text) != value;
  }
  CHECK(wrong == 0);
}

static void does_not_depend_on_the_locale(void) {
  static const char *const names[] = { "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ps_AF", "C" };
  size_t i;

  for (i = 0; i < sizeof names / sizeof *names; i++) {
    if (!setlocale(LC_ALL, names[i])) continue;
    CHECK(writes(1.5e-9, "1.5e-9") && writes(1234567.25, "1234567.25"));
    CHECK(to_double("1234567.123456789012345678") == 1234567.123456789012345678);
  }
}

void json_number_tests(void) {
  reads_integers_up_to_the_last();
  tells_what_is_no_integer_or_too_large();
  reads_the_nearest_double();
  reads_numbers_of_any_length();
  writes_the_shortest();
  reads_back_what_it_writes();
  does_not_depend_on_the_locale();
}
