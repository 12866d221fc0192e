#include "time/tzif.hpp"

#include <cstdint>

namespace crosswalk::times {
namespace {

constexpr std::size_t kHeaderSize = 44;
constexpr std::size_t kTypeSize = 6;
constexpr std::int32_t kMostOffset = 26 * 3600;  // RFC 9636 asks for less than 26 hours east

struct Counts {
  std::size_t ut_flags;
  std::size_t standard_flags;
  std::size_t leap_seconds;
  std::size_t changes;
  std::size_t types;
  std::size_t name_bytes;

  [[nodiscard]] std::size_t block_size(std::size_t time_size) const {
    return changes * time_size + changes + types * kTypeSize + name_bytes + leap_seconds * (time_size + 4) + standard_flags +
           ut_flags;
  }
};

std::uint32_t read_u32(std::string_view data, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(data[at + i]);
  return value;
}

std::int32_t read_i32(std::string_view data, std::size_t at) { return static_cast<std::int32_t>(read_u32(data, at)); }

std::int64_t read_i64(std::string_view data, std::size_t at) {
  const std::uint64_t high = read_u32(data, at);
  return static_cast<std::int64_t>(high << 32 | read_u32(data, at + 4));
}

Counts read_counts(std::string_view header) {
  return {read_u32(header, 20), read_u32(header, 24), read_u32(header, 28),
          read_u32(header, 32), read_u32(header, 36), read_u32(header, 40)};
}

Error broken(const std::string& name, std::string_view why) {
  return {Errc::data, "the zone file of '" + name + "' is broken: " + std::string(why),
          "install the system's zone data again, or give another folder with --zone-data"};
}

/// Reads one data block, whose size has been checked.
Result<ZoneRules> read_block(std::string_view block, const Counts& counts, std::size_t time_size, const std::string& name) {
  const std::size_t indexes = counts.changes * time_size;
  const std::size_t types = indexes + counts.changes;
  const auto offset_of = [&](std::size_t type) { return read_i32(block, types + type * kTypeSize); };

  for (std::size_t type = 0; type < counts.types; ++type) {
    const std::int32_t offset = offset_of(type);
    if (offset < -kMostOffset || offset > kMostOffset) return broken(name, "an offset is longer than a day");
  }
  ZoneRules rules;
  rules.first_offset = offset_of(0);
  rules.changes.reserve(counts.changes);
  for (std::size_t i = 0; i < counts.changes; ++i) {
    const std::int64_t at = time_size == 8 ? read_i64(block, i * 8) : read_i32(block, i * 4);
    const std::size_t type = static_cast<unsigned char>(block[indexes + i]);
    if (type >= counts.types) return broken(name, "a change points to no type");
    if (i > 0 && at <= rules.changes.back().at) return broken(name, "its changes are not in order");
    rules.changes.push_back({at, offset_of(type)});
  }
  return rules;
}

/// The line after the 64-bit block, between two line ends. An empty one is a file without a rule.
Result<std::optional<PosixRule>> read_footer(std::string_view rest, const std::string& name) {
  if (rest.empty() || rest.front() != '\n') return broken(name, "its footer is missing");
  rest.remove_prefix(1);
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return broken(name, "its footer has no end");
  const std::string_view text = rest.substr(0, end);
  if (text.empty()) return std::optional<PosixRule>{};
  const std::optional<PosixRule> rule = PosixRule::parse(text);
  if (!rule) return broken(name, "its footer '" + std::string(text) + "' is not a POSIX rule");
  return rule;
}

}  // namespace

bool looks_like_tzif(std::string_view head) { return head.substr(0, kTzifMagicSize) == "TZif"; }

Result<ZoneRules> parse_tzif(std::string_view data, const std::string& name) {
  const auto header_fits = [&] { return data.size() >= kHeaderSize && looks_like_tzif(data); };
  if (!header_fits()) return broken(name, "it does not begin with a TZif header");
  Counts counts = read_counts(data);
  std::size_t time_size = 4;

  // Since version 2 the whole file comes again with 64-bit times; the first half is for readers from before 2005.
  const bool has_second_half = data[4] != '\0';
  if (has_second_half) {
    const std::size_t first_half = kHeaderSize + counts.block_size(time_size);
    if (data.size() < first_half) return broken(name, "it ends early");
    data.remove_prefix(first_half);
    if (!header_fits()) return broken(name, "its second header is missing");
    counts = read_counts(data);
    time_size = 8;
  }
  data.remove_prefix(kHeaderSize);
  const std::size_t block_size = counts.block_size(time_size);
  if (data.size() < block_size) return broken(name, "it ends early");
  if (counts.types == 0) return broken(name, "it has no types");
  if (counts.leap_seconds != 0) return broken(name, "it counts leap seconds, as the files under 'right/' do");

  Result<ZoneRules> rules = read_block(data.substr(0, block_size), counts, time_size, name);
  if (!rules || !has_second_half) return rules;
  const Result<std::optional<PosixRule>> footer = read_footer(data.substr(block_size), name);
  if (!footer) return footer.error();
  rules->footer = *footer;
  return rules;
}

}  // namespace crosswalk::times
