#include "memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

memory_books memory[MEMORY_KINDS];
void (*memory_told)(void);

static memory_kind refusing;
static long left = -1; /* allocations until the first that is refused; negative: none is */
static long row;

void memory_refuse(memory_kind kind, long after, long in_a_row) {
  memory[kind].asked = memory[kind].refused = 0;
  refusing = kind;
  left = after;
  row = in_a_row;
}

static int refuse(memory_kind kind) {
  memory[kind].asked++;
  if (kind != refusing || left < 0) return 0;
  if (left > 0) {
    left--;
    return 0;
  }
  memory[kind].refused++;
  if (memory_told) memory_told();
  if (row > 0 && --row == 0) left = -1;
  return 1;
}

/* The linker sends the calls of our own objects to the second of each pair. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);
char *__wrap_strdup(const char *text);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);

static long size_of(void *ptr) {
  return ptr ? (long)malloc_usable_size(ptr) : 0;
}

static void *resize(memory_kind kind, void *ptr, size_t size) {
  long before = size_of(ptr);
  void *grown;

  if (refuse(kind)) return NULL;
  grown = __real_realloc(ptr, size);
  if (!grown && size) abort(); /* the machine's own memory: no result means anything */
  memory[kind].live += size_of(grown) - before;
  return grown;
}

static void *clear(memory_kind kind, size_t count, size_t size) {
  void *made = resize(kind, NULL, count && size ? count * size : 1);

  if (made) memset(made, 0, count * size);
  return made;
}

static void give_back(memory_kind kind, void *ptr) {
  memory[kind].live -= size_of(ptr);
  __real_free(ptr);
}

static char *copy(memory_kind kind, const char *text) {
  char *made = resize(kind, NULL, strlen(text) + 1);

  if (made) strcpy(made, text);
  return made;
}

void *__wrap_malloc(size_t size) {
  return resize(MEMORY_CORE, NULL, size ? size : 1);
}

void *__wrap_calloc(size_t count, size_t size) {
  return clear(MEMORY_CORE, count, size);
}

void *__wrap_realloc(void *ptr, size_t size) {
  return resize(MEMORY_CORE, ptr, size ? size : 1);
}

void __wrap_free(void *ptr) {
  give_back(MEMORY_CORE, ptr);
}

char *__wrap_strdup(const char *text) {
  return copy(MEMORY_CORE, text);
}

char *__wrap_realpath(const char *path, char *resolved) {
  char *found = resolved || !refuse(MEMORY_CORE) ? __real_realpath(path, resolved) : NULL;

  if (!resolved) memory[MEMORY_CORE].live += size_of(found);
  return found;
}

void *memory_lua(void *ud, void *ptr, size_t old_size, size_t new_size) {
  (void)ud;
  if (new_size == 0) {
    give_back(MEMORY_LUA, ptr);
    return NULL;
  }
  if (ptr && new_size <= old_size) { /* Lua relies on it that shrinking cannot fail */
    long before = size_of(ptr);
    ptr = __real_realloc(ptr, new_size);
    memory[MEMORY_LUA].live += size_of(ptr) - before;
    return ptr;
  }
  return resize(MEMORY_LUA, ptr, new_size);
}

void *memory_curl_malloc(size_t size) {
  return resize(MEMORY_CURL, NULL, size ? size : 1);
}

void *memory_curl_calloc(size_t count, size_t size) {
  return clear(MEMORY_CURL, count, size);
}

void *memory_curl_realloc(void *ptr, size_t size) {
  return resize(MEMORY_CURL, ptr, size ? size : 1);
}

char *memory_curl_strdup(const char *text) {
  return copy(MEMORY_CURL, text);
}

void memory_curl_free(void *ptr) {
  give_back(MEMORY_CURL, ptr);
}
