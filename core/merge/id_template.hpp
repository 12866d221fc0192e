// The template of a job's external ids: "{platform}:{id}".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// Text with placeholders {id}, {platform}, {instance}, {source}, {scope}; `{{` and `}}` are braces. Thread-safe once parsed.
class IdTemplate {
 public:
  /// Errors quote the template and do not know where it stood.
  [[nodiscard]] static Result<IdTemplate> parse(std::string_view text);

  struct Values {
    std::string_view id, platform, instance, source, scope;
  };
  /// Appends the id that these values make. Without a parse: the id itself.
  void write(const Values& values, std::string& to) const;
  /// Whether what write() appends is always the id itself.
  [[nodiscard]] bool plain() const {
    return parts_.empty() || (parts_.size() == 1 && parts_.front().before.empty() && parts_.front().name == Name::id);
  }

  [[nodiscard]] bool names_source() const { return has(Name::source); }
  [[nodiscard]] bool names_instance() const { return has(Name::instance); }
  /// Whether the ids of two sources can never be the same, whatever `id` and `scope` are: the text in front of, between or
  /// behind those differs. "eu" before "{id}" does not exclude "eu2": an id may begin with 2.
  [[nodiscard]] bool keeps_apart(const Values& one, const Values& other) const;

 private:
  enum class Name : std::uint8_t { id, platform, instance, source, scope, none };
  struct Part {
    std::string before;  ///< text as it stands
    Name name = Name::none;
  };
  [[nodiscard]] bool has(Name name) const;
  [[nodiscard]] std::vector<std::string> fixed(const Values& values) const;

  std::vector<Part> parts_;
};

}  // namespace crosswalk
