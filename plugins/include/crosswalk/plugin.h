/* The plugin door: everything a Crosswalk adapter and its host agree on. C11; includes three C standard headers.
 *
 * An adapter is a shared library that exports ONE data symbol, `crosswalk_adapter`, of type cw_adapter. It runs no code
 * when it is loaded and registers nothing. Its manifest (JSON) stands in the file behind CW_MANIFEST_MARK, so that the
 * host reads it without loading the library.
 *
 * What an adapter does: it NAMES fields ("column `Created at` is started_at, in the source's time zone"). What the
 * names mean (times, durations, channels, scores) is the host's work, so that each rule exists once. Most adapters say
 * it all in bind(), once per field name, and their translate is NULL: the host then calls no adapter code per record.
 *
 * Rules that hold for every function, unless it says otherwise:
 *   Text      is UTF-8, not NUL-terminated, and BORROWED: valid until the call that received it returns. Copy to keep.
 *   Memory    allocated on one side is never freed on the other.
 *   Threads   [setup]  called once per translator, before anything else, on the thread that will use it
 *             [worker] called on one thread at a time per translator; several translators run side by side
 *             [any]    may be called from any thread at any time
 *             Two translators share nothing: no globals, no locale, no TZ, no files, no environment, no clock. An adapter
 *             is a pure function of (record, settings).
 *   Failure   no exception and no longjmp may cross. plugin.hpp takes care of that for C++. Nor may the process be ended: exit()
 *             is a failure of the adapter, by which the run ends.
 *   Growth    structs with a `size` first grow at their end only. Check `size` before using a member added later. Structs
 *             without (cw_text, cw_field, cw_record) are frozen for this ABI major.
 */
#ifndef CROSSWALK_PLUGIN_H
#define CROSSWALK_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The host refuses an adapter of another major. Within a major, everything an adapter used keeps its meaning. */
#define CW_ABI_MAJOR 1u

/* Stands in the library's data right before the manifest's `{`; the manifest ends with a NUL. */
#define CW_MANIFEST_MARK "@(#)crosswalk-manifest:1 "

/* The name of the one exported symbol, for the host. */
#define CW_ADAPTER_SYMBOL "crosswalk_adapter"

#if defined(__GNUC__)
#define CW_EXPORT __attribute__((visibility("default")))
#else
#define CW_EXPORT
#endif

/* ---- text, fields, records: frozen layouts ------------------------------------------------------------------- */

typedef struct cw_text {
  const char* data; /* not NUL-terminated; may be NULL when size is 0, and only then */
  size_t size;      /* bytes */
} cw_text;

/* What the source wrote. */
enum cw_kind {
  CW_CELL = 0,    /* untyped text: a CSV cell */
  CW_STRING = 1,  /* JSON string, unescaped */
  CW_NUMBER = 2,  /* JSON number as written */
  CW_BOOLEAN = 3, /* `true` or `false` */
  CW_NULL = 4,    /* JSON null; the text is `null` */
  CW_ARRAY = 5,   /* JSON array as one raw, validated slice; see cw_receiver.walk */
  CW_OBJECT = 6   /* the empty JSON object `{}`; others arrive as their fields */
};

typedef struct cw_field {
  const char* text;
  uint32_t size; /* bytes */
  uint16_t id;   /* the name, by number: see cw_adapter.bind */
  uint8_t kind;  /* enum cw_kind */
  uint8_t flags; /* CW_MADE, else 0 */
} cw_field;

/* Set in `flags` by an adapter that makes a field up; its id is then 0 and means nothing. */
#define CW_MADE 1u

typedef struct cw_record {
  const cw_field* fields;
  size_t count;
} cw_record;

/* ---- what a field can be ------------------------------------------------------------------------------------- */

/* The fields of a conversation (Assembled ConversationInput) and three that steer. Each has one meaning and one set of
 * accepted forms, which the host knows. */
enum cw_target {
  CW_STEERS = 0,               /* cw_binder.map only: no target; translate() reads the field in every record that has it, so
                                * there it was used even if nothing more is said of it */
  CW_EXTERNAL_ID = 1,          /* id; a number becomes its own text */
  CW_PLATFORM = 2,             /* text */
  CW_CHANNEL = 3,              /* word of the channel vocabulary, see cw_setup.word */
  CW_QUEUE_ID = 4,             /* id */
  CW_ASSIGNED_AGENT_ID = 5,    /* id */
  CW_CUSTOMER_ID = 6,          /* id */
  CW_SUBJECT = 7,              /* text */
  CW_STATUS = 8,               /* word */
  CW_STARTED_AT = 9,           /* time */
  CW_ENDED_AT = 10,            /* time */
  CW_HANDLE_TIME = 11,         /* duration, see cw_unit */
  CW_WAIT_TIME = 12,           /* duration */
  CW_FIRST_RESPONSE_TIME = 13, /* duration */
  CW_RESOLVED = 14,            /* boolean, or a word */
  CW_CSAT_SCORE = 15,          /* number 1 to 5, or a word */
  CW_VERSION = 16,             /* time: the record's own update time; of two updates the later one wins */
  CW_SCOPE = 17,               /* text: keeps equal ids apart while records are folded (an organisation id) */
  CW_TIME_ZONE = 18            /* text: the zone of this record's times */
};

