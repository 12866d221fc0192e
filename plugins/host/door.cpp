// core's interfaces behind the functions of plugin.h.
#include "door.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <initializer_list>
#include <new>
#include <nlohmann/json.hpp>

namespace crosswalk {
namespace {

// Records cross the door as they are: core's layout is the door's.
static_assert(sizeof(Field) == sizeof(cw_field) && offsetof(Field, text) == offsetof(cw_field, text) &&
              offsetof(Field, size) == offsetof(cw_field, size) && offsetof(Field, id) == offsetof(cw_field, id) &&
              offsetof(Field, kind) == offsetof(cw_field, kind) && offsetof(Field, flags) == offsetof(cw_field, flags));
static_assert(sizeof(Record) == sizeof(cw_record) && offsetof(Record, count) == offsetof(cw_record, count));
static_assert(static_cast<int>(Target::time_zone) == CW_TIME_ZONE && static_cast<int>(Target::external_id) == CW_EXTERNAL_ID &&
              static_cast<int>(Target::csat_score) == CW_CSAT_SCORE && static_cast<int>(Target::scope) == CW_SCOPE);
static_assert(static_cast<int>(How::utc) == CW_UTC && static_cast<int>(How::milliseconds) == CW_MILLISECONDS);
static_assert(static_cast<int>(Kind::object) == CW_OBJECT && static_cast<int>(Kind::cell) == CW_CELL && Field::kMade == CW_MADE);
static_assert(static_cast<int>(TouchKind::other) == CW_TOUCH_OTHER && static_cast<int>(Direction::internal) == CW_INTERNAL);
static_assert(static_cast<int>(Others::no) == CW_OTHERS_FALSE && static_cast<int>(Form::words) == CW_WORDS);

Target target_of(std::uint32_t target) { return target < kTargetCount ? static_cast<Target>(target) : Target::none; }
How how_of(std::uint32_t how) { return how <= CW_UTC ? static_cast<How>(how) : How::as_configured; }
Form form_of(std::uint32_t form) { return form == CW_WORDS ? Form::words : Form::as_is; }
const Field& field_of(const cw_field* field) { return *reinterpret_cast<const Field*>(field); }

constexpr const char* kNotUtf8 = "a text that the adapter gave is not UTF-8";

/// Runs `work`, which core may end by throwing; then, and ever after, the adapter is told that no more is wanted.
template <class Context, class Work>
bool shielded(void* ctx, const Work& work) noexcept {
  auto& context = *static_cast<Context*>(ctx);
  if (context.thrown) return false;
  try {
    return work(context);
  } catch (...) { context.thrown = std::current_exception(); }
  return false;
}

/// Of texts; the first that is bad is said.
bool are_good(Failure& failure, std::initializer_list<cw_text> texts) {
  for (const cw_text t : texts) {
    if (!is_null_text(t) && is_utf8(view(t))) continue;
    failure.set(text(is_null_text(t) ? kNullText : kNotUtf8), text("report it to the adapter's author"));
    return false;
  }
  return true;
}

ReceiverContext& context_of(void* ctx) { return *static_cast<ReceiverContext*>(ctx); }
Receiver& receiver_of(void* ctx) { return context_of(ctx).receiver; }

bool refuse(void* ctx, std::string_view why) {
  return receiver_of(ctx).refuse({"adapter_failed", "", "", why, "report it to the adapter's author, with this record"});
}

inline bool is_good(void* ctx, cw_text t) {
  if (is_null_text(t)) return refuse(ctx, kNullText);
  return is_utf8(view(t)) || refuse(ctx, kNotUtf8);
}

const cw_record& record_of(const Record& record) { return reinterpret_cast<const cw_record&>(record); }

bool is_good_of_its_own(void* ctx, const cw_field& value) {
  const ReceiverContext& context = context_of(ctx);
  if ((value.flags & CW_MADE) == 0 && index_of_whole(record_of(context.record), value) == kNoField &&
      index_of_whole(record_of(context.element), value) == kNoField) {
    return refuse(ctx, "a value that the adapter gave is of no field of the record");
  }
  if (is_null_text(value.text, value.size)) return refuse(ctx, kNullText);
  const std::string_view content(value.text, value.size);
  if (value.kind == CW_CELL || value.kind == CW_STRING) return is_utf8(content) || refuse(ctx, kNotUtf8);
  if (value.kind <= CW_OBJECT && nlohmann::json::accept(content)) return true;
  return refuse(ctx, "a value that the adapter gave is not what its kind says");
}
/// What is no field of the record is the adapter's own, and looked at.
inline bool is_good(void* ctx, const cw_field* value) {
  if (value == nullptr) return refuse(ctx, kNull);
  const ReceiverContext& context = context_of(ctx);
  return stands_in(record_of(context.record), *value) || stands_in(record_of(context.element), *value) ||
         is_good_of_its_own(ctx, *value);
}

}  // namespace

Error open_failed(const AdapterInfo& info, const Failure& failure) {
  return {Errc::usage,
          fmt::format("{}: {}", info.id, failure.failed ? failure.message : "it could not be opened and did not say why"),
          failure.cure};
}

cw_setup setup_door(SetupContext& context) {
  cw_setup door{};
  door.size = sizeof(door);
  door.ctx = &context;
  door.setting = [](void* c, cw_text name) {
    cw_text found{};
    shielded<SetupContext>(c, [&](SetupContext& s) {
      if (are_good(s.failure, {name})) found = text(s.setup.setting(view(name)));
      return true;
    });
    return found;
  };
  door.word = [](void* c, std::uint32_t target, cw_text from, cw_text to) {
    shielded<SetupContext>(c, [&](SetupContext& s) {
      if (are_good(s.failure, {from, to})) s.setup.word(target_of(target), view(from), view(to));
      return true;
    });
  };
  door.others = [](void* c, std::uint32_t target, std::uint32_t others) {
    shielded<SetupContext>(c, [&](SetupContext& s) {
      if (others <= CW_OTHERS_FALSE) s.setup.others(target_of(target), static_cast<Others>(others));
      return true;
    });
  };
  door.absent = [](void* c, std::uint32_t target, cw_text value) {
    shielded<SetupContext>(c, [&](SetupContext& s) {
      if (are_good(s.failure, {value})) s.setup.absent(target_of(target), view(value));
      return true;
    });
  };
  door.fail = [](void* c, cw_text message, cw_text cure) {
    shielded<SetupContext>(c, [&](SetupContext& s) {
      if (are_good(s.failure, {message, cure})) s.failure.set(message, cure);
      return true;
    });
  };
  return door;
}

bool BinderContext::asked(std::uint16_t field) {
  if (field >= first && field - first < static_cast<int>(count)) return true;
  failure.failed = true;
  failure.message = fmt::format("the adapter bound field {}, which it was not asked about", field);
  failure.cure = "report it to the adapter's author";
  return false;
}

cw_binder binder_door(BinderContext& context) {
  cw_binder door{};
  door.size = sizeof(door);
  door.ctx = &context;
  door.map = [](void* c, std::uint16_t field, std::uint32_t target, std::uint32_t how, std::uint32_t rank) {
    shielded<BinderContext>(c, [&](BinderContext& b) {
      const bool known = b.asked(field) && (target == CW_STEERS || target_of(target) != Target::none);
      if (known) b.binder.map(field, target_of(target), how_of(how), rank);
      return true;
    });
  };
  door.carry = [](void* c, std::uint16_t field, cw_text name, std::uint32_t form) {
    shielded<BinderContext>(c, [&](BinderContext& b) {
      if (b.asked(field) && are_good(b.failure, {name})) b.binder.carry(field, view(name), form_of(form));
      return true;
    });
  };
  door.drop = [](void* c, std::uint16_t field, cw_text rule) {
    shielded<BinderContext>(c, [&](BinderContext& b) {
      if (b.asked(field) && are_good(b.failure, {rule})) b.binder.drop(field, view(rule));
      return true;
    });
  };
  door.body = [](void* c, std::uint16_t field, cw_text name) {
    shielded<BinderContext>(c, [&](BinderContext& b) {
      if (b.asked(field) && are_good(b.failure, {name})) b.binder.body(field, view(name));
      return true;
    });
  };
  door.claim = [](void* c, std::uint16_t field) {
    shielded<BinderContext>(c, [&](BinderContext& b) {
      if (b.asked(field)) b.binder.claim(field);
      return true;
    });
  };
  door.fail = [](void* c, cw_text message, cw_text cure) {
    shielded<BinderContext>(c, [&](BinderContext& b) {
      if (are_good(b.failure, {message, cure})) b.failure.set(message, cure);
      return true;
    });
  };
  return door;
}

namespace {

bool take_touchpoint(void* c, const cw_touchpoint* t) {
  if (t == nullptr) return refuse(c, kNull);
  if (!is_good(c, t->id) || !is_good(c, t->at) || !is_good(c, t->user) || !is_good(c, t->duration) || !is_good(c, t->subject))
    return false;
  TouchpointText touch;
  touch.kind = t->kind >= CW_TOUCH_SMS && t->kind <= CW_TOUCH_OTHER ? static_cast<TouchKind>(t->kind) : TouchKind::other;
  touch.direction = t->direction <= CW_INTERNAL ? static_cast<Direction>(t->direction) : Direction::unknown;
  touch.duration_how = how_of(t->duration_how);
  touch.id = view(t->id);
  touch.at = view(t->at);
  touch.user = view(t->user);
  touch.duration = view(t->duration);
  touch.subject = view(t->subject);
  touch.deleted = t->size > offsetof(cw_touchpoint, deleted) && t->deleted != 0;
  const cw_text type = type_of(*t);
  if (!is_good(c, type)) return false;
  touch.type = view(type);
  return receiver_of(c).touchpoint(touch);
}

bool are_good(void* c, const cw_refusal* r) {
  if (r == nullptr) return refuse(c, kNull);
  return is_good(c, r->code) && is_good(c, r->field) && is_good(c, r->found) && is_good(c, r->message) && is_good(c, r->cure);
}

bool take_refusal(void* c, const cw_refusal* r) {
  if (!are_good(c, r)) return false;
  if (view(r->code) == CW_OUT_OF_MEMORY && context_of(c).shares_memory) throw std::bad_alloc();
  return receiver_of(c).refuse({view(r->code), view(r->field), view(r->found), view(r->message), view(r->cure)});
}

bool take_walk(void* c, const cw_field* array, cw_text prefix, bool (*element)(void*, const cw_record*), void* element_ctx) {
  if (array == nullptr) return refuse(c, kNull);
  if (!is_good(c, prefix)) return false;
  if (array->kind == CW_ARRAY && index_of(record_of(context_of(c).record), *array) == kNoField) {
    return refuse(c, "it walked something that is no field of the record");
  }
  if (array->kind == CW_ARRAY && element == nullptr) return refuse(c, kNull);
  return receiver_of(c).walk(field_of(array), view(prefix), [&](const Record& record) {
    context_of(c).element = record;
    const bool more = element(element_ctx, reinterpret_cast<const cw_record*>(&record));
    context_of(c).element = {};
    return more;
  });
}

}  // namespace

cw_receiver receiver_door(ReceiverContext& context) {
  cw_receiver door{};
  door.size = sizeof(door);
  door.ctx = &context;
  door.set = [](void* c, std::uint32_t target, std::uint32_t how, std::uint32_t rank, const cw_field* value) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext& r) {
      return target_of(target) == Target::none ||
             (is_good(c, value) && r.receiver.set(target_of(target), how_of(how), rank, field_of(value)));
    });
  };
  door.touchpoint = [](void* c, const cw_touchpoint* t) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext&) { return take_touchpoint(c, t); });
  };
  door.carry = [](void* c, cw_text name, const cw_field* value, std::uint32_t form) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext& r) {
      return is_good(c, name) && is_good(c, value) && r.receiver.carry(view(name), field_of(value), form_of(form));
    });
  };
  door.drop = [](void* c, const cw_field* value, cw_text rule) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext& r) {
      return is_good(c, rule) && is_good(c, value) && r.receiver.drop(field_of(value), view(rule));
    });
  };
  door.filter = [](void* c, cw_text rule) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext& r) { return is_good(c, rule) && r.receiver.filter(view(rule)); });
  };
  door.refuse = [](void* c, const cw_refusal* r) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext&) { return take_refusal(c, r); });
  };
  door.remark = [](void* c, const cw_refusal* r) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext& mine) {
      if (!are_good(c, r)) return false;
      return mine.receiver.remark({view(r->code), view(r->field), view(r->found), view(r->message), view(r->cure)});
    });
  };
  door.walk = [](void* c, const cw_field* array, cw_text prefix, bool (*element)(void*, const cw_record*), void* element_ctx) {
    return shielded<ReceiverContext>(c, [&](ReceiverContext&) { return take_walk(c, array, prefix, element, element_ctx); });
  };
  return door;
}

}  // namespace crosswalk
