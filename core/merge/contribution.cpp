#include "merge/contribution.hpp"

#include <cstring>

#include "merge/shared_texts.hpp"
#include "merge/sorter.hpp"

namespace crosswalk {
namespace {

// The order in which a payload holds the texts, and the optional values after them; one bit each says which are there.
constexpr auto kTexts = {&Conversation::platform,    &Conversation::queue_id, &Conversation::assigned_agent_id,
                         &Conversation::customer_id, &Conversation::subject,  &Conversation::status};
constexpr auto kDecimals = {&Conversation::handle_time, &Conversation::wait_time, &Conversation::first_response_time,
                            &Conversation::csat_score};
constexpr std::uint64_t kMoreTextBits = 0x3E, kDecimalBits = 0xF << 6;
constexpr unsigned kStartedBit = 10, kEndedBit = 11, kResolvedBit = 12, kIdBit = 13, kScopeBit = 14, kVersionBit = 15,
                   kLinkedBit = 16, kSmallPlaceBit = 17;

/// Writes into a buffer that has room for all of it.
class Putter {
 public:
  static constexpr std::size_t kNumber = 10;  // bytes at most

  Putter(char* to, TextNumbers* numbers) : to_(to), numbers_(numbers) {}
  [[nodiscard]] char* end() const { return to_; }

