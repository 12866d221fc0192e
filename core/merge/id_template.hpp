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
  /// Appends the id that these values make. Without a parse: the id itself.
  void write(const Values& values, std::string& to) const;
  /// Whether what write() appends is always the id itself.
  [[nodiscard]] bool plain() const {
    return parts_.empty() || (parts_.size() == 1 && parts_.front().before.empty() && parts_.front().name == Name::id);
  }

 private:
  enum class Name : std::uint8_t { id, platform, source, scope, none };
  struct Part {
    std::string before;  ///< text as it stands
    Name name = Name::none;
  };
  std::vector<Part> parts_;
};

}  // namespace crosswalk
