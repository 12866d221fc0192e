// What one record says of a conversation, put together by hand: for the tests of the merge.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "merge/contribution.hpp"
#include "merge/sorter.hpp"

namespace crosswalk {

/// A contribution with its lists. Texts are borrowed.
struct Said {
  Contribution what;
  std::vector<MetadataItem> metadata;
  std::vector<Touchpoint> touchpoints;

  void add_to(Buffer& entries) const {
    Contribution c = what;
    c.metadata = metadata;
    c.touchpoints = touchpoints;
    add_entry(entries, c);
  }
};

/// A record at byte `place` of the first input; with `seconds`, one that has an update time.
inline Said say(std::string_view id, std::uint64_t place, std::int64_t seconds = INT64_MIN) {
  Said s;
  s.what.id = id;
  s.what.conversation.external_id = id;
  s.what.origin = {0, place + 1, place};
  s.what.version.seconds = seconds;
  s.what.version.offset = place;
  return s;
}

inline Touchpoint touch(std::uint64_t id, std::int64_t at, TouchKind kind, Direction direction = Direction::unknown) {
  Touchpoint t;
  t.id = {id, 0};
  t.at = {at, 0};
  t.kind = kind;
  t.direction = direction;
  return t;
}

/// Calls `visit(key, payload)` for each entry of a buffer.
void each_entry(std::string_view entries, const auto& visit) {
  while (!entries.empty()) {
    const entry::View view = entry::take(entries);
    visit(view.key, view.payload);
  }
}

}  // namespace crosswalk
