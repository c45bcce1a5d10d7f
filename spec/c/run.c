/*
** run.c - runs every C test and prints the counts.
*/
#include "check.h"

void body_tests(void);
void sha256_tests(void);
void transcript_tests(void);

int check_passed, check_failed;

int main(void) {
  body_tests();
  sha256_tests();
  transcript_tests();
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}
