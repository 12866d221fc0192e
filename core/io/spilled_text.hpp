// A long text that is written once and read from its beginning, on disk but for its end.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "io/spill_file.hpp"

namespace crosswalk {

class SpilledText {
 public:
  Result<void> add(std::string_view text);
  [[nodiscard]] bool empty() const { return pieces_.empty() && end_.empty(); }
  Result<void> read(const std::function<Result<void>(std::string_view)>& out) const;

 private:
  SpillFile file_;
  std::vector<SpillFile::Piece> pieces_;
  std::string end_;
};

}  // namespace crosswalk
