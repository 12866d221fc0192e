// The job's external_id: a template over a record's own id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// `{id}`, `{platform}`, `{source}`, `{scope}` and text; `{{` and `}}` are braces. Without a parse: the id itself.
class IdTemplate {
 public:
  static Result<IdTemplate> parse(std::string_view text);

  struct Values {
    std::string_view id, platform, source, scope;
  };
  /// Replaces what is in `to`.
  void render(const Values& values, std::string& to) const;
  /// Whether it is the id alone.
  [[nodiscard]] bool plain() const { return parts_.empty(); }

 private:
  enum class What : std::uint8_t { text, id, platform, source, scope };
  struct Part {
    What what;
    std::string text;
  };
  std::vector<Part> parts_;
};

}  // namespace crosswalk
