/*
** shim.c - preloaded into a program whose faults are counted.
**
** Counts the bytes that the C modules of this library hold (core.so and net.so, nobody
** else's), and asks for the names below "example.test" the name server at the port of
** 127.0.0.1 that FAULTS_NAMES names, as the system's resolver would ask its own.
**
** Needs the GNU C library. The functions for Lua are those of every version of it.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern void *__libc_realloc(void *ptr, size_t size);
extern void __libc_free(void *ptr);
extern void lua_pushnumber(void *L, double number);

/* ---- what the modules hold ---- */

enum { SLOTS = 1 << 20, MODULES = 2 };

typedef struct slot {
  void *ptr; /* NULL: never used; GONE: used before */
  size_t size;
} slot;

static slot slots[SLOTS];
static char gone;
#define GONE ((void *)&gone)

static struct { uintptr_t from, to; } modules[MODULES];
static int module_count;
static size_t live;

static int is_ours(const char *name) {
  const char *file = name ? strstr(name, "/claude/") : NULL;
  return file && (strcmp(file, "/claude/core.so") == 0 || strcmp(file, "/claude/net.so") == 0);
}

static int note_module(struct dl_phdr_info *info, size_t size, void *ud) {
  int i;

  (void)size, (void)ud;
  if (!is_ours(info->dlpi_name) || module_count == MODULES) return 0;
  for (i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    modules[module_count].from = info->dlpi_addr + part->p_vaddr;
    modules[module_count].to = modules[module_count].from + part->p_memsz;
    module_count++;
    return 0;
  }
  return 0;
}

static int calls_from_module(const void *caller) {
  int i;

  for (i = 0; i < module_count; i++)
    if ((uintptr_t)caller >= modules[i].from && (uintptr_t)caller < modules[i].to) return 1;
  return 0;
}

/* The slot of a pointer; NULL if it has none. */
static slot *find(const void *ptr) {
  size_t i = ((uintptr_t)ptr >> 4) % SLOTS, left;

  for (left = SLOTS; left > 0 && slots[i].ptr; left--, i = (i + 1) % SLOTS)
    if (slots[i].ptr == ptr) return &slots[i];
  return NULL;
}

static void put(void *ptr, size_t size) {
  size_t i = ((uintptr_t)ptr >> 4) % SLOTS;

  while (slots[i].ptr && slots[i].ptr != GONE) i = (i + 1) % SLOTS;
  slots[i].ptr = ptr;
  slots[i].size = size;
  live += size;
}

static void forget(const void *ptr) {
  slot *s = ptr ? find(ptr) : NULL;

  if (!s) return;
  live -= s->size;
  s->ptr = GONE;
}

void *realloc(void *ptr, size_t size) {
  int ours = calls_from_module(__builtin_return_address(0));
  void *grown = __libc_realloc(ptr, size);

  if (ours && grown) {
    forget(ptr);
    put(grown, size);
  }
  return grown;
}

void free(void *ptr) {
  if (calls_from_module(__builtin_return_address(0))) forget(ptr);
  __libc_free(ptr);
}

/* For package.loadlib: begins to count; what was taken before does not. */
int faults_count(void *L) {
  (void)L;
  module_count = 0;
  dl_iterate_phdr(note_module, NULL);
  return 0;
}

/* For package.loadlib: how many bytes are held. */
int faults_live(void *L) {
  lua_pushnumber(L, (double)live);
  return 1;
}

/* ---- names ---- */

enum { PATIENCE = 5000 /* milliseconds, as resolvers have it */, HEAD = 12, NO_SUCH_NAME = 3 };

static size_t write_query(unsigned char *out, const char *name) {
  static const unsigned char head[HEAD] = { 7, 7, 1, 0, 0, 1 };
  static const unsigned char tail[] = { 0, 0, 1, 0, 1 }; /* the root, A, IN */
  size_t length = HEAD, part;

  memcpy(out, head, HEAD);
  for (; *name; name += part + (name[part] == '.')) {
    part = strcspn(name, ".");
    out[length++] = (unsigned char)part;
    memcpy(out + length, name, part);
    length += part;
  }
  memcpy(out + length, tail, sizeof tail);
  return length + sizeof tail;
}

static int ask(int fd, int port, const char *name) {
  unsigned char query[512], answer[512];
  struct sockaddr_in server;
  struct pollfd wait = { fd, POLLIN, 0 };
  size_t length = write_query(query, name);

  memset(&server, 0, sizeof server);
  server.sin_family = AF_INET;
  server.sin_port = htons((uint16_t)port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sendto(fd, query, length, 0, (struct sockaddr *)&server, sizeof server);
  if (poll(&wait, 1, PATIENCE) != 1) return EAI_AGAIN;
  if (recv(fd, answer, sizeof answer, 0) < HEAD) return EAI_AGAIN;
  return (answer[3] & 15) == NO_SUCH_NAME ? EAI_NONAME : 0;
}

static int ask_name_server(const char *name) {
  const char *port = getenv("FAULTS_NAMES");
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int status = EAI_AGAIN;

  if (fd >= 0 && port && strlen(name) < 200) status = ask(fd, atoi(port), name);
  if (fd >= 0) close(fd);
  return status;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  static const char below[] = ".example.test";
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
  size_t length = node ? strlen(node) : 0;
  int status;

  memcpy(&real, &symbol, sizeof real);
  if (length < sizeof below || strcmp(node + length - strlen(below), below) != 0)
    return real(node, service, hints, result);
  status = ask_name_server(node);
  return status ? status : real("127.0.0.1", service, hints, result);
}
