#include "merge/contribution.hpp"

#include <cstring>

#include "merge/shared_texts.hpp"
#include "merge/sorter.hpp"

namespace crosswalk {
namespace {

// The order in which a payload holds the texts, and the optional values after them; one bit each says which are there. The
// lowest are those that nearly every entry has.
constexpr auto kTexts = {&Conversation::queue_id, &Conversation::assigned_agent_id, &Conversation::customer_id,
                         &Conversation::subject, &Conversation::status};
constexpr auto kDecimals = {&Conversation::handle_time, &Conversation::wait_time, &Conversation::first_response_time,
                            &Conversation::csat_score};
constexpr unsigned kPlatformBit = 0, kScopeBit = 1, kVersionBit = 2, kTextBit = 3, kDecimalBit = 8, kStartedBit = 12,
                   kEndedBit = 13, kResolvedBit = 14, kIdBit = 15, kLinkedBit = 16, kWideBit = 17, kColumnsBit = 18,
                   kOwnColumnsBit = 19, kRefusedEndBit = 20;
static_assert(kTextBit + kTexts.size() == kDecimalBit && kDecimalBit + kDecimals.size() == kStartedBit);
static_assert(Contribution::kSaysPlatform == 1U << kPlatformBit &&
              Contribution::kSaysValues == (2U << kResolvedBit) - (1U << kTextBit));

/// An instant in eight bytes. Of years far away there are none: an entry with such a one is wide.
constexpr unsigned kNanosBits = 30;
bool is_wide(const Instant& at) {
  constexpr std::int64_t kMost = std::int64_t{1} << (63 - kNanosBits);
  return at.seconds < -kMost || at.seconds >= kMost;
}
bool is_wide(const std::optional<Instant>& at) { return at && is_wide(*at); }

/// A touchpoint's small values in two bytes.
struct TouchBits {
  static constexpr unsigned kDirection = 3, kHow = 5, kDuration = 8, kUser = 9, kSubject = 10, kLost = 11, kDeleted = 12;
};

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
  void instant(const Instant& at, bool wide) {
    if (wide) {
      raw(at.seconds);
      raw(at.nanos);
    } else {
      raw(static_cast<std::uint64_t>(at.seconds) << kNanosBits | at.nanos);
    }
  }
  void how(Known how, bool by_evidence) {
    number(std::uint64_t{static_cast<std::uint8_t>(how)} << 1 | static_cast<std::uint64_t>(by_evidence));
  }

