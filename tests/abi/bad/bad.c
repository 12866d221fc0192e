#include "bad.h"

__attribute__((unused)) static int state;

__attribute__((unused)) static cw_translator* open_well(const cw_setup* setup) {
  (void)setup;
  return (cw_translator*)&state;
}
__attribute__((unused)) static void close_well(cw_translator* t) { (void)t; }
__attribute__((unused)) static void bind_nothing(cw_translator* t, uint16_t first, const cw_text* names, size_t count,
                                                 const cw_binder* b) {
  (void)t, (void)first, (void)names, (void)count, (void)b;
}

#if defined(BAD_NO_MANIFEST)
CW_EXPORT const cw_adapter crosswalk_adapter = {CW_ABI_MAJOR, sizeof(cw_adapter), "{}", open_well,
                                                close_well,   bind_nothing,       NULL};

#elif defined(BAD_TWO_MANIFESTS)
static const char first_text[] = MANIFEST("bad-two-manifests", "1");
CW_EXPORT const char other_text[] = MANIFEST("bad-second-manifest", "1");
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), first_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_nothing, NULL};

#elif defined(BAD_BROKEN_MANIFEST)
static const char manifest_text[] = CW_MANIFEST_MARK "{\"id\":\"bad-broken-manifest\",";
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_nothing, NULL};

#elif defined(BAD_ABI_IN_MANIFEST)
static const char manifest_text[] = MANIFEST("bad-abi-in-manifest", "2");
CW_EXPORT const cw_adapter crosswalk_adapter = {
    2, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_nothing, NULL};

#elif defined(BAD_ABI_IN_SYMBOL)
static const char manifest_text[] = MANIFEST("bad-abi-in-symbol", "1");
CW_EXPORT const cw_adapter crosswalk_adapter = {
    7, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_nothing, NULL};

#elif defined(BAD_SIZE)
static const char manifest_text[] = MANIFEST("bad-size", "1");
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, 8, manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_nothing, NULL};

#elif defined(BAD_NO_FUNCTIONS)
static const char manifest_text[] = MANIFEST("bad-no-functions", "1");
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, NULL, close_well, NULL, NULL};

#elif defined(BAD_NO_SYMBOL)
CW_EXPORT const char crosswalk_other[] = MANIFEST("bad-no-symbol", "1");

#elif defined(BAD_DUPLICATE_ID)
static const char manifest_text[] = MANIFEST("asapp", "1");
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_nothing, NULL};

#elif defined(BAD_OPEN_SILENT)
static const char manifest_text[] = MANIFEST("bad-open-silent", "1");
static cw_translator* open_null(const cw_setup* setup) {
  (void)setup;
  return NULL;
}
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_null, close_well, bind_nothing, NULL};

#elif defined(BAD_OPEN_FAILS)
static const char manifest_text[] = MANIFEST("bad-open-fails", "1");
static cw_translator* open_fails(const cw_setup* setup) {
  setup->fail(setup->ctx, text_of("the stars are not right"), text_of("wait"));
  return NULL;
}
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_fails, close_well, bind_nothing, NULL};

#elif defined(BAD_BINDS_OTHERS)
static const char manifest_text[] = MANIFEST("bad-binds-others", "1");
static void bind_others(cw_translator* t, uint16_t first, const cw_text* names, size_t count, const cw_binder* b) {
  (void)t, (void)names;
  b->map(b->ctx, (uint16_t)(first + count + 9), CW_EXTERNAL_ID, 0, 0);
}
CW_EXPORT const cw_adapter crosswalk_adapter = {
    CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1, open_well, close_well, bind_others, NULL};

#elif defined(BAD_IGNORES_STOP)
static const char manifest_text[] = MANIFEST("bad-ignores-stop", "1");
static void translate_on(cw_translator* t, const cw_record* record, const cw_receiver* r) {
  (void)t;
  cw_field made = {"x", 1, 0, CW_STRING, CW_MADE};
  r->filter(r->ctx, text_of("by a rule"));
  for (int i = 0; i < 1000; ++i) {
    r->set(r->ctx, CW_EXTERNAL_ID, 0, 0, &made);
    r->set(r->ctx, 4711, 99, 0, &made);
    r->filter(r->ctx, text_of("again"));
  }
  if (record->count > 0) r->walk(r->ctx, &record->fields[0], text_of("x[]"), NULL, NULL);
}
CW_EXPORT const cw_adapter crosswalk_adapter = {CW_ABI_MAJOR, sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1,
                                                open_well,    close_well,         bind_nothing,
                                                translate_on};
#endif
