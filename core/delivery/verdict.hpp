// What an answer of 2xx says of the records of its request: servers report errors in the bodies of successes, too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "delivery/transport.hpp"

namespace crosswalk::delivery {

struct Verdict {
  enum class Kind : std::uint8_t {
    taken,    ///< all of it
    items,    ///< some records were not: `items`
    unclear,  ///< the answer broke off before it could be understood: a further try may tell
    unknown,  ///< nobody can say what became of it: `why`
  };
  /// A record that was not taken.
  struct Item {
    std::size_t index = 0;  ///< within the request
    int status = 0;         ///< its own; 0: it has none
    bool again = false;     ///< for a cause that may pass
    bool gone = false;      ///< the server does not have it
    std::string said;       ///< as the server wrote it, at most kKeptBody bytes
  };
  Kind kind = Kind::taken;
  std::vector<Item> items;  ///< by index, each once
  /// Those that `items` does not name were taken. Else nothing says so, and they must be sent again.
  bool others_taken = false;
  std::string why;
};

/// What was asked.
struct Asked {
  std::span<const std::string> external_ids;
  std::span<const std::string> sent;             ///< the records' JSON, or nothing
  std::string_view array_key = "conversations";  ///< the request's; empty: the records are the request
  bool unknown_is_taken = false;                 ///< a body that nobody knows, with such a status, means "accepted"
};

/// `accepted`: the status is one that the sink takes for "accepted". Records are named by their external_ids or by their places
/// in the request. What is known to be good is accepted, and what cannot tell of records is passed over; a report that names no
/// record, or one that is not there, or that can be read in two ways, and all else, leaves the outcome unknown.
[[nodiscard]] Verdict judge(const Answer& answer, bool accepted, const Asked& asked);

/// The name of the array that the records of a request stand in, of what stands before them; empty: there is none.
[[nodiscard]] std::string_view array_key_of(std::string_view head);

}  // namespace crosswalk::delivery