 private:
  char* to_;
  TextNumbers* numbers_;
};

/// What a contribution takes at most, without its key.
std::size_t most_bytes(const Contribution& c, const Conversation& x) {
  std::size_t texts = c.id.size() + c.scope.size() + c.linked_from.size() + x.platform.size() + c.own_column_set.size();
  if ((c.says & Contribution::kSaysValues) != 0) {
    for (const auto text : kTexts) texts += (x.*text).size();
  }
  for (const MetadataItem& item : c.metadata) texts += item.key.size() + item.value.size();
  for (const Touchpoint& t : c.touchpoints) texts += t.user.size() + t.subject.size();
  constexpr std::size_t kNumbers = 37, kOfItem = 2, kOfTouchpoint = 7;
  return texts + c.touchpoints.size() * sizeof(Hash128) +
         Putter::kNumber * (kNumbers + c.metadata.size() * kOfItem + c.touchpoints.size() * kOfTouchpoint);
}

bool is_wide(const Contribution& c, const Conversation& x) {
  bool wide = (c.origin.line | c.origin.offset) > UINT32_MAX || is_wide(x.started_at) || is_wide(x.ended_at) ||
              (c.version.seconds != INT64_MIN && is_wide(Instant{c.version.seconds, c.version.nanos}));
  for (const Touchpoint& t : c.touchpoints) wide = wide || is_wide(t.at);
  return wide;
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
  Instant instant(bool wide) {
    Instant at;
    if (wide) {
      raw(at.seconds);
      raw(at.nanos);
      return at;
    }
    std::uint64_t both = 0;
    raw(both);
    at.seconds = static_cast<std::int64_t>(both) >> kNanosBits;
    at.nanos = static_cast<std::uint32_t>(both & ((std::uint64_t{1} << kNanosBits) - 1));
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
  const bool values = (c.says & Contribution::kSaysValues) != 0;  // mostly it is a touchpoint
  const bool has_version = c.version.seconds != INT64_MIN, own_id = !same(c.id, x.external_id), wide = is_wide(c, x);
  const auto bit = [](bool is, unsigned number) { return std::uint32_t{is} << number; };
  std::uint32_t bits = bit(!x.platform.empty(), kPlatformBit) | bit(!c.scope.empty(), kScopeBit) | bit(has_version, kVersionBit) |
                       bit(own_id, kIdBit) | bit(!c.linked_from.empty(), kLinkedBit) | bit(wide, kWideBit) |
                       bit(c.column_set != ColumnSets::kNone, kColumnsBit) | bit(!c.own_column_set.empty(), kOwnColumnsBit) |
                       bit(c.refused_end, kRefusedEndBit);
  if (values) {
    unsigned number = kTextBit;
    for (const auto text : kTexts) bits |= bit(!(x.*text).empty(), number++);
    for (const auto value : kDecimals) bits |= bit((x.*value).has_value(), number++);
    bits |= bit(x.started_at.has_value(), kStartedBit) | bit(x.ended_at.has_value(), kEndedBit) |
            bit(x.resolved.has_value(), kResolvedBit);
  }
  if (numbers != nullptr) numbers->begin();
  char* const begun = out.room(entry::kHead + x.external_id.size() + most_bytes(c, x));
  Putter to(entry::put_key(begun, x.external_id), numbers);
  to.number(bits);
  to.number(c.source);
  to.number(c.origin.file);
  if (wide) {
    to.raw(c.origin.line);
    to.raw(c.origin.offset);
  } else {
    to.raw(static_cast<std::uint32_t>(c.origin.line));
    to.raw(static_cast<std::uint32_t>(c.origin.offset));
  }
  to.number(static_cast<std::uint64_t>(x.channel));
  if (has_version) to.instant({c.version.seconds, c.version.nanos}, wide);
  if (own_id) to.text(c.id);
  if (!c.scope.empty()) to.shared_text(c.scope);
  if (!c.linked_from.empty()) to.text(c.linked_from);
  if (c.column_set != ColumnSets::kNone) to.number(c.column_set);
  if (!c.own_column_set.empty()) to.text(c.own_column_set);
  if (!x.platform.empty()) to.shared_text(x.platform);
  if (values) {
    for (const auto text : kTexts) {
      if (!(x.*text).empty()) to.shared_text(x.*text);
    }
    for (const auto value : kDecimals) {
      if (x.*value) to.decimal(*(x.*value));
    }
    if (x.started_at) {
      to.instant(*x.started_at, wide);
      to.how(x.started_how, x.started_by_evidence);
    }
    if (x.ended_at) {
      to.instant(*x.ended_at, wide);
      to.how(x.ended_how, x.ended_by_evidence);
    }
    if (x.resolved) to.number(std::uint64_t{*x.resolved});
  }
  to.number(c.metadata.size());
  for (const MetadataItem& item : c.metadata) {
    to.shared_text(item.key);
    to.shared_text(item.value);
  }
  to.number(c.touchpoints.size());
  for (const Touchpoint& t : c.touchpoints) {
    to.raw(t.id);
    to.instant(t.at, wide);
    to.raw(static_cast<std::uint16_t>(
        static_cast<std::uint32_t>(t.kind) | static_cast<std::uint32_t>(t.direction) << TouchBits::kDirection |
        static_cast<std::uint32_t>(t.how) << TouchBits::kHow | bit(t.has_duration, TouchBits::kDuration) |
        bit(!t.user.empty(), TouchBits::kUser) | bit(!t.subject.empty(), TouchBits::kSubject) |
        bit(t.lost_duration, TouchBits::kLost) | bit(t.deleted, TouchBits::kDeleted)));
    if (t.has_duration) to.decimal(t.duration);
    if (!t.user.empty()) to.shared_text(t.user);
    if (!t.subject.empty()) to.text(t.subject);
  }
  entry::end(begun, to.end());
  out.finish_at(to.end());
}

void Contributions::decode(std::string_view external_id, std::string_view payload, Contribution& c) {
  Taker from(payload, texts_);
  Conversation& x = c.conversation;
  const auto bits = static_cast<std::uint32_t>(from.number());
  const auto has = [bits](unsigned bit) { return (bits >> bit & 1) != 0; };
  const bool wide = has(kWideBit);
  x.external_id = external_id;
  c.source = static_cast<std::uint32_t>(from.number());
  c.origin.file = static_cast<std::uint32_t>(from.number());
  if (wide) {
    from.raw(c.origin.line);
    from.raw(c.origin.offset);
  } else {
    std::uint32_t line = 0, offset = 0;
    from.raw(line);
    from.raw(offset);
    c.origin.line = line;
    c.origin.offset = offset;
  }
  x.channel = static_cast<Channel>(from.number());
  if (has(kVersionBit)) {
    const Instant updated = from.instant(wide);
    c.version.seconds = updated.seconds;
    c.version.nanos = updated.nanos;
  }
  c.version.file = c.origin.file;
  if (!first_inputs_.empty()) c.version.file += first_inputs_[c.source];
  c.version.offset = c.origin.offset;
  c.id = has(kIdBit) ? from.text() : external_id;
  if (has(kScopeBit)) c.scope = from.shared_text();
  if (has(kLinkedBit)) c.linked_from = from.text();
  if (has(kColumnsBit)) c.column_set = static_cast<std::uint32_t>(from.number());
  if (has(kOwnColumnsBit)) c.own_column_set = from.text();
  c.says = bits | (x.channel != Channel::none ? Contribution::kSaysChannel : 0);
  c.refused_end = has(kRefusedEndBit);
  if (has(kPlatformBit)) x.platform = from.shared_text();
  if ((bits & Contribution::kSaysValues) != 0) {
    unsigned bit = kTextBit;
    for (const auto text : kTexts) {
      if (has(bit++)) x.*text = from.shared_text();
    }
    for (const auto value : kDecimals) {
      if (has(bit++)) x.*value = from.decimal();
    }
    if (has(kStartedBit)) {
      x.started_at = from.instant(wide);
      from.how(x.started_how, x.started_by_evidence);
    }
    if (has(kEndedBit)) {
      x.ended_at = from.instant(wide);
      from.how(x.ended_how, x.ended_by_evidence);
    }
    if (has(kResolvedBit)) x.resolved = from.number() != 0;
  }
  const std::span<MetadataItem> metadata = metadata_.take(from.number());
  for (MetadataItem& item : metadata) {
    item.key = from.shared_text();
    item.value = from.shared_text();
  }
  const std::span<Touchpoint> touchpoints = touchpoints_.take(from.number());
  for (Touchpoint& t : touchpoints) {
    from.raw(t.id);
    t.at = from.instant(wide);
    std::uint16_t what = 0;
    from.raw(what);
    t.kind = static_cast<TouchKind>(what & 7);
    t.direction = static_cast<Direction>(what >> TouchBits::kDirection & 3);
    t.how = static_cast<Known>(what >> TouchBits::kHow & 7);
    t.has_duration = (what >> TouchBits::kDuration & 1) != 0;
    t.lost_duration = (what >> TouchBits::kLost & 1) != 0;
    t.deleted = (what >> TouchBits::kDeleted & 1) != 0;
    t.duration = t.has_duration ? from.decimal() : Decimal();
    t.user = (what >> TouchBits::kUser & 1) != 0 ? from.shared_text() : std::string_view();
    t.subject = (what >> TouchBits::kSubject & 1) != 0 ? from.text() : std::string_view();
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
