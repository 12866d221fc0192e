// One compressed format, one library, behind one face. Private to core/io.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace crosswalk {

/// What one step of a codec consumed and produced.
struct Step {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  bool member_ended = false;       ///< the gzip member or zstd frame is complete
  std::optional<std::string> bad;  ///< why the data cannot be decompressed
  std::string cure;                ///< for `bad`, where the usual one does not fit
};

/// A file is a sequence of members (gzip) or frames (zstd); both are "members" here.
class Codec {
 public:
  virtual ~Codec() = default;
  /// False when the library could not set itself up.
  virtual bool ready() const = 0;
  /// Whether these bytes (up to four, fewer only at the end of the input) can begin a member.
  virtual bool may_begin_member(std::string_view head) const = 0;
  virtual void begin_member() = 0;
  /// A step that fills all of `to` may hold more, and is then called again, also without input. A step that does not
  /// has used all of `in`, ended the member, or met data that are bad.
  virtual Step step(std::string_view in, char* to, std::size_t size) = 0;
};

/// True when `head` begins with `magic`, or is cut off while it still agrees with it.
[[nodiscard]] inline bool may_begin(std::string_view head, std::string_view magic) {
  const std::size_t shared = head.size() < magic.size() ? head.size() : magic.size();
  return head.substr(0, shared) == magic.substr(0, shared);
}

inline constexpr std::string_view kGzipMagic{"\x1f\x8b", 2};

#ifdef CROSSWALK_ISAL
/// gzip by ISA-L, two to three times as fast as zlib.
[[nodiscard]] std::unique_ptr<Codec> isal_codec();
#endif

}  // namespace crosswalk