  void number(std::uint64_t value) {
    while (value >= 0x80) {
      *to_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *to_++ = static_cast<char>(value);
  }
  /// Small negative numbers stay small.
  void signed_number(std::int64_t value) {
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void bytes(const void* from, std::size_t size) {
    if (size != 0) std::memcpy(to_, from, size);
    to_ += size;
  }
  /// One of its own.
  void text(std::string_view text) {
    number(text.size());
    bytes(text.data(), text.size());
  }
  /// One that others may have, too: its number, or it stands here. The lowest bit says which.
  void shared_text(std::string_view text) {
    const std::uint32_t known = numbers_ == nullptr ? TextNumbers::kNone : numbers_->find(text);
    if (known != TextNumbers::kNone) return number(std::uint64_t{known} << 1 | 1);
    number(std::uint64_t{text.size()} << 1);
    bytes(text.data(), text.size());
  }
  void decimal(const Decimal& value) {
    signed_number(value.digits);
    number(value.scale);
  }
  template <class T>
  void raw(const T& value) {
    std::memcpy(to_, &value, sizeof value);
    to_ += sizeof value;
  }
  void instant(const Instant& at, Known how, bool by_evidence) {
    raw(at.seconds);
    raw(at.nanos);
    number(std::uint64_t{static_cast<std::uint8_t>(how)} << 1 | static_cast<std::uint64_t>(by_evidence));
  }

 private:
  char* to_;
  TextNumbers* numbers_;
};

/// What a contribution takes at most, without its key.
std::size_t most_bytes(const Contribution& c, const Conversation& x) {
  std::size_t texts = c.id.size() + c.scope.size() + c.linked_from.size();
  for (const auto text : kTexts) texts += (x.*text).size();
  for (const MetadataItem& item : c.metadata) texts += item.key.size() + item.value.size();
  for (const Touchpoint& t : c.touchpoints) texts += t.user.size() + t.subject.size();
  constexpr std::size_t kNumbers = 35, kOfItem = 2, kOfTouchpoint = 8;
  return texts + c.touchpoints.size() * sizeof(Hash128) +
         Putter::kNumber * (kNumbers + c.metadata.size() * kOfItem + c.touchpoints.size() * kOfTouchpoint);
}

/// Reads what a Putter wrote. Entries are our own, so what is read is there.
class Taker {
 public:
  Taker(std::string_view bytes, const SharedTexts* texts) : at_(bytes.data()), texts_(texts) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    if (const auto byte = static_cast<unsigned char>(*at_); byte < 0x80) {
      ++at_;
      return byte;
    }
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
  std::string_view shared_text() {
    const std::uint64_t what = number();
    return (what & 1) != 0 ? (*texts_)[static_cast<std::uint32_t>(what >> 1)] : bytes(what >> 1);
  }
  std::string_view bytes(std::size_t size) {
    const std::string_view taken(at_, size);
    at_ += size;
    return taken;
  }
  Decimal decimal() {
    const std::int64_t digits = signed_number();
    return {digits, static_cast<std::uint8_t>(number())};
  }
  template <class T>
  void raw(T& to) {
    std::memcpy(&to, at_, sizeof to);
    at_ += sizeof to;
  }
  Instant instant() {
    Instant at;
    raw(at.seconds);
    raw(at.nanos);
    return at;
  }
  void how(Known& how, bool& by_evidence) {
    const std::uint64_t both = number();
    how = static_cast<Known>(both >> 1);
    by_evidence = (both & 1) != 0;
  }

 private:
  const char* at_;
  const SharedTexts* texts_;
};

}  // namespace

void add_entry(Buffer& out, const Contribution& c, TextNumbers* numbers) { add_entry(out, c, c.conversation, numbers); }

void add_entry(Buffer& out, const Contribution& c, const Conversation& x, TextNumbers* numbers) {
  const std::size_t begun = entry::begin(out, x.external_id);
  std::uint64_t bits = 0;
  unsigned bit = 0;
  for (const auto text : kTexts) bits |= std::uint64_t{!(x.*text).empty()} << bit++;
  for (const auto value : kDecimals) bits |= std::uint64_t{(x.*value).has_value()} << bit++;
  bits |= std::uint64_t{x.started_at.has_value()} << kStartedBit | std::uint64_t{x.ended_at.has_value()} << kEndedBit |
          std::uint64_t{x.resolved.has_value()} << kResolvedBit | std::uint64_t{c.id != x.external_id} << kIdBit |
          std::uint64_t{!c.scope.empty()} << kScopeBit | std::uint64_t{c.version.seconds != INT64_MIN} << kVersionBit |
          std::uint64_t{!c.linked_from.empty()} << kLinkedBit;
  const bool small_place = (c.origin.line | c.origin.offset) <= UINT32_MAX;
  bits |= std::uint64_t{small_place} << kSmallPlaceBit;
  if (numbers != nullptr) numbers->begin();
  Putter to(out.room(most_bytes(c, x)), numbers);
  to.number(bits);
  to.number(c.source);
  to.number(c.origin.file);
  if (small_place) {
    to.raw(static_cast<std::uint32_t>(c.origin.line));
    to.raw(static_cast<std::uint32_t>(c.origin.offset));
  } else {
    to.raw(c.origin.line);
    to.raw(c.origin.offset);
  }
  to.number(static_cast<std::uint64_t>(x.channel));
  if (c.version.seconds != INT64_MIN) {
    to.signed_number(c.version.seconds);
    to.number(c.version.nanos);
  }
  if (c.id != x.external_id) to.text(c.id);
  if (!c.scope.empty()) to.shared_text(c.scope);
  if (!c.linked_from.empty()) to.text(c.linked_from);
  to.shared_text(x.platform);  // nearly always known
  if ((bits & kMoreTextBits) != 0) {
    for (const auto text : kTexts) {
      if (text != &Conversation::platform && !(x.*text).empty()) to.shared_text(x.*text);
    }
  }
  if ((bits & kDecimalBits) != 0) {
    for (const auto value : kDecimals) {
      if (x.*value) to.decimal(*(x.*value));
    }
  }
  if (x.started_at) to.instant(*x.started_at, x.started_how, x.started_by_evidence);
  if (x.ended_at) to.instant(*x.ended_at, x.ended_how, x.ended_by_evidence);
  if (x.resolved) to.number(std::uint64_t{*x.resolved});
  to.number(c.metadata.size());
  for (const MetadataItem& item : c.metadata) {
    to.shared_text(item.key);
    to.shared_text(item.value);
  }
  to.number(c.touchpoints.size());
  for (const Touchpoint& t : c.touchpoints) {
    to.raw(t.id);
    to.instant(t.at, t.how, t.has_duration);
    to.number(std::uint64_t{static_cast<std::uint8_t>(t.kind)} << 2 | std::uint64_t{static_cast<std::uint8_t>(t.direction)});
    if (t.has_duration) to.decimal(t.duration);
    to.shared_text(t.user);
    to.text(t.subject);
  }
  out.finish_at(to.end());
  entry::end(out, begun);
}

void Contributions::decode(std::string_view external_id, std::string_view payload, Contribution& c) {
  Taker from(payload, texts_);
  Conversation& x = c.conversation;
  const std::uint64_t bits = from.number();
  const auto has = [bits](unsigned bit) { return (bits >> bit & 1) != 0; };
  x.external_id = external_id;
  c.source = static_cast<std::uint32_t>(from.number());
  c.origin.file = static_cast<std::uint32_t>(from.number());
  if (has(kSmallPlaceBit)) {
    std::uint32_t line = 0, offset = 0;
    from.raw(line);
    from.raw(offset);
    c.origin.line = line;
    c.origin.offset = offset;
  } else {
    from.raw(c.origin.line);
    from.raw(c.origin.offset);
  }
  x.channel = static_cast<Channel>(from.number());
  if (has(kVersionBit)) {
    c.version.seconds = from.signed_number();
    c.version.nanos = static_cast<std::uint32_t>(from.number());
  } else {
    c.version.file = c.origin.file;
    c.version.offset = c.origin.offset;
  }
  c.id = has(kIdBit) ? from.text() : external_id;
  if (has(kScopeBit)) c.scope = from.shared_text();
  if (has(kLinkedBit)) c.linked_from = from.text();
  c.says = static_cast<std::uint32_t>(bits) | (x.channel != Channel::none ? Contribution::kSaysChannel : 0);
  x.platform = from.shared_text();
  unsigned bit = 0;
  if ((bits & kMoreTextBits) != 0) {
    for (const auto text : kTexts) {
      if (has(bit++) && text != &Conversation::platform) x.*text = from.shared_text();
    }
  }
  bit = std::size(kTexts);
  if ((bits & kDecimalBits) != 0) {
    for (const auto value : kDecimals) {
      if (has(bit++)) x.*value = from.decimal();
    }
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
    item.key = from.shared_text();
    item.value = from.shared_text();
  }
  const std::span<Touchpoint> touchpoints = touchpoints_.take(from.number());
  for (Touchpoint& t : touchpoints) {
    from.raw(t.id);
    t.at = from.instant();
    from.how(t.how, t.has_duration);
    const std::uint64_t kind = from.number();
    t.kind = static_cast<TouchKind>(kind >> 2);
    t.direction = static_cast<Direction>(kind & 3);
    t.duration = t.has_duration ? from.decimal() : Decimal();
    t.user = from.shared_text();
    t.subject = from.text();
    t.version = c.version;
  }
  c.metadata = metadata;
  c.touchpoints = touchpoints;
}

void Contributions::clear() {
  metadata_.clear();
  touchpoints_.clear();
}

}  // namespace crosswalk
