// JSON text, appended to a Buffer. Input text is valid UTF-8 (framing checked it).
#pragma once

#include <cstdint>
#include <string_view>

#include "crosswalk/conversation.hpp"
#include "encode/buffer.hpp"

namespace crosswalk {

/// A JSON string with quotes: `"`, `\` and control characters escaped, everything else as it is.
void add_json_string(Buffer& out, std::string_view text);

/// A JSON value that is already text: white space between tokens is taken out, so that one record stays one line.
void add_json_compact(Buffer& out, std::string_view json);

void add_decimal(Buffer& out, Decimal value);  ///< plain: `720`, `12.5`, never an exponent
void add_number(Buffer& out, std::uint64_t value);
void add_time(Buffer& out, Instant at);  ///< quoted RFC 3339

}  // namespace crosswalk
