#include "io/utf16.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace crosswalk {
namespace {

constexpr bool is_high(std::uint16_t unit) { return (unit & 0xFC00u) == 0xD800u; }
constexpr bool is_low(std::uint16_t unit) { return (unit & 0xFC00u) == 0xDC00u; }

class Utf16Source final : public ByteSource {
 public:
  Utf16Source(std::unique_ptr<ByteSource> raw, bool big_endian)
      : raw_(std::move(raw)), high_at_(big_endian ? 0 : 1), in_(kInput), out_(kOutput) {}

  Result<std::size_t> read(char* to, std::size_t size) override {
    while (out_at_ == out_end_ && !ended_) {
      if (const auto filled = fill(); !filled) return filled.error();
    }
    const std::size_t count = std::min(size, out_end_ - out_at_);
    std::memcpy(to, out_.data() + out_at_, count);
    out_at_ += count;
    return count;
  }

 private:
  static constexpr std::size_t kInput = std::size_t{64} << 10;
  // Two bytes become three at most; half a pair and an odd byte may wait from the chunk before.
  static constexpr std::size_t kOutput = kInput / 2 * 3 + 16;

  /// Converts one chunk. An odd last byte and the first half of a pair wait for the next.
  Result<void> fill() {
    out_at_ = out_end_ = 0;
    const auto got = raw_->read(in_.data() + in_size_, in_.size() - in_size_);
    if (!got) return got.error();
    if (*got == 0) {
      finish();
      return {};
    }
    in_size_ += *got;
    const std::size_t whole = in_size_ / 2 * 2;
    for (std::size_t at = 0; at < whole; at += 2) unit(unit_at(at));
    if (whole < in_size_) in_[0] = in_[whole];
    in_size_ -= whole;
    return {};
  }

  std::uint16_t unit_at(std::size_t at) const {
    const auto high = static_cast<unsigned char>(in_[at + high_at_]);
    const auto low = static_cast<unsigned char>(in_[at + 1 - high_at_]);
    return static_cast<std::uint16_t>(high << 8 | low);
  }

  void unit(std::uint16_t unit) {
    if (waiting_ != 0) {
      const std::uint32_t high = std::exchange(waiting_, std::uint16_t{0});
      if (is_low(unit)) {
        put(0x10000 + ((high - 0xD800u) << 10) + (unit - 0xDC00u));
        return;
      }
      put(high);
    }
    if (is_high(unit)) {
      waiting_ = unit;
    } else {
      put(unit);
    }
  }

  void finish() {
    ended_ = true;
    if (waiting_ != 0) put(waiting_);
    if (in_size_ != 0) byte(0xFF);
  }

  void byte(std::uint32_t value) { out_[out_end_++] = static_cast<char>(value); }

  /// Writes one code point; half a surrogate pair is one too here.
  void put(std::uint32_t point) {
    if (point < 0x80) {
      byte(point);
    } else if (point < 0x800) {
      byte(0xC0 | point >> 6);
      byte(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
      byte(0xE0 | point >> 12);
      byte(0x80 | (point >> 6 & 0x3F));
      byte(0x80 | (point & 0x3F));
    } else {
      byte(0xF0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3F));
      byte(0x80 | (point >> 6 & 0x3F));
      byte(0x80 | (point & 0x3F));
    }
  }

  std::unique_ptr<ByteSource> raw_;
  std::size_t high_at_;  ///< which of a unit's two bytes is the high one
  std::vector<char> in_;
  std::size_t in_size_ = 0;
  std::vector<char> out_;
  std::size_t out_at_ = 0;
  std::size_t out_end_ = 0;
  std::uint16_t waiting_ = 0;  ///< the first half of a pair, 0 for none
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> utf16_source(std::unique_ptr<ByteSource> raw, bool big_endian) {
  return std::make_unique<Utf16Source>(std::move(raw), big_endian);
}

}  // namespace crosswalk
