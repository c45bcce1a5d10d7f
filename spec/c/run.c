/*
** run.c - runs every C test and prints the counts.
*/
#include "check.h"

void ahead_tests(void);
void base64_tests(void);
void body_tests(void);
void buffer_tests(void);
void http1_tests(void);
void journal_tests(void);
void json_number_tests(void);
void json_partial_tests(void);
void json_reader_tests(void);
void json_scan_tests(void);
void json_short_tests(void);
void json_string_tests(void);
void json_writer_tests(void);
void queue_tests(void);
void response_tests(void);
void sha256_tests(void);
void sse_tests(void);
void transcript_tests(void);
void utf8_tests(void);

int check_passed, check_failed;

int main(void) {
  ahead_tests();
  base64_tests();
  body_tests();
  buffer_tests();
  http1_tests();
  journal_tests();
  json_number_tests();
  json_partial_tests();
  json_reader_tests();
  json_scan_tests();
  json_short_tests();
  json_string_tests();
  json_writer_tests();
  queue_tests();
  response_tests();
  sha256_tests();
  sse_tests();
  transcript_tests();
  utf8_tests();
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}
