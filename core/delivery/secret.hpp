// Secrets: where they come from, and how they are kept out of everything that is written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/job.hpp"
#include "crosswalk/result.hpp"

namespace crosswalk::delivery {

/// What the environment or the file holds, without blanks around it. Messages name the place, never the secret. `what` is the
/// key of the job file.
[[nodiscard]] Result<std::string> read_secret(const SecretPlace& place, std::string_view what);

/// Takes secrets out of text that came from elsewhere: as they are, in base64 (also as a Basic user name), URL-encoded. Text
/// is kept up to a length, so what may be the beginning of a secret at its end goes as well.
class Redactor {
 public:
  void add(std::string_view secret);
  [[nodiscard]] std::string operator()(std::string text) const;

 private:
  std::vector<std::string> shapes_;
};

/// Says whether two runs deliver to one account, without saying to which. The key cannot be had back from it (SHA-256).
[[nodiscard]] Result<std::string> fingerprint(std::string_view url, const std::vector<std::string>& secrets);

}  // namespace crosswalk::delivery
