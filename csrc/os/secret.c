#include "os/secret.h"

void cm_secret_wipe(void *ptr, size_t size) {
  volatile unsigned char *byte = ptr;

  while (size-- > 0) *byte++ = 0;
}