/* How a value is written, for targets that need to know. 0 for the others. */
enum cw_how {
  CW_DEFAULT = 0, /* times: the source's format, in the source's zone */
  CW_SECONDS = 1, /* durations */
  CW_MINUTES = 2,
  CW_HOURS = 3,
  CW_MILLISECONDS = 4,
  CW_UTC = 5 /* times: UTC where the text has no offset (only where the source's documents say so) */
};

/* How a field is carried into metadata. */
enum cw_form {
  CW_AS_IS = 0, /* text stays text, numbers as written, arrays as they are */
  CW_WORDS = 1  /* a text of words divided by white space becomes an array of texts */
};

/* What becomes of a word that no vocabulary entry covers. */
enum cw_others {
  CW_OTHERS_BAD = 0,   /* a bad value; for CW_CHANNEL the record is rejected; for CW_RESOLVED, where there are words, left out */
  CW_OTHERS_LOWER = 1, /* kept, in lower case, and counted */
  CW_OTHERS_FALSE = 2  /* CW_RESOLVED: false; only where the source's documents say that no other word means resolved */
};

/* ---- setup: settings in, vocabulary out ------------------------------------------------------------------------ */

/* Implemented by the host; valid during open(). [setup] */
typedef struct cw_setup {
  uint32_t size;
  void* ctx;
  /* The value of an option of the manifest, its default when the user gave none; empty for an unknown name. `role` is
   * always there: `merge`, or `enrich` where the records only add to conversations that other sources say: then no field
   * but the id is needed. So is `placeholder_texts`: what programs write where there is nothing (`NULL`) and the dates that
   * they write where there is no time (`1970-01-01`), a line each; none with placeholders=none. The text is valid until
   * close(). */
  cw_text (*setting)(void* ctx, cw_text name);
  /* Says that a word of a target means `to` (CW_CHANNEL: phone, email, chat, sms, social, back_office; CW_CSAT_SCORE: a
   * number; CW_RESOLVED: true, false; CW_STATUS: any text). Words match without regard to case, and `_`, `-` and blank
   * are one. A later call for the same word replaces. The user's `channel.<word>=` settings win over all. */
  void (*word)(void* ctx, uint32_t target, cw_text from, cw_text to);
  /* What becomes of other words. CW_OTHERS_BAD when never called. */
  void (*others)(void* ctx, uint32_t target, uint32_t others);
  /* Says that a value of a target means "absent" (`-`, `1900-01-01 00:00:00`), before any word of it. Values match as
   * words do. Blank is absent always. */
  void (*absent)(void* ctx, uint32_t target, cw_text value);
  /* Says why the translator cannot be opened, with these settings; then return NULL from open(). */
  void (*fail)(void* ctx, cw_text message, cw_text cure);
} cw_setup;

/* ---- binding: names in, meaning out ---------------------------------------------------------------------------- */

/* Implemented by the host; valid during bind(). A field for which nothing is said is carried into metadata under its own
 * name. A field may be mapped to any number of targets. [worker] */
typedef struct cw_binder {
  uint32_t size;
  void* ctx;
  /* The field is `target`. Of several fields for one target the present one with the lowest rank counts; the others are
   * carried into metadata. CW_STEERS: a claimed field. */
  void (*map)(void* ctx, uint16_t field, uint32_t target, uint32_t how, uint32_t rank);
  /* The field goes into metadata under `name`: a field that the adapter knows (setting metadata=mapped). */
  void (*carry)(void* ctx, uint16_t field, cw_text name, uint32_t form);
  /* The field is left out; `rule` is the reason as the summary will show it ("summation column"). */
  void (*drop)(void* ctx, uint16_t field, cw_text rule);
  /* The field is message text: left out unless the user asks with include_bodies=true. */
  void (*body)(void* ctx, uint16_t field, cw_text name);
  /* The field is for translate() alone. In a record where that neither sets, carries, drops nor walks it, the host carries
   * it into metadata as if nothing had been said. */
  void (*claim)(void* ctx, uint16_t field);
  /* The names cannot be bound (a column is missing or stands twice): the input is refused with this message. */
  void (*fail)(void* ctx, cw_text message, cw_text cure);
} cw_binder;

/* ---- receiving: what one record says --------------------------------------------------------------------------- */

