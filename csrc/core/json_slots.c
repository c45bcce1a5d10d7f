#include "core/json_slots.h"

#include <stdlib.h>
#include <string.h>

typedef struct known_name {
  const char *name;
  cm_json_slot slot;
  int is_list;
} known_name;

/* Both tables are sorted by name. */
static const known_name api_names[] = {
  { "allowed_callers", CM_SLOT_FREE, 1 }, { "allowed_domains", CM_SLOT_FREE, 1 },
  { "allowed_tools", CM_SLOT_FREE, 1 },   { "applied_edits", CM_SLOT_API, 1 },
  { "blocked_domains", CM_SLOT_FREE, 1 }, { "citations", CM_SLOT_API, 1 },
  { "content", CM_SLOT_API, 1 },          { "edits", CM_SLOT_API, 1 },
  { "exclude_tools", CM_SLOT_FREE, 1 },   { "fallbacks", CM_SLOT_API, 1 },
  { "input", CM_SLOT_FREE, 0 },           { "input_examples", CM_SLOT_FREE, 1 },
  { "input_schema", CM_SLOT_SCHEMA, 0 },  { "iterations", CM_SLOT_API, 1 },
  { "mcp_servers", CM_SLOT_API, 1 },      { "messages", CM_SLOT_API, 1 },
  { "requests", CM_SLOT_API, 1 },         { "required", CM_SLOT_FREE, 1 },
  { "schema", CM_SLOT_SCHEMA, 0 },        { "skills", CM_SLOT_API, 1 },
  { "stop_sequences", CM_SLOT_FREE, 1 },  { "system", CM_SLOT_API, 1 },
  { "tool_references", CM_SLOT_API, 1 },  { "tools", CM_SLOT_API, 1 },
};

static const known_name schema_names[] = {
  { "$defs", CM_SLOT_SCHEMAS, 0 },
  { "allOf", CM_SLOT_SCHEMA, 1 },
  { "anyOf", CM_SLOT_SCHEMA, 1 },
  { "const", CM_SLOT_FREE, 0 },
  { "default", CM_SLOT_FREE, 0 },
  { "definitions", CM_SLOT_SCHEMAS, 0 },
  { "dependentRequired", CM_SLOT_NAME_LISTS, 0 },
  { "dependentSchemas", CM_SLOT_SCHEMAS, 0 },
  { "enum", CM_SLOT_FREE, 1 },
  { "examples", CM_SLOT_FREE, 1 },
  { "oneOf", CM_SLOT_SCHEMA, 1 },
  { "patternProperties", CM_SLOT_SCHEMAS, 0 },
  { "prefixItems", CM_SLOT_SCHEMA, 1 },
  { "properties", CM_SLOT_PROPERTIES, 0 },
  { "required", CM_SLOT_FREE, 1 },
  { "type", CM_SLOT_FREE, 1 },
};

static int compare_name(const void *key, const void *entry) {
  const cm_slice *wanted = key;
  const char *name = ((const known_name *)entry)->name;
  size_t len = strlen(name), common = wanted->len < len ? wanted->len : len;
  int order = memcmp(wanted->ptr, name, common);

  return order ? order : (wanted->len > len) - (wanted->len < len);
}

#define FIND(key, names)                                                                           \
  ((const known_name *)bsearch(&(key), names, sizeof names / sizeof *names, sizeof *names,         \
                               compare_name))

cm_json_slot cm_json_slot_of(cm_json_slot parent, cm_slice key, int *is_list) {
  const known_name *known;

  *is_list = parent == CM_SLOT_NAME_LISTS;
  switch (parent) {
  case CM_SLOT_API:
    known = FIND(key, api_names);
    break;
  case CM_SLOT_SCHEMA:
    known = FIND(key, schema_names);
    break;
  case CM_SLOT_PROPERTIES:
  case CM_SLOT_SCHEMAS:
    return CM_SLOT_SCHEMA;
  default:
    return CM_SLOT_FREE;
  }
  if (!known) return parent;
  *is_list = known->is_list;
  return known->slot;
}
