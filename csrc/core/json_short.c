#include "core/json_short.h"

/* What begins a character: how the 4 bytes from it on, the first the lowest, must look. */
typedef struct form {
  uint32_t bits, value; /* the bits that are the same in all of them */
  uint32_t some;        /* one of these is set */
  unsigned length;
} form;

enum { NONE, OF_TWO, OF_THREE, AFTER_E0, AFTER_ED, OF_FOUR, AFTER_F0, AFTER_F4, FORMS };

/* The second byte tells overlong forms, surrogates and too large codes. */
static const form FORM_OF[FORMS] = {
  [NONE] = { 0, 1, 0, 1 },
  [OF_TWO] = { 0x0000C0E0, 0x000080C0, 0x80, 2 },
  [OF_THREE] = { 0x00C0C0F0, 0x008080E0, 0x80, 3 },
  [AFTER_E0] = { 0x00C0E0FF, 0x0080A0E0, 0x80, 3 },
  [AFTER_ED] = { 0x00C0E0FF, 0x008080ED, 0x80, 3 },
  [OF_FOUR] = { 0xC0C0C0F8, 0x808080F0, 0x80, 4 },
  [AFTER_F0] = { 0xC0C0C0FF, 0x808080F0, 0x3000, 4 },
  [AFTER_F4] = { 0xC0C0F0FF, 0x808080F4, 0x80, 4 },
};

#define FOUR(form) form, form, form, form
#define EIGHT(form) FOUR(form), FOUR(form)

/* By the first byte, from 0xC0 on. */
static const unsigned char FORM_BY_LEAD[64] = {
  NONE,          NONE,     OF_TWO,   OF_TWO,   FOUR(OF_TWO), EIGHT(OF_TWO),   EIGHT(OF_TWO),
  EIGHT(OF_TWO), AFTER_E0, OF_THREE, OF_THREE, OF_THREE,     EIGHT(OF_THREE), OF_THREE,
  AFTER_ED,      OF_THREE, OF_THREE, AFTER_F0, OF_FOUR,      OF_FOUR,         OF_FOUR,
  AFTER_F4
};

static uint32_t word_at(const unsigned char *pos) {
  return pos[0] | (uint32_t)pos[1] << 8 | (uint32_t)pos[2] << 16 | (uint32_t)pos[3] << 24;
}

static const form *form_at(const unsigned char *pos) {
  return &FORM_OF[*pos >= 0xC0 ? FORM_BY_LEAD[*pos - 0xC0] : NONE];
}

int cm_json_short_check_all(const cm_json_others *list, size_t count) {
  const cm_json_others *end = list + count;
  const unsigned char *pos;
  const form *expected;
  uint64_t others = list->bytes;
  uint32_t word, wrong = 0;
  size_t at;

  while (list < end) {
    at = cm_scan_lowest(others);
    pos = (const unsigned char *)list->pos + at;
    word = word_at(pos);
    expected = form_at(pos);
    wrong |= (word & expected->bits) ^ expected->value;
    wrong |= !(word & expected->some);
    others &= ~(((UINT64_C(1) << expected->length) - 1) << at);
    list += !others;
    others = others ? others : list->bytes;
  }
  return !wrong;
}

/* Where the last character of the window begins; 0: nowhere, so it is none. */
static size_t last_character(const char *pos) {
  size_t at = CM_JSON_SHORT - 1;

  while (at > CM_JSON_SHORT - 5 && ((unsigned char)pos[at] & 0xC0) == 0x80) at--;
  return at > CM_JSON_SHORT - 5 ? at : 0;
}

/* An escape that begins before the last 10 bytes ends before the last 4. A pair of them may be cut:
   then its second half begins what is next, which is not taken. */
static size_t end_of_piece(const char *pos, uint64_t escapes) {
  uint64_t late = escapes >> (CM_JSON_SHORT - 10) << (CM_JSON_SHORT - 10);

  return late ? cm_scan_lowest(late) : last_character(pos);
}

int cm_json_short_find_piece(const char *pos, cm_json_short *piece, int *ends) {
  cm_json_signs signs;
  uint64_t inside;

  *ends = cm_json_short_find(pos, piece);
  if (*ends) return 1;
  cm_json_read_signs(pos, &signs);
  piece->escapes = cm_json_short_escapes(signs.backslashes);
  if (signs.quotes & ~(piece->escapes << 1)) return 0; /* what is before it is wrong */
  piece->body.ptr = pos;
  piece->body.len = end_of_piece(pos, piece->escapes);
  inside = (UINT64_C(1) << piece->body.len) - 1;
  piece->escapes &= inside;
  signs.others &= inside;
  return inside && (!signs.others || cm_json_short_check(pos, signs.others));
}
