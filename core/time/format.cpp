#include <string>

#include "crosswalk/time.hpp"
#include "time/pattern.hpp"
#include "time/text.hpp"

namespace crosswalk {
namespace {

struct FormName {
  std::string_view name;
  TimeFormat::Form form;
};

constexpr FormName kForms[] = {
    {"iso", TimeFormat::Form::iso},
    {"epoch_s", TimeFormat::Form::epoch_s},
    {"epoch_ms", TimeFormat::Form::epoch_ms},
    {"epoch_us", TimeFormat::Form::epoch_us},
    {"epoch_ns", TimeFormat::Form::epoch_ns},
    {"month_first", TimeFormat::Form::month_first},
    {"day_first", TimeFormat::Form::day_first},
    {"rfc2822", TimeFormat::Form::rfc2822},
};

struct PolicyName {
  std::string_view name;
  Disambiguation policy;
};

constexpr PolicyName kPolicies[] = {
    {"compatible", Disambiguation::compatible},
    {"earlier", Disambiguation::earlier},
    {"later", Disambiguation::later},
    {"reject", Disambiguation::reject},
};

template <class Table>
std::string names_in(const Table& table) {
  std::string names;
  for (const auto& entry : table) {
    if (!names.empty()) names += ", ";
    names += entry.name;
  }
  return names;
}

}  // namespace

std::string_view name_of(Known known) {
  switch (known) {
    case Known::offset: return "offset";
    case Known::unique: return "unique";
    case Known::repeated_earlier: return "repeated:earlier";
    case Known::repeated_later: return "repeated:later";
    case Known::skipped_later: return "skipped:later";
    case Known::skipped_earlier: return "skipped:earlier";
  }
  return "unknown";
}

Result<Disambiguation> parse_disambiguation(std::string_view name) {
  for (const PolicyName& entry : kPolicies) {
    if (entry.name == name) return entry.policy;
  }
  return Error{Errc::usage, times::quoted(name) + " is no way to decide a repeated or skipped local time",
               "one of: " + names_in(kPolicies)};
}

Result<TimeFormat> TimeFormat::parse(std::string_view setting) {
  for (const FormName& entry : kForms) {
    if (entry.name == setting) return TimeFormat(entry.form);
  }
  if (setting.find('%') == std::string_view::npos) {
    return Error{Errc::usage, times::quoted(setting) + " is not a time format",
                 "one of: " + names_in(kForms) + ", or a pattern such as '%d.%m.%Y %H:%M'"};
  }
  if (const Result<void> ok = times::check_pattern(setting); !ok) return ok.error();
  TimeFormat format(Form::pattern);
  format.pattern_ = setting;
  return format;
}

}  // namespace crosswalk
