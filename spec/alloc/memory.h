/*
** memory.h - the allocators of a program under test: Lua's, libcurl's, and what csrc calls
** of libc (sent here by the linker). Each can be told to refuse, and each keeps the books.
*/
#ifndef CM_ALLOC_MEMORY_H
#define CM_ALLOC_MEMORY_H

#include <stddef.h>

typedef enum memory_kind { MEMORY_LUA, MEMORY_CORE, MEMORY_CURL, MEMORY_KINDS } memory_kind;

typedef struct memory_books {
  long live;    /* bytes given out and not given back */
  long asked;   /* allocations since the last memory_refuse */
  long refused; /* of these */
} memory_books;

extern memory_books memory[MEMORY_KINDS];

extern void (*memory_told)(void); /* called where one is refused, unless NULL */

/*
** From now on the allocation of that kind behind the next `after` is refused: it and all
** behind it, or so many in a row. after < 0 refuses none. Another kind is not touched.
*/
void memory_refuse(memory_kind kind, long after, long in_a_row);

enum { MEMORY_ALL = -1 };

/* A lua_Alloc. */
void *memory_lua(void *ud, void *ptr, size_t old_size, size_t new_size);

/* For curl_global_init_mem. */
void *memory_curl_malloc(size_t size);
void *memory_curl_calloc(size_t count, size_t size);
void *memory_curl_realloc(void *ptr, size_t size);
char *memory_curl_strdup(const char *text);
void memory_curl_free(void *ptr);

#endif