enum cw_touch_kind {
  CW_TOUCH_SMS = 1,
  CW_TOUCH_EMAIL = 2,
  CW_TOUCH_CALL = 3,
  CW_TOUCH_CHAT = 4,
  CW_TOUCH_SOCIAL = 5,
  CW_TOUCH_NOTE = 6,
  CW_TOUCH_OTHER = 7
};
enum cw_direction { CW_UNKNOWN_DIRECTION = 0, CW_INBOUND = 1, CW_OUTBOUND = 2, CW_INTERNAL = 3 };

/* One contact between customer and company. The host folds the touchpoints of a conversation: the same id counts once. */
typedef struct cw_touchpoint {
  uint32_t size;
  uint32_t kind;         /* enum cw_touch_kind */
  uint32_t direction;    /* enum cw_direction */
  uint32_t duration_how; /* enum cw_how: unit of `duration` */
  cw_text id;            /* what makes it the same touchpoint when it is read again; empty: every record is its own */
  cw_text at;            /* time text, as CW_STARTED_AT */
  cw_text user;          /* the agent; empty when none */
  cw_text duration;      /* of a call; empty when unknown */
  cw_text subject;       /* of an e-mail; empty when none */
  uint32_t deleted;      /* not 0: the source has deleted it; what an older record says under its id goes. Needs no time */
  cw_text type;          /* the source's word for its kind; empty when none. The user's `channel.<word>=` settings win over
                          * `kind`; of CW_TOUCH_OTHER, a word that none covers is counted and shown */
} cw_touchpoint;

/* Why a record is refused, or what is remarkable in it. With the code CW_OUT_OF_MEMORY: nothing is wrong with it, but there was
 * no memory to translate it. Where the adapter shares the host's, the run ends. */
#define CW_OUT_OF_MEMORY "out_of_memory"
typedef struct cw_refusal {
  uint32_t size;
  cw_text code;    /* stable, lower_snake: "no_conversation_id" */
  cw_text field;   /* path of the field at fault, or empty */
  cw_text found;   /* what was found */
  cw_text message; /* why it is wrong */
  cw_text cure;    /* what to do about it */
} cw_refusal;

/* Implemented by the host; valid during translate(). Every function returns false when the host wants no more of this
 * record: return at once then. [worker] */
typedef struct cw_receiver {
  uint32_t size;
  void* ctx;
  /* As cw_binder.map, for this record alone. `value` may be a field of the record or one made up during the call. */
  bool (*set)(void* ctx, uint32_t target, uint32_t how, uint32_t rank, const cw_field* value);
  bool (*touchpoint)(void* ctx, const cw_touchpoint* touchpoint);
  /* A metadata entry of the conversation. */
  bool (*carry)(void* ctx, cw_text name, const cw_field* value, uint32_t form);
  /* A claimed field that leads nowhere in this record, and by which rule: the books want to know. */
  bool (*drop)(void* ctx, const cw_field* value, cw_text rule);
  /* The record is left out by a rule ("draft"): counted as filtered. */
  bool (*filter)(void* ctx, cw_text rule);
  /* The record cannot be used. */
  bool (*refuse)(void* ctx, const cw_refusal* refusal);
  /* Calls `element` for each element of an array field, flattened like a record; names stand under `prefix`
   * ("messages[]" → `messages[].type`) and are bound before. Do not nest. False when the value is not an array, or when
   * `element` returned false. */
  bool (*walk)(void* ctx, const cw_field* array, cw_text prefix, bool (*element)(void* element_ctx, const cw_record*),
               void* element_ctx);
  /* Something that the user must see, although the record stays: a value that cannot be read, say. Counted by `code`, and
   * shown with the first place of each. It says nothing of what becomes of the field. */
  bool (*remark)(void* ctx, const cw_refusal* remark);
} cw_receiver;

/* ---- the adapter ------------------------------------------------------------------------------------------------ */

/* A translator is the adapter's own state for one worker; the host knows only its address. */
typedef struct cw_translator cw_translator;

typedef struct cw_adapter {
  uint32_t abi_major; /* CW_ABI_MAJOR */
  uint32_t size;      /* sizeof(cw_adapter) */

  /* The manifest, NUL-terminated, as it stands behind the mark. Static. */
  const char* manifest;

  /* A translator for these settings, or NULL after setup->fail. Owned by the adapter until close(). [setup] */
  cw_translator* (*open)(const cw_setup* setup);

  /* Frees the translator; NULL is allowed. [worker] */
  void (*close)(cw_translator* translator);

  /* Names have come up: field ids first … first+count-1 are called names[0] … names[count-1]. Called before the first
   * record that uses them; for CSV once, with the whole header. Ids at or above 0xC000 may be bound anew with other
   * names later. [worker] */
  void (*bind)(cw_translator* translator, uint16_t first, const cw_text* names, size_t count, const cw_binder* binder);

  /* One record. NULL when bind() says everything. [worker] */
  void (*translate)(cw_translator* translator, const cw_record* record, const cw_receiver* receiver);
} cw_adapter;

#ifdef __cplusplus
}
#endif

#endif /* CROSSWALK_PLUGIN_H */
