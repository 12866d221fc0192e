// What a loaded symbol must be before it is called, in whichever process.
#pragma once

#include <string>

#include "crosswalk/plugin.h"

namespace crosswalk {

/// Empty when the symbol keeps its contract as far as that can be seen; else what is wrong with it.
inline std::string breach_of(const cw_adapter& adapter) {
  if (adapter.abi_major != CW_ABI_MAJOR) {
    return "its symbol was built for adapter ABI " + std::to_string(adapter.abi_major) + ", this program speaks " +
           std::to_string(CW_ABI_MAJOR);
  }
  if (adapter.size < sizeof(cw_adapter)) {
    return "its symbol is " + std::to_string(adapter.size) + " bytes long, at least " + std::to_string(sizeof(cw_adapter)) +
           " are needed";
  }
  if (adapter.manifest == nullptr || adapter.open == nullptr || adapter.close == nullptr || adapter.bind == nullptr) {
    return "manifest, open, close and bind must all be there";
  }
  return {};
}

}  // namespace crosswalk
