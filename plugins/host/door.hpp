// The C door in front of core's interfaces: what an adapter is given to call, in whichever process it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "crosswalk/adapter.hpp"
#include "crosswalk/plugin.h"
#include "crosswalk/record.hpp"
#include "isolate/contract.hpp"

namespace crosswalk {

/// What a call of the adapter's set-up or binding reported.
struct Failure {
  bool failed = false;
  std::string message, cure;
  void set(cw_text m, cw_text c) {
    failed = true;
    message = std::string(view(m));
    cure = std::string(view(c));
  }
};

/// What core throws while an adapter's code is above it (memory is short) waits here until that has returned: nothing may be
/// thrown through it.
struct Shield {
  std::exception_ptr thrown;
  void rethrow() const {
    if (thrown) std::rethrow_exception(thrown);
  }
};

struct SetupContext : Shield {
  explicit SetupContext(Setup& to) : setup(to) {}
  Setup& setup;
  Failure failure;
};

/// Checks that the adapter stays within the fields it was asked about, and that its texts are UTF-8.
struct BinderContext : Shield {
  BinderContext(Binder& to, std::uint16_t first_field, std::size_t fields) : binder(to), first(first_field), count(fields) {}
  Binder& binder;
  std::uint16_t first;
  std::size_t count;
  Failure failure;
  [[nodiscard]] bool asked(std::uint16_t field);
};

/// What open() of an adapter that gave no translator comes to.
[[nodiscard]] Error open_failed(const AdapterInfo& info, const Failure& failure);

/// Checks that what the adapter makes up is text, or JSON, as the door asks.
struct ReceiverContext : Shield {
  ReceiverContext(Receiver& to, const Record& from, bool shares) : receiver(to), record(from), shares_memory(shares) {}
  Receiver& receiver;
  const Record& record;
  Record element = {};  ///< of the array being walked; else empty
  bool shares_memory;   ///< the adapter is in this process: where it has none, nor have we
};

/// Nearly all of it is ASCII.
[[nodiscard]] inline bool is_utf8(std::string_view text) {
  constexpr std::uint64_t kMore = 0x8080'8080'8080'8080;
  const auto word = [&](std::size_t at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    return bytes;
  };
  std::uint64_t all = 0;
  if (text.size() >= sizeof all) {
    for (std::size_t at = 0; at + sizeof all < text.size(); at += sizeof all) all |= word(at);
    all |= word(text.size() - sizeof all);
  } else {
    for (const char c : text) all |= static_cast<unsigned char>(c);
  }
  return (all & kMore) == 0 || is_valid_utf8(text.data(), text.size());
}

// The contexts must outlive the doors.
[[nodiscard]] cw_setup setup_door(SetupContext& context);
[[nodiscard]] cw_binder binder_door(BinderContext& context);
[[nodiscard]] cw_receiver receiver_door(ReceiverContext& context);

}  // namespace crosswalk
