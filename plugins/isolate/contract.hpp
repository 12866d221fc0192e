// What both sides know of an adapter's door, in whichever process: what a loaded symbol must be before it is called, and which
// field of a record the adapter means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

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

/// Of what the adapter gives: NULL stands for nothing, so not for a text of some size, nor for a struct.
inline constexpr const char* kNullText = "a text that the adapter gave is NULL, but has a size";
inline constexpr const char* kNull = "the adapter gave NULL where there must be something";
inline bool is_null_text(const char* data, std::size_t size) { return data == nullptr && size != 0; }
inline bool is_null_text(cw_text t) { return is_null_text(t.data, t.size); }

inline std::string_view view(cw_text t) { return t.data == nullptr ? std::string_view() : std::string_view(t.data, t.size); }
inline cw_text text(std::string_view s) { return {s.data(), s.size()}; }

inline constexpr std::size_t kNoField = SIZE_MAX;

/// Whether it is one of the record's fields itself, and not a copy.
inline bool stands_in(const cw_record& record, const cw_field& field) {
  return reinterpret_cast<std::uintptr_t>(&field) - reinterpret_cast<std::uintptr_t>(record.fields) < record.count * sizeof field;
}

/// The index of a field of the record, or of the one that it is a copy of.
inline std::size_t index_of(const cw_record& record, const cw_field& field) {
  if (stands_in(record, field)) return static_cast<std::size_t>(&field - record.fields);
  for (std::size_t i = 0; i < record.count; ++i) {
    if (std::memcmp(&record.fields[i], &field, sizeof field) == 0) return i;
  }
  return kNoField;
}

/// The index of the field whose text it is a piece of, under that field's name.
inline std::size_t index_of_whole(const cw_record& record, const cw_field& part) {
  const auto at = reinterpret_cast<std::uintptr_t>(part.text);
  for (std::size_t i = 0; i < record.count; ++i) {
    const cw_field& field = record.fields[i];
    const auto begin = reinterpret_cast<std::uintptr_t>(field.text);
    if (field.id == part.id && at >= begin && at <= begin + field.size && part.size <= begin + field.size - at) return i;
  }
  return kNoField;
}

/// Of an adapter that was built before there was one: none.
inline cw_text type_of(const cw_touchpoint& t) {
  return t.size >= offsetof(cw_touchpoint, type) + sizeof(t.type) ? t.type : cw_text{nullptr, 0};
}

}  // namespace crosswalk
