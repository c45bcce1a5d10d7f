/*
** tree.h - a directory whose files are reached by names below it, and nothing else.
**
** A path is names separated by '/', relative to the directory; "" is the directory
** itself. Each name is opened below the one before and never through a symbolic link, so
** that neither ".." nor a link leads out, not even one that is put there meanwhile.
**
** Functions return 0, or errno: ELOOP for a symbolic link, EINVAL for a name that is
** empty, "." or "..", or for a file that is neither a regular one nor a directory.
*/
#ifndef CM_OS_TREE_H
#define CM_OS_TREE_H

#include <stddef.h>

typedef struct cm_tree {
  int fd; /* of the directory; -1 when closed */
} cm_tree;

typedef enum cm_tree_kind { CM_TREE_FILE, CM_TREE_DIRECTORY, CM_TREE_OTHER } cm_tree_kind;

typedef struct cm_tree_entry {
  cm_tree_kind kind;
  long long size; /* bytes of a file */
} cm_tree_entry;

/* Opens the directory; makes it (mode 0700), and those above it, when it is not there.
   It may be a symbolic link itself. */
int cm_tree_open(cm_tree *tree, const char *path);
void cm_tree_close(cm_tree *tree);

int cm_tree_look(const cm_tree *tree, const char *path, cm_tree_entry *entry);

/* The names in a directory, unsorted, each with its zero byte, one after the other. The
   caller frees *names. */
int cm_tree_list(const cm_tree *tree, const char *path, char **names, size_t *size);

/* All bytes of a file; EFBIG when there are more than most. The caller frees *bytes. */
int cm_tree_read(const cm_tree *tree, const char *path, size_t most, char **bytes, size_t *size);

/*
** Puts a file there, whole or not at all, for its owner alone (mode 0600). create makes
** the directories above it as well (0700), and gives EEXIST when something is there;
** replace takes the place of what is there.
*/
int cm_tree_create(const cm_tree *tree, const char *path, const char *bytes, size_t size);
int cm_tree_replace(const cm_tree *tree, const char *path, const char *bytes, size_t size);

/* EEXIST when something has the new name; directories above it are made. */
int cm_tree_rename(const cm_tree *tree, const char *from, const char *to);

/* With everything in it. A symbolic link is removed, not what it leads to. */
int cm_tree_remove(const cm_tree *tree, const char *path);

#endif
