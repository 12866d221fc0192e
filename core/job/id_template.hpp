// The template of a job's external ids: "{platform}:{id}".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// Text with placeholders {id}, {platform}, {source}, {scope}; `{{` and `}}` are braces. Thread-safe once parsed.
class IdTemplate {
 public:
  /// Errors quote the template and do not know where it stood.
  [[nodiscard]] static Result<IdTemplate> parse(std::string_view text);

  struct Values {
    std::string_view id, platform, source, scope;
  };
  /// Appends the id that these values make.
  void write(const Values& values, std::string& to) const;

 private:
  enum class Name : std::uint8_t { id, platform, source, scope, none };
  struct Part {
    std::string before;  ///< text as it stands
    Name name = Name::none;
  };
  std::vector<Part> parts_;
};

}  // namespace crosswalk
