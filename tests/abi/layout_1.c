/* ABI major 1 as it was released: an offset that moves breaks adapters that exist, so it breaks the build first. New
 * members go to the end of the structs that begin with `size`, and get a line here with the release that adds them. */
#include "crosswalk/plugin.h"

#define AT(type, member, offset) \
  _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved: that needs a new ABI major")
#define FROZEN(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has changed: that needs a new ABI major")

#if UINTPTR_MAX == UINT64_MAX
FROZEN(cw_text, 16);
AT(cw_text, data, 0);
AT(cw_text, size, 8);

FROZEN(cw_field, 16);
AT(cw_field, text, 0);
AT(cw_field, size, 8);
AT(cw_field, id, 12);
AT(cw_field, kind, 14);
AT(cw_field, flags, 15);

FROZEN(cw_record, 16);
AT(cw_record, fields, 0);
AT(cw_record, count, 8);

AT(cw_setup, size, 0);
AT(cw_setup, ctx, 8);
AT(cw_setup, setting, 16);
AT(cw_setup, word, 24);
AT(cw_setup, others, 32);
AT(cw_setup, absent, 40);
AT(cw_setup, fail, 48);

AT(cw_binder, size, 0);
AT(cw_binder, ctx, 8);
AT(cw_binder, map, 16);
AT(cw_binder, carry, 24);
AT(cw_binder, drop, 32);
AT(cw_binder, body, 40);
AT(cw_binder, claim, 48);
AT(cw_binder, fail, 56);

AT(cw_touchpoint, size, 0);
AT(cw_touchpoint, kind, 4);
AT(cw_touchpoint, direction, 8);
AT(cw_touchpoint, duration_how, 12);
AT(cw_touchpoint, id, 16);
AT(cw_touchpoint, at, 32);
AT(cw_touchpoint, user, 48);
AT(cw_touchpoint, duration, 64);
AT(cw_touchpoint, subject, 80);
AT(cw_touchpoint, deleted, 96);
AT(cw_touchpoint, type, 104);

AT(cw_refusal, size, 0);
AT(cw_refusal, code, 8);
AT(cw_refusal, field, 24);
AT(cw_refusal, found, 40);
AT(cw_refusal, message, 56);
AT(cw_refusal, cure, 72);

AT(cw_receiver, size, 0);
AT(cw_receiver, ctx, 8);
AT(cw_receiver, set, 16);
AT(cw_receiver, touchpoint, 24);
AT(cw_receiver, carry, 32);
AT(cw_receiver, drop, 40);
AT(cw_receiver, filter, 48);
AT(cw_receiver, refuse, 56);
AT(cw_receiver, walk, 64);
AT(cw_receiver, remark, 72);

AT(cw_adapter, abi_major, 0);
AT(cw_adapter, size, 4);
AT(cw_adapter, manifest, 8);
AT(cw_adapter, open, 16);
AT(cw_adapter, close, 24);
AT(cw_adapter, bind, 32);
AT(cw_adapter, translate, 40);
#endif

_Static_assert(CW_CELL == 0 && CW_STRING == 1 && CW_NUMBER == 2 && CW_BOOLEAN == 3 && CW_NULL == 4 && CW_ARRAY == 5 &&
                   CW_OBJECT == 6,
               "kinds have changed");
_Static_assert(CW_EXTERNAL_ID == 1 && CW_PLATFORM == 2 && CW_CHANNEL == 3 && CW_QUEUE_ID == 4 && CW_ASSIGNED_AGENT_ID == 5 &&
                   CW_CUSTOMER_ID == 6 && CW_SUBJECT == 7 && CW_STATUS == 8 && CW_STARTED_AT == 9 && CW_ENDED_AT == 10 &&
                   CW_HANDLE_TIME == 11 && CW_WAIT_TIME == 12 && CW_FIRST_RESPONSE_TIME == 13 && CW_RESOLVED == 14 &&
                   CW_CSAT_SCORE == 15 && CW_VERSION == 16 && CW_SCOPE == 17 && CW_TIME_ZONE == 18,
               "targets have changed");
_Static_assert(CW_ABI_MAJOR == 1, "a new major has a file of its own");

/* A translation unit is not empty. */
extern const int crosswalk_abi_layout_checked;
const int crosswalk_abi_layout_checked = 1;
