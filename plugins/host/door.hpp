// The C door in front of core's interfaces: what an adapter is given to call, in whichever process it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crosswalk/adapter.hpp"
#include "crosswalk/plugin.h"

namespace crosswalk {

inline std::string_view view(cw_text t) { return t.data == nullptr ? std::string_view() : std::string_view(t.data, t.size); }
inline cw_text text(std::string_view s) { return {s.data(), s.size()}; }

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

struct SetupContext {
  Setup& setup;
  Failure failure;
};

/// Checks that the adapter stays within the fields it was asked about.
struct BinderContext {
  Binder& binder;
  std::uint16_t first;
  std::size_t count;
  Failure failure;
  [[nodiscard]] bool asked(std::uint16_t field);
};

/// What open() of an adapter that gave no translator comes to.
[[nodiscard]] Error open_failed(const AdapterInfo& info, const Failure& failure);

// The contexts must outlive the doors.
[[nodiscard]] cw_setup setup_door(SetupContext& context);
[[nodiscard]] cw_binder binder_door(BinderContext& context);
[[nodiscard]] cw_receiver receiver_door(Receiver& receiver);

}  // namespace crosswalk
