// What the names and words in a server's answer mean. Few words are known to be good; the others are bad, or nobody knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crosswalk::delivery {

/// What is said of a record, or of all of them.
enum class State : std::uint8_t { unsaid, good, bad, unclear };

/// `error_count`, `errorCount` and `ErrorCount` are one name.
[[nodiscard]] std::string plain(std::string_view key);
[[nodiscard]] std::optional<std::size_t> whole_number(std::string_view text);

/// A plain name, or word, that speaks of something that did not go well: it contains `error`, `fail`, `reject`, `skip`, ….
[[nodiscard]] bool speaks_of_trouble(std::string_view name);
/// A text that says that all is well, and no more: `Accepted`, `10 records queued for processing` where 10 were sent.
[[nodiscard]] bool is_good_text(std::string_view text, std::size_t sent);
[[nodiscard]] State state_of_text(std::string_view text, std::size_t sent);
/// Of an HTTP status.
[[nodiscard]] State state_of_number(std::int64_t status);

/// What a plain name in an answer is of.
enum class Name : std::uint8_t {
  trouble,   ///< what did not go well
  state,     ///< `status`, `code`, …: how it went
  taken,     ///< `accepted`, `success`, …: that it went well, or how many, or which
  part,      ///< `created`, `updated`, …: the same of a part, which other parts may complete
  received,  ///< `total`, `count`, …: how many came
  message,   ///< words for people
  harmless,  ///< ids, links, times, limits: nothing that tells of records
  flag,      ///< harmless as true or false
  notice,    ///< warnings
  unknown
};
[[nodiscard]] Name name_of_key(std::string_view plain_name);

}  // namespace crosswalk::delivery
