#include "merge/id_template.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "crosswalk/translate.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

Error usage(std::string message, std::string cure) { return {Errc::usage, std::move(message), std::move(cure)}; }

const std::vector<std::string>& placeholders() {
  static const std::vector<std::string> kNames = {"id", "platform", "instance", "source",
                                                  "scope"};  // in the order of IdTemplate::Name
  return kNames;
}

}  // namespace

Result<IdTemplate> IdTemplate::parse(std::string_view text) {
  IdTemplate made;
  Part part;
  bool has_id = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c != '{' && c != '}') {
      part.before += c;
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == c) {
      part.before += c;
      ++at;
      continue;
    }
    if (c == '}') {
      return usage(fmt::format("\"{}\" closes a brace that was not opened", in_line(text)), "open it, or write }} for a brace");
    }
    const std::size_t end = text.find_first_of("{}", at + 1);
    if (end == std::string_view::npos || text[end] == '{') {
      return usage(fmt::format("\"{}\" opens a brace that is not closed", in_line(text)), "close it, or write {{ for a brace");
    }
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const auto found = std::find(placeholders().begin(), placeholders().end(), name);
    if (found == placeholders().end()) {
      const std::string_view near = nearest(name, placeholders());
      return usage(
          fmt::format("\"{}\": there is no placeholder {{{}}}", in_line(text), in_line(name)),
          near.empty() ? "there are {id}, {platform}, {instance}, {source}, {scope}" : fmt::format("did you mean {{{}}}?", near));
    }
    part.name = static_cast<Name>(found - placeholders().begin());
    has_id = has_id || part.name == Name::id;
    made.parts_.push_back(std::move(part));
    part = {};
    at = end;
  }
  if (!part.before.empty()) made.parts_.push_back(std::move(part));
  if (!has_id) {
    return usage(fmt::format("\"{}\" has no {{id}}: different conversations would get the same id", in_line(text)),
                 "put {id} in, for example \"{platform}:{id}\"");
  }
  return made;
}

void IdTemplate::write(const Values& values, std::string& to) const {
  for (const Part& part : parts_) {
    to += part.before;
    switch (part.name) {
      case Name::id: to += values.id; break;
      case Name::platform: to += values.platform; break;
      case Name::instance: to += values.instance; break;
      case Name::source: to += values.source; break;
      case Name::scope: to += values.scope; break;
      case Name::none: break;
    }
  }
}

bool IdTemplate::has(Name name) const {
  return std::any_of(parts_.begin(), parts_.end(), [name](const Part& part) { return part.name == name; });
}

/// The text in front of, between and behind what each record has its own of.
std::vector<std::string> IdTemplate::fixed(const Values& values) const {
  std::vector<std::string> texts(1);
  for (const Part& part : parts_) {
    texts.back() += part.before;
    switch (part.name) {
      case Name::platform: texts.back() += values.platform; break;
      case Name::instance: texts.back() += values.instance; break;
      case Name::source: texts.back() += values.source; break;
      case Name::id:
      case Name::scope: texts.emplace_back(); break;
      case Name::none: break;
    }
  }
  return texts;
}

bool IdTemplate::keeps_apart(const Values& one, const Values& other) const {
  const std::vector<std::string> a = fixed(one), b = fixed(other);
  const auto begins_alike = [](std::string_view x, std::string_view y) { return x.starts_with(y) || y.starts_with(x); };
  const auto ends_alike = [](std::string_view x, std::string_view y) { return x.ends_with(y) || y.ends_with(x); };
  if (!begins_alike(a.front(), b.front()) || !ends_alike(a.back(), b.back())) return true;
  for (std::size_t i = 1; i + 1 < a.size(); ++i) {
    if (a[i] != b[i]) return true;
  }
  return false;
}

}  // namespace crosswalk
