#include "merge/contribution.hpp"

#include <cstring>

#include "merge/sorter.hpp"

namespace crosswalk {
namespace {

// The order in which a payload holds the texts, and the optional values after them; one bit each says which are there.
constexpr auto kTexts = {&Conversation::platform,    &Conversation::queue_id, &Conversation::assigned_agent_id,
                         &Conversation::customer_id, &Conversation::subject,  &Conversation::status};
constexpr auto kDecimals = {&Conversation::handle_time, &Conversation::wait_time, &Conversation::first_response_time,
                            &Conversation::csat_score};
constexpr unsigned kStartedBit = 10, kEndedBit = 11, kResolvedBit = 12, kIdBit = 13, kScopeBit = 14, kVersionBit = 15,
                   kLinkedBit = 16;

void put(Buffer& out, std::uint64_t value) {
  char* const from = out.room(10);
  char* to = from;
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  out.advance(static_cast<std::size_t>(to - from));
}

/// Small negative numbers stay small.
void put_signed(Buffer& out, std::int64_t value) {
  put(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void put(Buffer& out, std::string_view text) {
  put(out, text.size());
  out.add(text);
}

void put(Buffer& out, const Decimal& value) {
  put_signed(out, value.digits);
  put(out, value.scale);
}

void put(Buffer& out, const Instant& at, Known how, bool by_evidence) {
  put_signed(out, at.seconds);
  put(out, at.nanos);
  put(out, std::uint64_t{static_cast<std::uint8_t>(how)} << 1 | static_cast<std::uint64_t>(by_evidence));
}

/// Reads what put() wrote. Entries are our own, so what is read is there.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : at_(bytes.data()) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::string_view text() { return bytes(number()); }
  std::string_view bytes(std::size_t size) {
    const std::string_view taken(at_, size);
    at_ += size;
    return taken;
  }
  Decimal decimal() {
    const std::int64_t digits = signed_number();
    return {digits, static_cast<std::uint8_t>(number())};
  }
  Instant instant() {
    const std::int64_t seconds = signed_number();
    return {seconds, static_cast<std::uint32_t>(number())};
  }
  void how(Known& how, bool& by_evidence) {
    const std::uint64_t both = number();
    how = static_cast<Known>(both >> 1);
    by_evidence = (both & 1) != 0;
  }

 private:
  const char* at_;
};

}  // namespace

void add_entry(Buffer& out, const Contribution& c) {
  const Conversation& x = c.conversation;
  const std::size_t begun = entry::begin(out, x.external_id);
  std::uint64_t bits = 0;
  unsigned bit = 0;
  for (const auto text : kTexts) bits |= std::uint64_t{!(x.*text).empty()} << bit++;
  for (const auto value : kDecimals) bits |= std::uint64_t{(x.*value).has_value()} << bit++;
  bits |= std::uint64_t{x.started_at.has_value()} << kStartedBit | std::uint64_t{x.ended_at.has_value()} << kEndedBit |
          std::uint64_t{x.resolved.has_value()} << kResolvedBit | std::uint64_t{c.id != x.external_id} << kIdBit |
          std::uint64_t{!c.scope.empty()} << kScopeBit | std::uint64_t{c.version.seconds != INT64_MIN} << kVersionBit |
          std::uint64_t{!c.linked_from.empty()} << kLinkedBit;
  put(out, bits);
  put(out, c.source);
  put(out, c.origin.file);
  put(out, c.origin.line);
  put(out, c.origin.offset);
  put(out, static_cast<std::uint64_t>(x.channel));
  if (c.version.seconds != INT64_MIN) {
    put_signed(out, c.version.seconds);
    put(out, c.version.nanos);
  }
  if (c.id != x.external_id) put(out, c.id);
  if (!c.scope.empty()) put(out, c.scope);
  if (!c.linked_from.empty()) put(out, c.linked_from);
  for (const auto text : kTexts) {
    if (!(x.*text).empty()) put(out, x.*text);
  }
  for (const auto value : kDecimals) {
    if (x.*value) put(out, *(x.*value));
  }
  if (x.started_at) put(out, *x.started_at, x.started_how, x.started_by_evidence);
  if (x.ended_at) put(out, *x.ended_at, x.ended_how, x.ended_by_evidence);
  if (x.resolved) put(out, std::uint64_t{*x.resolved});
  put(out, c.metadata.size());
  for (const MetadataItem& item : c.metadata) {
    put(out, item.key);
    put(out, item.value);
  }
  put(out, c.touchpoints.size());
  for (const Touchpoint& t : c.touchpoints) {
    char id[sizeof t.id];
    std::memcpy(id, &t.id, sizeof id);
    out.add({id, sizeof id});
    put(out, t.at, t.how, t.has_duration);
    put(out, std::uint64_t{static_cast<std::uint8_t>(t.kind)} << 2 | std::uint64_t{static_cast<std::uint8_t>(t.direction)});
    if (t.has_duration) put(out, t.duration);
    put(out, t.user);
    put(out, t.subject);
  }
  entry::end(out, begun);
}

Contribution Contributions::decode(std::string_view external_id, std::string_view payload) {
  Taker from(payload);
  Contribution c;
  Conversation& x = c.conversation;
  const std::uint64_t bits = from.number();
  const auto has = [bits](unsigned bit) { return (bits >> bit & 1) != 0; };
  x.external_id = external_id;
  c.source = static_cast<std::uint32_t>(from.number());
  c.origin.file = static_cast<std::uint32_t>(from.number());
  c.origin.line = from.number();
  c.origin.offset = from.number();
  x.channel = static_cast<Channel>(from.number());
  if (has(kVersionBit)) {
    c.version.seconds = from.signed_number();
    c.version.nanos = static_cast<std::uint32_t>(from.number());
  } else {
    c.version.file = c.origin.file;
    c.version.offset = c.origin.offset;
  }
  c.id = has(kIdBit) ? from.text() : external_id;
  if (has(kScopeBit)) c.scope = from.text();
  if (has(kLinkedBit)) c.linked_from = from.text();
  unsigned bit = 0;
  for (const auto text : kTexts) {
    if (has(bit++)) x.*text = from.text();
  }
  for (const auto value : kDecimals) {
    if (has(bit++)) x.*value = from.decimal();
  }
  if (has(kStartedBit)) {
    x.started_at = from.instant();
    from.how(x.started_how, x.started_by_evidence);
  }
  if (has(kEndedBit)) {
    x.ended_at = from.instant();
    from.how(x.ended_how, x.ended_by_evidence);
  }
  if (has(kResolvedBit)) x.resolved = from.number() != 0;
  const std::span<MetadataItem> metadata = metadata_.take(from.number());
  for (MetadataItem& item : metadata) {
    item.key = from.text();
    item.value = from.text();
  }
  const std::span<Touchpoint> touchpoints = touchpoints_.take(from.number());
  for (Touchpoint& t : touchpoints) {
    const std::string_view id = from.bytes(sizeof t.id);
    std::memcpy(&t.id, id.data(), sizeof t.id);
    t.at = from.instant();
    from.how(t.how, t.has_duration);
    const std::uint64_t kind = from.number();
    t.kind = static_cast<TouchKind>(kind >> 2);
    t.direction = static_cast<Direction>(kind & 3);
    t.duration = t.has_duration ? from.decimal() : Decimal();
    t.user = from.text();
    t.subject = from.text();
    t.version = c.version;
  }
  c.metadata = metadata;
  c.touchpoints = touchpoints;
  return c;
}

void Contributions::clear() {
  metadata_.clear();
  touchpoints_.clear();
}

}  // namespace crosswalk
