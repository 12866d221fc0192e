#include "merge/id_template.hpp"

#include <fmt/format.h>

#include <utility>

#include "crosswalk/translate.hpp"

namespace crosswalk {

Result<IdTemplate> IdTemplate::parse(std::string_view text) {
  constexpr std::pair<std::string_view, What> kNames[] = {
      {"id", What::id}, {"platform", What::platform}, {"source", What::source}, {"scope", What::scope}};
  constexpr std::string_view kCure = "it is made of {id}, {platform}, {source}, {scope} and text; {{ and }} stand for braces";
  IdTemplate made;
  bool has_id = false;
  std::string plain;
  const auto end_text = [&] {
    if (!plain.empty()) made.parts_.push_back({What::text, std::exchange(plain, {})});
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      plain.push_back(c);
      at += 2;
      continue;
    }
    if (c == '}')
      return Error{Errc::usage, fmt::format("external_id \"{}\": a }} that closes nothing", text), std::string(kCure)};
    if (c != '{') {
      plain.push_back(c);
      ++at;
      continue;
    }
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos) {
      return Error{Errc::usage, fmt::format("external_id \"{}\": a {{ that nothing closes", text), std::string(kCure)};
    }
    const std::string_view name = text.substr(at + 1, close - at - 1);
    bool known = false;
    for (const auto& [word, what] : kNames) {
      if (name != word) continue;
      known = true;
      end_text();
      made.parts_.push_back({what, {}});
      has_id |= what == What::id;
    }
    if (!known) {
      const std::string_view near = nearest(name, {"id", "platform", "source", "scope"});
      return Error{Errc::usage, fmt::format("external_id \"{}\": {{{}}} is nothing it could be made of", text, name),
                   near.empty() ? std::string(kCure) : fmt::format("did you mean {{{}}}?", near)};
    }
    at = close + 1;
  }
  end_text();
  if (!has_id) {
    return Error{Errc::usage, fmt::format("external_id \"{}\": without {{id}} all conversations would be one", text),
                 std::string(kCure)};
  }
  if (made.parts_.size() == 1) made.parts_.clear();
  return made;
}

void IdTemplate::render(const Values& values, std::string& to) const {
  to.clear();
  if (parts_.empty()) {
    to = values.id;
    return;
  }
  for (const Part& part : parts_) {
    switch (part.what) {
      case What::text: to.append(part.text); break;
      case What::id: to.append(values.id); break;
      case What::platform: to.append(values.platform); break;
      case What::source: to.append(values.source); break;
      case What::scope: to.append(values.scope); break;
    }
  }
}

}  // namespace crosswalk
