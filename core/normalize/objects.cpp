// Objects that stand where the adapter asks for a value. Framing takes them apart, so that of `{"channel": {"type": "sms"}}`
// there is a field `channel.type` and none `channel`: unseen, the conversation would be as if nothing stood there.
#include <fmt/format.h>

#include <algorithm>

#include "normalize/normalizer.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::string_view kWhat[] = {"a word", "an id", "text", "a time", "a number"};

struct Expected {
  std::string_view code, what;
};

Expected expected(Target target) {
  switch (target) {
    case Target::external_id:
    case Target::queue_id:
    case Target::assigned_agent_id:
    case Target::customer_id: return {"bad_id", kWhat[1]};
    case Target::channel: return {"unknown_channel", kWhat[0]};
    case Target::resolved: return {"bad_boolean", kWhat[0]};
    case Target::status: return {"bad_text", kWhat[0]};
    case Target::started_at:
    case Target::ended_at:
    case Target::version: return {"bad_time", kWhat[3]};
    case Target::handle_time:
    case Target::wait_time:
    case Target::first_response_time: return {"bad_duration", kWhat[4]};
    case Target::csat_score: return {"bad_score", kWhat[4]};
    default: return {"bad_text", kWhat[2]};
  }
}

}  // namespace

/// Remembers a name that lies within one of which the adapter makes a target.
void Normalizer::find_object(std::uint16_t id, std::string_view path) {
  const FieldPlan& p = plan(id);
  if (!walker_ || p.action == Action::map || p.alias != nullptr) return;
  for (const auto& [target, column] : source_.info.columns) {
    if (path == column) return;
  }
  for (const auto& [made, column] : source_.info.columns) {
    if (!path.starts_with(column) || path.size() == column.size() || path[column.size()] != '.') continue;
    for (std::size_t t = 1; t < kTargetCount; ++t) {
      if (name_of(static_cast<Target>(t)) == made) objects_.push_back({id, static_cast<Target>(t), column});
    }
  }
}

/// What the record at hand has of them: counted like any value that does not fit, and a reject where the value is needed.
void Normalizer::refuse_objects() {
  std::uint32_t said = 0;  // a bit for each target
  for (const Object& object : objects_) {
    const std::uint32_t bit = 1U << static_cast<unsigned>(object.target);
    if ((said & bit) != 0 || outcome_ != Outcome::going) continue;
    const auto found = std::find_if(given_.begin(), given_.end(), [&](const Field& f) {
      return f.id == object.id && f.size != 0 && f.kind != Kind::null && !all_blank(f.view());
    });
    if (found == given_.end()) continue;
    said |= bit;
    refuse_object(object, *found);
  }
}

void Normalizer::refuse_object(const Object& object, const Field& part) {
  const Target target = object.target;
  const auto [code, what] = expected(target);
  const std::string name = field_name(part);
  const std::string message =
      fmt::format("an object stands in {}, where {} is expected; {} is part of it", object.column, what, name);
  const std::string cure = fmt::format("if {} is the value, --set 'field.{}={}'", name, object.column, name);
  const bool whole = source_.info.role != RecordRole::event && !source_.enrich;
  const bool needed = !has(target) && (target == Target::external_id || (target == Target::started_at && whole) ||
                                       (target == Target::channel && whole));
  if (needed || source_.reject_bad_values) return reject(code, object.column, part.view(), message, cure);
  report_lost(target, part, Rule::bad_value, message);
  count_bad(target, code, "object", part.view(), message, cure);
}

}  // namespace crosswalk
