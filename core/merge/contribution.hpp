// What one record says of one conversation, ready to be combined with what others say.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/conversation.hpp"
#include "encode/buffer.hpp"
#include "merge/column_sets.hpp"
#include "text.hpp"

namespace crosswalk {

/// Orders what records of one source say of a conversation; larger is newer. Update times decide, so it does not matter in
/// which file a record stands. One without is older than every one that has one. Of equal update times, and among records
/// without, the later in the input is the newer; only a record that is told twice is as new as itself.
struct Version {
  std::int64_t seconds = INT64_MIN;  ///< of the update time; INT64_MIN: none
  std::uint32_t nanos = 0;
  std::uint32_t file = 0;    ///< of the inputs of the source, or of those of all sources
  std::uint64_t offset = 0;  ///< byte offset there
  [[nodiscard]] bool dated() const { return seconds != INT64_MIN; }
  friend auto operator<=>(const Version&, const Version&) = default;
};

/// Why one record is newer than another.
enum class Newer : std::uint8_t {
  update_time,   ///< it was updated later
  equal_times,   ///< it was updated at the same time, and is later in the input
  only_dated,    ///< it has an update time, the other has none
  both_undated,  ///< neither has one, and it is later in the input
};
[[nodiscard]] inline Newer newer_by(const Version& newer, const Version& older) {
  if (!older.dated()) return newer.dated() ? Newer::only_dated : Newer::both_undated;
  return newer.seconds == older.seconds && newer.nanos == older.nanos ? Newer::equal_times : Newer::update_time;
}

/// A metadata entry. `key` is JSON text with quotes and colon, `value` JSON text; both borrowed.
struct MetadataItem {
  std::string_view key;
  std::string_view value;
};

/// A touchpoint, understood.
struct Touchpoint {
  Hash128 id;
  Instant at;
  Known how = Known::offset;
  TouchKind kind = TouchKind::other;
  Direction direction = Direction::unknown;
  Decimal duration;
  bool has_duration = false;
  bool lost_duration = false;  ///< it has one that is no duration: a sum would lack it
  bool deleted = false;        ///< it takes back what older records say under its id; nothing else is known of it
  std::string_view user;
  std::string_view subject;
  Version version;
};

/// Where a record stands, for what must be said of it later.
struct Origin {
  std::uint32_t file = 0;  ///< index into the source's inputs
  std::uint64_t line = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const Origin&, const Origin&) = default;
};

/// Text is borrowed. A text that is not known is empty, a time or number that is not known absent.
struct Contribution {
  std::uint32_t source = 0;  ///< index into the job's sources
  std::string_view id;       ///< the record's own, before the job's template made it an external_id
  std::string_view scope;
  std::string_view linked_from;  ///< the external_id it had before a link joined it to others; empty: none did
  Conversation conversation;
  Version version;
  Origin origin;
  std::span<const MetadataItem> metadata;
  std::span<const Touchpoint> touchpoints;
  /// Which columns a record of a snapshot has: a number of ColumnSets, or where it is kNone and this is not empty, a set of
  /// its own. Neither: all there are.
  std::uint32_t column_set = ColumnSets::kNone;
  std::string_view own_column_set;
  bool refused_end = false;  ///< its own end was dropped, and counted, since it lies before its start
  /// Which values of the conversation may be known: bits as they stand in an entry, and one for the channel.
  std::uint32_t says = ~std::uint32_t{0};
  static constexpr std::uint32_t kSaysPlatform = 1, kSaysValues = 0x7FF8, kSaysChannel = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kSaysMore = kSaysChannel | kSaysValues;  ///< anything but the platform

  /// Whether all it says is that touchpoints are deleted: nothing of it is in a conversation then.
  [[nodiscard]] bool only_takes_back() const {
    if (touchpoints.empty() || (says & kSaysMore) != 0 || !metadata.empty()) return false;
    return std::all_of(touchpoints.begin(), touchpoints.end(), [](const Touchpoint& t) { return t.deleted; });
  }
};

class SharedTexts;
class TextNumbers;

/// Appends a contribution as an entry for a Sorter; its key is the external_id. Without `numbers` all texts are in it.
void add_entry(Buffer& out, const Contribution& contribution, TextNumbers* numbers = nullptr);
/// The same where the conversation is another than in it.
void add_entry(Buffer& out, const Contribution& contribution, const Conversation& conversation, TextNumbers* numbers);

/// What entries hold, decoded. Texts are borrowed from the entries and the shared ones, spans from here, until clear().
class Contributions {
 public:
  /// `texts`: which the entries' numbers stand for; null where there are none.
  /// `first_inputs`: by source, the number of its first input among those of all sources, which places are then counted
  /// by; empty: places are told apart within a source only.
  explicit Contributions(const SharedTexts* texts = nullptr, std::span<const std::uint32_t> first_inputs = {})
      : texts_(texts), first_inputs_(first_inputs) {}
  /// `external_id` is the entry's key.
  Contribution decode(std::string_view external_id, std::string_view payload) {
    Contribution c;
    decode(external_id, payload, c);
    return c;
  }
  /// Into one that says nothing yet.
  void decode(std::string_view external_id, std::string_view payload, Contribution& to);
  void clear();

 private:
  // Lists that grow would move what spans point to: each contribution's lie in a piece that never does.
  template <class T>
  class Pool {
   public:
    std::span<T> take(std::size_t n) {
      if (n == 0) return {};
      while (at_ < pieces_.size() && pieces_[at_].size() - used_ < n) {
        ++at_;
        used_ = 0;
      }
      if (at_ == pieces_.size()) {
        pieces_.emplace_back(n > kPiece ? n : kPiece);
        used_ = 0;
      }
      const std::span<T> taken(pieces_[at_].data() + used_, n);
      used_ += n;
      return taken;
    }
    void clear() {
      if (pieces_.size() > 1) pieces_.resize(1);
      at_ = used_ = 0;
    }

   private:
    static constexpr std::size_t kPiece = 256;
    std::vector<std::vector<T>> pieces_;
    std::size_t at_ = 0, used_ = 0;
  };
  const SharedTexts* texts_;
  std::span<const std::uint32_t> first_inputs_;
  Pool<MetadataItem> metadata_;
  Pool<Touchpoint> touchpoints_;
};

}  // namespace crosswalk
